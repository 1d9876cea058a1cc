//! What a database or a server is set to breaks no promise: our sessions set it, or the server is refused by name.

use crate::support::{Kind, TestDatabase, kinds, servers, soon, user};
use app::user::{UserQueries, Users};
use domain::error::ErrorCode;
use domain::user::UserId;
use persistence::{Database, MigrateError, Options, SchemaStatus, migrate};

#[tokio::test]
async fn a_database_that_does_not_hold_every_text_is_refused_by_name_unless_that_is_accepted() {
    for kind in kinds().into_iter().filter(|kind| *kind == Kind::Postgres) {
        let test = TestDatabase::empty(kind);
        let name = test.url.rsplit_once('/').unwrap().1.to_owned();
        let mut admin = crate::support::Raw::open(kind, &kind.server().unwrap());
        admin.execute(&format!("DROP DATABASE {name}"));
        admin.execute(&format!(
            "CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        ));
        let refused = migrate(&test.options()).unwrap_err();
        assert!(matches!(refused, MigrateError::Unsuitable(_)), "{refused}");
        assert!(refused.to_string().contains("LATIN1") && refused.to_string().contains("ENCODING 'UTF8'"), "{refused}");
        let database = test.open();
        let status = database.status().await;
        assert!(matches!(&status, SchemaStatus::Unsuitable { reason } if reason.contains("LATIN1")), "{status:?}");
        let error = database.profile(UserId::generate(), soon()).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unavailable, "{error:?}");
        drop(database);
        let accepted = Options { allow_unsuitable_server: true, ..test.options() };
        migrate(&accepted).unwrap();
        let database = Database::open(accepted).unwrap();
        assert_eq!(database.status().await, SchemaStatus::Ready);
        database.add(&user("ada@example.com"), soon()).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_database_is_set_to_is_set_right_by_each_session() {
    for kind in servers().into_iter().filter(|kind| *kind == Kind::Postgres) {
        let test = TestDatabase::migrated(kind);
        let name = test.url.rsplit_once('/').unwrap().1.to_owned();
        for setting in [
            "default_transaction_isolation = 'serializable'",
            "default_transaction_deferrable = on",
            "client_encoding = 'LATIN1'",
            "TimeZone = 'Asia/Jakarta'",
            "synchronous_commit = off",
            "idle_session_timeout = 100",
            "statement_timeout = 1",
            "lock_timeout = 1",
            "DateStyle = 'German'",
        ] {
            test.raw().execute(&format!("ALTER DATABASE {name} SET {setting}"));
        }
        let database = test.open();
        assert_eq!(database.status().await, SchemaStatus::Ready, "{kind:?}");
        let ada = user("ada@example.com");
        database.add(&ada, soon()).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let found = database.find_by_email(ada.email(), soon()).await.unwrap().unwrap();
        assert_eq!((found.id(), found.created_at()), (ada.id(), ada.created_at()), "{kind:?}");
    }
}
