//! Demonstration accounts and products: the same ones at every call, whoever calls, however many are asked for.

use super::words::{ADJECTIVES, CARES, MATERIALS, OPENINGS, PRAISES, THINGS, TOWNS};
use chrono::{DateTime, TimeDelta, Utc};
use domain::error::{Error, Reason};
use domain::product::{Description, Details, Picture, Price, Product, ProductName, Stock};
use domain::user::{Email, Name, PasswordAttempt, PasswordHash, Role, User, UserId};
use domain::version::Version;
use std::str::FromStr;

pub(crate) const PASSWORD: &str = "password123";

/// The first moment at which a product is offered: 2025-01-01T00:00:00Z, in seconds of Unix time.
const FIRST_OFFER: i64 = 1_735_689_600;
/// The time over which the offers are spread, a year, in milliseconds.
const YEAR: u64 = 365 * 86_400_000;
/// So many products are offered in the first round through the year.
const FIRST_ROUND: u64 = 200;

/// How many names there are; further products are given a number too.
const NAMES: u64 = (ADJECTIVES.len() * MATERIALS.len() * THINGS.len()) as u64;
/// A step through the names that comes to each before it comes to one again: it has no divisor in common with their number.
const STRIDE: u64 = 48_271;

pub(crate) struct Account {
    pub(crate) name: &'static str,
    pub(crate) email: &'static str,
    pub(crate) role: Role,
}

pub(crate) const ACCOUNTS: [Account; 4] = [
    Account { name: "Dewi Lestari", email: "seller1@example.com", role: Role::Seller },
    Account { name: "Made Wirawan", email: "seller2@example.com", role: Role::Seller },
    Account { name: "Siti Rahma", email: "seller3@example.com", role: Role::Seller },
    Account { name: "Budi Santoso", email: "buyer@example.com", role: Role::Buyer },
];
/// How many of them sell.
const SELLERS: u64 = 3;

/// The identifier of an account or product, by its place: a UUID of version 7, like those that the shop gives out.
fn id<I: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    kind: u64,
    place: u64,
    at: DateTime<Utc>,
) -> Result<I, Error> {
    let milliseconds = u64::try_from(at.timestamp_millis()).unwrap_or_default();
    let (one, other) = (Dice::new(kind, place).roll(), Dice::new(kind + 1, place).roll());
    // The tail holds the place itself, so that no two are alike.
    let text = format!(
        "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
        milliseconds >> 16,
        milliseconds & 0xffff,
        one & 0xfff,
        0x8000 | (other & 0x3fff),
        (one >> 16 << 32 | place & 0xffff_ffff) & 0xffff_ffff_ffff,
    );
    text.parse().map_err(Error::internal)
}

fn moment(milliseconds: u64) -> DateTime<Utc> {
    let first = DateTime::from_timestamp(FIRST_OFFER, 0).unwrap_or_default();
    first + TimeDelta::milliseconds(i64::try_from(milliseconds).unwrap_or_default())
}

/// When a product is offered, in milliseconds after the first. The year is gone through in rounds, each as long as all before
/// it: so few products are spread over all of it as well as many, and neighbours go to neighbouring places in a database's
/// indexes, which makes adding a million of them several times faster than adding them at random.
fn offered_at(place: u64, dice: &mut Dice) -> u64 {
    let rounds = (place / FIRST_ROUND).checked_ilog2();
    let before = rounds.map_or(0, |rounds| FIRST_ROUND << rounds);
    (place.saturating_sub(before) * YEAR + dice.below(YEAR)) / before.max(FIRST_ROUND)
}

/// The identifier of an account of [`ACCOUNTS`] by its place.
pub(super) fn account_id(place: u64) -> Result<UserId, Error> {
    id(1, place, moment(0))
}

/// The password of all accounts, to be hashed.
pub(super) fn password() -> Result<PasswordAttempt, Error> {
    PasswordAttempt::parse(PASSWORD).map_err(|reason| mistaken(&reason))
}

/// An account of [`ACCOUNTS`] by its place.
pub(crate) fn account(place: u64, account: &Account, password_hash: PasswordHash) -> Result<User, Error> {
    let name = Name::parse(account.name).map_err(|reason| mistaken(&reason))?;
    let email = Email::parse(account.email).map_err(|reason| mistaken(&reason))?;
    Ok(User::restore(account_id(place)?, name, email, account.role, password_hash, moment(0)))
}

pub(crate) fn product(place: u64) -> Result<Product, Error> {
    let mut dice = Dice::new(3, place);
    let (round, combination) = (place / NAMES, place.wrapping_mul(STRIDE) % NAMES);
    let adjective = pick(&ADJECTIVES, combination)?;
    let material = pick(&MATERIALS, combination / ADJECTIVES.len() as u64)?;
    let thing = pick(&THINGS, combination / (ADJECTIVES.len() * MATERIALS.len()) as u64)?;

    let mut name = format!("{adjective} {material} {}", thing.name);
    if round > 0 {
        name = format!("{name} No. {}", round + 1);
    }
    let description = format!(
        "This {} {} of {} is made for {}. {} {}. {} {}",
        adjective.to_lowercase(),
        thing.name.to_lowercase(),
        material.to_lowercase(),
        thing.place,
        pick(&OPENINGS, dice.roll())?,
        pick(&TOWNS, dice.roll())?,
        pick(&PRAISES, dice.roll())?,
        pick(&CARES, dice.roll())?,
    );
    // Steps of half a thousand, as prices are in shops; cheap things are many, dear ones few.
    let steps = u64::from(thing.to - thing.from) * 2;
    let step = dice.below(steps + 1).min(dice.below(steps + 1));
    let price = u64::from(thing.from) * 1_000 + step * 500;
    let stock = if dice.below(12) == 0 { 0 } else { 1 + dice.below(250) };

    let details = Details {
        name: ProductName::parse(&name).map_err(|reason| mistaken(&reason))?,
        description: Description::parse(&description).map_err(|reason| mistaken(&reason))?,
        price: Price::parse(&price.to_string()).map_err(|reason| mistaken(&reason))?,
        stock: Stock::parse(&stock.to_string()).map_err(|reason| mistaken(&reason))?,
        picture: Picture::None,
    };
    let at = moment(offered_at(place, &mut dice));
    Ok(Product::restore(id(5, place, at)?, account_id(dice.below(SELLERS))?, details, Version::FIRST, at, at))
}

fn mistaken(reason: &Reason) -> Error {
    Error::internal(format!("the catalogue holds what the shop does not take: {}", reason.code().as_str()))
}

/// One of several, by a number of any size.
fn pick<T>(all: &[T], number: u64) -> Result<&T, Error> {
    let at = usize::try_from(number % all.len() as u64).unwrap_or_default();
    all.get(at).ok_or_else(|| Error::internal("a list of words is empty"))
}

/// Numbers that look random and are not: SplitMix64, which was made to be seeded with numbers in a row.
struct Dice(u64);

impl Dice {
    const fn new(kind: u64, place: u64) -> Self {
        Self(place ^ kind << 56)
    }

    const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    const fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn products(places: impl IntoIterator<Item = u64>) -> Vec<Product> {
        places.into_iter().map(|place| product(place).unwrap()).collect()
    }

    #[test]
    fn a_product_is_the_same_at_every_call() {
        assert_eq!(products(0..500), products(0..500));
        let recorded = product(0).unwrap();
        assert_eq!(
            (recorded.id().to_string().as_str(), recorded.details().name.as_str()),
            ("0194204e-ee28-7ce3-8187-618d00000000", "Antique Acacia Alarm Clock"),
            "a database that an earlier binary has filled is filled up, not filled twice"
        );
    }

    #[test]
    fn no_two_products_have_an_identifier_or_a_name_in_common() {
        let places = (0..NAMES).chain(NAMES..NAMES + 1_000).chain(9_999_000..10_000_000);
        let all = products(places);
        let ids: HashSet<_> = all.iter().map(Product::id).collect();
        let names: HashSet<_> = all.iter().map(|product| product.details().name.key()).collect();
        assert_eq!((ids.len(), names.len()), (all.len(), all.len()));
    }

    #[test]
    fn products_are_spread_over_sellers_stocks_and_a_year() {
        let all = products(0..3_000);
        for place in 0..SELLERS {
            let id = account_id(place).unwrap();
            let count = all.iter().filter(|product| product.seller() == id).count();
            assert!((800..1_200).contains(&count), "{count}");
        }
        let sold_out = all.iter().filter(|product| product.details().stock.count() == 0).count();
        assert!((100..500).contains(&sold_out), "{sold_out}");
        let days: HashSet<_> = all.iter().map(|product| product.created_at().date_naive()).collect();
        assert!(days.len() > 360, "{}", days.len());
        let days: HashSet<_> = all.iter().take(200).map(|product| product.created_at().date_naive()).collect();
        assert!(days.len() > 150, "few products are spread as well: {}", days.len());
        let prices: HashSet<_> = all.iter().map(|product| product.details().price.money()).collect();
        assert!(prices.len() > 500, "{}", prices.len());
        assert!(all.iter().all(|product| product.created_at() >= moment(0)));
        assert!(all.iter().all(|product| product.created_at() < moment(YEAR)));
    }

    #[test]
    fn what_is_told_of_a_product_reads_well() {
        let product = product(0).unwrap();
        assert_eq!(
            product.details().description.as_str(),
            "This antique alarm clock of acacia is made for the bedside. Made by hand in a small workshop in Semarang. It \
             makes a fine present. Wipe it with a damp cloth."
        );
    }

    #[test]
    fn accounts_have_identifiers_of_their_own() {
        let ids: HashSet<_> = (0..4).map(|place| account_id(place).unwrap()).collect();
        assert_eq!(ids.len(), ACCOUNTS.len());
        let sellers = ACCOUNTS.iter().take_while(|account| account.role == Role::Seller).count();
        assert_eq!(sellers as u64, SELLERS);
    }
}
