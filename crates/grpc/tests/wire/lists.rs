//! Lists of products, piece by piece.

use crate::errors::assert_error;
use crate::goods::{by_seller, commands, is_named, named, offered, queries, tea, with_token};
use crate::shop::Shop;
use domain::error::ErrorCode;
use grpc::proto::product::{CreateProductRequest, EmptyRequest, ListProductResponse};
use prost::Message;
use test_doubles::{OTHER_SELLER, OTHER_SELLER_TOKEN};
use tonic::Status;

/// Offers products with these names and prices, in this order.
async fn offer(shop: &Shop, products: &[(&str, &str)]) {
    let mut commands = commands(shop).await;
    for (name, price) in products {
        let product = CreateProductRequest { name: (*name).to_owned(), price: (*price).to_owned(), ..tea() };
        offered(&mut commands, product).await;
    }
}

async fn list(shop: &Shop, asked: EmptyRequest) -> Result<ListProductResponse, Status> {
    Ok(queries(shop).await.get_all_products(asked).await?.into_inner())
}

/// The names in all pieces of a list.
async fn names(shop: &Shop, asked: EmptyRequest) -> Vec<String> {
    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let piece = list(shop, EmptyRequest { page_token, ..asked.clone() }).await.unwrap();
        assert!(piece.products.len() <= usize::try_from(asked.page_size).unwrap());
        names.extend(piece.products.into_iter().map(|product| product.name));
        page_token = piece.next_page_token;
        if page_token.is_empty() {
            return names;
        }
    }
}

#[tokio::test]
async fn a_client_that_knows_of_no_pieces_gets_the_newest_products() {
    let shop = Shop::open();
    let old = EmptyRequest::default();
    assert_eq!(old.encoded_len(), 0);
    assert_eq!(list(&shop, old.clone()).await.unwrap(), ListProductResponse::default());

    offer(&shop, &vec![("Tea", "1"); 101]).await;
    offer(&shop, &[("Coffee", "1")]).await;
    let piece = list(&shop, old).await.unwrap();
    assert_eq!((piece.products.len(), piece.products[0].name.as_str()), (100, "Coffee"));
    assert!(!piece.next_page_token.is_empty());
}

#[tokio::test]
async fn a_list_is_read_piece_by_piece_in_each_order_to_its_end() {
    let shop = Shop::open();
    offer(&shop, &[("b", "3"), ("E", "1"), ("a", "2"), ("d", "10.50"), ("C", "4")]).await;
    for (sort, expected) in [
        ("", "C d a E b"),
        ("newest", "C d a E b"),
        ("oldest", "b E a d C"),
        ("price", "E a b C d"),
        ("-price", "d C b a E"),
        ("name", "a b C d E"),
    ] {
        for page_size in [1, 2, 5, 100] {
            let asked = EmptyRequest { page_size, sort: sort.to_owned(), ..EmptyRequest::default() };
            assert_eq!(names(&shop, asked).await.join(" "), expected, "{sort}, {page_size} at a time");
        }
    }
}

#[tokio::test]
async fn products_that_are_offered_meanwhile_shift_nothing() {
    let shop = Shop::open();
    offer(&shop, &[("a", "1"), ("b", "1"), ("c", "1")]).await;
    let asked = EmptyRequest { page_size: 2, ..EmptyRequest::default() };
    let first = list(&shop, asked.clone()).await.unwrap();
    offer(&shop, &[("d", "1")]).await;
    let second = list(&shop, EmptyRequest { page_token: first.next_page_token, ..asked }).await.unwrap();
    assert_eq!((second.products[0].name.as_str(), second.next_page_token.as_str()), ("a", ""));
}

#[tokio::test]
async fn a_list_can_be_narrowed() {
    let shop = Shop::open();
    offer(&shop, &[("Green Tea", "1"), ("Black tea", "2"), ("Coffee", "3"), ("TEA 100%", "4")]).await;
    let anothers = CreateProductRequest { name: "Tea".to_owned(), ..tea() };
    commands(&shop).await.create_product(with_token(OTHER_SELLER_TOKEN, anothers)).await.unwrap();

    let asked = || EmptyRequest { page_size: 1, sort: "price".to_owned(), ..EmptyRequest::default() };
    let (q, seller) = ("tEa".to_owned(), OTHER_SELLER.to_owned());
    let (min_price, max_price) = ("2".to_owned(), "4.00".to_owned());
    for (asked, expected) in [
        (EmptyRequest { q: q.clone(), ..asked() }, "Green Tea, Black tea, TEA 100%, Tea"),
        (EmptyRequest { seller, ..asked() }, "Tea"),
        (EmptyRequest { min_price, max_price: max_price.clone(), ..asked() }, "Black tea, Coffee, TEA 100%"),
        (EmptyRequest { q, max_price, ..asked() }, "Green Tea, Black tea, TEA 100%"),
        (EmptyRequest { q: "%".to_owned(), ..asked() }, "TEA 100%"),
    ] {
        assert_eq!(names(&shop, asked).await.join(", "), expected);
    }
}

#[tokio::test]
async fn every_wrong_field_of_a_list_is_named() {
    let shop = Shop::open();
    for page_size in [-1, 101, i32::MIN, i32::MAX] {
        let status = list(&shop, EmptyRequest { page_size, ..EmptyRequest::default() }).await.unwrap_err();
        assert_error(&status, ErrorCode::InvalidRequest);
        assert!(is_named(&status, "page_size", "out_of_range"), "{status:?}");
        assert_eq!(status.message(), "page_size must be a whole number from 1 to 100");
    }
    let wrong = EmptyRequest {
        page_size: 0,
        page_token: "nonsense".to_owned(),
        sort: "random".to_owned(),
        q: "x".repeat(101),
        seller: "ada".to_owned(),
        min_price: "cheap".to_owned(),
        max_price: "-1".to_owned(),
    };
    let status = list(&shop, wrong).await.unwrap_err();
    let fields: Vec<_> = named(&status).into_iter().map(|(field, _reason)| field).collect();
    assert_eq!(fields, ["q", "seller", "min_price", "max_price", "sort", "page_token"]);
}

#[tokio::test]
async fn a_token_goes_with_the_list_that_gave_it() {
    let shop = Shop::open();
    offer(&shop, &[("a", "1"), ("b", "2")]).await;
    let asked = EmptyRequest { page_size: 1, ..EmptyRequest::default() };
    let page_token = list(&shop, asked.clone()).await.unwrap().next_page_token;
    let asked = EmptyRequest { page_token, ..asked };
    list(&shop, asked.clone()).await.unwrap();
    let (sort, q) = ("name".to_owned(), "a".to_owned());
    for other in [EmptyRequest { sort, ..asked.clone() }, EmptyRequest { q, ..asked.clone() }] {
        let status = list(&shop, other).await.unwrap_err();
        assert!(is_named(&status, "page_token", "invalid_cursor"), "{status:?}");
    }
    // Who reads a list is not part of it.
    queries(&shop).await.get_all_products(by_seller(asked)).await.unwrap();
}
