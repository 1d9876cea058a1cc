use super::*;
use domain::error::ErrorCode;
use proptest::prelude::*;
use std::collections::HashSet;

const COST: u32 = 4;

fn attempt(raw: &str) -> PasswordAttempt {
    PasswordAttempt::parse(raw).unwrap()
}

fn stored(raw: &str, cost: u32) -> PasswordHash {
    make(raw, cost).unwrap()
}

/// `None` for a wrong password, else whether the hash is renewed.
fn right(raw: &str, hash: &PasswordHash) -> Option<bool> {
    match check(&attempt(raw), Some(hash), COST) {
        PasswordCheck::Right { renewed } => Some(renewed.is_some()),
        PasswordCheck::Wrong => None,
    }
}

fn started() -> Bcrypt {
    let options = Options { cost: COST, ..Options::default() };
    Bcrypt::start(options).unwrap()
}

fn soon() -> Deadline {
    Deadline::within(Duration::from_secs(30))
}

#[test]
fn all_72_bytes_count_and_a_73rd_is_wrong() {
    let longest = "x".repeat(72);
    let hash = stored(&longest, COST);
    assert_eq!(right(&longest, &hash), Some(false));
    assert_eq!(right(&"x".repeat(71), &hash), None);
    assert_eq!(right(&"x".repeat(73), &hash), None);
}

#[test]
fn a_nul_is_wrong_where_bcrypt_alone_would_take_it() {
    let hash = stored("abc", COST);
    assert!(bcrypt::verify("abc\0abc", hash.as_str()).unwrap(), "bcrypt's trap");
    assert_eq!(right("abc\0abc", &hash), None);
    assert_eq!(right("abc", &hash), Some(false));
}

#[test]
fn a_hash_of_another_cost_or_version_is_renewed() {
    let other_cost = stored("correct horse", COST + 1);
    let of_go = PasswordHash::new(stored("correct horse", COST).as_str().replacen(PREFIX, "$2a$", 1));
    for old in [other_cost, of_go] {
        let found = check(&attempt("correct horse"), Some(&old), COST);
        let PasswordCheck::Right { renewed: Some(renewed) } = found else {
            panic!("{found:?}");
        };
        assert!(renewed.as_str().starts_with("$2b$04$"));
        assert_eq!(right("correct horse", &renewed), Some(false));
        assert_eq!(right("wrong horse", &old), None, "a wrong password renews nothing");
    }
}

#[test]
fn a_password_is_right_in_each_spelling_and_its_hash_is_made_of_the_prepared_one() {
    let (composed, apart) = ("caf\u{00E9} noir", "cafe\u{0301} noir");
    let hash = stored(composed, COST);
    assert_eq!((right(composed, &hash), right(apart, &hash)), (Some(false), Some(false)));
    let before_preparing = stored(apart, COST);
    assert_eq!(right(composed, &before_preparing), None);
    let found = check(&attempt(apart), Some(&before_preparing), COST);
    let PasswordCheck::Right { renewed: Some(renewed) } = found else { panic!("{found:?}") };
    assert_eq!((right(composed, &renewed), right(apart, &renewed)), (Some(false), Some(false)));
    assert_eq!(right("cafe noir", &renewed), None);
}

#[test]
fn a_spelling_that_bcrypt_would_cut_stands_in_no_other_ones_way() {
    // Of 72 bytes, which become 144.
    let grows = "\u{0958}".repeat(24);
    let hash = stored(&grows, COST);
    assert_eq!(right(&grows, &hash), Some(false), "there is no better hash to be made");
    assert_eq!(right(&"\u{0915}\u{093C}".repeat(24), &hash), None);
    // Of 75 bytes, which become 50.
    let shrinks = "e\u{0301}".repeat(25);
    let hash = stored(&"\u{00E9}".repeat(25), COST);
    assert_eq!(right(&shrinks, &hash), Some(false));
}

#[test]
fn a_wrong_password_takes_as_long_without_an_account_as_with_one() {
    const SLOW: u32 = 8;
    let hash = make("correct horse", SLOW).unwrap();
    let time = |raw: &str, stored: Option<&PasswordHash>| {
        let attempt = attempt(raw);
        let started = Instant::now();
        assert_eq!(check(&attempt, stored, SLOW), PasswordCheck::Wrong);
        started.elapsed()
    };
    // The shortest of many alternating measurements: other load only adds to them.
    let least = |one: &dyn Fn() -> Duration, other: &dyn Fn() -> Duration| {
        let pairs = (0..20).map(|_| (one(), other()));
        pairs.reduce(|(one, other), pair| (one.min(pair.0), other.min(pair.1))).unwrap()
    };
    for raw in ["caf\u{00E9}", "cafe\u{0301}", &"\u{0958}".repeat(24), &"e\u{0301}".repeat(25), &"x".repeat(73)] {
        let (with, without) = least(&|| time(raw, Some(&hash)), &|| time(raw, None));
        assert!(with < without * 3 / 2 && without < with * 3 / 2, "{raw:?}: {with:?} and {without:?}");
    }
    let (two, one) = least(&|| time("cafe\u{0301}", None), &|| time("caf\u{00E9}", None));
    assert!(two > one * 3 / 2, "each spelling takes its hash");
}

#[test]
fn a_hash_that_cannot_be_checked_against_is_wrong() {
    let good = stored("correct horse", COST).as_str().to_owned();
    let (costly, broken, torn) =
        (good.replacen("$04$", "$31$", 1), good.replacen("$2b$", "$2x$", 1), good[..59].to_owned());
    for bad in ["", "plain text", &costly, &broken, &torn, "$argon2id$v=19$m=19456"] {
        assert_eq!(right("correct horse", &PasswordHash::new(bad)), None, "{bad}");
    }
    assert_eq!(check(&attempt("correct horse"), None, COST), PasswordCheck::Wrong);
}

#[test]
fn a_hash_in_vain_is_a_whole_one() {
    let nobodys = format!("$2b$04${}", ".".repeat(53));
    assert!(matches!(bcrypt::verify("x", &nobodys), Ok(false)));
    let time = |cost| {
        let started = Instant::now();
        pretend("x", cost);
        started.elapsed()
    };
    let least = (0..10).map(|_| time(4)).min().unwrap();
    assert!(time(9) > 4 * least, "the work grows with the cost");
}

#[tokio::test]
async fn what_was_hashed_verifies() {
    let passwords = started();
    let permit = passwords.admit(soon()).await.unwrap();
    let hash = passwords.hash(attempt("correct horse"), permit, soon()).await.unwrap();
    assert!(hash.as_str().starts_with("$2b$04$"));
    let right = PasswordCheck::Right { renewed: None };
    let permit = || passwords.admit(soon());
    let check = passwords.verify(attempt("correct horse"), Some(hash.clone()), permit().await.unwrap(), soon());
    assert_eq!(check.await.unwrap(), right);
    let check = passwords.verify(attempt("wrong horse"), Some(hash), permit().await.unwrap(), soon());
    assert_eq!(check.await.unwrap(), PasswordCheck::Wrong);
    let check = passwords.verify(attempt("correct horse"), None, permit().await.unwrap(), soon());
    assert_eq!(check.await.unwrap(), PasswordCheck::Wrong);
    assert!(passwords.measure(soon()).await.unwrap() > Duration::ZERO);
}

#[tokio::test]
async fn what_bcrypt_would_cut_is_never_hashed() {
    for raw in ["x".repeat(73), "a\0b".to_owned()] {
        let passwords = started();
        let permit = passwords.admit(soon()).await.unwrap();
        let refused = passwords.hash(attempt(&raw), permit, soon()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Internal);
    }
}

#[test]
fn every_hash_has_a_salt_of_its_own() {
    let hashes: HashSet<_> = (0..100).map(|_| stored("same", COST).as_str().to_owned()).collect();
    assert_eq!(hashes.len(), 100);
}

#[test]
fn a_cost_out_of_bounds_does_not_start() {
    for cost in [3, 17] {
        let options = Options { cost, ..Options::default() };
        let refused = Bcrypt::start(options).err().unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_stored_text_makes_a_panic(
        text in prop_oneof![any::<String>(), "\\$2[abxy]\\$[0-9+]{2}\\$[./A-Za-z0-9é]{50,56}"],
    ) {
        let hash = PasswordHash::new(text);
        if let Some(parsed) = StoredHash::parse(&hash) {
            prop_assert!(COSTS.contains(&parsed.cost));
            prop_assert_eq!(hash.as_str().len(), 60);
        }
    }
}
