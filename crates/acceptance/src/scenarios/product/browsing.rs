//! Lists of products: sorting and paging.

use super::walk;
use crate::scenarios::user::assert_fields;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::error::ErrorCode;
use std::collections::BTreeSet;
use testkit::client::{Product, Protocol, Query, ShopClient, change, teapot};
use testkit::member::{Member, seller};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

const SORTS: [&str; 5] = ["newest", "oldest", "price", "-price", "name"];

/// Creates products one second apart.
async fn offered(world: &World, seller: &Member, products: &[(&str, &str)]) -> Vec<Product> {
    let mut made = Vec::new();
    for (name, price) in products {
        made.push(seller.client.create(&teapot().name(*name).price(*price)).await.unwrap());
        world.clock.advance(1);
    }
    made
}

async fn names(client: &dyn ShopClient, query: Query) -> Vec<String> {
    client.products(&query).await.unwrap().items.into_iter().map(|product| product.name).collect()
}

pub async fn an_empty_shop_lists_nothing(world: &World) {
    for sort in SORTS {
        let listing = world.client().products(&Query::default().sort(sort)).await.unwrap();
        assert_eq!((listing.items, listing.next), (Vec::new(), None));
        assert!(listing.total.is_none_or(|total| total == 0));
    }
}

pub async fn a_list_comes_in_five_orders(world: &World) {
    let seller = seller(world).await;
    let products = [("Banana", "9.99"), ("apple", "100"), ("zebra", "20"), ("Éclair", "1000"), ("Cherry", "10.5")];
    offered(world, &seller, &products).await;
    for (sort, expected) in [
        ("", ["Cherry", "Éclair", "zebra", "apple", "Banana"]),
        ("newest", ["Cherry", "Éclair", "zebra", "apple", "Banana"]),
        ("oldest", ["Banana", "apple", "zebra", "Éclair", "Cherry"]),
        ("price", ["Banana", "Cherry", "zebra", "apple", "Éclair"]),
        ("-price", ["Éclair", "apple", "zebra", "Cherry", "Banana"]),
        ("name", ["apple", "Banana", "Cherry", "zebra", "Éclair"]),
    ] {
        assert_eq!(names(&*world.client(), Query::default().sort(sort)).await, expected, "{sort}");
        let in_pieces = walk(&*world.client(), &Query::default().sort(sort), 2).await;
        assert_eq!(in_pieces.iter().map(|product| product.name.as_str()).collect::<Vec<_>>(), expected, "{sort}");
    }
}

pub async fn a_change_moves_a_product_to_its_new_place(world: &World) {
    let seller = seller(world).await;
    let made = offered(world, &seller, &[("Banana", "1"), ("Apple", "2")]).await;
    seller.client.update(&made[0].id, &change().name("Aardvark").price("3")).await.unwrap();
    for (sort, expected) in [("name", ["Aardvark", "Apple"]), ("price", ["Apple", "Aardvark"])] {
        assert_eq!(names(&*world.client(), Query::default().sort(sort)).await, expected);
    }
    assert_eq!(names(&*world.client(), Query::default()).await, ["Apple", "Aardvark"], "it is no newer than it was");
}

pub async fn among_equals_each_has_one_place(world: &World) {
    let seller = seller(world).await;
    for _ in 0..11 {
        seller.client.create(&teapot()).await.unwrap();
    }
    for sort in SORTS {
        let whole = world.client().products(&Query::default().sort(sort)).await.unwrap().items;
        assert_eq!(whole.len(), 11);
        for limit in [1, 3, 10, 11] {
            assert_eq!(walk(&*world.client(), &Query::default().sort(sort), limit).await, whole, "{sort} by {limit}");
        }
    }
}

/// Products that are created meanwhile may appear or not; all others appear once.
pub async fn a_walk_sees_each_product_once_while_others_come_in(world: &World) {
    let seller = seller(world).await;
    for sort in SORTS {
        let mut expected = BTreeSet::new();
        for at in 0..9 {
            let form = teapot().name(format!("{sort} {at}")).price((100 + at).to_string());
            expected.insert(seller.client.create(&form).await.unwrap().id);
            world.clock.advance(1);
        }
        let mut query = Query::default().sort(sort).q(sort).limit(2);
        let mut seen = Vec::new();
        loop {
            let listing = world.client().products(&query).await.unwrap();
            seen.extend(listing.items.into_iter().map(|product| product.id));
            let Some(next) = listing.next else { break };
            query = query.after(&next);
            let price = if sort == "-price" { "1000" } else { "1" };
            seller.client.create(&teapot().name(format!("{sort} !")).price(price)).await.unwrap();
        }
        let unique: BTreeSet<_> = seen.iter().cloned().collect();
        assert_eq!(unique.len(), seen.len(), "{sort}: one was seen twice");
        assert!(unique.is_superset(&expected), "{sort}: one was passed over");
    }
}

pub async fn a_walk_goes_on_where_a_product_was_withdrawn(world: &World) {
    let seller = seller(world).await;
    let made = offered(world, &seller, &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"), ("e", "5")]).await;
    let query = Query::default().sort("price").limit(2);
    let first = world.client().products(&query).await.unwrap();
    assert_eq!(first.names(), ["a", "b"]);
    for gone in [&made[0], &made[1], &made[2]] {
        seller.client.delete(&gone.id).await.unwrap();
    }
    let second = world.client().products(&query.after(&first.next.unwrap())).await.unwrap();
    assert_eq!((second.names(), second.next.as_deref()), (vec!["d", "e"], None));
}

pub async fn a_cursor_is_good_on_both_protocols(world: &World) {
    let seller = seller(world).await;
    offered(world, &seller, &[("a", "1"), ("b", "2"), ("c", "3")]).await;
    let query = Query::default().sort("name").limit(2);
    let cursor = world.client().products(&query).await.unwrap().next.unwrap();
    let rest = world.other_client().products(&query.after(&cursor)).await.unwrap();
    assert_eq!((rest.names(), rest.next.as_deref()), (vec!["c"], None));
}

pub async fn a_cursor_belongs_to_its_list(world: &World) {
    let seller = seller(world).await;
    offered(world, &seller, &[("a", "1"), ("b", "2"), ("c", "3")]).await;
    let query = Query::default().sort("name").limit(1);
    let cursor = world.client().products(&query).await.unwrap().next.unwrap();
    let field = match world.protocol() {
        Protocol::Rest => "cursor",
        Protocol::Grpc => "page_token",
    };
    let message =
        format!("invalid cursor: {field} must be one that the same list gave, with the same filters and order");
    for other in [
        query.clone().sort("price"),
        query.clone().q("a"),
        query.clone().seller(&seller.id),
        query.clone().costing("1", ""),
        query.clone().costing("", "9"),
    ] {
        assert_fields(world.client().products(&other.after(&cursor)).await, &[(field, &message)]);
    }
    for text in ["nonsense", "AAAA", "%", &cursor[1..], &"A".repeat(3_000)] {
        assert_fields(world.client().products(&query.after(text)).await, &[(field, &message)]);
    }
    world.client().products(&query.clone().limit(100).after(&cursor)).await.unwrap();
}

/// The same cursor with other parts, which are not secret. The first part identifies the list.
pub(crate) fn forged(cursor: &str, parts: &[&str]) -> String {
    let whole = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).unwrap()).unwrap();
    let mark = whole.split('\n').next().unwrap();
    URL_SAFE_NO_PAD.encode([&[mark], parts].concat().join("\n"))
}

pub async fn a_forged_cursor_is_refused_or_harmless(world: &World) {
    let seller = seller(world).await;
    let made = offered(world, &seller, &[("a", "1"), ("b", "2")]).await;
    let id = made[0].id.as_str();
    let field = match world.protocol() {
        Protocol::Rest => "cursor",
        Protocol::Grpc => "page_token",
    };
    let message =
        format!("invalid cursor: {field} must be one that the same list gave, with the same filters and order");
    let long = "x".repeat(2_000);
    for sort in SORTS {
        let query = Query::default().sort(sort).limit(1);
        let cursor = world.client().products(&query).await.unwrap().next.unwrap();
        let own = match sort {
            "name" => "n",
            "price" | "-price" => "p",
            _ => "c",
        };
        for offset in ["18446744073709551615", "9223372036854775808", "9007199254740993", "-1", "1e3", ""] {
            let outcome =
                world.client().products(&query.clone().after(&forged(&cursor, &[offset, own, "1", id]))).await;
            assert_eq!(assert_fields(outcome, &[(field, &message)]).message, message, "{sort} {offset}");
        }
        for (kind, key) in [
            ("c", "253402300800000000"),
            ("c", "9223372036854775807"),
            ("c", "-9223372036854775808"),
            ("c", "-62135596800000001"),
            ("p", "-1"),
            ("p", "9223372036854775807"),
            ("p", "18446744073709551615"),
            ("n", "a\0b"),
            ("n", &long),
            ("x", "1"),
        ] {
            let outcome = world.client().products(&query.clone().after(&forged(&cursor, &["1", kind, key, id]))).await;
            assert_fields(outcome, &[(field, &message)]);
        }
        for other in ["c", "p", "n"].into_iter().filter(|kind| *kind != own) {
            let outcome = world.client().products(&query.clone().after(&forged(&cursor, &["1", other, "1", id]))).await;
            assert_fields(outcome, &[(field, &message)]);
        }
        let no_ids = ["", "1", "\0", "' OR 1=1 --"];
        for parts in no_ids.map(|id| vec!["1", own, "1", id]).into_iter().chain([vec![], vec!["1"], vec!["1", own]]) {
            assert_fields(
                world.client().products(&query.clone().after(&forged(&cursor, &parts))).await,
                &[(field, &message)],
            );
        }
        // A key that a database can compare leads to a page or to the end.
        for key in match own {
            "c" => vec!["-62135596800000000", "0", "253402300799999999"],
            "p" => vec!["0", "999999999999999"],
            _ => vec!["", "\u{10FFFF}", "\u{FFFF}\u{1}", "a\nb", "%_!\\"],
        } {
            for offset in ["0", "9007199254740992"] {
                world.client().products(&query.clone().after(&forged(&cursor, &[offset, own, key, id]))).await.unwrap();
            }
        }
    }
}

pub async fn a_piece_has_a_hundred_products_at_most(world: &World) {
    let seller = seller(world).await;
    for at in 0..101 {
        seller.client.create(&teapot().name(format!("Teapot {at}"))).await.unwrap();
    }
    for query in [Query::default(), Query::default().limit(100)] {
        let listing = world.client().products(&query).await.unwrap();
        assert_eq!(listing.items.len(), 100);
        let rest = world.client().products(&query.after(&listing.next.unwrap())).await.unwrap();
        assert_eq!((rest.items.len(), rest.next), (1, None));
    }
    let field = match world.protocol() {
        Protocol::Rest => "limit",
        Protocol::Grpc => "page_size",
    };
    let message = format!("{field} must be a whole number from 1 to 100");
    for limit in [101, -1, i32::MAX, i32::MIN] {
        let outcome = world.client().products(&Query::default().limit(limit)).await;
        assert_eq!(assert_fields(outcome, &[(field, &message)]).code, ErrorCode::InvalidRequest);
    }
}

pub async fn all_bad_parameters_are_named(world: &World) {
    let (limit, cursor) = match world.protocol() {
        Protocol::Rest => ("limit", "cursor"),
        Protocol::Grpc => ("page_size", "page_token"),
    };
    let amount = |field: &str| format!("{field} must be an amount such as 1000 or 10.50, at most 9999999999999.99");
    let bad = Query {
        q: "x".repeat(101),
        seller: "ada".to_owned(),
        min_price: "cheap".to_owned(),
        max_price: "-1".to_owned(),
        sort: "random".to_owned(),
        limit: Some(101),
        cursor: "nonsense".to_owned(),
    };
    let outcome = world.client().products(&bad).await;
    let expected = [
        ("q", "maximum length for field q is 100 characters"),
        ("seller", "seller must be a user's id, a UUID"),
        ("min_price", &amount("min_price")),
        ("max_price", &amount("max_price")),
        ("sort", "sort must be one of newest, oldest, price, -price, name"),
        (limit, &format!("{limit} must be a whole number from 1 to 100")),
        (
            cursor,
            &format!("invalid cursor: {cursor} must be one that the same list gave, with the same filters and order"),
        ),
    ];
    assert_eq!(assert_fields(outcome, &expected).code, ErrorCode::InvalidRequest);

    for (sort, query) in [("Newest", ""), ("price,name", ""), ("id", ""), ("; DROP TABLE products", "")] {
        let outcome = world.client().products(&Query::default().sort(sort).q(query)).await;
        assert_fields(outcome, &[expected[4]]);
    }
    let crossed = world.client().products(&Query::default().costing("2", "1.99")).await;
    assert_fields(crossed, &[("max_price", "max_price must not be less than min_price")]);
    let controls = world.client().products(&Query::default().q("a\u{7}b")).await;
    assert_fields(controls, &[("q", "field q contains control characters")]);
}
