//! Products by what they say of themselves, and the versions that are known not to keep a promise.

use super::Objection;

/// The oldest versions that keep all promises: MySQL ignores CHECK before 8.0.16, MariaDB does not know `SKIP LOCKED` before
/// 10.6, and PostgreSQL before 12 gets no more corrections.
const OLDEST_MYSQL: [u32; 3] = [8, 0, 16];
const OLDEST_MARIADB: [u32; 2] = [10, 6];
const OLDEST_POSTGRES: [u32; 1] = [12];
/// Foreign keys of TiDB are complete since then.
const OLDEST_TIDB: [u32; 2] = [8, 5];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "SQLite's"))]
    Sqlite,
    Postgres,
    Cockroach,
    Yugabyte,
    Redshift,
    Greenplum,
    Crate,
    Materialize,
    Mysql,
    Mariadb,
    Tidb,
    Vitess,
    SingleStore,
    OceanBase,
}

impl Product {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Cockroach => "CockroachDB",
            Self::Yugabyte => "YugabyteDB",
            Self::Redshift => "Amazon Redshift",
            Self::Greenplum => "Greenplum",
            Self::Crate => "CrateDB",
            Self::Materialize => "Materialize",
            Self::Mysql => "MySQL",
            Self::Mariadb => "MariaDB",
            Self::Tidb => "TiDB",
            Self::Vitess => "Vitess",
            Self::SingleStore => "SingleStore",
            Self::OceanBase => "OceanBase",
        }
    }

    /// The product whose `version()` this is, among those that speak PostgreSQL's protocol.
    pub(crate) fn of_postgres(version: &str) -> Self {
        let signs = [
            ("CockroachDB", Self::Cockroach),
            ("-YB-", Self::Yugabyte),
            ("Redshift", Self::Redshift),
            ("Greenplum", Self::Greenplum),
            ("CrateDB", Self::Crate),
            ("Materialize", Self::Materialize),
        ];
        signs.into_iter().find(|(sign, _)| version.contains(sign)).map_or(Self::Postgres, |(_, product)| product)
    }

    /// The product whose `version` and `version_comment` these are, among those that speak MySQL's protocol.
    pub(crate) fn of_mysql(version: &str, comment: &str) -> Self {
        let signs = [
            ("TiDB", Self::Tidb),
            ("Vitess", Self::Vitess),
            ("SingleStore", Self::SingleStore),
            ("OceanBase", Self::OceanBase),
            ("MariaDB", Self::Mariadb),
        ];
        let told = [version, comment];
        let found = signs.into_iter().find(|(sign, _)| told.iter().any(|told| told.contains(sign)));
        found.map_or(Self::Mysql, |(_, product)| product)
    }

    /// The numbers of a version: those behind the product's own name, where the version begins with that of the product that it
    /// is compatible with.
    pub(crate) fn numbers(self, version: &str) -> Vec<u32> {
        let own = match self {
            Self::Postgres => version.strip_prefix("PostgreSQL ").unwrap_or(version),
            Self::Tidb => version.split_once("TiDB-v").map_or(version, |(_, own)| own),
            // Servers before 10.x were preceded by a version for old replicas.
            Self::Mariadb => version.strip_prefix("5.5.5-").unwrap_or(version),
            _ => version,
        };
        let begin = own.split(|character: char| !character.is_ascii_digit() && character != '.').next();
        begin.unwrap_or_default().split('.').map_while(|number| number.parse().ok()).collect()
    }

    /// What of the product and this version is known not to keep a promise.
    pub(crate) fn objection(self, version: &str) -> Option<Objection> {
        let numbers = self.numbers(version);
        let is_older = |oldest: &[u32]| numbers.as_slice() < oldest;
        let object = |problem: String, remedy: &str| Some(Objection { problem, remedy: remedy.to_owned() });
        let named = |problem: &str| format!("{} {version} {problem}", self.name());
        match self {
            Self::Mysql if is_older(&OLDEST_MYSQL) => {
                object(named("does not enforce CHECK, which keeps stock from going below zero"), "use 8.0.16 or newer")
            }
            Self::Mariadb if is_older(&OLDEST_MARIADB) => {
                object(named("does not know SKIP LOCKED, with which servers share their work"), "use 10.6 or newer")
            }
            Self::Postgres if is_older(&OLDEST_POSTGRES) => {
                object(format!("{version} gets no corrections any more"), "use PostgreSQL 12 or newer")
            }
            Self::Tidb if is_older(&OLDEST_TIDB) => {
                object(named("does not enforce all foreign keys"), "use 8.5 or newer")
            }
            Self::Cockroach => {
                let problem = format!("{version} has no COLLATE \"C\", by which lists are in one order everywhere");
                object(problem, "use PostgreSQL")
            }
            Self::Vitess => object(named("does not manage foreign keys"), "use MySQL 8.0.16 or newer"),
            Self::SingleStore => object(named("has no foreign keys"), "use MySQL 8.0.16 or newer"),
            Self::Redshift | Self::Greenplum | Self::Crate | Self::Materialize => {
                object(format!("{version} enforces no foreign keys"), "use PostgreSQL 12 or newer")
            }
            Self::Sqlite
            | Self::Postgres
            | Self::Yugabyte
            | Self::Mysql
            | Self::Mariadb
            | Self::Tidb
            | Self::OceanBase => None,
        }
    }
}

impl Product {
    /// The version without what follows it, such as the compiler.
    pub(crate) fn own_version(self, version: &str) -> String {
        let begin = version.strip_prefix(self.name()).map_or(version, str::trim_start);
        begin.split_once(" on ").map_or(begin, |(own, _)| own).to_owned()
    }
}
