//! Payments: each rpc, and each reason for which it is refused.

use crate::errors::assert_error;
use crate::goods::{self, is_named, named, offered, tea, with_token};
use crate::shop::Shop;
use app::clock::{Clock, SystemClock};
use domain::error::ErrorCode;
use domain::payment::TransactionStatus;
use grpc::proto::payment::payment_command_service_client::PaymentCommandServiceClient;
use grpc::proto::payment::payment_query_service_client::PaymentQueryServiceClient;
use grpc::proto::payment::{
    CreatePaymentRequest, GetAllPaymentsRequest, GetPaymentByIdRequest, GetPaymentTimelineRequest, ListPaymentResponse,
    PaymentResponse, WatchPaymentRequest,
};
use grpc::proto::product::{CreateProductRequest, ProductResponse};
use prost::Message;
use std::time::Duration;
use test_doubles::{
    GatewayBehavior, OTHER_SELLER_TOKEN, OWNER, RETRY_AFTER, SECRET, SELLER, SELLER_TOKEN, StorageBehavior, TOKEN,
};
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

const NOBODYS: &str = "0198c5f0-0000-7000-8000-00000000000f";

pub(crate) async fn queries(shop: &Shop) -> PaymentQueryServiceClient<Channel> {
    PaymentQueryServiceClient::new(shop.channel().await)
}

/// The tea that the seller offers, of which there are five.
async fn product(shop: &Shop) -> ProductResponse {
    let mut commands = goods::commands(shop).await;
    offered(&mut commands, CreateProductRequest { stock: 5, ..tea() }).await
}

fn wish(product: &str, quantity: i32) -> CreatePaymentRequest {
    CreatePaymentRequest { product_id: product.to_owned(), quantity }
}

fn under(key: &[u8], message: CreatePaymentRequest) -> Request<CreatePaymentRequest> {
    let mut request = with_token(TOKEN, message);
    request.metadata_mut().insert("idempotency-key", MetadataValue::try_from(key).unwrap());
    request
}

async fn order(shop: &Shop, request: Request<CreatePaymentRequest>) -> Result<PaymentResponse, Status> {
    let mut commands = PaymentCommandServiceClient::new(shop.channel().await);
    Ok(commands.create_payment(request).await?.into_inner())
}

/// A payment of the buyer for two pieces.
pub(crate) async fn payment(shop: &Shop) -> PaymentResponse {
    let product = product(shop).await.id;
    order(shop, with_token(TOKEN, wish(&product, 2))).await.unwrap()
}

async fn read(shop: &Shop, token: &str, id: &str) -> Result<PaymentResponse, Status> {
    let request = with_token(token, GetPaymentByIdRequest { id: id.to_owned() });
    Ok(queries(shop).await.get_payment_by_id(request).await?.into_inner())
}

async fn list(shop: &Shop, token: &str, asked: GetAllPaymentsRequest) -> Result<ListPaymentResponse, Status> {
    Ok(queries(shop).await.get_all_payments(with_token(token, asked)).await?.into_inner())
}

#[tokio::test]
async fn a_payment_is_shown_to_its_buyer_and_without_its_page_to_the_seller() {
    let shop = Shop::open();
    let product = product(&shop).await;
    let made = order(&shop, with_token(TOKEN, wish(&product.id, 2))).await.unwrap();
    let page = format!("page-of-{}", made.id);
    let expected = PaymentResponse {
        product_id: product.id.clone(),
        user_id: OWNER.to_owned(),
        quantity: 2,
        total_amount: "21".to_owned(),
        status: "pending".to_owned(),
        payment_url: format!("https://gateway.example/{page}"),
        token: page,
        product: Some(ProductResponse { stock: 3, etag: String::new(), ..product.clone() }),
        needs_attention: false,
        ..made.clone()
    };
    assert_eq!(made, expected);
    assert!(made.payment_code.starts_with("GC-") && made.payment_code.len() == 17, "{}", made.payment_code);
    assert!(made.created_at.is_some_and(|time| time.seconds > 1_700_000_000) && made.updated_at.is_some());
    assert_eq!(read(&shop, TOKEN, &made.id).await.unwrap(), made);
    let sold = PaymentResponse { payment_url: String::new(), token: String::new(), ..made.clone() };
    assert_eq!(read(&shop, SELLER_TOKEN, &made.id).await.unwrap(), sold);
    assert_eq!(made.product.unwrap().user_id, SELLER);
}

#[tokio::test]
async fn a_payment_without_pieces_needs_attention() {
    let shop = Shop::open();
    let id = payment(&shop).await.id;
    shop.ports.payments.set_status(&id, TransactionStatus::Expire, SystemClock.now());
    shop.ports.payments.set_status(&id, TransactionStatus::Settlement, SystemClock.now());
    let paid = read(&shop, TOKEN, &id).await.unwrap();
    assert_eq!((paid.status.as_str(), paid.needs_attention), ("success", true));
}

/// What a client of an older or newer version reads, which goes by numbers.
#[tokio::test]
async fn the_fields_have_the_numbers_of_the_contract() {
    #[derive(Clone, PartialEq, Message)]
    struct Known {
        #[prost(string, tag = "1")]
        id: String,
        #[prost(int32, tag = "5")]
        quantity: i32,
        #[prost(string, tag = "7")]
        status: String,
        #[prost(bytes = "vec", tag = "12")]
        product: Vec<u8>,
    }
    let shop = Shop::open();
    let made = payment(&shop).await;
    let known = Known::decode(made.encode_to_vec().as_slice()).unwrap();
    assert_eq!((known.id, known.quantity, known.status.as_str()), (made.id, 2, "pending"));
    assert_eq!(ProductResponse::decode(known.product.as_slice()).unwrap(), made.product.unwrap());
}

#[tokio::test]
async fn an_order_is_refused_for_each_reason() {
    let shop = Shop::open();
    let product = product(&shop).await.id;
    let stranger = order(&shop, Request::new(wish("", 0))).await.unwrap_err();
    assert_error(&stranger, ErrorCode::TokenMissing);
    assert_error(&order(&shop, with_token("forged", wish("", 0))).await.unwrap_err(), ErrorCode::TokenInvalid);
    let seller = order(&shop, with_token(SELLER_TOKEN, wish("", 0))).await.unwrap_err();
    assert_error(&seller, ErrorCode::RoleNotAllowed);
    let empty = order(&shop, with_token(TOKEN, wish("", 0))).await.unwrap_err();
    assert_error(&empty, ErrorCode::InvalidRequest);
    let both = [("product_id", "empty"), ("quantity", "empty")];
    assert_eq!(named(&empty), both.map(|(field, reason)| (field.to_owned(), reason.to_owned())));
    assert_eq!(empty.message(), "product_id is empty");
    for (product, quantity, code, status) in [
        (product.as_str(), -1, ErrorCode::InvalidRequest, Code::InvalidArgument),
        ("teapot", 1, ErrorCode::OrderedProductNotFound, Code::NotFound),
        (NOBODYS, 1, ErrorCode::OrderedProductNotFound, Code::NotFound),
        (product.as_str(), 6, ErrorCode::InsufficientStock, Code::FailedPrecondition),
        // 10.50 cannot be paid.
        (product.as_str(), 1, ErrorCode::InvalidRequest, Code::InvalidArgument),
    ] {
        let refused = order(&shop, with_token(TOKEN, wish(product, quantity))).await.unwrap_err();
        assert_error(&refused, code);
        assert_eq!(refused.code(), status, "{product} {quantity}");
    }
    assert_eq!(shop.ports.payments.count(), 0);
}

#[tokio::test]
async fn a_gateway_that_opens_no_page_is_told_without_its_words() {
    for behavior in [GatewayBehavior::Refuse, GatewayBehavior::Fail, GatewayBehavior::Unknown] {
        let shop = Shop::open();
        let product = product(&shop).await.id;
        *shop.ports.payments.gateway.lock().unwrap() = behavior;
        let refused = order(&shop, with_token(TOKEN, wish(&product, 2))).await.unwrap_err();
        assert_error(&refused, ErrorCode::GatewayFailed);
        assert_eq!((refused.code(), refused.message()), (Code::Unavailable, "payment gateway unavailable"));
        assert!(!format!("{refused:?}").contains(SECRET));
    }
    let shop = Shop::open();
    let product = product(&shop).await.id;
    *shop.ports.payments.gateway.lock().unwrap() = GatewayBehavior::CircuitOpen(Duration::from_secs(7));
    let refused = order(&shop, with_token(TOKEN, wish(&product, 2))).await.unwrap_err();
    assert_error(&refused, ErrorCode::Unavailable);
    let details = refused.get_error_details();
    assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn an_order_under_a_key_is_made_once() {
    let shop = Shop::open();
    let product = product(&shop).await.id;
    let first = order(&shop, under(b"order-1", wish(&product, 2))).await.unwrap();
    shop.ports.payments.set_status(&first.id, TransactionStatus::Settlement, SystemClock.now());
    assert_eq!(order(&shop, under(b"order-1", wish(&product, 2))).await.unwrap(), first);
    let other = order(&shop, under(b"order-1", wish(&product, 3))).await.unwrap_err();
    assert_error(&other, ErrorCode::IdempotencyKeyReused);
    assert_eq!((other.code(), shop.ports.payments.count()), (Code::InvalidArgument, 1));
    for key in [&b"two words"[..], b"\xe9", &[b'k'; 256]] {
        let refused = order(&shop, under(key, wish(&product, 2))).await.unwrap_err();
        assert_eq!(named(&refused)[0].0, "idempotency-key", "{key:?}");
    }
    *shop.ports.payments.gateway.lock().unwrap() = GatewayBehavior::Unknown;
    order(&shop, under(b"order-2", wish(&product, 2))).await.unwrap_err();
    let under_way = order(&shop, under(b"order-2", wish(&product, 2))).await.unwrap_err();
    assert_error(&under_way, ErrorCode::IdempotencyKeyInUse);
    let details = under_way.get_error_details();
    assert_eq!((under_way.code(), details.retry_info().is_some()), (Code::Aborted, true));
}

#[tokio::test]
async fn only_those_whom_it_concerns_see_anything_of_a_payment() {
    let shop = Shop::open();
    let id = payment(&shop).await.id;
    let mut queries = queries(&shop).await;
    for (token, asked, code) in [
        ("forged", id.as_str(), ErrorCode::TokenInvalid),
        (OTHER_SELLER_TOKEN, &id, ErrorCode::Forbidden),
        (OTHER_SELLER_TOKEN, NOBODYS, ErrorCode::PaymentNotFound),
        (TOKEN, "teapot", ErrorCode::PaymentNotFound),
        (TOKEN, "", ErrorCode::InvalidRequest),
    ] {
        let id = asked.to_owned();
        assert_error(&read(&shop, token, asked).await.unwrap_err(), code);
        let story = with_token(token, GetPaymentTimelineRequest { id: id.clone() });
        assert_error(&queries.get_payment_timeline(story).await.unwrap_err(), code);
        let watch = with_token(token, WatchPaymentRequest { id, after: 0 });
        assert_error(&queries.watch_payment(watch).await.unwrap_err(), code);
    }
    let stranger = queries.get_all_payments(GetAllPaymentsRequest::default()).await.unwrap_err();
    assert_error(&stranger, ErrorCode::TokenMissing);
}

#[tokio::test]
async fn a_list_is_the_callers_own_piece_by_piece() {
    let shop = Shop::open();
    let none = list(&shop, TOKEN, GetAllPaymentsRequest::default()).await.unwrap();
    assert_eq!(none, ListPaymentResponse::default());
    let (first, second) = (payment(&shop).await.id, payment(&shop).await.id);
    shop.ports.payments.set_status(&first, TransactionStatus::Settlement, SystemClock.now());
    let ids = |list: &ListPaymentResponse| list.payments.iter().map(|payment| payment.id.clone()).collect::<Vec<_>>();
    for token in [TOKEN, SELLER_TOKEN] {
        let one = GetAllPaymentsRequest { page_size: 1, ..GetAllPaymentsRequest::default() };
        let begin = list(&shop, token, one.clone()).await.unwrap();
        assert_eq!(ids(&begin), [second.as_str()]);
        let end = list(&shop, token, GetAllPaymentsRequest { page_token: begin.next_page_token, ..one }).await.unwrap();
        assert_eq!((ids(&end), end.next_page_token.as_str()), (vec![first.clone()], ""));
        let paid = GetAllPaymentsRequest { status: "success".to_owned(), ..GetAllPaymentsRequest::default() };
        assert_eq!(ids(&list(&shop, token, paid).await.unwrap()), [first.as_str()]);
    }
    assert!(list(&shop, OTHER_SELLER_TOKEN, GetAllPaymentsRequest::default()).await.unwrap().payments.is_empty());
    let unknown = GetAllPaymentsRequest { status: "paid".to_owned(), ..GetAllPaymentsRequest::default() };
    assert!(is_named(&list(&shop, TOKEN, unknown).await.unwrap_err(), "status", "unknown_status"));
    let many = GetAllPaymentsRequest { page_size: 101, ..GetAllPaymentsRequest::default() };
    assert!(is_named(&list(&shop, TOKEN, many).await.unwrap_err(), "page_size", "out_of_range"));
    let astray = GetAllPaymentsRequest { page_token: "x".to_owned(), ..GetAllPaymentsRequest::default() };
    assert!(is_named(&list(&shop, TOKEN, astray).await.unwrap_err(), "page_token", "invalid_cursor"));
}

#[tokio::test]
async fn a_timeline_tells_what_happened_in_order() {
    let shop = Shop::open();
    let id = payment(&shop).await.id;
    shop.ports.payments.set_status(&id, TransactionStatus::Settlement, SystemClock.now());
    let request = with_token(SELLER_TOKEN, GetPaymentTimelineRequest { id });
    let lines = queries(&shop).await.get_payment_timeline(request).await.unwrap().into_inner().lines;
    let kinds: Vec<_> = lines.iter().map(|line| line.kind.as_str()).collect();
    assert_eq!(kinds, ["ordered", "opened", "status", "sold"]);
    assert_eq!(lines[0].text, "2 pieces reserved, 3 left, total 21");
    assert!(lines.iter().all(|line| line.at.is_some()));
}

#[tokio::test]
async fn a_storage_that_is_away_is_told_as_such() {
    let shop = Shop::open();
    let id = payment(&shop).await.id;
    shop.set_storage_behavior(StorageBehavior::Fail(ErrorCode::Unavailable));
    let ordered = order(&shop, with_token(TOKEN, wish(&id, 1))).await.unwrap_err();
    let mut queries = queries(&shop).await;
    let watched = queries.watch_payment(with_token(TOKEN, WatchPaymentRequest { id: id.clone(), after: 0 })).await;
    let read = read(&shop, TOKEN, &id).await.unwrap_err();
    let listed = list(&shop, TOKEN, GetAllPaymentsRequest::default()).await.unwrap_err();
    for refused in [ordered, watched.unwrap_err(), read, listed] {
        assert_error(&refused, ErrorCode::Unavailable);
        assert_eq!(refused.get_error_details().retry_info().unwrap().retry_delay, Some(RETRY_AFTER));
    }
}
