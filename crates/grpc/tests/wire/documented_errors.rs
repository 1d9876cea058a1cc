//! The comments of the protos document the errors that the use cases return.

use app::payment::{BrowsePayments, Checkout, ViewPayment, ViewTimeline, WatchPayment};
use app::pipeline::{COMMON_ERRORS, UseCase};
use app::product::{BrowseProducts, CreateProduct, DeleteProduct, UpdateProduct, ViewProduct};
use app::user::{LoginUser, RegisterUser, ViewProfile};
use domain::error::ErrorCode;
use std::collections::{BTreeMap, BTreeSet};

const PROTOS: [&str; 3] = [
    include_str!("../../../../proto/gocommerce/user.proto"),
    include_str!("../../../../proto/gocommerce/product.proto"),
    include_str!("../../../../proto/gocommerce/payment.proto"),
];

type Codes = BTreeSet<&'static str>;

/// The codes of a use case, without those that every call can fail with.
fn returned<U: UseCase>() -> Codes {
    U::ACCESS.errors().iter().chain(U::ERRORS).map(|code| code.as_str()).collect()
}

fn use_cases() -> BTreeMap<&'static str, Codes> {
    BTreeMap::from([
        ("RegisterUser", returned::<RegisterUser>()),
        ("LoginUser", returned::<LoginUser>()),
        ("GetUserByID", returned::<ViewProfile>()),
        ("CreateProduct", returned::<CreateProduct>()),
        ("UpdateProduct", returned::<UpdateProduct>()),
        ("DeleteProduct", returned::<DeleteProduct>()),
        ("GetProductByID", returned::<ViewProduct>()),
        ("GetAllProducts", returned::<BrowseProducts>()),
        ("CreatePayment", returned::<Checkout>()),
        ("GetPaymentByID", returned::<ViewPayment>()),
        ("GetAllPayments", returned::<BrowsePayments>()),
        ("GetPaymentTimeline", returned::<ViewTimeline>()),
        ("WatchPayment", returned::<WatchPayment>()),
    ])
}

fn common() -> Codes {
    COMMON_ERRORS.iter().map(|code| code.as_str()).collect()
}

/// The codes that a line of a comment names after a gRPC status. Checks that they have this status.
fn named(line: &str) -> Vec<&'static str> {
    let mut words = line.split([' ', ',', ':']).filter(|word| !word.is_empty());
    let Some(status) = words.next().filter(|word| word.contains('_') || word.chars().all(char::is_uppercase)) else {
        return Vec::new();
    };
    let known = |word: &str| ErrorCode::ALL.iter().copied().find(|code| code.as_str() == word);
    let codes: Vec<_> = words.map_while(known).collect();
    for code in &codes {
        let told = status.replace('_', "").to_lowercase();
        assert_eq!(told, format!("{:?}", grpc::code(*code)).to_lowercase(), "{line}");
    }
    codes.into_iter().map(ErrorCode::as_str).collect()
}

/// The codes in the comment of each rpc, with those that the head of the file names for every rpc of a service.
fn documented(proto: &'static str) -> BTreeMap<&'static str, Codes> {
    let head = proto.split_once("syntax =").unwrap().0;
    let shared = head.split_once("\n// Errors that any rpc ").map(|(_, shared)| shared.split_once("\n//\n").unwrap().0);
    let shared_by = shared.and_then(|shared| shared.strip_prefix("of ")?.split(' ').next());
    let shared: Codes =
        shared.into_iter().flat_map(str::lines).flat_map(|line| named(line.trim_start_matches('/'))).collect();
    let (mut service, mut codes, mut found) = ("", Codes::new(), BTreeMap::new());
    for line in proto.lines() {
        if let Some(named) = line.strip_prefix("service ") {
            service = named.trim_end_matches(" {");
        } else if let Some(item) = line.strip_prefix("  // - ") {
            codes.extend(named(item));
        } else if let Some(rpc) = line.strip_prefix("  rpc ") {
            if shared_by.is_none_or(|only| only == service) {
                codes.extend(&shared);
            }
            found.insert(rpc.split_once('(').unwrap().0, std::mem::take(&mut codes));
        }
    }
    found
}

#[test]
fn every_rpc_tells_the_errors_that_its_use_case_returns() {
    let documented: BTreeMap<_, _> = PROTOS.into_iter().flat_map(documented).collect();
    let use_cases = use_cases();
    assert!(documented.keys().eq(use_cases.keys()), "{:?}", documented.keys());
    for (rpc, returned) in use_cases {
        // A comment may also explain an error that every rpc can return.
        let told: Codes = documented[rpc].difference(&common()).copied().collect();
        assert_eq!(told, returned, "{rpc}");
    }
}

#[test]
fn the_errors_of_every_rpc_are_told_once() {
    let (_, from_here) = PROTOS[0].split_once("//   Any rpc may also answer:\n").unwrap();
    let (table, _) = from_here.split_once("//   What is no rpc answers:\n").unwrap();
    let told: Codes = table.lines().flat_map(|line| named(line.trim_start_matches('/'))).collect();
    assert_eq!(told, common());
}
