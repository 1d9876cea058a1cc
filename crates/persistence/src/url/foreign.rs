//! Parameters and schemes that other tools write into database URLs, and what to write instead.

use super::OpenError;

const POSTGRES: &str = "postgres://user:password@host/name";
const MYSQL: &str = "mysql://user:password@host/name";
const SQLITE: &str = "sqlite:// and the path of a file, as in sqlite://data/shop.db";

/// The longest name that a message repeats.
const LONGEST_NAME: usize = 40;

const PREPARED: &str =
    "set database.prepared_statements = false, where a pooler in transaction mode such as PgBouncer is in between";
const POOL: &str = "set database.pool_size: how many connections there are";
const WAIT: &str = "set database.queue: how many calls wait for a connection";
const CONNECT: &str = "set database.connect_timeout_seconds";
const STATEMENT: &str = "set database.statement_timeout_seconds";
const UTF8: &str = "leave it out: all texts are UTF-8";
const UTC: &str = "leave it out: all times are UTC";
const NEEDLESS: &str = "leave it out";

/// Names in lower case without `_` and `-`, and what to do in their place: of Prisma, SQLAlchemy and its drivers, JDBC, Go's pq,
/// pgx and go-sql-driver, Rails, Laravel and Doctrine, and node's pg and mysql2.
const ANYWHERE: &[(&[&str], &str)] = &[
    (
        &[
            "pgbouncer",
            "statementcachesize",
            "statementcachecapacity",
            "statementcachemode",
            "descriptioncachecapacity",
            "defaultqueryexecmode",
            "preparedstatements",
            "preparedstatementcachesize",
            "preparedstatementcachequeries",
            "preparethreshold",
            "prepare",
            "prefersimpleprotocol",
            "preferquerymode",
            "binaryparameters",
            "cacheprepstmts",
            "useserverprepstmts",
            "interpolateparams",
        ],
        PREPARED,
    ),
    (
        &[
            "connectionlimit",
            "pool",
            "poolsize",
            "maxpoolsize",
            "minpoolsize",
            "maximumpoolsize",
            "maxoverflow",
            "poolmaxconns",
            "poolminconns",
            "poolminidleconns",
            "maxconnections",
            "minconnections",
            "maxopenconns",
            "maxidleconns",
            "max",
            "min",
        ],
        POOL,
    ),
    (&["pooltimeout", "checkouttimeout", "acquiretimeout", "queuelimit", "waitforconnections"], WAIT),
    (&["connecttimeout", "connectiontimeout", "logintimeout", "timeout"], CONNECT),
    (
        &[
            "sockettimeout",
            "statementtimeout",
            "querytimeout",
            "readtimeout",
            "writetimeout",
            "commandtimeout",
            "maxexecutiontime",
            "maxstatementtime",
        ],
        STATEMENT,
    ),
    (&["charset", "encoding", "characterencoding", "useunicode", "collation"], UTF8),
    (&["timezone", "servertimezone", "loc", "parsetime"], UTC),
    (
        &[
            "poolrecycle",
            "poolmaxconnlifetime",
            "poolmaxconnidletime",
            "poolhealthcheckperiod",
            "maxidleconnectionlifetime",
            "maxconnectionlifetime",
            "singleuseconnections",
            "reapingfrequency",
            "serverversion",
            "prefix",
            "driver",
            "autoreconnect",
            "rewritebatchedinserts",
            "rewritebatchedstatements",
            "allowmultiqueries",
            "multistatements",
            "allowpublickeyretrieval",
            "allownativepasswords",
            "uselibpqcompat",
            "tcpkeepalive",
        ],
        NEEDLESS,
    ),
];

/// Those for PostgreSQL alone.
pub(super) const POSTGRES_ONLY: &[(&[&str], &str)] = &[
    (
        &["schema", "currentschema", "searchpath", "schemasearchpath"],
        "give the role a search path in the database (ALTER ROLE … SET search_path = …), or write options=-csearch_path%3DNAME",
    ),
    (
        &["ssl", "sslaccept", "sslidentity", "sslfactory", "sslinline", "requiressl", "tls", "usessl"],
        "write sslmode=require, or sslmode=verify-full with sslrootcert=FILE",
    ),
    (&["targetservertype"], "write target_session_attrs"),
    (&["database", "db", "name"], "write the database's name behind the host, as in postgres://host/name"),
    (&["username"], "write user"),
    (
        &["locktimeout", "idleintransactionsessiontimeout", "serversettings", "variables", "minmessages"],
        "set it for the role in the database (ALTER ROLE … SET …)",
    ),
];

/// Those for MySQL and MariaDB alone.
pub(super) const MYSQL_ONLY: &[(&[&str], &str)] = &[
    (
        &[
            "ssl",
            "sslaccept",
            "sslidentity",
            "sslrootcert",
            "tls",
            "usessl",
            "requiressl",
            "verifyservercertificate",
            "sslverifycert",
        ],
        "write ssl_mode=required, or ssl_mode=verify_identity with ssl_ca=FILE",
    ),
    (&["socket", "socketpath", "unixsocketpath"], "write unix_socket"),
    (&["database", "db", "dbname", "schema"], "write the database's name behind the host, as in mysql://host/name"),
    (&["user", "username", "password"], "write it before the host, as in mysql://user:password@host/name"),
    (&["host", "port"], "write it as in mysql://host:3306/name"),
];

/// Why a URL with an unknown scheme is refused.
pub(super) fn scheme(url: &str) -> OpenError {
    let lower = url.to_ascii_lowercase();
    let head = match lower.split_once("://") {
        Some((scheme, _)) => scheme,
        None => lower.split(':').next().filter(|head| head.len() < lower.len()).unwrap_or_default(),
    };
    let has = |words: &[&str]| words.iter().any(|word| head.contains(word));
    if lower.contains("@tcp(") || lower.contains("@unix(") || has(&["mysql", "maria"]) {
        OpenError::OtherScheme(MYSQL)
    } else if has(&["postgre", "pgsql", "psql", "cockroach"]) || head == "pg" || is_keyword_list(&lower) {
        OpenError::OtherScheme(POSTGRES)
    } else if has(&["sqlite"]) || head == "file" {
        OpenError::OtherScheme(SQLITE)
    } else {
        OpenError::UnknownScheme
    }
}

/// Whether this is libpq's key-value form, `host=… dbname=…`.
fn is_keyword_list(lower: &str) -> bool {
    ["host=", "dbname=", "user="].iter().any(|keyword| lower.starts_with(keyword))
}

/// Says what to do about a parameter that is not accepted. `known` are the accepted ones.
pub(super) fn told(name: &str, known: &[&str], more: &[(&[&str], &str)]) -> String {
    let plain = plain(name);
    let remedy = known
        .iter()
        .find(|known| self::plain(known) == plain)
        .map(|known| format!("it is written {known}"))
        .or_else(|| {
            let mut rows = more.iter().chain(ANYWHERE);
            rows.find(|(names, _)| names.contains(&plain.as_str())).map(|(_, remedy)| (*remedy).to_owned())
        })
        .unwrap_or_else(|| format!("nobody knows it; {NEEDLESS}"));
    format!("{} ({remedy})", shown(name))
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// The name, where it certainly is one: other text may be a piece of a password.
fn shown(name: &str) -> &str {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_name) { name } else { "one with an odd name" }
}
