//! The settings, as operators meet them: what is said of each mistake, which layer counts, what is refused where, what is
//! shown. A test of its own crate, because it uses nothing but what is public.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod golden;
mod layers;
mod mistakes;
mod payment;
mod production;
mod reference;
mod refused_values;
mod secrets;
mod show;
mod storage;

use settings::{Mistakes, Settings, Sources};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A secret that may sign tokens.
const GOOD_SECRET: &str = "Rk3vT9wLx2Qm7Zp5Bn8Yc4Hd6Fj1Gs0A";

/// A place for images that production has no doubts about.
const BUCKET: (&str, &str) = ("COMMERCE__STORAGE__URL", "s3://shop-images");

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What production cannot do without to take money and to tell of it.
const PAID: [(&str, &str); 5] = [
    ("COMMERCE__PAYMENT__GATEWAY", "midtrans"),
    ("COMMERCE__MIDTRANS__ENVIRONMENT", "production"),
    ("COMMERCE__MIDTRANS__SERVER_KEY", "Mid-server-Qw7Zp5Bn8Yc4Hd6F"),
    ("COMMERCE__MAIL__FROM", "Shop <hello@shop.example>"),
    ("COMMERCE__MAIL__URL", "smtps://mail.example"),
];

/// Settings of an environment and variables alone; in production those of `PAID` are among them.
fn variables(environment: &str, variables: &[(&str, &str)]) -> Sources {
    let paid = if environment == "production" { &PAID[..] } else { &[] };
    let env_vars = owned(&[paid, variables].concat());
    Sources { environment: Some(environment.to_owned()), env_vars, ..Sources::default() }
}

/// Settings of production, with nothing missing, and variables.
fn production(more: &[(&str, &str)]) -> Sources {
    let secret = ("COMMERCE__AUTH__JWT__SECRET", GOOD_SECRET);
    variables("production", &[&[secret, BUCKET], more].concat())
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Settings of an environment and the files of a folder.
fn files(environment: &str, folder: &Path) -> Sources {
    Sources { environment: Some(environment.to_owned()), config_dir: Some(folder.to_owned()), ..Sources::default() }
}

fn load(sources: &Sources) -> Settings {
    Settings::load(sources).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn mistakes(sources: &Sources) -> Mistakes {
    match Settings::load(sources) {
        Ok(_) => panic!("no mistake was found in {:?} and {:?}", sources.env_vars, sources.overrides),
        Err(mistakes) => mistakes,
    }
}
