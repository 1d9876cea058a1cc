//! TLS: what a URL demands is respected, with servers that have TLS, servers without, and certificates for other hosts.

use crate::support::{Kind, TestDatabase, soon, user};
use app::user::Users;
use persistence::{Database, Options, SchemaStatus};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The address that the servers' certificate names.
const NAMED: &str = "127.0.0.1";
/// Another address of this machine, which the certificate does not name.
const UNNAMED: &str = "127.0.0.2";

/// The servers of a kind, and how its URLs ask for TLS.
struct Servers {
    kind: Kind,
    plain: String,
    with_tls: String,
    folder: String,
}

impl Servers {
    /// Those at hand. Names those that are left out, or fails where none may be left out.
    fn at_hand() -> Vec<Self> {
        let kinds = [
            (Kind::Postgres, "TEST_POSTGRES_TLS_URL", cfg!(feature = "postgres-tls")),
            (Kind::Mariadb, "TEST_MARIADB_TLS_URL", cfg!(feature = "mysql")),
            (Kind::Mysql, "TEST_MYSQL_TLS_URL", cfg!(feature = "mysql")),
        ];
        kinds
            .into_iter()
            .filter_map(|(kind, variable, is_built)| {
                let found = (kind.server(), std::env::var(variable).ok(), std::env::var("TEST_TLS_FOLDER").ok());
                match found {
                    (Some(plain), Some(with_tls), Some(folder)) if is_built => {
                        Some(Self { kind, plain, with_tls, folder })
                    }
                    _ => {
                        let reason = if is_built { "no servers with TLS are named" } else { "not compiled in" };
                        assert!(std::env::var_os("ACCEPTANCE_REQUIRE_ALL").is_none(), "{kind:?} over TLS: {reason}");
                        let text = format!("{kind:?} over TLS: LEFT OUT, {reason}\n");
                        std::io::stderr().write_all(text.as_bytes()).unwrap();
                        None
                    }
                }
            })
            .collect()
    }

    fn clear(&self) -> &'static str {
        if self.kind == Kind::Postgres { "sslmode=disable" } else { "ssl_mode=disabled" }
    }

    fn encrypted(&self) -> &'static str {
        if self.kind == Kind::Postgres { "sslmode=require" } else { "ssl_mode=required" }
    }

    /// The server has to show a certificate by this authority for the host's name.
    fn verified(&self, authority: &str) -> String {
        let file = format!("{}/{authority}.pem", self.folder);
        match self.kind {
            Kind::Postgres => format!("sslmode=verify-full&sslrootcert={file}"),
            _ => format!("ssl_mode=verify_identity&ssl_ca={file}"),
        }
    }
}

/// A proxy between a client and a server that records what both send.
struct Wiretap {
    address: String,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Wiretap {
    /// Before the server of this URL, at a free port of `host`.
    fn before(url: &str, host: &str) -> Self {
        let server = server_of(url).to_owned();
        let listener = TcpListener::bind((host, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&heard);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to, all) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(&all));
                    std::thread::spawn(move || listen(from, to, &all));
                }
            }
        });
        Self { address, heard }
    }

    /// The URL with this in the server's place, and parameters.
    fn url(&self, url: &str, parameters: &str) -> String {
        format!("{}?{parameters}", url.replace(server_of(url), &self.address))
    }

    fn has_heard(&self, text: &str) -> bool {
        self.heard.lock().unwrap().windows(text.len()).any(|part| part == text.as_bytes())
    }
}

fn listen(mut from: TcpStream, mut to: TcpStream, heard: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        heard.lock().unwrap().extend_from_slice(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// The host and port of a URL.
fn server_of(url: &str) -> &str {
    let (_, rest) = url.rsplit_once('@').unwrap();
    rest.split('/').next().unwrap()
}

/// What a client sends first where nothing is encrypted: the name of the URL's account, which ends with a NUL.
fn log_in_to(url: &str) -> String {
    let (_, rest) = url.split_once("://").unwrap();
    format!("{}\0", rest.split(':').next().unwrap())
}

/// Why no connection is open, once that is known.
async fn why_away(database: &Database) -> String {
    let begun = Instant::now();
    loop {
        match database.status().await {
            SchemaStatus::Away { reason } if !reason.contains("in time") => return reason,
            SchemaStatus::Away { .. } if begun.elapsed() < Duration::from_secs(60) => {}
            status => panic!("{status:?}"),
        }
    }
}

/// Adds an account. Returns why the database is away, where it is.
async fn add(url: String, address: &str) -> Result<(), String> {
    let database = Database::open(Options { pool_size: 1, ..Options::new(url) }).unwrap();
    let added = match database.add(&user(address), soon()).await {
        Ok(()) => Ok(()),
        Err(_) => Err(why_away(&database).await),
    };
    database.close(Duration::from_secs(5)).await;
    added
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_encrypted_cannot_be_read_on_the_way() {
    for servers in Servers::at_hand() {
        let test = TestDatabase::migrated_on(servers.kind, servers.with_tls.clone());
        let in_the_clear = Wiretap::before(&test.url, NAMED);
        add(in_the_clear.url(&test.url, servers.clear()), "clear@example.com").await.unwrap();
        for text in ["clear@example.com", "INSERT", &log_in_to(&test.url)] {
            assert!(in_the_clear.has_heard(text), "{:?}: the wiretap does not hear {text:?}", servers.kind);
        }

        let verified = servers.verified("authority");
        for (host, asked) in [(NAMED, servers.encrypted()), (UNNAMED, servers.encrypted()), (NAMED, &verified)] {
            let wiretap = Wiretap::before(&test.url, host);
            let address = format!("a{}@example.com", uuid::Uuid::now_v7().simple());
            add(wiretap.url(&test.url, asked), &address).await.unwrap_or_else(|why| panic!("{asked}: {why}"));
            for text in [&address, "INSERT", &log_in_to(&test.url)] {
                assert!(!wiretap.has_heard(text), "{:?}, {asked}: {text:?}", servers.kind);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_told_nothing() {
    for servers in Servers::at_hand() {
        let test = TestDatabase::migrated_on(servers.kind, servers.plain.clone());
        let verified = servers.verified("authority");
        for asked in [servers.encrypted(), &verified] {
            let wiretap = Wiretap::before(&test.url, NAMED);
            let why = add(wiretap.url(&test.url, asked), "ada@example.com").await.unwrap_err();
            assert!(why.contains("TLS") || why.contains("SSL"), "{:?}, {asked}: {why}", servers.kind);
            assert!(!wiretap.has_heard("example.com") && !wiretap.has_heard("users"), "{:?}, {asked}", servers.kind);
            // MariaDB's client library logs in before it can be asked whether the session is encrypted.
            let may_log_in = servers.kind.is_mysql_like() && asked == servers.encrypted();
            assert_eq!(wiretap.has_heard(&log_in_to(&test.url)), may_log_in, "{:?}, {asked}", servers.kind);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_the_one_that_was_meant_is_told_nothing() {
    for servers in Servers::at_hand() {
        let url = &servers.with_tls;
        for (host, authority) in [(NAMED, "other"), (UNNAMED, "authority"), (NAMED, "none")] {
            let wiretap = Wiretap::before(url, host);
            let why = add(wiretap.url(url, &servers.verified(authority)), "ada@example.com").await.unwrap_err();
            assert!(!why.is_empty(), "{:?}, {host}, {authority}", servers.kind);
            for text in [log_in_to(url).as_str(), "example.com"] {
                assert!(!wiretap.has_heard(text), "{:?}, {host}, {authority}: {text:?}, {why}", servers.kind);
            }
        }
    }
}

/// MySQL has an account in memory once somebody has logged in to it. Before that, a password of its usual kind crosses TLS.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_logs_in_without_a_mode_where_the_server_has_tls() {
    for servers in Servers::at_hand().into_iter().filter(|servers| servers.kind.is_mysql_like()) {
        let test = TestDatabase::migrated_on(servers.kind, servers.with_tls.clone());
        let (server, database) = test.url.rsplit_once('@').unwrap().1.split_once('/').unwrap();
        let account = format!("'{}'@'{NAMED}'", &database[..30]);
        let grant = format!("GRANT ALL PRIVILEGES ON {database}.* TO {account}");
        test.raw().execute(&format!("CREATE USER {account} IDENTIFIED BY 'p@ss'; {grant}"));
        let url = format!("mysql://{}:p%40ss@{server}/{database}", &database[..30]);
        let wiretap = Wiretap::before(&url, NAMED);
        let added = add(wiretap.url(&url, "").trim_end_matches('?').to_owned(), "ada@example.com").await;
        test.raw().execute(&format!("DROP USER {account}"));
        added.unwrap_or_else(|why| panic!("{:?}: {why}", servers.kind));
        assert!(!wiretap.has_heard("ada@example.com"), "{:?}", servers.kind);
    }
}
