//! Migrations, and the status of a schema that is older or newer than the binary.

use crate::support::{Kind, TestDatabase, kinds, servers};
use persistence::{Database, MigrateError, Options, SchemaStatus, migrate};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ALL: [&str; 17] = [
    "2026-11-23-000001_create_users",
    "2026-11-23-000002_create_login_attempts",
    "2026-11-23-000003_create_products",
    "2026-11-23-000004_create_image_notes",
    "2026-11-23-000005_create_payments",
    "2026-11-23-000006_create_payment_transactions",
    "2026-11-23-000007_create_stock_reservations",
    "2026-11-23-000008_create_payment_events",
    "2026-11-23-000009_create_idempotency_keys",
    "2026-11-23-000010_create_notifications",
    "2026-11-23-000011_create_mails",
    "2026-11-23-000012_create_leases",
    "2026-11-23-000013_create_audit_log",
    "2026-11-27-000014_add_transaction_fees",
    "2026-11-27-000015_add_contradictions",
    "2026-11-27-000016_add_mail_leases",
    "2026-11-27-000020_create_write_marks",
];

fn folder(kind: Kind) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(kind.folder())
}

fn names(kind: Kind) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder(kind)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn each_database_has_the_same_steps_with_a_way_back() {
    let expected: BTreeSet<_> = ALL.into_iter().map(str::to_owned).collect();
    for kind in Kind::ALL {
        assert_eq!(names(kind), expected, "{kind:?}");
        for name in names(kind) {
            for step in ["up.sql", "down.sql"] {
                let text = std::fs::read_to_string(folder(kind).join(&name).join(step)).unwrap();
                assert!(!text.trim().is_empty(), "{kind:?}: {name}/{step}");
            }
        }
    }
}

#[test]
fn mysql_takes_one_change_a_step_that_may_be_repeated() {
    let prepared = "\nPREPARE step FROM @step;\nEXECUTE step;\nDEALLOCATE PREPARE step;";
    for name in names(Kind::Mysql) {
        for step in ["up.sql", "down.sql"] {
            let text = std::fs::read_to_string(folder(Kind::Mysql).join(&name).join(step)).unwrap();
            let statements = text.matches(';').count();
            let is_one = statements == 1 && (text.contains("EXISTS") || text.trim() == "SELECT 1;");
            let is_prepared = statements == 5 && text.matches("ALTER TABLE").count() == 1;
            let is_repeated = text.contains("EXISTS (SELECT") && text.contains("'DO 0'");
            assert!(is_one || (is_prepared && is_repeated && text.trim().ends_with(prepared)), "{name}/{step}");
        }
    }
}

#[test]
fn of_many_who_migrate_at_once_one_does_and_all_succeed() {
    for kind in kinds() {
        for round in 0..3 {
            let test = TestDatabase::empty(kind);
            let options = test.options();
            let migrating = || migrate(&options).unwrap_or_else(|error| panic!("{kind:?}, round {round}: {error}"));
            let applied: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(migrating)).collect();
                threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(applied, ALL, "{kind:?}, round {round}");
            assert!(migrate(&options).unwrap().is_empty(), "{kind:?}: the second time there is nothing to do");
        }
    }
}

/// PostgreSQL and MySQL apply a step in a transaction or with a lock that an open transaction of another session is in the
/// way of.
#[test]
fn a_step_waits_for_others_who_use_its_table() {
    for kind in servers() {
        let test = TestDatabase::migrated(kind);
        let step = ALL.iter().find(|step| step.contains("add_mail_leases")).unwrap();
        let version: String = step.split('_').next().unwrap().replace('-', "");
        test.raw().execute(&format!("DELETE FROM __diesel_schema_migrations WHERE version = '{version}'"));
        test.raw().execute(&std::fs::read_to_string(folder(kind).join(step).join("down.sql")).unwrap());
        let mut other = test.raw();
        other.execute("BEGIN");
        assert_eq!(other.values("SELECT id AS value FROM mails"), Vec::<String>::new());
        let options = test.options();
        std::thread::scope(|scope| {
            let migrating = scope.spawn(|| migrate(&options));
            // Longer than one statement waits for a lock.
            std::thread::sleep(Duration::from_secs(5));
            assert!(!migrating.is_finished(), "{kind:?}: it waits");
            other.execute("COMMIT");
            assert_eq!(migrating.join().unwrap().unwrap(), [*step], "{kind:?}");
        });
    }
}

/// As since PostgreSQL 15 the schema `public` is to all but the owner of the database.
#[test]
fn an_account_that_may_not_create_tables_is_told_what_permits_it() {
    for kind in kinds().into_iter().filter(|kind| *kind == Kind::Postgres) {
        let test = TestDatabase::empty(kind);
        let role = format!("{}_role", test.url.rsplit_once('/').unwrap().1);
        test.raw()
            .execute(&format!("REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE {role} LOGIN PASSWORD 'own'"));
        let (_, rest) = test.url.rsplit_once('@').unwrap();
        let options = Options::new(format!("postgres://{role}:own@{rest}"));
        let refused = migrate(&options).unwrap_err();
        let MigrateError::NoCreate(grant) = refused else { panic!("{refused}") };
        assert_eq!(grant, format!("GRANT CREATE ON SCHEMA public TO {role}"));
        test.raw().execute(&grant);
        assert_eq!(migrate(&options).unwrap(), ALL);
        test.raw().execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    }
}

/// A lasting refusal is no other process that migrates, even where one has made the table of the turn.
#[test]
fn a_server_that_takes_no_writes_and_a_missing_right_are_told_at_once() {
    for kind in servers() {
        let test = TestDatabase::migrated(kind);
        test.raw().execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261127000020'");
        let name = test.url.rsplit_once('/').unwrap().1;
        let refused = |url: String| {
            let begun = Instant::now();
            let refused = migrate(&Options::new(url)).unwrap_err();
            assert!(begun.elapsed() < Duration::from_secs(30), "{kind:?}: {refused}");
            let MigrateError::Failed(reason) = refused else { panic!("{kind:?}: {refused}") };
            reason
        };
        let (_, rest) = test.url.rsplit_once('@').unwrap();
        let role = format!("r{}", &name[name.len() - 20..]);
        if kind == Kind::Postgres {
            test.raw().execute(&format!(
                "CREATE ROLE {role} LOGIN PASSWORD 'own'; GRANT CREATE ON SCHEMA public TO {role}; \
                 GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
            ));
            let reason = refused(format!("postgres://{role}:own@{rest}"));
            assert!(reason.contains("permission denied for table __migration_turn"), "{reason}");
            test.raw().execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
            test.raw().execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
            let reason = refused(test.url.clone());
            assert!(reason.contains("read-only transaction"), "{reason}");
        } else {
            test.raw().execute(&format!(
                "CREATE USER {role}@'127.0.0.1'; GRANT SELECT, CREATE ON {name}.* TO {role}@'127.0.0.1'"
            ));
            let reason = refused(format!("mysql://{role}@{rest}"));
            assert!(reason.contains("INSERT command denied"), "{kind:?}: {reason}");
            test.raw().execute(&format!("DROP USER {role}@'127.0.0.1'"));
        }
    }
}

#[tokio::test]
async fn an_account_that_may_not_read_which_migrations_there_are_is_told_what_permits_it() {
    for kind in servers() {
        let test = TestDatabase::migrated(kind);
        let (_, rest) = test.url.rsplit_once('@').unwrap();
        let name = test.url.rsplit_once('/').unwrap().1;
        let role = format!("r{}", &name[name.len() - 20..]);
        let (account, url) = if kind == Kind::Postgres {
            test.raw().execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'own'"));
            (role.clone(), format!("postgres://{role}:own@{rest}"))
        } else {
            test.raw().execute(&format!("CREATE USER {role}@'127.0.0.1'"));
            (format!("'{role}'@'127.0.0.1'"), format!("mysql://{role}@{rest}"))
        };
        for table in ALL.iter().filter_map(|step| step.split_once("_create_")).map(|(_, table)| table) {
            test.raw().execute(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {account}"));
        }
        let options = Options::new(url);
        let refused = migrate(&options).unwrap_err();
        let MigrateError::NoAccess(grant) = refused else { panic!("{kind:?}: {refused}") };
        assert!(grant.starts_with("GRANT SELECT ON ") && grant.contains("__diesel_schema_migrations"), "{grant}");
        let database = Database::open(options.clone()).unwrap();
        assert_eq!(database.status().await, SchemaStatus::NoAccess { grant: grant.clone() }, "{kind:?}");
        test.raw().execute(&grant);
        assert_eq!(database.status().await, SchemaStatus::Ready, "{kind:?}");
        assert!(migrate(&options).unwrap().is_empty(), "{kind:?}");
        database.close(Duration::from_secs(10)).await;
        if kind == Kind::Postgres {
            test.raw().execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
        } else {
            test.raw().execute(&format!("DROP USER {account}"));
        }
    }
}

#[test]
fn a_search_path_that_leads_nowhere_is_named_with_what_sets_another() {
    for kind in kinds().into_iter().filter(|kind| *kind == Kind::Postgres) {
        for path in ["nothere", "''"] {
            let test = TestDatabase::empty(kind);
            let name = test.url.rsplit_once('/').unwrap().1;
            let role = format!("{name}_role");
            test.raw().execute(&format!(
                "CREATE ROLE {role} LOGIN PASSWORD 'own'; GRANT CREATE ON SCHEMA public TO {role}; \
                 ALTER ROLE {role} IN DATABASE {name} SET search_path = {path}"
            ));
            let (_, rest) = test.url.rsplit_once('@').unwrap();
            let options = Options::new(format!("postgres://{role}:own@{rest}"));
            let refused = migrate(&options).unwrap_err();
            let MigrateError::NoSchema { search_path, remedy } = refused else { panic!("{refused}") };
            assert_eq!(search_path, path.replace("''", "\"\""));
            test.raw().execute(&remedy);
            assert_eq!(migrate(&options).unwrap(), ALL);
            test.raw().execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
        }
    }
}

#[test]
fn a_second_shop_is_not_made_before_one_further_down_the_search_path() {
    for kind in kinds().into_iter().filter(|kind| *kind == Kind::Postgres) {
        let test = TestDatabase::migrated(kind);
        let name = test.url.rsplit_once('/').unwrap().1;
        test.raw().execute(&format!("CREATE SCHEMA first; ALTER DATABASE {name} SET search_path = first, public"));
        let refused = migrate(&test.options()).unwrap_err();
        let MigrateError::ShopElsewhere { current, found } = refused else { panic!("{refused}") };
        assert_eq!((current.as_str(), found.as_str()), ("first", "public"));
        // Another program's list of migrations is no shop.
        test.raw().execute("UPDATE public.__diesel_schema_migrations SET version = 'x' || version");
        assert_eq!(migrate(&test.options()).unwrap(), ALL);
    }
}

/// Another process locks a new file for longer than a session waits for a lock, as its creator may on a slow disk.
#[test]
fn a_new_file_that_another_process_holds_is_waited_for() {
    for kind in kinds().into_iter().filter(|kind| *kind == Kind::Sqlite) {
        let test = TestDatabase::empty(kind);
        let options = test.options();
        std::fs::create_dir_all(Path::new(test.url.trim_start_matches("sqlite://")).parent().unwrap()).unwrap();
        let mut other = test.raw();
        other.execute("BEGIN EXCLUSIVE; CREATE TABLE other (id INTEGER)");
        std::thread::scope(|scope| {
            let migrating = scope.spawn(|| migrate(&options));
            std::thread::sleep(Duration::from_secs(3));
            assert!(!migrating.is_finished(), "it waits");
            other.execute("COMMIT");
            assert_eq!(migrating.join().unwrap().unwrap(), ALL);
        });
    }
}

#[tokio::test]
async fn a_schema_that_is_older_or_newer_is_told() {
    for kind in kinds() {
        let test = TestDatabase::empty(kind);
        let database = test.open();
        let missing = ALL.map(str::to_owned).to_vec();
        assert_eq!(database.status().await, SchemaStatus::SchemaBehind { missing, applied: 0 }, "{kind:?}");
        migrate(&test.options()).unwrap();
        assert_eq!(database.status().await, SchemaStatus::Ready, "{kind:?}");
        test.raw().execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261123000002'");
        let missing = vec![ALL[1].to_owned()];
        assert_eq!(database.status().await, SchemaStatus::SchemaBehind { missing, applied: ALL.len() - 1 }, "{kind:?}");
        test.raw().execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('20261123000002'), ('29991231')");
        let unknown = vec!["29991231".to_owned()];
        assert_eq!(database.status().await, SchemaStatus::SchemaAhead { unknown: unknown.clone() }, "{kind:?}");
        let refused = migrate(&test.options()).unwrap_err();
        assert!(matches!(refused, MigrateError::SchemaAhead(found) if found == unknown), "{kind:?}");
    }
}

/// A process that dies between a step and its entry in the list of steps runs the step again. Where DDL is not
/// transactional, that has to work.
#[test]
fn a_step_that_was_cut_short_is_repeated() {
    for kind in kinds().into_iter().filter(|kind| kind.is_mysql_like()) {
        let test = TestDatabase::migrated(kind);
        test.raw().execute("DELETE FROM __diesel_schema_migrations");
        assert_eq!(migrate(&test.options()).unwrap(), ALL);
    }
}

/// One that dies at any step leaves the same: the steps before it are recorded, and its own table may be there.
#[test]
fn a_first_migration_that_was_cut_short_at_any_step_is_continued() {
    for kind in kinds().into_iter().filter(|kind| kind.is_mysql_like()) {
        let test = TestDatabase::migrated(kind);
        for step in ALL.iter().rev() {
            let (number, _) = step.split_once('_').unwrap();
            let version = number.replace('-', "");
            test.raw().execute(&format!(
                "DELETE FROM __diesel_schema_migrations WHERE version >= '{version}'; \
                 UPDATE __migration_turn SET holder = '{number}' WHERE id = 2"
            ));
            assert_eq!(migrate(&test.options()).unwrap().first().unwrap(), step, "{kind:?}");
            for later in ALL.iter().rev().take_while(|later| *later >= step) {
                let down = folder(kind).join(later).join("down.sql");
                test.raw().execute(&std::fs::read_to_string(down).unwrap());
            }
        }
    }
}

#[test]
fn the_name_of_a_step_tells_the_table_that_it_makes() {
    for kind in Kind::ALL {
        for name in names(kind) {
            let text = std::fs::read_to_string(folder(kind).join(&name).join("up.sql")).unwrap();
            let made: Vec<_> = text.split("CREATE TABLE ").skip(1).collect();
            let made = made.iter().map(|rest| rest.trim_start_matches("IF NOT EXISTS ").split_once(' ').unwrap().0);
            let told = name.split_once("_create_").map(|(_, table)| table);
            assert!(made.eq(told), "{kind:?}: {name}");
        }
    }
}

#[test]
fn a_table_of_another_program_is_refused_by_name_and_nothing_is_made_beside_it() {
    for kind in kinds() {
        for table in ["users", "products", "notifications", "write_marks"] {
            let test = TestDatabase::empty(kind);
            if kind == Kind::Sqlite {
                std::fs::create_dir_all(Path::new(test.url.trim_start_matches("sqlite://")).parent().unwrap()).unwrap();
            }
            test.raw().execute(&format!("CREATE TABLE {table} (id INTEGER)"));
            for turn_was_taken in [false, true] {
                let refused = migrate(&test.options()).unwrap_err();
                assert!(matches!(&refused, MigrateError::ForeignTable(found) if found == table), "{kind:?}: {refused}");
                let from = match kind {
                    Kind::Sqlite => "sqlite_schema WHERE type = 'table' AND name",
                    Kind::Postgres => "pg_tables WHERE schemaname = 'public' AND tablename",
                    Kind::Mariadb | Kind::Mysql => {
                        "information_schema.tables WHERE table_schema = DATABASE() AND table_name"
                    }
                };
                let others = format!("SELECT 'one' AS value FROM {from} NOT IN ('{table}', '__migration_turn')");
                assert_eq!(test.raw().values(&others), Vec::<String>::new(), "{kind:?}");
                if kind == Kind::Sqlite || turn_was_taken {
                    break;
                }
                // As a migration leaves it that was refused after it had waited.
                test.raw().execute(
                    "CREATE TABLE __migration_turn (id SMALLINT NOT NULL PRIMARY KEY, holder VARCHAR(64) NOT NULL, \
                     ends_at TIMESTAMP NOT NULL)",
                );
            }
        }
    }
}

#[test]
fn every_step_can_be_taken_back() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        for name in names(kind).iter().rev() {
            test.raw().execute(&std::fs::read_to_string(folder(kind).join(name).join("down.sql")).unwrap());
        }
        test.raw().execute("DELETE FROM __diesel_schema_migrations");
        assert_eq!(migrate(&test.options()).unwrap(), ALL, "{kind:?}");
    }
}
