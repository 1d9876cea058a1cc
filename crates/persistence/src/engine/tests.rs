//! Servers by their own words. The words of other products are from their documents.

use super::Product;
use super::asking::{ask, mysql_objections, postgres_objections};
use crate::connection::{self, Session};
use crate::support::{Kind, TestDatabase, kinds};
use crate::url::Address;

#[test]
fn products_are_known_by_their_own_words_and_old_ones_are_refused_by_name() {
    for (version, product, refused) in [
        ("PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu", Product::Postgres, None),
        ("PostgreSQL 18.1 on aarch64", Product::Postgres, None),
        ("PostgreSQL 18beta1 on aarch64", Product::Postgres, None),
        ("PostgreSQL 11.22 on x86_64", Product::Postgres, Some("PostgreSQL 12")),
        ("PostgreSQL 9.4.26 on x86_64", Product::Postgres, Some("PostgreSQL 12")),
        ("CockroachDB CCL v24.3.1 (x86_64-pc-linux-gnu)", Product::Cockroach, Some("COLLATE")),
        ("PostgreSQL 15.2-YB-2025.1.0.0-b0 on x86_64", Product::Yugabyte, None),
        ("PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC, Redshift 1.0.55", Product::Redshift, Some("foreign")),
        ("PostgreSQL 12.12 (Greenplum Database 7.0.0) on x86_64", Product::Greenplum, Some("foreign")),
        ("CrateDB 5.9.0 (built 1/Linux)", Product::Crate, Some("foreign")),
    ] {
        assert_eq!(Product::of_postgres(version), product, "{version}");
        assert_objection(product, version, refused);
    }
    for (version, comment, product, refused) in [
        ("8.0.16", "MySQL Community Server - GPL", Product::Mysql, None),
        ("9.7.4-1", "(Debian)", Product::Mysql, None),
        ("8.0.36-28", "Percona Server (GPL)", Product::Mysql, None),
        ("8.0.15", "MySQL Community Server - GPL", Product::Mysql, Some("CHECK")),
        ("5.7.44-log", "MySQL Community Server (GPL)", Product::Mysql, Some("CHECK")),
        ("10.11.19-MariaDB-0+deb12u1-log", "Debian 12", Product::Mariadb, None),
        ("5.5.5-10.6.1-MariaDB", "", Product::Mariadb, None),
        ("12.1.2-MariaDB", "", Product::Mariadb, None),
        ("10.5.29-MariaDB", "", Product::Mariadb, Some("10.6")),
        ("8.0.11-TiDB-v8.5.3", "TiDB Server (Apache License 2.0)", Product::Tidb, None),
        ("5.7.25-TiDB-v6.1.7", "TiDB Server", Product::Tidb, Some("foreign")),
        ("8.0.30-Vitess", "Version: 21.0.0", Product::Vitess, Some("foreign")),
        ("5.7.32", "SingleStoreDB source distribution", Product::SingleStore, Some("foreign")),
        ("5.7.25", "OceanBase_CE 4.3.5.0", Product::OceanBase, None),
    ] {
        assert_eq!(Product::of_mysql(version, comment), product, "{version}");
        assert_objection(product, version, refused);
    }
}

fn assert_objection(product: Product, version: &str, refused: Option<&str>) {
    let objection = product.objection(version).map(|objection| objection.to_string());
    match refused {
        None => assert_eq!(objection, None, "{version}"),
        Some(word) => {
            let told = objection.unwrap_or_default();
            assert!(told.contains(word) && told.contains("use "), "{version}: {told}");
        }
    }
}

#[test]
fn settings_that_break_a_promise_are_named_with_what_to_set() {
    let told =
        |objections: Vec<super::Objection>| objections.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let one = |name, value: &str| [(name, value.to_owned())];
    for (name, value) in [
        ("server_encoding", "LATIN1"),
        ("server_encoding", "SQL_ASCII"),
        ("transaction_isolation", "serializable"),
        ("session_replication_role", "replica"),
    ] {
        assert!(told(postgres_objections(&one(name, value))).contains(value), "{name}");
    }
    assert_eq!(postgres_objections(&one("server_encoding", "UTF8")), []);
    for (name, value) in [
        ("transaction_isolation", "REPEATABLE-READ"),
        ("tidb_enable_check_constraint", "OFF"),
        ("check_constraint_checks", "OFF"),
        ("tidb_txn_mode", "optimistic"),
        ("foreign_key_checks", "OFF"),
    ] {
        assert!(!mysql_objections(&one(name, value)).is_empty(), "{name}");
    }
    let logged = |log, format: &str| [("log_bin", String::from(log)), ("binlog_format", format.to_owned())];
    assert!(told(mysql_objections(&logged("ON", "STATEMENT"))).contains("binlog_format = 'ROW'"));
    assert_eq!(mysql_objections(&logged("OFF", "STATEMENT")), []);
    assert_eq!(mysql_objections(&logged("ON", "MIXED")), []);
}

#[test]
fn the_servers_at_hand_are_known_and_keep_their_promises() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let options = test.options();
        let address = Address::parse(&options.url).unwrap();
        let mut connection = connection::open(&address, &Session::serving(&options)).unwrap();
        let server = ask(&mut connection).unwrap();
        assert_eq!(server.objections, [], "{server:?}");
        let is_expected = match kind {
            Kind::Sqlite => server.product == Product::Sqlite,
            Kind::Postgres => server.product == Product::Postgres,
            Kind::Mariadb => server.product == Product::Mariadb,
            Kind::Mysql => server.product == Product::Mysql,
        };
        assert!(is_expected && server.version.starts_with(|first: char| first.is_ascii_digit()), "{server:?}");
    }
}
