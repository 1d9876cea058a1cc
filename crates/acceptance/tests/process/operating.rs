//! The operators' listener and commands.

use crate::client::{bounded, clients, page};
use prost_reflect::DescriptorPool;
use std::path::Path;
use std::time::Duration;
use testkit::binary::Process;
use testkit::client::{PASSWORD, ada};
use testkit::database::{DatabaseKind, TestDatabase};
use testkit::s3::{ACCESS_KEY, BUCKET, S3Server, SECRET_KEY};
use testkit::world::wait_until;

const TIME_LIMIT: Duration = Duration::from_secs(60);
/// The number of commands: enough to find a failure at exit that happens to about one in ten.
const COMMANDS: usize = 60;

fn serve() -> Process {
    Process::serve(&[("database.url", "sqlite://shop.db")])
}

pub(crate) fn health_tells_whether_a_server_is_ready() -> Result<(), String> {
    let mut process = serve();
    let port = process.addresses().ops.port().to_string();
    let ask = |port: &str| Process::spawn(&["health", "--env", "test"], &[("ops.port", port)], &[]);
    let mut healthy = ask(&port);
    assert_eq!(healthy.exit_code(TIME_LIMIT), Some(0), "{}", healthy.output());
    process.signal("TERM");
    process.wait(TIME_LIMIT);
    let mut gone = ask(&port);
    assert_ne!(gone.exit_code(TIME_LIMIT), Some(0), "{}", gone.output());
    Ok(())
}

pub(crate) fn who_did_what_is_told_to_operators() -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("shop.db").display());
    let settings = [
        ("database.url", url.as_str()),
        ("rate_limit.enabled", "true"),
        ("rate_limit.credentials_per_minute", "1000000"),
    ];
    let mut process = Process::serve(&settings);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        for (at, client) in clients(addresses).into_iter().enumerate() {
            let email = format!("seller{at}@example.com");
            client.register(&ada().role("seller").email(&email)).await.unwrap();
            for _ in 0..5 {
                client.login(&email, "not the password").await.unwrap_err();
            }
            wait_until("the wait is over", TIME_LIMIT, async || client.login(&email, PASSWORD).await.is_ok()).await;
        }
    })?;
    let told = |more: &[&str]| {
        let arguments = [&["audit-log", "--env", "test"], more].concat();
        let mut command = Process::spawn(&arguments, &settings[..1], &[]);
        assert_eq!(command.exit_code(TIME_LIMIT), Some(0), "{}", command.output());
        command.output()
    };
    for email in ["seller0@example.com", "seller1@EXAMPLE.com"] {
        let log = told(&["--email", email]);
        let order: Vec<_> = log.split_whitespace().filter(|word| word.starts_with("log")).collect();
        assert_eq!(order, ["logged_in", "logins_failed"], "{log}");
        assert!(log.contains("from 127.0.0.1") && log.contains("5 in a row") && !log.contains("example"), "{log}");
    }
    assert!(told(&["--limit", "1"]).contains("1 entries"));
    Ok(())
}

pub(crate) fn metrics_tell_of_both_protocols_without_naming_users() -> Result<(), String> {
    let mut process = serve();
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        let mut ids = Vec::new();
        for (at, client) in clients(addresses).into_iter().enumerate() {
            let email = format!("ada{at}@example.com");
            client.register(&ada().email(&email)).await.unwrap();
            let logged_in = client.login(&email, PASSWORD).await.unwrap();
            client.with_authorization(&logged_in.token).profile(&logged_in.id).await.unwrap();
            client.with_authorization("rubbish").profile(&logged_in.id).await.unwrap_err();
            ids.push(logged_in.id);
        }
        let metrics = page(addresses.ops, "/metrics").await;
        assert_eq!(metrics.status, 200);
        for told in [
            "protocol=\"rest\"",
            "protocol=\"grpc\"",
            "/users/register",
            "/users/{id}",
            "GetUserByID",
            "status=\"201\"",
            "status=\"401\"",
            "token_invalid",
            "gocommerce_image_store_failures{operation=\"put\"} 0",
            "_bucket{",
            "# EOF",
        ] {
            assert!(metrics.body.contains(told), "{told} is not told:\n{}", metrics.body);
        }
        for kept in ids.iter().map(String::as_str).chain(["example.com", "Lovelace"]) {
            assert!(!metrics.body.contains(kept), "{kept} is told:\n{}", metrics.body);
        }
        assert_eq!(page(addresses.ops, "/users/register").await.status, 404, "the shop is not on the operators' port");
    })
}

pub(crate) fn the_description_of_the_interface_is_printed() -> Result<(), String> {
    let mut process = Process::spawn(&["openapi"], &[], &[]);
    assert_eq!(process.exit_code(TIME_LIMIT), Some(0), "{}", process.output());
    let printed: serde_json::Value = serde_json::from_str(&process.output()).unwrap();
    assert_eq!(printed, serde_json::to_value(rest::openapi()).unwrap());
    Ok(())
}

pub(crate) fn the_descriptors_for_grpc_clients_are_written() -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gocommerce.binpb");
    let write = |file: &Path| {
        let mut process = Process::spawn(&["proto", "--out", &file.display().to_string()], &[], &[]);
        (process.exit_code(TIME_LIMIT), process.output())
    };
    assert_eq!(write(&file), (Some(0), String::new()));
    let written = DescriptorPool::decode(&*std::fs::read(&file).unwrap()).unwrap();
    for needed in [
        "user.UserCommandService",
        "product.ProductQueryService",
        "payment.PaymentQueryService",
        "grpc.health.v1.Health",
    ] {
        assert!(written.get_service_by_name(needed).is_some(), "{needed} is missing");
    }
    for needed in ["Status", "ErrorInfo", "BadRequest", "RetryInfo", "RequestInfo"] {
        assert!(written.get_message_by_name(&format!("google.rpc.{needed}")).is_some(), "{needed} is missing");
    }

    let nowhere = folder.path().join("nowhere/gocommerce.binpb");
    assert_eq!(write(&nowhere).0, Some(1));
    Ok(())
}

/// The image store is checked without a database.
pub(crate) fn the_store_of_images_is_tried_before_there_is_a_database() -> Result<(), String> {
    let service = tokio::runtime::Runtime::new().unwrap();
    let s3 = service.block_on(S3Server::start());
    let (url, endpoint) = (format!("s3://{BUCKET}/images"), s3.endpoint());
    let settings = [
        ("database.url", "sqlite:///no/such/folder/shop.db"),
        ("storage.url", url.as_str()),
        ("storage.presigned_seconds", "60"),
        ("storage.s3.endpoint", endpoint.as_str()),
        ("storage.s3.path_style", "true"),
        ("storage.s3.access_key_id", ACCESS_KEY),
    ];
    let tried = |secret: &str| {
        let secret = [("COMMERCE__STORAGE__S3__SECRET_ACCESS_KEY", secret)];
        let mut command = Process::spawn(&["storage", "check", "--env", "test"], &settings, &secret);
        let exit = command.exit_code(TIME_LIMIT);
        assert!(s3.objects().is_empty(), "{:?}", s3.objects());
        (exit, command.output())
    };
    let (exit, told) = tried(SECRET_KEY);
    assert_eq!(exit, Some(0), "{told}");
    for step in ["put        ok", "put again  ok", "open       ok", "remove     ok"] {
        assert!(told.contains(step), "{told}");
    }
    let (exit, told) = tried("not-the-secret");
    assert_eq!(exit, Some(1), "{told}");
    assert!(told.contains("SignatureDoesNotMatch") && told.contains("check storage.s3.access_key_id"), "{told}");
    assert!(!told.contains("not-the-secret"), "{told}");
    Ok(())
}

fn assert_commands_end_well(kind: DatabaseKind) -> Result<(), String> {
    kind.available()?;
    let database = TestDatabase::migrated(kind);
    for round in 0..COMMANDS {
        let mut command =
            Process::spawn(&["outbox", "list", "--env", "test"], &[("database.url", database.url())], &[]);
        assert_eq!(command.exit_code(TIME_LIMIT), Some(0), "after {round} that ended well: {}", command.output());
    }
    Ok(())
}

pub(crate) fn a_command_ends_well_however_soon_on_sqlite() -> Result<(), String> {
    assert_commands_end_well(DatabaseKind::Sqlite)
}

pub(crate) fn a_command_ends_well_however_soon_on_postgresql() -> Result<(), String> {
    assert_commands_end_well(DatabaseKind::Postgres)
}

pub(crate) fn a_command_ends_well_however_soon_on_mariadb() -> Result<(), String> {
    assert_commands_end_well(DatabaseKind::Mariadb)
}

pub(crate) fn a_command_ends_well_however_soon_on_mysql() -> Result<(), String> {
    assert_commands_end_well(DatabaseKind::Mysql)
}
