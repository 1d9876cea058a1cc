//! The values that each setting refuses.

use crate::{golden, load, mistakes, variables};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Values that are refused, for each setting there is.
const REFUSED: &[(&str, &[&str])] = &[
    ("trusted_proxies", &["proxy.example", "10.0.0.0/33", "10.0.0.1,,x", "[\"10.0.0.1\", 7]", "[\"10.0.0.1\""]),
    ("rest.host", &["localhost", "127.0.0.1:80"]),
    ("rest.port", &["-1", "65536", "http", "80.5", "\"8081\"", "80\n81"]),
    (
        "rest.public_url",
        &[
            "shop.example",
            "/api",
            "//shop.example",
            "ftp://shop.example",
            "https://",
            "https:///api",
            "https://ada:secret@shop.example/api",
            "https://shop.example/api?a=b",
            "https://shop.example/api?",
            "https://shop.example/api#top",
            "https://shop.example//api",
            "https://shop.example/api/../other",
            "https://shop.example/my api",
            "https://shop.example/\"api",
        ],
    ),
    ("rest.workers", &["1025", "many"]),
    ("rest.max_connections", &["0", "1000001"]),
    ("rest.request_timeout_seconds", &["0", "3601", "10s", "nan"]),
    ("rest.body_timeout_seconds", &["0", "inf"]),
    ("rest.upload_timeout_seconds", &["0", "3601"]),
    ("rest.read_timeout_seconds", &["0", "a minute"]),
    ("rest.keep_alive_seconds", &["0", "3601", "7.5", "a minute"]),
    ("rest.docs", &["yes"]),
    ("rest.index", &["yes"]),
    ("grpc.host", &["::1::"]),
    ("grpc.port", &["65536"]),
    ("grpc.max_connections", &["0"]),
    ("grpc.deadline_seconds", &["0"]),
    ("grpc.reflection", &["yes", "1", "'true'"]),
    ("ops.host", &["*"]),
    ("ops.port", &["65536"]),
    (
        "cors.allowed_origins",
        &[
            "shop.example",
            "https://shop.example/",
            "https://Shop.example",
            "https://shop.example:443",
            "http://shop.example:80",
            "https://ada@shop.example",
            "https://shop.example:65536",
            "https://[::1",
            "null",
            "*,https://shop.example",
        ],
    ),
    (
        "database.url",
        &[
            "oracle://x",
            "sqlite:",
            "sqlite://",
            "sqlite://:memory:",
            "sqlite://file:x.db",
            "sqlite://file::memory:",
            "sqlite://a\nb.db",
            "shop.db",
            "jdbc:postgresql://localhost/shop",
            "postgres+asyncpg://localhost/shop",
            "postgres://localhost:65536/shop",
            "postgres://localhost/shop?pgbouncer=true",
            "postgres://localhost/shop?schema=shop&connection_limit=5",
            "postgres://localhost/shop?sslmode=on",
            "postgres://localhost/shop?colour=red",
        ],
    ),
    ("cors.allowed_headers", &["x csrf", "x-token:", "x-\u{e9}", "*,x-csrf-token", "[7]"]),
    ("database.url_file", &["no/such/file", "."]),
    ("database.read_url", &["replica.example", "sqlite://replica.db"]),
    ("database.read_url_file", &["no/such/file"]),
    ("database.max_replica_lag_seconds", &["0.5", "301"]),
    ("database.allow_plaintext", &["perhaps"]),
    ("database.pool_size", &["-1", "1025"]),
    ("database.queue", &["0", "65537"]),
    ("database.migrate_on_start", &["no"]),
    ("database.prepared_statements", &["off"]),
    ("database.allow_unsuitable_server", &["off"]),
    ("database.connect_timeout_seconds", &["0", "61"]),
    ("database.statement_timeout_seconds", &["0", "301"]),
    (
        "storage.url",
        &[
            "data/images",
            "file://",
            "file:/data/images",
            "https://shop.s3.amazonaws.com",
            "s3://",
            "s3://ab",
            "s3://shop/../other",
            "s3://shop//images",
            "s3://key:secret@shop",
        ],
    ),
    (
        "storage.public_url",
        &[
            "media",
            "cdn.example",
            "//cdn.example",
            "ftp://cdn.example",
            "https://",
            "https:///cdn",
            "https://cdn.example/?image=",
            "https://ada@cdn.example",
            "/media#",
            "/my media",
        ],
    ),
    ("storage.timeout_seconds", &["0", "61"]),
    ("storage.presigned_seconds", &["901", "an hour", "60"]),
    ("storage.max_uploads", &["0", "1025"]),
    (
        "storage.s3.endpoint",
        &[
            "minio.example:9000",
            "ftp://minio.example",
            "https://minio.example/shop?x=y",
            "https://minio.example//shop",
            "https://minio.example/a/../b",
            "https://minio.example/my%20shop",
            "https://key:secret@minio.example",
        ],
    ),
    ("storage.s3.region", &["eu/central", "eu central"]),
    ("storage.s3.path_style", &["on"]),
    ("storage.s3.conditional_put", &["if-none-match"]),
    ("storage.s3.checksum", &["md5", "SHA256"]),
    ("storage.s3.access_key_id", &["key", "a key", "'key"]),
    ("storage.s3.secret_access_key", &["secret", "a secret", "sec\"ret"]),
    ("storage.s3.secret_access_key_file", &["no/such/file"]),
    ("payment.gateway", &["stripe"]),
    ("payment.expiry_minutes", &["4", "10081", "an hour"]),
    ("payment.max_total", &["0", "1000000000000", "1.5"]),
    ("payment.check_pause_seconds", &["0", "61"]),
    ("payment.webhook.require_signature", &["on"]),
    ("payment.simulator.public_url", &["shop.example", "ftp://shop.example", "https://shop.example/?a=b"]),
    ("payment.simulator.journal", &["a\u{7}b"]),
    ("payment.simulator.server_key", &["\"key\""]),
    ("midtrans.environment", &["live"]),
    ("midtrans.snap_url", &["app.example", "https://app.example/snap", "https://key:secret@app.example"]),
    ("midtrans.api_url", &["api.example", "ftp://api.example"]),
    (
        "midtrans.server_key",
        &["\u{fffd}", "SB-Mid-client-x", "SB-Mid-server x", "SB-Mid-server-x;", "\"SB-Mid-server-x\""],
    ),
    ("midtrans.server_key_file", &["no/such/file"]),
    ("midtrans.merchant_id", &["G 1", "G-1"]),
    ("midtrans.timeout_seconds", &["0", "61"]),
    ("mail.transport", &["sendmail"]),
    ("mail.from", &["shop", "Shop <@localhost>", "Shop <shop@127.0.0.1>", "Shop <büro@example.com>"]),
    ("mail.url", &["mail.example", "http://mail.example", "smtp://ada:secret@mail.example", "smtp://mail.example/a"]),
    ("mail.username", &["shop", "a\u{7}b"]),
    ("mail.password", &["secret"]),
    ("mail.password_file", &["no/such/file"]),
    ("mail.allow_plaintext", &["1"]),
    ("mail.connect_timeout_seconds", &["0", "3601"]),
    ("mail.greeting_timeout_seconds", &["0", "3601"]),
    ("mail.command_timeout_seconds", &["0", "3601"]),
    ("mail.data_timeout_seconds", &["0", "3601"]),
    ("mail.block_timeout_seconds", &["0", "3601"]),
    ("mail.end_timeout_seconds", &["0", "3601", "10m"]),
    ("mail.folder", &["a\u{7}b"]),
    ("mail.domain", &["shop example", "shop@example", "127.0.0.1", "-shop.example"]),
    ("mail.templates", &["a\u{7}b"]),
    ("auth.bcrypt_cost", &["9", "15", "4", "twelve"]),
    ("auth.hash_threads", &["257"]),
    ("auth.hash_queue", &["0"]),
    ("auth.password.min_length", &["7", "65"]),
    ("auth.password.reject_common", &["maybe"]),
    (
        "auth.jwt.secret",
        &[
            "short",
            "0123456789abcdef0123456789abcde",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "changeme",
            "\u{fffd}",
            "Rk3vT9wLx2Qm7Zp5\nBn8Yc4Hd6Fj1Gs0A",
        ],
    ),
    ("auth.jwt.secret_file", &["no/such/file"]),
    ("auth.jwt.kid", &["a b", "../../key"]),
    ("auth.jwt.ttl_seconds", &["59", "2592001", "1h"]),
    ("auth.jwt.issuer", &["a\u{7}b"]),
    ("auth.jwt.audience", &["'shop'"]),
    ("auth.jwt.accept_legacy", &["2"]),
    (
        "auth.jwt.verification_keys",
        &[
            "old",
            "[1]",
            "[{ kid = \"old\" }]",
            "[{ secret = \"Rk3vT9wLx2Qm7Zp5Bn8Yc4Hd6Fj1Gs0A\" }]",
            "[{ kid = \"o/d\", secret = \"Rk3vT9wLx2Qm7Zp5Bn8Yc4Hd6Fj1Gs0A\" }]",
            "[{ kid = \"old\", secret = \"short\" }]",
            "[{ kid = \"old\", secret_file = \"no/such/file\" }]",
            "[{ kid = \"old\", secret = \"a\", secret_file = \"b\" }]",
            "[{ kid = \"old\", secrets = \"x\", secret = \"Rk3vT9wLx2Qm7Zp5Bn8Yc4Hd6Fj1Gs0A\" }]",
            "[{ kid = \"development\", secret = \"Rk3vT9wLx2Qm7Zp5Bn8Yc4Hd6Fj1Gs0A\" }]",
            "[{ kid = \"old\"",
        ],
    ),
    ("rate_limit.enabled", &["on"]),
    ("rate_limit.credentials_per_minute", &["0", "1000001"]),
    ("rate_limit.credentials_per_hour", &["0"]),
    ("rate_limit.writes_per_minute", &["0"]),
    ("rate_limit.reads_per_minute", &["0"]),
    ("rate_limit.grpc_writes_per_minute", &["-1", "1000001"]),
    ("rate_limit.grpc_reads_per_minute", &["none"]),
    ("log.format", &["xml", "JSON"]),
    ("log.level", &["verbose", "info,persistence", "persistence=loud"]),
    ("shutdown.drain_delay_seconds", &["-1", "601"]),
    ("shutdown.drain_timeout_seconds", &["0", "3601"]),
];

fn variable(key: &str) -> String {
    format!("COMMERCE__{}", key.to_uppercase().replace('.', "__"))
}

#[test]
fn every_setting_refuses_what_it_cannot_be_and_says_what_it_can_be() {
    let all = load(&variables("development", &[]));
    let all: BTreeSet<_> = all.describe().iter().map(|setting| setting.key.as_str()).collect();
    let tried: BTreeSet<_> = REFUSED.iter().map(|(key, _)| *key).collect();
    assert_eq!(tried, all, "every setting is tried, and none that does not exist");

    let mut told = String::new();
    for (key, values) in REFUSED {
        for value in *values {
            let name = variable(key);
            let found = mistakes(&variables("development", &[(&name, value)]));
            for mistake in found.iter() {
                assert_eq!(mistake.place, name, "{key} = {value:?}: {found}");
                assert!(mistake.key.as_ref().is_some_and(|told| told.starts_with(key)), "{key} = {value:?}: {found}");
            }
            assert_eq!(found.iter().count(), 1, "{key} = {value:?}: {found}");
            writeln!(told, "{value:?} -> {}", found.iter().next().unwrap()).unwrap();
        }
    }
    golden::compare("tests/config/golden/values.txt", &told);
}
