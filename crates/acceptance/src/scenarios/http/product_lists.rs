//! Lists of products over REST: page numbers, totals and links.

use super::get;
use crate::scenarios::user::assert_fields;
use domain::error::ErrorCode;
use reqwest::{Method, Url};
use serde_json::json;
use testkit::client::{Listing, Query, teapot};
use testkit::member::{Member, seller};
use testkit::raw::Answer;
use testkit::rest::{PageInfo, call_error};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

async fn offered(world: &World, count: usize) -> Member {
    let seller = seller(world).await;
    for at in 0..count {
        seller.client.create(&teapot().name(format!("Teapot {at:02}")).price((at + 1).to_string())).await.unwrap();
    }
    seller
}

fn place(current: u64, pages: u64, size: u64, next: bool, previous: bool) -> PageInfo {
    PageInfo {
        current_page: current,
        total_pages: pages,
        items_per_page: size,
        has_next_page: next,
        has_previous_page: previous,
    }
}

pub async fn a_list_is_given_by_number(world: &World) {
    offered(world, 7).await;
    for (page, names, expected) in [
        ("1", vec!["Teapot 00", "Teapot 01", "Teapot 02"], place(1, 3, 3, true, false)),
        ("2", vec!["Teapot 03", "Teapot 04", "Teapot 05"], place(2, 3, 3, true, true)),
        ("3", vec!["Teapot 06"], place(3, 3, 3, false, true)),
        ("4", vec![], place(4, 3, 3, false, true)),
        ("10000", vec![], place(10_000, 3, 3, false, true)),
    ] {
        let query = [("page", page), ("limit", "3"), ("sort", "name")];
        let (listing, actual) = world.rest().browse(&query).await.unwrap();
        assert_eq!((listing.names(), listing.total, actual), (names, Some(7), expected), "page {page}");
    }
    let (all, actual) = world.rest().browse(&[]).await.unwrap();
    assert_eq!((all.items.len(), actual), (7, place(1, 1, 100, false, false)));
    let exactly = world.rest().browse(&[("limit", "7")]).await.unwrap().1;
    assert_eq!(exactly, place(1, 1, 7, false, false), "a full piece may be the last");
}

/// A client that follows links reaches the end from any page.
pub async fn a_link_leads_to_the_next_piece_until_the_end(world: &World) {
    offered(world, 8).await;
    for (begin, first) in
        [("/products?limit=3&sort=price&q=tea%20&min_price=2", 1), ("/products?page=2&limit=2&sort=price&q=Tea+", 2)]
    {
        let (mut path, mut seen) = (begin.to_owned(), Vec::new());
        for piece in 0.. {
            assert!(piece < 9, "the links go round in circles");
            let answer = get(world, &path).await;
            let names = answer.json()["results"].as_array().unwrap().clone();
            seen.extend(names.iter().map(|product| product["name"].as_str().unwrap().to_owned()));
            let Some(link) = answer.header("link").map(str::to_owned) else { break };
            let target = link.strip_prefix('<').unwrap().split_once('>').unwrap().0.to_owned();
            let url = Url::parse("http://shop.example").unwrap().join(&path).unwrap().join(&target).unwrap();
            path = format!("{}?{}", url.path(), url.query().unwrap());
        }
        let expected: Vec<_> = (first..8).map(|at| format!("Teapot {at:02}")).collect();
        assert_eq!(seen, expected, "{begin}");
    }
}

pub async fn a_cursor_keeps_telling_page_and_total(world: &World) {
    offered(world, 7).await;
    let query = Query::default().sort("name").limit(3);
    let (mut cursor, mut places) = (String::new(), Vec::new());
    loop {
        let limit = query.limit.unwrap().to_string();
        let mut parameters = vec![("limit", limit.as_str()), ("sort", "name")];
        if !cursor.is_empty() {
            parameters.push(("cursor", &cursor));
        }
        let (Listing { total, next, .. }, at) = world.rest().browse(&parameters).await.unwrap();
        assert_eq!(total, Some(7));
        places.push(at);
        let Some(next) = next else { break };
        cursor = next;
    }
    let expected = [place(1, 3, 3, true, false), place(2, 3, 3, true, true), place(3, 3, 3, false, true)];
    assert_eq!(places, expected);
}

pub async fn a_total_is_right_at_once_after_every_change(world: &World) {
    let seller = offered(world, 3).await;
    let total = async |query: &[(&str, &str)]| world.rest().browse(query).await.unwrap().0.total;
    for query in [&[("limit", "1")][..], &[("limit", "100")], &[("limit", "2"), ("page", "2")], &[("page", "9")]] {
        assert_eq!(total(query).await, Some(3), "{query:?}");
    }
    let made = seller.client.create(&teapot().name("Kettle")).await.unwrap();
    assert_eq!(total(&[("limit", "1")]).await, Some(4));
    assert_eq!(total(&[("limit", "1"), ("q", "teapot")]).await, Some(3));
    seller.client.delete(&made.id).await.unwrap();
    assert_eq!(total(&[("limit", "1")]).await, Some(3));
    let over_grpc = world.other_client().with_authorization(&seller.token);
    over_grpc.create(&teapot()).await.unwrap();
    assert_eq!(total(&[("limit", "1")]).await, Some(4), "over whichever protocol it came");
}

pub async fn a_bad_number_is_refused_with_its_bounds(world: &World) {
    offered(world, 1).await;
    let (page, limit) = ("page must be a whole number from 1 to 10000", "limit must be a whole number from 1 to 100");
    for bad in ["0", "-1", "10001", "1.5", "two", "99999999999999999999", "0x1"] {
        let refused = world.rest().browse(&[("page", bad)]).await.map(drop);
        assert_eq!(assert_fields(refused, &[("page", page)]).code, ErrorCode::InvalidRequest, "{bad}");
    }
    for bad in ["0", "-1", "101", "1.5", "all"] {
        assert_fields(world.rest().browse(&[("limit", bad)]).await.map(drop), &[("limit", limit)]);
    }
    let both = world.rest().browse(&[("page", "0"), ("limit", "0")]).await.map(drop);
    assert_fields(both, &[("page", page), ("limit", limit)]);
    let cursor = world.rest().browse(&[("page", "1"), ("cursor", "AAAA")]).await.map(drop);
    assert_fields(cursor, &[("cursor", "give cursor or page, not both")]);
    for unreadable in ["/products?q=%ff", "/products?q=%zz"] {
        let answer = get(world, unreadable).await;
        assert!(matches!(answer.status, 200 | 400), "{unreadable}: {answer:?}");
        if answer.status == 400 {
            assert_eq!(answer.json()["meta"]["code"], json!("malformed_query"), "{unreadable}");
        }
    }
    for ignored in ["/products?colour=green&__proto__=1", "/products?limit=&page=&sort=&q="] {
        assert_eq!(get(world, ignored).await.status, 200, "{ignored}");
    }
    assert_eq!(call_error(&get(world, "/products?sort=random").await).code, ErrorCode::InvalidRequest);
}

pub async fn head_of_a_list_has_its_link_and_no_body(world: &World) {
    offered(world, 2).await;
    let path = "/products?limit=1";
    let head = Answer::of(world.rest().request(Method::HEAD, path)).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("link"), get(world, path).await.header("link"));
    assert!(head.header("link").is_some());
}
