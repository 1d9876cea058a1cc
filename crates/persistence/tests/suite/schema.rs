//! The databases have one schema: each is asked in its own words, and the answers are compared in ours.

use crate::support::{Kind, TestDatabase, kinds};

/// Table, column, kind of type, whether it may be null.
const COLUMNS: [&str; 29] = [
    "image_notes.attempts integer",
    "image_notes.due_at time",
    "image_notes.image_key text",
    "login_attempts.account_key text",
    "login_attempts.attempt_key text",
    "login_attempts.failures integer",
    "login_attempts.last_at time",
    "login_attempts.pending integer",
    "login_attempts.trusted_until time null",
    "products.created_at time",
    "products.deleted_at time null",
    "products.description text",
    "products.id text",
    "products.image_key text null",
    "products.image_url text null",
    "products.name text",
    "products.name_key text",
    "products.price integer",
    "products.stock integer",
    "products.updated_at time",
    "products.user_id text",
    "products.version integer",
    "users.created_at time",
    "users.email text",
    "users.email_key text",
    "users.id text",
    "users.name text",
    "users.password_hash text",
    "users.role text",
];

const UNIQUE: [&str; 5] =
    ["image_notes.image_key", "login_attempts.attempt_key", "products.id", "users.email_key", "users.id"];

fn columns(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "SELECT t.name || '.' || c.name || ' ' || lower(c.type) || iif(c.\"notnull\", '', ' null') AS value
             FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'"
        }
        Kind::Postgres => {
            "SELECT table_name || '.' || column_name || ' ' || data_type || CASE is_nullable WHEN 'YES' THEN ' null' ELSE '' END
             AS value FROM information_schema.columns WHERE table_schema = 'public'"
        }
        Kind::Mysql => {
            "SELECT CONCAT(table_name, '.', column_name, ' ', data_type, IF(is_nullable = 'YES', ' null', '')) AS value
             FROM information_schema.columns WHERE table_schema = DATABASE()"
        }
    }
}

fn unique(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "SELECT t.name || '.' || group_concat(c.name) AS value
             FROM sqlite_schema t, pragma_index_list(t.name) i, pragma_index_info(i.name) c
             WHERE t.type = 'table' AND i.\"unique\" GROUP BY t.name, i.name"
        }
        Kind::Postgres => {
            "SELECT c.table_name || '.' || string_agg(k.column_name, ',' ORDER BY k.ordinal_position) AS value
             FROM information_schema.table_constraints c
             JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name)
             WHERE c.table_schema = 'public' AND c.constraint_type IN ('PRIMARY KEY', 'UNIQUE')
             GROUP BY c.table_name, c.constraint_name"
        }
        Kind::Mysql => {
            "SELECT CONCAT(table_name, '.', GROUP_CONCAT(column_name ORDER BY seq_in_index)) AS value
             FROM information_schema.statistics WHERE table_schema = DATABASE() AND non_unique = 0
             GROUP BY table_name, index_name"
        }
    }
}

/// What a type is, whatever the database calls it. SQLite keeps times as text.
fn normalised(column: &str) -> String {
    let (name, rest) = column.split_once(' ').unwrap();
    let (kind, null) = match rest.strip_suffix(" null") {
        Some(kind) => (kind, " null"),
        None => (rest, ""),
    };
    let kind = match kind {
        "text" if name.ends_with("_at") || name.ends_with("_until") => "time",
        "text" | "character varying" | "varchar" | "char" => "text",
        "integer" | "bigint" | "int" => "integer",
        "timestamp without time zone" | "datetime" => "time",
        other => other,
    };
    format!("{name} {kind}{null}")
}

fn of_the_shop(mut listing: Vec<String>) -> Vec<String> {
    listing.retain(|line| !line.starts_with("__diesel") && !line.starts_with("sqlite_"));
    listing.sort();
    listing
}

#[test]
fn the_databases_have_one_schema() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let mut raw = test.raw();
        let columns = raw.values(columns(kind)).iter().map(|column| normalised(column)).collect();
        assert_eq!(of_the_shop(columns), COLUMNS, "{kind:?}");
        assert_eq!(of_the_shop(raw.values(unique(kind))), UNIQUE, "{kind:?}");
    }
}
