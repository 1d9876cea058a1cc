//! Lists of products, read through the use case.

use crate::support::{TestDatabase, kinds, offer, seller, soon};
use app::client::ClientAddress;
use app::clock::{Deadline, SystemClock};
use app::context::{Context, Query, Reader, RequestId};
use app::entity_tag::EntityTags;
use app::page::{Page, PageForm, PageRequest, PageStart};
use app::pipeline::UseCase;
use app::product::{
    BrowseForm, BrowseProducts, Filter, ImageInspector, ImageStore, ProductImages, ProductListing, ProductLists,
    ProductTotals, ProductView, Products, Sort, SortKey, SortPosition,
};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::actor::{Actor, Seller};
use domain::error::{Error, ErrorCode, Reason};
use domain::product::{Image, ImageAddress, ImageKey, Product, ProductId};
use persistence::{Database, ReplicatedLists};
use std::collections::HashSet;
use std::sync::Arc;

const SORTS: [&str; 5] = ["newest", "oldest", "price", "-price", "name"];

/// Uncached totals, and images that no test reads.
struct Beside(Arc<Database>);

#[async_trait]
impl ProductTotals for Beside {
    async fn total(&self, filter: &Filter, _: Reader, by: Deadline) -> Result<u64, Error> {
        self.0.count_products(filter, by).await
    }

    fn changed(&self) {}
}

#[async_trait]
impl ImageInspector for Beside {
    async fn inspect(&self, _: Vec<u8>, _: Deadline) -> Result<Result<Image, Reason>, Error> {
        Ok(Err(Image::invalid()))
    }
}

#[async_trait]
impl ImageStore for Beside {
    async fn put(&self, _: &ImageKey, _: Image, _: Deadline) -> Result<(), Error> {
        Err(ErrorCode::ImageStoreFailed.into())
    }

    async fn remove(&self, _: &ImageKey, _: Deadline) -> Result<(), Error> {
        Ok(())
    }

    async fn address(&self, key: &ImageKey) -> Result<ImageAddress, Error> {
        Ok(ImageAddress { url: key.to_string(), ends: false })
    }
}

async fn browse(database: &Arc<Database>, form: BrowseForm) -> Page<ProductView> {
    let beside = Arc::new(Beside(Arc::clone(database)));
    let images = ProductImages {
        inspector: Arc::clone(&beside) as Arc<dyn ImageInspector>,
        store: Arc::clone(&beside) as Arc<dyn ImageStore>,
        ledger: Arc::clone(database) as _,
        clock: Arc::new(SystemClock),
    };
    let browse = BrowseProducts {
        products: Arc::new(ReplicatedLists::new(Arc::clone(database), None)),
        totals: beside,
        images: Arc::new(images),
    };
    let client = ClientAddress::new([192, 0, 2, 1].into());
    let context = Context::new(Actor::Anonymous, client, RequestId::accept(None), soon());
    browse.execute(&context, form).await.unwrap()
}

fn ids(page: &Page<ProductView>) -> Vec<ProductId> {
    page.items.iter().map(|product| product.id).collect()
}

fn searched(q: &str) -> BrowseForm {
    BrowseForm { q: q.to_owned(), sort: "name".to_owned(), ..BrowseForm::default() }
}

/// Reads a whole list by cursors.
async fn walked(database: &Arc<Database>, form: &BrowseForm, limit: usize) -> Vec<ProductId> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = PageForm { limit: limit.to_string(), cursor, ..PageForm::default() };
        let page = browse(database, BrowseForm { page, ..form.clone() }).await;
        assert_eq!(page.offset, all.len() as u64);
        all.extend(ids(&page));
        match page.next {
            Some(next) => cursor = next,
            None => return all,
        }
    }
}

async fn list(database: &Arc<Database>, listing: &ProductListing) -> Result<Vec<Product>, Error> {
    let client = ClientAddress::new([192, 0, 2, 1].into());
    let context = Context::<Query>::new(Actor::Anonymous, client, RequestId::accept(None), soon());
    let lists = ReplicatedLists::new(Arc::clone(database), None);
    lists.list(listing, context.reader(), soon()).await
}

/// The products that match a filter, as far as one page has them.
pub(crate) async fn all(database: &Arc<Database>, filter: &Filter) -> Vec<ProductId> {
    let page = PageRequest { start: PageStart::Offset(0), offset: 0, limit: 100 };
    let listing = ProductListing { filter: filter.clone(), sort: Sort::Newest, page };
    list(database, &listing).await.unwrap().iter().map(Product::id).collect()
}

fn at(seconds: i64) -> DateTime<Utc> {
    let noon: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
    noon + TimeDelta::seconds(seconds)
}

/// Products of which many are equal in each of the orders; every fifth is another seller's, and every seventh has been
/// withdrawn.
async fn shop(database: &Arc<Database>) -> (Seller, Vec<Product>) {
    let (ada, grace) = (seller(database, "ada@example.com").await, seller(database, "grace@example.com").await);
    let product = |number: i64| {
        let (owner, name) = (if number % 5 == 0 { grace } else { ada }, ["Tea", "tea", "ß", "Zug", "Äpfel"]);
        let name = name[usize::try_from(number % 5).unwrap()];
        let micros = TimeDelta::microseconds(number % 3 * 500_000);
        offer(owner, name, &format!("{}", number % 4 + 1), at(number % 2) + micros)
    };
    let products: Vec<_> = (0..290).map(product).collect();
    database.add_missing_products(products.clone(), soon()).await.unwrap();
    let mut kept = Vec::new();
    for (number, product) in products.into_iter().enumerate() {
        if number % 7 == 0 {
            let owner = if product.seller() == ada.id() { ada } else { grace };
            database.delete(&product.owned_by(owner).unwrap(), &EntityTags::None, at(9), soon()).await.unwrap();
        } else {
            kept.push(product);
        }
    }
    (ada, kept)
}

/// The order that the domain defines.
fn sorted(products: &[Product], sort: &str) -> Vec<ProductId> {
    let mut all = products.to_vec();
    all.sort_by_key(|product| (product.id().to_string(), product.id()));
    match sort {
        "price" | "-price" => all.sort_by_key(|product| product.details().price),
        "name" => all.sort_by_key(|product| product.details().name.key()),
        _ => all.sort_by_key(Product::created_at),
    }
    if matches!(sort, "newest" | "-price") {
        all.reverse();
    }
    all.iter().map(Product::id).collect()
}

#[tokio::test]
async fn a_walk_by_cursors_meets_each_product_once_and_in_order() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let (ada, products) = shop(&database).await;
        let adas: Vec<_> = products.iter().filter(|product| product.seller() == ada.id()).cloned().collect();
        assert!(products.len() > 240, "{}", products.len());
        for sort in SORTS {
            let form = BrowseForm { sort: sort.to_owned(), ..BrowseForm::default() };
            let expected = sorted(&products, sort);
            for limit in [7, 100] {
                assert_eq!(walked(&database, &form, limit).await, expected, "{kind:?}: {sort} by {limit}");
            }
            let form = BrowseForm { seller: ada.id().to_string(), ..form };
            assert_eq!(walked(&database, &form, 7).await, sorted(&adas, sort), "{kind:?}: {sort} of one seller");
        }
    }
}

#[tokio::test]
async fn a_walk_by_numbers_is_the_same_walk() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let (ada, products) = shop(&database).await;
        for (sort, of) in SORTS.into_iter().flat_map(|sort| [(sort, None), (sort, Some(ada.id()))]) {
            let listed: Vec<_> =
                products.iter().filter(|product| of.is_none_or(|of| product.seller() == of)).cloned().collect();
            let mut walked = Vec::new();
            for number in 1.. {
                let page = PageForm { page: number.to_string(), limit: "30".to_owned(), ..PageForm::default() };
                let seller = of.map(|of| of.to_string()).unwrap_or_default();
                let form = BrowseForm { page, sort: sort.to_owned(), seller, ..BrowseForm::default() };
                let page = browse(&database, form).await;
                assert_eq!(page.total, listed.len() as u64, "{kind:?}: {sort} of {of:?}");
                if page.items.is_empty() {
                    break;
                }
                walked.extend(ids(&page));
            }
            assert_eq!(walked, sorted(&listed, sort), "{kind:?}: {sort} of {of:?}");
        }
    }
}

#[tokio::test]
async fn what_comes_and_goes_during_a_walk_moves_nobody_else() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let (ada, products) = shop(&database).await;
        let expected = sorted(&products, "newest");
        let page = PageForm { limit: "50".to_owned(), ..PageForm::default() };
        let first = browse(&database, BrowseForm { page, ..BrowseForm::default() }).await;
        let added = offer(ada, "new", "1", at(60));
        database.add(&added, soon()).await.unwrap();
        let last = products.iter().find(|product| product.id() == expected[49]).unwrap().clone();
        let owner = if last.seller() == ada.id() { ada } else { seller(&database, "grace@example.com").await };
        database.delete(&last.owned_by(owner).unwrap(), &EntityTags::None, at(61), soon()).await.unwrap();
        let page = PageForm { limit: "100".to_owned(), cursor: first.next.unwrap(), ..PageForm::default() };
        let second = browse(&database, BrowseForm { page, ..BrowseForm::default() }).await;
        assert_eq!(ids(&second), expected[50..150], "{kind:?}");
    }
}

#[tokio::test]
async fn a_searched_text_is_taken_to_the_letter_in_whatever_case() {
    let names = [
        "100% cotton",
        "100 cotton",
        "snake_case",
        "snakeXcase",
        r"back\slash",
        r"back\\slash",
        "wow!",
        "wow",
        "ÄRMEL",
        "armel",
        "straße",
        "STRASSE",
        "İstanbul",
        "O'Neil",
        "🛍 bag",
        "%",
        "a%b_c!d",
        "A%B_C!D\\",
    ];
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let ada = seller(&database, "ada@example.com").await;
        for name in names {
            database.add(&offer(ada, name, "1", at(0)), soon()).await.unwrap();
        }
        for q in [
            "%", "_", "!", "\\", r"\\", "%_", "'", "100%", "e_c", "ärmel", "ÄRM", "arm", "straß", "STRASS", "İST",
            "ist", "🛍", "B_C!D", "b_c!d\\", "!%", "!!", "zzz", "wow! ", "\"", "--", "a%b",
        ] {
            let text = q.trim().to_lowercase();
            let mut expected: Vec<_> = names.iter().filter(|name| name.to_lowercase().contains(&text)).collect();
            expected.sort_by_key(|name| name.to_lowercase());
            let page = browse(&database, searched(q)).await;
            let found: Vec<_> = page.items.iter().map(|product| product.name.as_str()).collect();
            assert_eq!(found, expected.iter().map(|name| **name).collect::<Vec<_>>(), "{kind:?}: {q}");
            let page = PageForm { limit: "1".to_owned(), ..PageForm::default() };
            let total = browse(&database, BrowseForm { page, ..searched(q) }).await.total;
            assert_eq!(total >= 1, !expected.is_empty(), "{kind:?}: {q}");
            if total > 1 {
                assert_eq!(total, expected.len() as u64, "{kind:?}: {q} is counted as it is listed");
            }
        }
    }
}

#[tokio::test]
async fn filters_narrow_each_other_and_are_counted_alike() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let (ada, products) = shop(&database).await;
        for (q, seller, min, max) in [
            ("", "", "2", ""),
            ("", "", "", "2"),
            ("", "", "2", "3"),
            ("", "", "2.01", "2.99"),
            ("", "", "4.01", ""),
            ("te", "", "", ""),
            ("TE", "ada", "", ""),
            ("te", "ada", "2", "2"),
            ("", "ada", "3", "4"),
        ] {
            let seller = if seller.is_empty() { String::new() } else { ada.id().to_string() };
            let form = BrowseForm {
                q: q.to_owned(),
                seller: seller.clone(),
                min_price: min.to_owned(),
                max_price: max.to_owned(),
                ..BrowseForm::default()
            };
            let minor = |amount: &str| domain::money::Money::parse(amount).ok();
            let expected: HashSet<_> = products
                .iter()
                .filter(|product| {
                    let price = Some(product.details().price.money());
                    product.details().name.key().contains(&q.to_lowercase())
                        && (seller.is_empty() || product.seller().to_string() == seller)
                        && (min.is_empty() || price >= minor(min))
                        && (max.is_empty() || price <= minor(max))
                })
                .map(Product::id)
                .collect();
            for sort in SORTS {
                let walked = walked(&database, &BrowseForm { sort: sort.to_owned(), ..form.clone() }, 9).await;
                assert_eq!(walked.len(), expected.len(), "{kind:?}: {form:?} {sort}");
                assert_eq!(walked.into_iter().collect::<HashSet<_>>(), expected, "{kind:?}: {form:?} {sort}");
            }
            let page = PageForm { limit: "1".to_owned(), ..PageForm::default() };
            let total = browse(&database, BrowseForm { page, ..form.clone() }).await.total;
            assert_eq!(total, expected.len() as u64, "{kind:?}: {form:?}");
        }
    }
}

#[tokio::test]
async fn a_place_of_another_kind_than_the_order_is_a_fault_of_ours() {
    for kind in kinds() {
        let test = TestDatabase::migrated(kind);
        let database = test.open();
        let place = SortPosition { key: SortKey::Name("tea".to_owned()), id: ProductId::generate() };
        let page = PageRequest { start: PageStart::After(place), offset: 1, limit: 10 };
        let listing = ProductListing { filter: Filter::default(), sort: Sort::Price, page };
        let refused = list(&database, &listing).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Internal, "{kind:?}");
        let far = PageRequest { start: PageStart::Offset(1_000_000), offset: 1_000_000, limit: 100 };
        let listing = ProductListing { page: far, ..listing };
        assert_eq!(list(&database, &listing).await.unwrap(), [], "{kind:?}");
    }
}
