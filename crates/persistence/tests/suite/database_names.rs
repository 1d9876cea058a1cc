//! Databases whose names need percent-encoding in a URL.

use crate::support::{Kind, Raw, email, servers, soon, user};
use app::user::Users;
use persistence::{Database, Options, SchemaStatus, lacks_database, migrate};
use std::time::Duration;

/// A name, and the same in a URL.
const NAMES: [(&str, &str); 9] = [
    ("schön", "sch%C3%B6n"),
    ("sh op", "sh%20op"),
    ("100%", "100%25"),
    ("o'brien", "o%27brien"),
    ("tick`s", "tick%60s"),
    ("#x?", "%23x%3F"),
    ("a@b:c", "a%40b%3Ac"),
    ("a/b", "a%2Fb"),
    ("%41", "%2541"),
];

fn quoted(kind: Kind, name: &str) -> String {
    if kind.is_mysql_like() { format!("`{}`", name.replace('`', "``")) } else { format!("\"{name}\"") }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_found_by_its_name_whatever_characters_are_in_it() {
    for kind in servers() {
        let server = kind.server().unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        for (name, written) in NAMES {
            let suffix = uuid::Uuid::now_v7().simple().to_string();
            let quoted = quoted(kind, &format!("{name}{suffix}"));
            let url = format!("{base}/{written}{suffix}");
            let options = Options { pool_size: 1, ..Options::new(url) };
            assert!(lacks_database(&options), "{kind:?}: {name}");
            let why = migrate(&options).unwrap_err().to_string();
            assert!(why.contains(name), "{kind:?}: {name}: {why}");

            Raw::open(kind, &server).execute(&format!("CREATE DATABASE {quoted}"));
            assert!(!lacks_database(&options), "{kind:?}: {name}");
            migrate(&options).unwrap_or_else(|error| panic!("{kind:?}: {name}: {error}"));
            let database = Database::open(options).unwrap();
            database.add(&user("ada@example.com"), soon()).await.unwrap();
            let found = database.find_by_email(&email("ada@example.com"), soon()).await.unwrap();
            let status = database.status().await;
            database.close(Duration::from_secs(5)).await;
            let force = if kind == Kind::Postgres { " WITH (FORCE)" } else { "" };
            Raw::open(kind, &server).execute(&format!("DROP DATABASE {quoted}{force}"));
            assert!(found.is_some(), "{kind:?}: {name}");
            assert!(matches!(status, SchemaStatus::Ready), "{kind:?}: {name}: {status:?}");
        }
    }
}
