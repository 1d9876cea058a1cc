//! What an operator is told who has a store tried.

use crate::bucket::{image, key, soon};
use crate::peculiar::{Peculiar, Peculiarity};
use crate::server::{BUCKET, Server, store};
use app::clock::{Deadline, SystemClock};
use app::product::ImageStore;
use images::{Change, Checksum, Hint, LocalOptions, Outcome, Report, S3Options, Step, Store};
use std::sync::Arc;
use std::time::Duration;

const PRESIGNED: Option<Duration> = Some(Duration::from_secs(60));

/// The step that failed, its cause and what may help.
fn failure(report: &Report) -> (Step, &str, &[Hint]) {
    let mut failures = report.steps.iter().filter_map(|(step, outcome)| match outcome {
        Outcome::Fails { cause, hints } => Some((*step, cause.as_str(), hints.as_slice())),
        _ => None,
    });
    let first = failures.next().unwrap();
    assert!(failures.next().is_none() && !report.is_good(), "{report:?}");
    assert!(!format!("{report:?}").contains("hunter2"), "{report:?}");
    first
}

async fn tried(options: S3Options) -> Report {
    store(options).check().await
}

#[tokio::test]
async fn a_store_that_does_what_it_should_is_told_to_and_keeps_nothing() {
    let server = Server::start().await;
    for conditional_put in [false, true] {
        let options =
            S3Options { presigned: PRESIGNED, conditional_put, prefix: Some("a/b".into()), ..server.options() };
        let report = tried(options).await;
        assert!(report.is_good(), "{report:?}");
        let steps: Vec<_> = report.steps.iter().map(|(step, _)| *step).collect();
        assert_eq!(steps, [Step::Put, Step::PutAgain, Step::Open, Step::Remove]);
        let left = std::fs::read_dir(server.folder.path().join(BUCKET).join("a/b/products"));
        assert_eq!(left.map_or(0, Iterator::count), 0);
    }
    let folder = tempfile::tempdir().unwrap();
    let options = LocalOptions {
        folder: folder.path().to_owned(),
        public_url: "https://shop.example/media".to_owned(),
        timeout: Duration::from_secs(8),
    };
    let report = Store::local(options, Arc::new(SystemClock)).unwrap().check().await;
    assert!(report.is_good() && report.steps.len() == 3, "{report:?}");
    assert_eq!(std::fs::read_dir(folder.path().join("products")).unwrap().count(), 0);
}

#[tokio::test]
async fn the_setting_is_found_that_makes_it_work() {
    for (peculiarity, conditional_put, change) in [
        (Peculiarity::NoConditions(400), true, Change::ConditionalPut(false)),
        (Peculiarity::Checksums, false, Change::Checksum(Checksum::Sha256)),
        (Peculiarity::Region("RegionOne"), false, Change::Region("RegionOne".to_owned())),
    ] {
        let service = Peculiar::start(peculiarity).await;
        let report = tried(S3Options { conditional_put, presigned: PRESIGNED, ..service.options() }).await;
        let (step, cause, hints) = failure(&report);
        assert_eq!((step, hints), (Step::Put, &[Hint::Change(change)][..]), "{report:?}");
        assert!(cause.contains("status 400"), "{cause}");
        assert!(service.objects().is_empty() && report.left.is_empty());
    }
    // A host whose names are not known below its own, and a bucket that is wanted there.
    let server = Server::start().await;
    let endpoint = Some(format!("http://no-such-host.invalid:{}", server.address.port()));
    let report = tried(S3Options { endpoint, path_style: false, ..server.options() }).await;
    let (_, cause, hints) = failure(&report);
    assert_eq!((cause, hints), ("it failed, connect, the host's name is not known", &[Hint::Endpoint][..]));
}

#[tokio::test]
async fn what_no_setting_helps_is_told_with_what_does() {
    for (peculiarity, step, hints) in [
        (Peculiarity::Skewed, Step::Put, vec![Hint::Clock]),
        (Peculiarity::NoBucket, Step::Put, vec![Hint::Bucket]),
        (Peculiarity::NoRemoval, Step::Remove, vec![Hint::Permission("s3:DeleteObject")]),
        (Peculiarity::KeepsAll, Step::Remove, vec![]),
        (Peculiarity::Typeless, Step::Open, vec![Hint::PublicUrl]),
    ] {
        let service = Peculiar::start(peculiarity).await;
        let public_url = (peculiarity == Peculiarity::Typeless).then(|| "http://127.0.0.1:1/x".to_owned());
        let presigned = PRESIGNED.filter(|_| public_url.is_none());
        let report = tried(S3Options { presigned, public_url, ..service.options() }).await;
        let (failed, _, told) = failure(&report);
        assert_eq!((failed, told), (step, hints.as_slice()), "{report:?}");
        assert_eq!(report.left.len(), service.objects().len(), "what is left is told: {report:?}");
    }
}

#[tokio::test]
async fn an_image_that_clients_do_not_get_is_told() {
    let service = Peculiar::start(Peculiarity::Typeless).await;
    let report = tried(S3Options { presigned: PRESIGNED, ..service.options() }).await;
    assert!(failure(&report).1.contains("image/png"), "{report:?}");
    // The bucket is not public.
    let server = Server::start().await;
    let report = tried(server.options()).await;
    let (step, cause, hints) = failure(&report);
    assert_eq!((step, cause, hints), (Step::Open, "status 403", &[Hint::NotPublic][..]));
    let report = tried(S3Options { public_url: Some("/media".to_owned()), ..server.options() }).await;
    assert!(report.is_good(), "{report:?}");
    assert!(matches!(report.steps[2], (Step::Open, Outcome::Untried(_))), "{report:?}");
}

#[tokio::test]
async fn a_wrong_key_and_a_service_that_is_away_are_told() {
    let server = Server::start().await;
    let wrong = Some(("an-id".to_owned(), "another-secret".to_owned().into()));
    let report = tried(S3Options { credentials: wrong, ..server.options() }).await;
    let (step, _, hints) = failure(&report);
    assert_eq!((step, hints), (Step::Put, &[Hint::Credentials][..]), "{report:?}");
    let away = S3Options { endpoint: Some("http://127.0.0.1:1".to_owned()), ..server.options() };
    assert_eq!(failure(&tried(away).await).2, [Hint::Endpoint]);
}

#[tokio::test]
async fn failures_in_a_row_are_counted_until_one_request_succeeds() {
    let service = Peculiar::start(Peculiarity::NoRemoval).await;
    let (refusing, key) = (store(service.options()), key());
    let counted = |store: &Store| (store.gauges().failed_puts, store.gauges().failed_removals);
    refusing.put(&key, image(b"pixels"), soon()).await.unwrap();
    for failures in 1..=2 {
        refusing.remove(&key, soon()).await.unwrap_err();
        assert_eq!(counted(&refusing), (0, failures));
    }
    let server = Server::start().await;
    let away = store(S3Options { endpoint: Some("http://127.0.0.1:1".to_owned()), ..server.options() });
    away.put(&key, image(b"pixels"), soon()).await.unwrap_err();
    assert_eq!(counted(&away), (1, 0));
    away.put(&key, image(b"pixels"), Deadline::within(Duration::ZERO)).await.unwrap_err();
    assert_eq!(counted(&away), (1, 0), "a caller without time says nothing of the store");
    let folder = tempfile::tempdir().unwrap();
    let options = LocalOptions {
        folder: folder.path().to_owned(),
        public_url: "https://shop.example/media".to_owned(),
        timeout: Duration::from_secs(8),
    };
    let folder = Store::local(options, Arc::new(SystemClock)).unwrap();
    folder.put(&key, image(b"pixels"), soon()).await.unwrap();
    folder.put(&key, image(b"pixels"), soon()).await.unwrap_err();
    assert_eq!(counted(&folder), (1, 0));
    folder.put(&self::key(), image(b"pixels"), soon()).await.unwrap();
    assert_eq!(counted(&folder), (0, 0));
}
