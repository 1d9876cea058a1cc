//! Starting.

use crate::client::{bounded, clients, page};
use std::net::TcpListener;
use std::time::Duration;
use testkit::binary::Process;
use testkit::client::{PASSWORD, ada};

const TIME_LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn a_folder_with_nothing_in_it_suffices() -> Result<(), String> {
    let ports = [("rest.port", "0"), ("grpc.port", "0"), ("ops.port", "0")];
    let mut process = Process::spawn(&["--ready-file", "ready.json"], &ports, &[]);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        assert_eq!(page(addresses.ops, "/livez").await.status, 200);
        assert_eq!(page(addresses.ops, "/readyz").await.status, 200);
        for (at, client) in clients(addresses).into_iter().enumerate() {
            let email = format!("ada{at}@example.com");
            client.register(&ada().email(&email)).await.unwrap();
            client.login(&email, PASSWORD).await.unwrap();
        }
        assert!(process.folder().join("data/go-commerce.db").exists(), "the database is where the documents say");
    })
}

pub(crate) fn a_port_in_use_is_named_and_nothing_is_served() -> Result<(), String> {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for key in ["rest.port", "grpc.port", "ops.port"] {
        let mut process = Process::serve(&[("database.url", "sqlite://shop.db"), (key, &port)]);
        assert_eq!(process.exit_code(Duration::from_secs(10)), Some(3), "{}", process.output());
        let output = process.output();
        assert!(output.contains(key) && output.contains(&format!("127.0.0.1:{port}")), "{output}");
        assert!(!process.has_ready_file());
    }
    Ok(())
}

pub(crate) fn settings_that_hold_mistakes_start_nothing() -> Result<(), String> {
    let mistakes =
        [("rest.prot", "1"), ("auth.bcrypt_cost", "99"), ("database.url", "oracle://x"), ("auth.jwt.secret", "short")];
    let mut process = Process::serve(&mistakes);
    assert_eq!(process.exit_code(Duration::from_secs(10)), Some(2), "{}", process.output());
    let output = process.output();
    for told in ["rest.prot", "rest.port", "auth.bcrypt_cost", "database.url", "auth.jwt.secret"] {
        assert!(output.contains(told), "{told} is not told:\n{output}");
    }
    assert!(!process.has_ready_file());
    Ok(())
}
