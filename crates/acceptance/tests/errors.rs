//! The catalogue of errors: the representation of each over both protocols, and a way to cause each.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use domain::error::ErrorCode;
use std::fmt::Write as _;
use std::time::Duration;
use testkit::client::{CallError, Outcome, PASSWORD, Protocol, ShopClient, ada, change, teapot};
use testkit::database::DatabaseKind;
use testkit::image_files::png;
use testkit::payment_fixture::{KEY, PaymentFixture, notification, notify};
use testkit::world::World;
use testkit::{golden, grpc as grpc_client};
use tokio::task::JoinSet;

#[test]
fn the_catalogue_changes_only_on_purpose() {
    let mut table = format!("{:<28}{:<6}{:<22}message\n", "code", "REST", "gRPC");
    for &code in ErrorCode::ALL {
        let (rest, grpc) = (rest::status(code), format!("{:?}", grpc::code(code)));
        let _ = write!(table, "{:<28}{rest:<6}{grpc:<22}{}", code.as_str(), code.message());
        if grpc_client::message(code) != code.message() {
            let _ = write!(table, " (gRPC: {})", grpc_client::message(code));
        }
        table.push('\n');
    }
    golden::compare("errors.txt", &table);
}

/// The text before the tables of errors.
const PREFACE: &str = "\
# Errors

Made from the code by `UPDATE_GOLDEN=1 cargo test -p acceptance --test errors`.

Every error has a code. Codes stay; messages are for people, and may change. Program against the code.

| where | over REST | over gRPC |
| --- | --- | --- |
| the code | `meta.code` | `reason` of `google.rpc.ErrorInfo`, whose domain is `gocommerce` |
| the message | `meta.message` | the status' message |
| fields that are wrong, in the request's order | `errors`: `field`, `code`, `message` | `google.rpc.BadRequest`: `field`, `reason`, `description` |
| how long to wait | the header `Retry-After` | `google.rpc.RetryInfo` |
| what to tell the operator | `meta.request_id` | `google.rpc.RequestInfo` |

A REST client that sends `Accept: application/problem+json` gets the same as problem details (RFC 9457): `code`, `request_id` and
`errors` are members beside `type`, `title`, `status` and `detail`.
";

/// The errors that REST answers before any use case, from the docstrings of its source: status, code and meaning.
fn http_errors() -> Vec<(String, String, String)> {
    let source = include_str!("../../rest/src/error.rs");
    let mut errors: Vec<(String, String, String)> = Vec::new();
    for (name, meaning) in variants(source, "pub(crate) enum HttpError {") {
        let name = name.split('(').next().unwrap();
        let (_, arm) = source.split_once(&format!("Self::{name}")).unwrap();
        let (_, status) = arm.split_once("StatusCode::").unwrap();
        let (status, rest) = status.split_once(", \"").unwrap();
        let (code, _) = rest.split_once('"').unwrap();
        // An unreadable notification has the code of any unreadable body.
        if !errors.iter().any(|(_, known, _)| known == code) {
            let status = status.parse::<StatusName>().unwrap();
            errors.push((status.0.to_string(), code.to_owned(), meaning));
        }
    }
    errors
}

/// An HTTP status by the name of its constant.
struct StatusName(u16);

impl std::str::FromStr for StatusName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = (100..600).filter_map(|code| reqwest::StatusCode::from_u16(code).ok());
        let mut named = known.filter(|status| {
            let reason = status.canonical_reason().unwrap_or_default().to_uppercase().replace([' ', '-'], "_");
            reason == name
        });
        named.next().map(|status| Self(status.as_u16())).ok_or_else(|| format!("there is no status {name}"))
    }
}

/// The variants of an enum and their docstrings, in their order.
fn variants(source: &str, head: &str) -> Vec<(String, String)> {
    let (_, from_here) = source.split_once(&format!("{head}\n")).unwrap();
    let (variants, _) = from_here.split_once("\n}\n").unwrap();
    let mut found = Vec::new();
    let mut meaning = String::new();
    for line in variants.lines().map(str::trim) {
        match line.strip_prefix("/// ") {
            Some(text) => meaning = format!("{meaning} {text}"),
            None => found.push((line.trim_end_matches(',').to_owned(), std::mem::take(&mut meaning).trim().to_owned())),
        }
    }
    found
}

/// The meanings of an enum's variants in `domain`, by error code, from the docstrings of its source.
fn meanings(name: &str) -> Vec<(String, String)> {
    let source = include_str!("../../domain/src/error.rs");
    let variants = variants(source, &format!("pub enum {name} {{"));
    variants.into_iter().map(|(variant, meaning)| (snake_case(&variant), meaning)).collect()
}

fn snake_case(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

#[test]
fn the_page_of_errors_says_what_the_code_does() {
    let mut page =
        format!("{PREFACE}\n## Codes\n\n| code | REST | gRPC | meaning | message |\n| --- | --- | --- | --- | --- |\n");
    let codes = meanings("ErrorCode");
    assert_eq!(codes.len(), ErrorCode::ALL.len());
    for (code, (name, meaning)) in ErrorCode::ALL.iter().copied().zip(codes) {
        assert_eq!(code.as_str(), name);
        assert!(!meaning.is_empty(), "{name}: this page is where clients learn what it means");
        let (rest, grpc) = (rest::status(code), format!("{:?}", grpc::code(code)));
        let _ = writeln!(page, "| `{name}` | {rest} | {grpc} | {meaning} | {} |", code.message());
    }
    page.push_str(
        "\n## Codes of requests that cannot be read\n\n\
         Over gRPC a message that cannot be decoded is `malformed_body` (InvalidArgument), one that is too large `body_too_large`\n\
         (ResourceExhausted), and an rpc that there is not `rpc_not_found` (Unimplemented).\n\n\
         | code | REST | meaning |\n| --- | --- | --- |\n",
    );
    for (status, code, meaning) in http_errors() {
        let _ = writeln!(page, "| `{code}` | {status} | {meaning} |");
    }
    page.push_str("\n## Codes of fields\n\n| code | meaning |\n| --- | --- |\n");
    for (code, meaning) in meanings("ViolationCode") {
        let _ = writeln!(page, "| `{code}` | {meaning} |");
    }
    page.push_str(
        "| `wrong_type` | The value is of a kind that the field does not take, as a list for a text (REST). |\n",
    );
    golden::compare_file("docs/errors.md", &page);
}

/// The settings of a world in which this error can be caused.
fn settings(code: ErrorCode) -> &'static [(&'static str, &'static str)] {
    match code {
        ErrorCode::RateLimited => &[("rate_limit.enabled", "true"), ("rate_limit.credentials_per_minute", "1")],
        ErrorCode::LoginThrottled => &[("rate_limit.enabled", "true")],
        ErrorCode::Overloaded => &[("auth.hash_threads", "1"), ("auth.hash_queue", "1"), ("auth.bcrypt_cost", "10")],
        ErrorCode::DeadlineExceeded => {
            &[("auth.bcrypt_cost", "12"), ("rest.request_timeout_seconds", "0.1"), ("grpc.deadline_seconds", "0.1")]
        }
        ErrorCode::Unavailable => &[("database.statement_timeout_seconds", "1")],
        ErrorCode::ImageStoreFailed => &[
            ("storage.url", "s3://shop"),
            // A port on which only root may listen.
            ("storage.s3.endpoint", "http://127.0.0.1:1"),
            ("storage.s3.path_style", "true"),
            ("storage.s3.access_key_id", "key"),
            ("storage.s3.secret_access_key", "secret"),
            ("storage.timeout_seconds", "1"),
        ],
        ErrorCode::GatewayFailed => &[
            ("payment.gateway", "midtrans"),
            ("midtrans.server_key", "SB-Mid-server-TESTKEY"),
            // A port on which only root may listen.
            ("midtrans.snap_url", "http://127.0.0.1:1"),
            ("midtrans.api_url", "http://127.0.0.1:1"),
        ],
        ErrorCode::InvalidRequest
        | ErrorCode::InvalidLogin
        | ErrorCode::EmailTaken
        | ErrorCode::LoginFailed
        | ErrorCode::TokenMissing
        | ErrorCode::TokenInvalid
        | ErrorCode::RoleNotAllowed
        | ErrorCode::Forbidden
        | ErrorCode::UserNotFound
        | ErrorCode::ProductNotFound
        | ErrorCode::ProductChanged
        | ErrorCode::OrderedProductNotFound
        | ErrorCode::InsufficientStock
        | ErrorCode::PaymentNotFound
        | ErrorCode::IdempotencyKeyReused
        | ErrorCode::IdempotencyKeyInUse
        | ErrorCode::SignatureInvalid
        | ErrorCode::NotifiedOrderNotFound
        | ErrorCode::Internal => &[],
    }
}

/// Causes an error in the most realistic way. If you're here because of a new code: add a way to cause it.
async fn meet(code: ErrorCode, world: &World) -> CallError {
    let client = world.client();
    match code {
        ErrorCode::InvalidRequest => refused(client.register(&ada().name("")).await),
        ErrorCode::InvalidLogin => refused(client.login("", "").await),
        ErrorCode::EmailTaken => {
            client.register(&ada()).await.unwrap();
            refused(client.register(&ada()).await)
        }
        ErrorCode::LoginFailed => refused(client.login("eve@example.com", PASSWORD).await),
        ErrorCode::TokenMissing => refused(client.profile("1").await),
        ErrorCode::TokenInvalid => refused(client.with_authorization("rubbish").profile("1").await),
        ErrorCode::Forbidden => {
            let (owner, _) = owner(&*client).await;
            refused(owner.profile("1").await)
        }
        ErrorCode::UserNotFound => {
            let (owner, id) = owner(&*client).await;
            world.database.execute("DELETE FROM users");
            refused(owner.profile(&id).await)
        }
        ErrorCode::RoleNotAllowed => {
            let (buyer, _) = owner(&*client).await;
            refused(buyer.create(&teapot()).await)
        }
        ErrorCode::ProductNotFound => refused(client.product("1").await),
        ErrorCode::ProductChanged => {
            let seller = seller(&*client).await;
            let made = seller.create(&teapot()).await.unwrap();
            refused(seller.with_if_match("\"99\"").update(&made.id, &change()).await)
        }
        ErrorCode::ImageStoreFailed => refused(seller(&*client).await.create(&teapot().image(png(8, 8))).await),
        ErrorCode::OrderedProductNotFound
        | ErrorCode::InsufficientStock
        | ErrorCode::PaymentNotFound
        | ErrorCode::GatewayFailed
        | ErrorCode::IdempotencyKeyReused
        | ErrorCode::IdempotencyKeyInUse
        | ErrorCode::SignatureInvalid
        | ErrorCode::NotifiedOrderNotFound => meet_about_payments(code, world).await,
        ErrorCode::RateLimited => {
            refused(client.login("eve@example.com", PASSWORD).await);
            refused(client.login("eve@example.com", PASSWORD).await)
        }
        ErrorCode::LoginThrottled => {
            for _ in 0..5 {
                refused(client.login("eve@example.com", PASSWORD).await);
            }
            refused(client.login("eve@example.com", PASSWORD).await)
        }
        ErrorCode::Overloaded => overload(world).await,
        ErrorCode::Unavailable => {
            let _locked = world.database.lock_writers();
            refused(client.register(&ada()).await)
        }
        ErrorCode::DeadlineExceeded => refused(client.register(&ada()).await),
        ErrorCode::Internal => {
            let (owner, id) = owner(&*client).await;
            world.database.execute("UPDATE users SET role = 'rubbish'");
            refused(owner.profile(&id).await)
        }
    }
}

/// The same for the errors of payments.
async fn meet_about_payments(code: ErrorCode, world: &World) -> CallError {
    match code {
        ErrorCode::SignatureInvalid => {
            return refused(notify(world, &notification("1", "1", "settlement", "another key")).await);
        }
        ErrorCode::NotifiedOrderNotFound => {
            return refused(notify(world, &notification("1", "1", "settlement", KEY)).await);
        }
        _ => {}
    }
    let fixture = PaymentFixture::create(world, 5).await;
    let (client, product) = (&fixture.buyer.client, &fixture.product.id);
    let keyed = client.with_idempotency_key("key");
    match code {
        ErrorCode::OrderedProductNotFound => refused(client.order("1", 1).await),
        ErrorCode::InsufficientStock => refused(client.order(product, 6).await),
        ErrorCode::PaymentNotFound => refused(client.payment("1").await),
        ErrorCode::IdempotencyKeyReused => {
            keyed.order(product, 1).await.unwrap();
            refused(keyed.order(product, 2).await)
        }
        ErrorCode::IdempotencyKeyInUse => {
            keyed.order(product, 1).await.unwrap();
            // The state of a payment while the gateway has not answered.
            world.database.execute(
                "UPDATE payments SET token = NULL, payment_url = NULL, opened_at = NULL, next_check_at = NULL",
            );
            refused(keyed.order(product, 1).await)
        }
        _ => refused(client.order(product, 1).await),
    }
}

fn refused<T: std::fmt::Debug>(outcome: Outcome<T>) -> CallError {
    outcome.unwrap_err()
}

async fn owner(client: &dyn ShopClient) -> (Box<dyn ShopClient>, String) {
    client.register(&ada()).await.unwrap();
    let logged_in = client.login("ada@example.com", PASSWORD).await.unwrap();
    (client.with_authorization(&logged_in.token), logged_in.id)
}

async fn seller(client: &dyn ShopClient) -> Box<dyn ShopClient> {
    client.register(&ada().role("seller")).await.unwrap();
    client.with_authorization(&client.login("ada@example.com", PASSWORD).await.unwrap().token)
}

async fn overload(world: &World) -> CallError {
    let mut storm = JoinSet::new();
    for at in 0..16 {
        let (client, form) = (world.client(), ada().email(format!("ada{at}@example.com")));
        storm.spawn(async move { client.register(&form).await });
    }
    storm.join_all().await.into_iter().find_map(Result::err).unwrap()
}

async fn assert_met(code: ErrorCode, protocol: Protocol) {
    let world = World::open(protocol, DatabaseKind::Sqlite, settings(code)).await;
    let call_error = tokio::time::timeout(Duration::from_secs(60), meet(code, &world)).await.unwrap();
    assert_eq!(call_error.code, code, "{protocol}: {call_error:?}");
    let can_wait = matches!(
        code,
        ErrorCode::RateLimited
            | ErrorCode::LoginThrottled
            | ErrorCode::Overloaded
            | ErrorCode::Unavailable
            | ErrorCode::IdempotencyKeyInUse
    );
    assert_eq!(call_error.retry_after.is_some(), can_wait, "{protocol}: {call_error:?}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_error_can_be_met_over_rest() {
    for &code in ErrorCode::ALL {
        assert_met(code, Protocol::Rest).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_error_can_be_met_over_grpc() {
    for &code in ErrorCode::ALL {
        assert_met(code, Protocol::Grpc).await;
    }
}
