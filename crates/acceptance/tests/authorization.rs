//! The authorization table: one row per REST operation and per RPC; an operation without a row fails.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a failed step is a failed test")]

use app::clock::Clock;
use domain::error::ErrorCode;
use prost::Message;
use serde_json::json;
use std::collections::BTreeSet;
use testkit::client::{
    LoggedIn, PASSWORD, Payment, PaymentQuery, Product, Protocol, Query, ShopClient, ada, change, teapot,
};
use testkit::database::DatabaseKind;
use testkit::image_files::png;
use testkit::payment_fixture::{KEY, notification, notify};
use testkit::token::{claims, header, signed, with};
use testkit::world::World;

/// A call about the owner's account, product or payment; the owner is a seller.
#[derive(Clone, Copy, Debug)]
enum Call {
    Register,
    LogIn,
    Profile,
    Offer,
    Change,
    Withdraw,
    View,
    Browse,
    Image,
    Order,
    Payment,
    Payments,
    Timeline,
    Watch,
    Notify,
}

/// An operation and the error of each kind of caller; `None` is a success.
struct Row {
    operation: &'static str,
    call: Call,
    anonymous: Option<ErrorCode>,
    bad_token: Option<ErrorCode>,
    expired: Option<ErrorCode>,
    owner: Option<ErrorCode>,
    other_seller: Option<ErrorCode>,
    buyer: Option<ErrorCode>,
}

const fn public(operation: &'static str, call: Call) -> Row {
    Row {
        operation,
        call,
        anonymous: None,
        bad_token: None,
        expired: None,
        owner: None,
        other_seller: None,
        buyer: None,
    }
}

const fn authenticated(operation: &'static str, call: Call) -> Row {
    Row {
        anonymous: Some(ErrorCode::TokenMissing),
        bad_token: Some(ErrorCode::TokenInvalid),
        expired: Some(ErrorCode::TokenInvalid),
        ..public(operation, call)
    }
}

/// For the owner of the account, in any role.
const fn owners(operation: &'static str, call: Call) -> Row {
    Row {
        other_seller: Some(ErrorCode::Forbidden),
        buyer: Some(ErrorCode::Forbidden),
        ..authenticated(operation, call)
    }
}

/// For any seller.
const fn sellers(operation: &'static str, call: Call) -> Row {
    Row { buyer: Some(ErrorCode::RoleNotAllowed), ..authenticated(operation, call) }
}

/// For the seller who owns the product.
const fn owning_sellers(operation: &'static str, call: Call) -> Row {
    Row { other_seller: Some(ErrorCode::Forbidden), ..sellers(operation, call) }
}

/// For any buyer.
const fn buyers(operation: &'static str, call: Call) -> Row {
    Row {
        owner: Some(ErrorCode::RoleNotAllowed),
        other_seller: Some(ErrorCode::RoleNotAllowed),
        ..authenticated(operation, call)
    }
}

/// For the buyer who pays and the seller who owns the product.
const fn both_sides(operation: &'static str, call: Call) -> Row {
    Row { other_seller: Some(ErrorCode::Forbidden), ..authenticated(operation, call) }
}

const ROWS: [Row; 28] = [
    buyers("POST /payments", Call::Order),
    both_sides("GET /payments/{id}", Call::Payment),
    authenticated("GET /payments", Call::Payments),
    both_sides("GET /payments/{id}/timeline", Call::Timeline),
    both_sides("GET /payments/{id}/events", Call::Watch),
    public("POST /payments/midtrans/webhook", Call::Notify),
    buyers("/payment.PaymentCommandService/CreatePayment", Call::Order),
    both_sides("/payment.PaymentQueryService/GetPaymentByID", Call::Payment),
    authenticated("/payment.PaymentQueryService/GetAllPayments", Call::Payments),
    both_sides("/payment.PaymentQueryService/GetPaymentTimeline", Call::Timeline),
    both_sides("/payment.PaymentQueryService/WatchPayment", Call::Watch),
    public("POST /users/register", Call::Register),
    public("POST /users/login", Call::LogIn),
    owners("GET /users/{id}", Call::Profile),
    sellers("POST /products", Call::Offer),
    owning_sellers("PUT /products/{id}", Call::Change),
    owning_sellers("DELETE /products/{id}", Call::Withdraw),
    public("GET /products/{id}", Call::View),
    public("GET /products", Call::Browse),
    public("GET /media/{key}", Call::Image),
    public("/user.UserCommandService/RegisterUser", Call::Register),
    public("/user.UserCommandService/LoginUser", Call::LogIn),
    owners("/user.UserQueryService/GetUserByID", Call::Profile),
    sellers("/product.ProductCommandService/CreateProduct", Call::Offer),
    owning_sellers("/product.ProductCommandService/UpdateProduct", Call::Change),
    owning_sellers("/product.ProductCommandService/DeleteProduct", Call::Withdraw),
    public("/product.ProductQueryService/GetProductByID", Call::View),
    public("/product.ProductQueryService/GetAllProducts", Call::Browse),
];

impl Row {
    fn protocol(&self) -> Protocol {
        if self.operation.starts_with('/') { Protocol::Grpc } else { Protocol::Rest }
    }
}

fn rest_operations() -> BTreeSet<String> {
    let description = serde_json::to_value(rest::openapi()).unwrap();
    let paths = description["paths"].as_object().unwrap().clone();
    let operations = paths.into_iter().flat_map(|(path, item)| {
        let methods: Vec<_> = item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        methods.into_iter().map(move |method| format!("{method} {path}"))
    });
    operations.collect()
}

fn rpcs() -> BTreeSet<String> {
    let files = prost_types::FileDescriptorSet::decode(grpc::DESCRIPTOR_SET).unwrap().file;
    let services = files.iter().flat_map(|file| file.service.iter().map(move |service| (file.package(), service)));
    let methods = services.flat_map(|(package, service)| {
        service.method.iter().map(move |method| format!("/{package}.{}/{}", service.name(), method.name()))
    });
    methods.collect()
}

#[test]
fn every_operation_has_a_row() {
    let rows: BTreeSet<_> = ROWS.iter().map(|row| row.operation.to_owned()).collect();
    let operations: BTreeSet<_> = rest_operations().into_iter().chain(rpcs()).collect();
    let without_row: Vec<_> = operations.difference(&rows).collect();
    assert!(
        without_row.is_empty(),
        "If you're here because of a new operation: say in ROWS who may call {without_row:?}"
    );
    let gone: Vec<_> = rows.difference(&operations).collect();
    assert!(gone.is_empty(), "If you're here because an operation has gone: take {gone:?} out of ROWS");
}

/// An account with a product and a payment.
struct Owner {
    account: LoggedIn,
    product: Product,
    payment: Payment,
}

async fn outcome(world: &World, client: &dyn ShopClient, call: Call, owner: &Owner) -> Option<ErrorCode> {
    let call_error = match call {
        Call::Register => {
            let form = ada().email(format!("{}@example.com", uuid::Uuid::now_v7()));
            client.register(&form).await.err()
        }
        Call::LogIn => client.login("ada@example.com", PASSWORD).await.err(),
        Call::Profile => client.profile(&owner.account.id).await.err(),
        Call::Offer => client.create(&teapot()).await.err(),
        Call::Change => client.update(&owner.product.id, &change().price("1")).await.err(),
        Call::Withdraw => client.delete(&owner.product.id).await.err(),
        Call::View => client.product(&owner.product.id).await.err(),
        Call::Browse => client.products(&Query::default()).await.err(),
        Call::Order => client.order(&owner.product.id, 1).await.err(),
        Call::Payment => client.payment(&owner.payment.id).await.err(),
        Call::Payments => client.payments(&PaymentQuery::default()).await.err(),
        Call::Timeline => client.timeline(&owner.payment.id).await.err(),
        Call::Watch => client.watch(&owner.payment.id, 0).await.err(),
        // The signature authenticates the caller instead of a token.
        Call::Notify => notify(world, &notification(&owner.payment.id, "10000", "pending", KEY)).await.err(),
        Call::Image => {
            // A browser loads an image without a token.
            assert_eq!(world.rest().download(&owner.product.image_url).await.status, 200);
            None
        }
    };
    call_error.map(|call_error| call_error.code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_caller_gets_what_the_row_says() {
    let world = World::open(Protocol::Rest, DatabaseKind::Sqlite, &[]).await;
    let logged_in = async |email: &str, role: &str| {
        world.client().register(&ada().email(email).role(role)).await.unwrap();
        world.client().login(email, PASSWORD).await.unwrap()
    };
    let account = logged_in("ada@example.com", "seller").await;
    let other = logged_in("grace@example.com", "seller").await;
    let buyer = logged_in("bob@example.com", "buyer").await;
    let now = world.clock.now().timestamp();
    let expired = with(&claims(&account.id, now - 100_000), "role", json!("seller"));
    let expired = signed(&header(), &with(&expired, "exp", json!(now - 3_600)));
    for row in ROWS {
        let anonymous = world.client_for(row.protocol());
        // A new product for each row, because the owner may delete it.
        let form = teapot().price("10000").image(png(8, 8));
        let product = anonymous.with_authorization(&account.token).create(&form).await.unwrap();
        let payment = anonymous.with_authorization(&buyer.token).order(&product.id, 1).await.unwrap();
        let owner = Owner { account: account.clone(), product, payment };
        let callers = [
            ("anonymous", None, row.anonymous),
            ("bad token", Some("rubbish"), row.bad_token),
            ("expired", Some(expired.as_str()), row.expired),
            ("other seller", Some(other.token.as_str()), row.other_seller),
            ("buyer", Some(buyer.token.as_str()), row.buyer),
            ("owner", Some(account.token.as_str()), row.owner),
        ];
        for (caller, token, expected) in callers {
            let client = token.map(|token| anonymous.with_authorization(&format!("Bearer {token}")));
            let actual = outcome(&world, client.as_deref().unwrap_or(&*anonymous), row.call, &owner).await;
            assert_eq!(actual, expected, "{} asked by {caller}", row.operation);
        }
    }
    world.close().await;
}
