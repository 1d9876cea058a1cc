//! All databases have the same schema: each is queried in its own dialect, and the normalized answers are compared.

use crate::support::{Kind, TestDatabase, kinds};

/// Table, column, kind of type, whether it may be null.
const COLUMNS: [&str; 127] = [
    "audit_log.action text",
    "audit_log.actor text",
    "audit_log.client text null",
    "audit_log.details text",
    "audit_log.happened_at time",
    "audit_log.id text",
    "audit_log.subject text",
    "idempotency_keys.created_at time",
    "idempotency_keys.idempotency_key text",
    "idempotency_keys.payment_id text",
    "idempotency_keys.user_id text",
    "image_notes.attempts integer",
    "image_notes.due_at time",
    "image_notes.image_key text",
    "leases.ends_at time",
    "leases.holder text",
    "leases.name text",
    "login_attempts.account_key text",
    "login_attempts.attempt_key text",
    "login_attempts.failures integer",
    "login_attempts.last_at time",
    "login_attempts.pending integer",
    "login_attempts.trusted_until time null",
    "mails.attempts integer",
    "mails.audience text",
    "mails.created_at time",
    "mails.event integer",
    "mails.id text",
    "mails.last_error text null",
    "mails.leased_until time null",
    "mails.next_at time",
    "mails.payment_id text",
    "mails.state text",
    "mails.status text",
    "mails.uncertain integer",
    "mails.updated_at time",
    "notifications.attempts integer",
    "notifications.body text",
    "notifications.fingerprint text",
    "notifications.id text",
    "notifications.judged_at time null",
    "notifications.next_at time null",
    "notifications.order_id text",
    "notifications.received_at time",
    "notifications.times integer",
    "notifications.transaction_id text null",
    "notifications.transaction_status text",
    "notifications.verdict text null",
    "payment_events.amount integer null",
    "payment_events.cause text",
    "payment_events.cause_id text null",
    "payment_events.from_state text null",
    "payment_events.happened_at time",
    "payment_events.kind text",
    "payment_events.number integer",
    "payment_events.payment_id text",
    "payment_events.to_state text null",
    "payment_transactions.amount integer",
    "payment_transactions.fee integer",
    "payment_transactions.learnt_at time",
    "payment_transactions.payment_id text",
    "payment_transactions.payment_type text",
    "payment_transactions.refunded integer",
    "payment_transactions.status text",
    "payment_transactions.transaction_id text",
    "payments.attention text null",
    "payments.checks integer",
    "payments.closed text null",
    "payments.contradicted_by text null",
    "payments.contradiction text null",
    "payments.created_at time",
    "payments.events integer",
    "payments.expires_at time",
    "payments.id text",
    "payments.needs_attention integer",
    "payments.next_check_at time null",
    "payments.opened_at time null",
    "payments.payment_code text",
    "payments.payment_url text null",
    "payments.product_created_at time",
    "payments.product_description text",
    "payments.product_id text",
    "payments.product_image_key text null",
    "payments.product_image_url text null",
    "payments.product_name text",
    "payments.product_stock integer",
    "payments.product_updated_at time",
    "payments.product_version integer",
    "payments.quantity integer",
    "payments.seller_id text",
    "payments.state text",
    "payments.token text null",
    "payments.total_amount integer",
    "payments.unit_price integer",
    "payments.updated_at time",
    "payments.user_id text",
    "payments.version integer",
    "products.created_at time",
    "products.deleted_at time null",
    "products.description text",
    "products.id text",
    "products.image_key text null",
    "products.image_url text null",
    "products.name text",
    "products.name_key text",
    "products.price integer",
    "products.reserved integer",
    "products.stock integer",
    "products.updated_at time",
    "products.user_id text",
    "products.version integer",
    "stock_reservations.expires_at time",
    "stock_reservations.payment_id text",
    "stock_reservations.product_id text",
    "stock_reservations.quantity integer",
    "stock_reservations.state text",
    "stock_reservations.updated_at time",
    "users.created_at time",
    "users.email text",
    "users.email_key text",
    "users.id text",
    "users.name text",
    "users.password_hash text",
    "users.role text",
    "write_marks.mark text",
    "write_marks.marked_at time",
    "write_marks.writer text",
];

const UNIQUE: [&str; 19] = [
    "audit_log.id",
    "idempotency_keys.payment_id",
    "idempotency_keys.user_id,idempotency_key",
    "image_notes.image_key",
    "leases.name",
    "login_attempts.attempt_key",
    "mails.id",
    "mails.payment_id,event,audience",
    "notifications.fingerprint",
    "notifications.id",
    "payment_events.payment_id,number",
    "payment_transactions.payment_id,transaction_id",
    "payments.id",
    "payments.payment_code",
    "products.id",
    "stock_reservations.payment_id",
    "users.email_key",
    "users.id",
    "write_marks.writer",
];

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
        Kind::Mariadb | Kind::Mysql => {
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
        Kind::Mariadb | Kind::Mysql => {
            "SELECT CONCAT(table_name, '.', GROUP_CONCAT(column_name ORDER BY seq_in_index)) AS value
             FROM information_schema.statistics WHERE table_schema = DATABASE() AND non_unique = 0
             GROUP BY table_name, index_name"
        }
    }
}

/// The kind of a type, whatever the database calls it. SQLite stores times as text.
fn normalised(column: &str) -> String {
    let (name, rest) = column.split_once(' ').unwrap();
    let (kind, null) = match rest.strip_suffix(" null") {
        Some(kind) => (kind, " null"),
        None => (rest, ""),
    };
    let kind = match kind {
        "text" if name.ends_with("_at") || name.ends_with("_until") => "time",
        "text" | "mediumtext" | "character varying" | "varchar" | "char" => "text",
        "integer" | "bigint" | "int" | "boolean" | "tinyint" => "integer",
        "timestamp without time zone" | "datetime" => "time",
        other => other,
    };
    format!("{name} {kind}{null}")
}

fn of_the_shop(mut listing: Vec<String>) -> Vec<String> {
    listing.retain(|line| !line.starts_with("__") && !line.starts_with("sqlite_"));
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

/// MySQL 9.6 and newer check no foreign key of a row that has NULL in any column of the index that they use for the key. The
/// insert of a product does so in its place.
#[test]
fn no_other_foreign_key_has_an_index_with_a_column_that_may_be_null() {
    for kind in kinds().into_iter().filter(|kind| kind.is_mysql_like()) {
        let found = TestDatabase::migrated(kind).raw().values(
            "SELECT DISTINCT k.constraint_name AS value FROM information_schema.key_column_usage k
             JOIN information_schema.statistics s USING (table_schema, table_name, column_name)
             JOIN information_schema.statistics n USING (table_schema, table_name, index_name)
             WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL AND s.seq_in_index = 1
               AND n.nullable = 'YES'",
        );
        assert_eq!(found, ["products_user_id_fkey"], "{kind:?}");
    }
}
