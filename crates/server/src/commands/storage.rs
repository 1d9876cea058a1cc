//! `go-commerce storage check`: whether the store of images does what the shop needs of it.

use super::failed;
use super::output::Print;
use crate::exit::Exit;
use crate::wiring;
use app::clock::SystemClock;
use images::{Change, Checksum, Hint, Outcome, Report, Step};
use settings::{Location, Settings};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

/// Tries the store that the settings name, and tells what came of that. The database is not asked.
pub(super) async fn check(settings: &Settings, output: &mut impl Print) -> Exit {
    let rest = SocketAddr::new(settings.rest.host, settings.rest.port);
    let store = match wiring::image_store(settings, rest, Arc::new(SystemClock)) {
        Ok(store) => store,
        Err(error) => return failed(Exit::Misconfigured, error),
    };
    output.print(format_args!("images are kept in {}", settings.storage.location));
    let mut check = pin!(store.check());
    let report = tokio::select! {
        report = &mut check => report,
        Ok(()) = tokio::signal::ctrl_c() => {
            eprintln!("go-commerce: this is finished first, so that no image is left in the store");
            check.await
        }
    };
    let is_folder = matches!(settings.storage.location, Location::Folder(_));
    lines(&report, is_folder).iter().for_each(|line| output.print(line));
    if report.is_good() { Exit::Done } else { Exit::Failed }
}

fn lines(report: &Report, is_folder: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for (step, outcome) in &report.steps {
        let name = match step {
            Step::Put => "put",
            Step::PutAgain => "put again",
            Step::Open if is_folder => "read",
            Step::Open => "open",
            Step::Remove => "remove",
        };
        match outcome {
            Outcome::Works => lines.push(format!("{name:<10} ok")),
            Outcome::Untried(reason) => lines.push(format!("{name:<10} not tried: {reason}")),
            Outcome::Fails { cause, hints } => {
                lines.push(format!("{name:<10} FAILED: {cause}"));
                lines.extend(hints.iter().map(|hint| format!("{:<10} {}", "", advice(hint))));
            }
        }
    }
    lines.extend(report.left.iter().map(|place| format!("{place} may be in the store still: remove it there")));
    lines
}

/// What an operator can do.
fn advice(hint: &Hint) -> String {
    let text = match hint {
        Hint::Change(change) => return format!("it works with {}", setting(change)),
        Hint::Permission(action) => return format!("let the key do {action} in the bucket, by its policy"),
        Hint::Region => "set storage.s3.region to the region that the bucket is in",
        Hint::Clock => "the clocks of this machine and of the service differ: have this one set by NTP",
        Hint::Credentials => "check storage.s3.access_key_id and storage.s3.secret_access_key, or the machine's role",
        Hint::Bucket => "make the bucket, or put its name in storage.url or the address in storage.s3.endpoint right",
        Hint::Certificate => {
            "have this machine trust who signed the certificate (SSL_CERT_FILE names a file of such), use the name that \
             it is for in storage.s3.endpoint, or set storage.s3.path_style to true"
        }
        Hint::Endpoint => "check storage.s3.endpoint, its name and port, and whether this machine may connect there",
        Hint::NotPublic => {
            "let everybody read the bucket (s3:GetObject), or have addresses signed by storage.presigned_seconds"
        }
        Hint::PublicUrl => {
            "set storage.public_url to where clients find what is in the bucket, its prefix included where there is one"
        }
    };
    text.to_owned()
}

fn setting(change: &Change) -> String {
    match change {
        Change::Region(region) => format!("storage.s3.region = \"{region}\""),
        Change::PathStyle(path_style) => format!("storage.s3.path_style = {path_style}"),
        Change::ConditionalPut(conditional_put) => format!("storage.s3.conditional_put = {conditional_put}"),
        Change::Checksum(Checksum::None) => "storage.s3.checksum = \"none\"".to_owned(),
        Change::Checksum(Checksum::Sha256) => "storage.s3.checksum = \"sha256\"".to_owned(),
    }
}
