//! Lists of products: filters.

use super::walk;
use testkit::client::{Query, ShopClient, teapot};
use testkit::member::{Member, member, seller};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

async fn named(seller: &Member, names: &[&str]) {
    for name in names {
        seller.client.create(&teapot().name(*name)).await.unwrap();
    }
}

/// The names in a list, sorted.
async fn found(client: &dyn ShopClient, query: Query) -> Vec<String> {
    let listing = client.products(&query.clone().sort("name")).await.unwrap();
    if let Some(total) = listing.total {
        assert_eq!(total, listing.items.len() as u64, "{query:?}");
    }
    listing.items.into_iter().map(|product| product.name).collect()
}

pub async fn every_character_of_a_search_stands_for_itself(world: &World) {
    let seller = seller(world).await;
    let names =
        ["100% cotton", "100 per cent", "a_b", "axb", "back\\slash", "O'Hara", "[a-z]*", "say \"hi\"", "a+b&c=d"];
    named(&seller, &names).await;
    for (q, expected) in [
        ("%", vec!["100% cotton"]),
        ("100%", vec!["100% cotton"]),
        ("_", vec!["a_b"]),
        ("a_b", vec!["a_b"]),
        ("\\", vec!["back\\slash"]),
        ("\\%", vec![]),
        ("'", vec!["O'Hara"]),
        ("' OR '1'='1", vec![]),
        ("[a-z]", vec!["[a-z]*"]),
        ("*", vec!["[a-z]*"]),
        ("\"hi", vec!["say \"hi\""]),
        ("+b&c=", vec!["a+b&c=d"]),
        ("nothing like it", vec![]),
    ] {
        assert_eq!(found(&*world.client(), Query::default().q(q)).await, expected, "{q:?}");
    }
}

pub async fn a_search_looks_at_no_case_in_any_script(world: &World) {
    let seller = seller(world).await;
    named(&seller, &["Teapot", "ÜBERTOPF", "Чайник", "ÇELİK çaydanlık", "急須", "Étagère"]).await;
    for (q, expected) in [
        ("TEAP", "Teapot"),
        (" pot ", "Teapot"),
        ("übert", "ÜBERTOPF"),
        ("ЧАЙ", "Чайник"),
        ("çelİk", "ÇELİK çaydanlık"),
        ("急", "急須"),
        ("ÉTAGÈRE", "Étagère"),
    ] {
        assert_eq!(found(&*world.client(), Query::default().q(q)).await, [expected], "{q:?}");
    }
    // A letter with an accent is another letter.
    assert!(found(&*world.client(), Query::default().q("ubertopf")).await.is_empty());
    let most = "x".repeat(100);
    assert!(found(&*world.client(), Query::default().q(&most)).await.is_empty());
}

pub async fn a_blank_search_is_none(world: &World) {
    let seller = seller(world).await;
    named(&seller, &["a", "b"]).await;
    for q in ["", " ", "\t"] {
        assert_eq!(found(&*world.client(), Query::default().q(q)).await, ["a", "b"]);
    }
}

pub async fn a_list_is_narrowed_to_a_seller(world: &World) {
    let (ada, grace) = (seller(world).await, member(world, "seller", "grace@example.com").await);
    named(&ada, &["a"]).await;
    named(&grace, &["b", "c"]).await;
    assert_eq!(found(&*world.client(), Query::default().seller(&ada.id)).await, ["a"]);
    assert_eq!(found(&*world.client(), Query::default().seller(&grace.id.to_uppercase())).await, ["b", "c"]);
    let nobody = uuid::Uuid::now_v7().to_string();
    assert!(found(&*world.client(), Query::default().seller(&nobody)).await.is_empty());
}

pub async fn a_list_is_narrowed_to_prices_inclusive(world: &World) {
    let seller = seller(world).await;
    for price in ["9.99", "10", "10.01", "9999999999999.99"] {
        seller.client.create(&teapot().name(format!("for {price}")).price(price)).await.unwrap();
    }
    for (min, max, expected) in [
        ("10", "", vec!["for 10", "for 10.01", "for 9999999999999.99"]),
        ("", "10.00", vec!["for 10", "for 9.99"]),
        ("10", "10", vec!["for 10"]),
        ("10.01", "9999999999999.98", vec!["for 10.01"]),
        ("0", "0", vec![]),
        ("0", "9999999999999.99", vec!["for 10", "for 10.01", "for 9.99", "for 9999999999999.99"]),
    ] {
        assert_eq!(found(&*world.client(), Query::default().costing(min, max)).await, expected, "{min} to {max}");
    }
}

pub async fn filters_hold_together_on_every_piece(world: &World) {
    let (ada, grace) = (seller(world).await, member(world, "seller", "grace@example.com").await);
    for at in 0..6 {
        for (seller, kind) in [(&ada, "Teapot"), (&ada, "Kettle"), (&grace, "Teapot")] {
            let form = teapot().name(format!("{kind} {at}")).price(at.to_string().replace('0', "0.5"));
            seller.client.create(&form).await.unwrap();
        }
    }
    let query = Query::default().q("TEA").seller(&ada.id).costing("1", "4").sort("-price");
    let seen = walk(&*world.client(), &query, 2).await;
    let names: Vec<_> = seen.iter().map(|product| product.name.as_str()).collect();
    assert_eq!(names, ["Teapot 4", "Teapot 3", "Teapot 2", "Teapot 1"]);
    assert!(seen.iter().all(|product| product.user_id == ada.id));
}
