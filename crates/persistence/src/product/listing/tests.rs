//! The plans by which the databases read pages of lists, as they explain the statements that are sent.

use super::*;
use crate::connection::{self, Session};
use crate::support::{Kind, TestDatabase, kinds, offer, seller, soon};
use crate::url::Address;
use app::page::PageRequest;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::methods::LoadQuery;
use diesel::sql_types::{Integer, Text};
use domain::product::Product;
use std::marker::PhantomData;

/// So many products that no database plans to read all of them.
const PRODUCTS: i64 = 6_000;

const SORTS: [Sort; 5] = [Sort::Newest, Sort::Oldest, Sort::Price, Sort::PriceDescending, Sort::Name];

/// Explains a statement instead of running it. The rows of the explanation have the columns `C`.
struct Explain<Q, C>(&'static str, Q, PhantomData<C>);

impl<Q, C> QueryId for Explain<Q, C> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<Backend>, C> QueryFragment<Backend> for Explain<Q, C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql(self.0);
        self.1.walk_ast(out.reborrow())
    }
}

impl<Q, C> Query for Explain<Q, C> {
    type SqlType = C;
}

impl<Q, C> RunQueryDsl<AnyConnection> for Explain<Q, C> {}

/// The database's plan for a statement, in one line.
fn plan<Q: QueryFragment<Backend>>(connection: &mut AnyConnection, kind: Kind, statement: Q) -> String {
    type Steps = (Integer, Integer, Integer, Text);
    fn lines<'a, E: LoadQuery<'a, AnyConnection, String>>(connection: &mut AnyConnection, explain: E) -> Vec<String> {
        explain.internal_load(connection).unwrap().collect::<QueryResult<_>>().unwrap()
    }
    let lines = match kind {
        Kind::Sqlite => {
            let explain: Explain<Q, Steps> = Explain("EXPLAIN QUERY PLAN ", statement, PhantomData);
            let steps: Vec<(i32, i32, i32, String)> = explain.load(connection).unwrap();
            steps.into_iter().map(|(_, _, _, step)| step).collect()
        }
        Kind::Postgres => lines(connection, Explain::<Q, Text>("EXPLAIN ", statement, PhantomData)),
        Kind::Mariadb | Kind::Mysql => {
            lines(connection, Explain::<Q, Text>("EXPLAIN FORMAT = JSON ", statement, PhantomData))
        }
    };
    lines.join(" | ").replace("\"using_filesort\": false", "").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How much of the shop a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    All,
    Most,
    Few,
}

/// What a plan must contain.
struct Way {
    indices: &'static [&'static str],
    /// It starts at a place inside the index.
    enters: bool,
    /// It reads no rows.
    is_covered: bool,
}

impl Way {
    /// Why a plan is not the expected one.
    fn objections(&self, kind: Kind, plan: &str) -> Vec<&'static str> {
        let Self { indices, enters, is_covered } = self;
        let has = |word: &str, end: &str| indices.iter().any(|index| plan.contains(&format!("{word}{index}{end}")));
        let (uses, inside, covered) = match kind {
            Kind::Sqlite => (has("INDEX ", " "), plan.contains(['<', '>']), plan.contains("COVERING")),
            Kind::Postgres => (has("using ", " "), plan.contains("Index Cond"), plan.contains("Index Only")),
            Kind::Mariadb | Kind::Mysql => {
                let is_range = plan.contains("\"access_type\": \"range\"");
                (has("\"key\": \"", "\""), is_range, plan.contains("\"using_index\": true"))
            }
        };
        let sorts = ["TEMP B-TREE", "Sort", "filesort", "temporary"].iter().any(|word| plan.contains(word));
        let all = [
            (uses, "another index"),
            (inside || !enters, "counts off what comes before"),
            (covered || !is_covered, "reads rows"),
            (!sorts, "sorts"),
        ];
        all.into_iter().filter(|(is_well, _)| !is_well).map(|(_, objection)| objection).collect()
    }
}

/// The index of an order. The list of a seller who has nearly all products may be read from the index of all.
const fn indices_of(sort: Sort, share: Share) -> &'static [&'static str] {
    match (sort, share) {
        (Sort::Newest | Sort::Oldest, Share::All) => &["products_created_at"],
        (Sort::Newest | Sort::Oldest, Share::Most) => &["products_user_id", "products_created_at"],
        (Sort::Newest | Sort::Oldest, Share::Few) => &["products_user_id"],
        (Sort::Price | Sort::PriceDescending, _) => &["products_price"],
        (Sort::Name, _) => &["products_name_key"],
    }
}

fn key_of(sort: Sort, product: &Product) -> SortKey {
    match sort {
        Sort::Newest | Sort::Oldest => SortKey::CreatedAt(product.created_at()),
        Sort::Price | Sort::PriceDescending => SortKey::Price(product.details().price.money()),
        Sort::Name => SortKey::Name(product.details().name.key()),
    }
}

/// A shop in which one seller has all but a hundredth of the products, and one from the middle of it.
async fn fill(test: &TestDatabase) -> Vec<Product> {
    let database = test.open();
    let (all, few) = (seller(&database, "ada@example.com").await, seller(&database, "grace@example.com").await);
    let noon: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
    let product = |number: i64| {
        let owner = if number % 100 == 50 { few } else { all };
        // Neither names nor prices rise with time.
        let shuffled = number * 7_919 % PRODUCTS;
        offer(owner, &format!("tea {shuffled}"), &format!("{}", shuffled / 3 + 1), noon + TimeDelta::seconds(number))
    };
    let products: Vec<_> = (0..PRODUCTS).map(product).collect();
    database.add_missing_products(products.clone(), soon()).await.unwrap();
    if test.kind == Kind::Postgres {
        // Marks the rows as visible to all, which autovacuum does some time later.
        test.raw().execute("VACUUM products");
    }
    products
}

#[tokio::test]
async fn no_piece_of_a_list_sorts_or_steps_over_what_comes_before() {
    // MySQL gives no plan to a prepared statement, and Diesel prepares all.
    for kind in kinds().into_iter().filter(|kind| *kind != Kind::Mysql) {
        let test = TestDatabase::migrated(kind);
        let products = fill(&test).await;
        let address = Address::parse(&test.url.clone().into()).unwrap();
        let mut connection = connection::open(&address, &Session::serving(&test.options())).unwrap();
        let planner = Planner::of(&connection);
        let middle = &products[products.len() / 2];
        let of_all = SORTS.map(|sort| (sort, Share::All, None));
        let of_one =
            [(Share::Most, &products[0]), (Share::Few, &products[50])].into_iter().flat_map(|(share, product)| {
                [Sort::Newest, Sort::Oldest].map(|sort| (sort, share, Some(product.seller())))
            });
        for (sort, share, owner) in of_all.into_iter().chain(of_one) {
            let filter = Filter { seller: owner, ..Filter::default() };
            let page = PageRequest { start: PageStart::Offset(0), offset: 0, limit: 20 };
            let listing = ProductListing { filter, sort, page };
            let indices = indices_of(sort, share);
            let behind = stored(&SortPosition { key: key_of(sort, middle), id: middle.id() });
            let check = |what, enters, is_covered, plan: String| {
                println!("{kind:?}, {what} of {share:?} by {sort:?}: {plan}");
                let wrong = Way { indices, enters, is_covered }.objections(kind, &plan);
                assert!(wrong.is_empty(), "{kind:?}: {what} of {share:?} by {sort:?} {wrong:?}: {plan}");
            };
            let first = rows(&listing, None, planner).unwrap();
            check("the first piece", false, false, plan(&mut connection, kind, first));
            let deep = rows(&listing, Some(behind), planner).unwrap();
            check("a deep piece", true, false, plan(&mut connection, kind, deep));
            let place = place(&listing, 3_000, planner);
            let plan = match sort {
                Sort::Newest | Sort::Oldest => plan(&mut connection, kind, place.select((created_at, id))),
                Sort::Price | Sort::PriceDescending => plan(&mut connection, kind, place.select((price, id))),
                Sort::Name => plan(&mut connection, kind, place.select((name_key, id))),
            };
            check("a numbered piece", false, share != Share::Most, plan);
        }
    }
}
