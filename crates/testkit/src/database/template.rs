//! Templates: migrating once and copying is faster than migrating for every scenario.

use super::{Connection, DatabaseKind, TestDatabase};
use crate::world;
use std::sync::Mutex;

/// The bytes of a migrated SQLite file.
static SQLITE: Mutex<Option<Vec<u8>>> = Mutex::new(None);
/// A migrated PostgreSQL database.
static POSTGRES: Mutex<Option<TestDatabase>> = Mutex::new(None);

pub(super) fn copy_to(database: &TestDatabase) {
    match database.kind {
        DatabaseKind::Sqlite => copy_sqlite(database),
        DatabaseKind::Postgres => copy_postgres(database),
        // They cannot copy a database with its whole schema.
        DatabaseKind::Mariadb | DatabaseKind::Mysql => {
            let create = format!("CREATE DATABASE {}", database.name);
            Connection::open(database.kind, &database.kind.server()).execute(&create);
            migrate(database);
        }
    }
}

fn copy_sqlite(database: &TestDatabase) {
    let path = |database: &TestDatabase| database.url.trim_start_matches("sqlite://").to_owned();
    let mut template = SQLITE.lock().unwrap();
    let bytes = template.get_or_insert_with(|| {
        let template = TestDatabase::empty(DatabaseKind::Sqlite);
        migrate(&template);
        std::fs::read(path(&template)).unwrap()
    });
    std::fs::write(path(database), bytes).unwrap();
}

fn copy_postgres(database: &TestDatabase) {
    let mut template = POSTGRES.lock().unwrap();
    let template = template.get_or_insert_with(|| {
        let template = TestDatabase::empty(DatabaseKind::Postgres);
        migrate(&template);
        template
    });
    let create = format!("CREATE DATABASE {} TEMPLATE {}", database.name, template.name);
    Connection::open(database.kind, &database.kind.server()).execute(&create);
}

fn migrate(database: &TestDatabase) {
    let settings = world::settings(database.url(), &[]);
    persistence::migrate(&server::wiring::database(&settings)).unwrap();
}

pub(super) fn remove() {
    drop(POSTGRES.lock().unwrap().take());
}
