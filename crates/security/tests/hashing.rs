//! Password hashing as the use cases meet it: hashes that other implementations understand, and admission.

use app::clock::Deadline;
use app::user::{PasswordCheck, PasswordHasher};
use domain::error::ErrorCode;
use domain::user::{PasswordAttempt, PasswordHash};
use security::passwords::{Bcrypt, Options};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const COST: u32 = 4;

fn by() -> Deadline {
    Deadline::within(Duration::from_secs(120))
}

#[tokio::test]
async fn hashes_are_those_of_the_crate_bcrypt_both_ways() {
    let passwords = Bcrypt::start(Options { cost: COST, ..Options::default() }).unwrap();
    let longest = "x".repeat(72);
    for raw in ["correct horse", "caf\u{00E9} noir", "p", &longest] {
        let attempt = || PasswordAttempt::parse(raw).unwrap();
        let ours = passwords.hash(attempt(), passwords.admit(by()).await.unwrap(), by()).await.unwrap();
        assert!(bcrypt::verify(raw, ours.as_str()).unwrap(), "{raw:?}");
        let theirs = PasswordHash::new(bcrypt::hash(raw, COST).unwrap());
        let permit = passwords.admit(by()).await.unwrap();
        let check = passwords.verify(attempt(), Some(theirs.clone()), permit, by()).await.unwrap();
        let of_go = PasswordHash::new(theirs.as_str().replacen("$2b$", "$2a$", 1));
        let permit = passwords.admit(by()).await.unwrap();
        let renewed = passwords.verify(attempt(), Some(of_go), permit, by()).await.unwrap();
        assert_eq!(check, PasswordCheck::Right { renewed: None }, "{raw:?}");
        assert!(matches!(renewed, PasswordCheck::Right { renewed: Some(_) }), "{raw:?}");
        let other = PasswordAttempt::parse(&format!("{}y", &raw[1..])).unwrap();
        let permit = passwords.admit(by()).await.unwrap();
        assert_eq!(passwords.verify(other, Some(theirs), permit, by()).await.unwrap(), PasswordCheck::Wrong, "{raw:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_can_be_served_are_refused_with_a_time_to_come_again_and_who_is_admitted_is_served() {
    // Two seconds serve fewer than come.
    let passwords = Arc::new(Bcrypt::start(Options { cost: 13, threads: 1, queue: 64 }).unwrap());
    let mut log_ins = JoinSet::new();
    for _ in 0..24 {
        let passwords = Arc::clone(&passwords);
        log_ins.spawn(async move {
            let permit = passwords.admit(by()).await?;
            passwords.verify(PasswordAttempt::parse("correct horse").unwrap(), None, permit, by()).await
        });
    }
    let (mut served, mut refused) = (0, 0);
    while let Some(outcome) = log_ins.join_next().await {
        match outcome.unwrap() {
            Ok(check) => {
                assert_eq!(check, PasswordCheck::Wrong);
                served += 1;
            }
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::Overloaded);
                assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
                refused += 1;
            }
        }
    }
    assert!(served >= 4, "at least four are admitted, however slow they are: {served}");
    assert!(refused >= 8, "{refused}");
    assert!(passwords.admit(by()).await.is_ok());
}
