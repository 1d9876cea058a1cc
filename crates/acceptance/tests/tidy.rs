//! Rules for every crate that no compiler checks.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use acceptance::scenarios;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const MAX_LINES: usize = 500;

/// Which of our crates each crate may use.
const ARROWS: [(&str, &[&str]); 18] = [
    ("domain", &[]),
    ("app", &["domain"]),
    ("executor", &["app", "domain"]),
    ("grpc", &["app", "domain"]),
    ("images", &["app", "domain", "executor"]),
    ("mail", &["app", "domain"]),
    ("midtrans", &["app", "domain"]),
    ("persistence", &["app", "domain", "executor"]),
    ("rest", &["app", "domain"]),
    ("security", &["app", "domain", "executor"]),
    ("settings", &["mail", "persistence", "security"]),
    ("simulator", &["app", "domain", "midtrans"]),
    (
        "server",
        &[
            "app",
            "domain",
            "executor",
            "grpc",
            "images",
            "mail",
            "midtrans",
            "persistence",
            "rest",
            "security",
            "settings",
            "simulator",
        ],
    ),
    ("fake-servers", &[]),
    ("test-doubles", &["app", "domain"]),
    ("testkit", &["app", "domain", "grpc", "persistence", "rest", "server", "settings"]),
    ("bench", &["grpc", "persistence", "testkit"]),
    ("acceptance", &["app", "domain", "grpc", "testkit"]),
];

/// The crates that may use each framework.
const FRAMEWORKS: [(&str, &[&str]); 8] = [
    ("actix", &["rest", "server", "bench"]),
    ("diesel", &["persistence", "testkit", "bench"]),
    ("image", &["images", "testkit", "acceptance"]),
    ("jsonwebtoken", &["security", "testkit", "acceptance"]),
    ("object_store", &["images"]),
    ("prost", &["grpc", "testkit", "acceptance"]),
    ("r2d2", &["persistence"]),
    ("tonic", &["grpc", "testkit", "acceptance", "bench"]),
];

/// Metaphors that must not come back as names, each with the term to use instead.
const METAPHORS: [(&str, &str); 24] = [
    ("Allowance", "RateLimitClass"),
    ("Bell", "PaymentNotifier"),
    ("Carriage", "AmountLimits"),
    ("Circumstances", "ResponseContext"),
    ("Deed", "AuditEntry"),
    ("Ear", "Subscription"),
    ("FrontDesk", "CallPipeline"),
    ("Fuse", "CrashCounter"),
    ("Gallery", "ProductImages"),
    ("Happening", "TimelineEntry"),
    ("Inbox", "WebhookWorker"),
    ("Learnt", "ReportOutcome"),
    ("Letter", "MailContent"),
    ("Letterbox", "FakeMailServer"),
    ("Postman", "OutboxWorker"),
    ("PutBack", "Deferred"),
    ("SharedBell", "PollingNotifier"),
    ("Shelf", "FakeProducts"),
    ("Showroom", "PaymentPresenter"),
    ("Spender", "RateLimitKey"),
    ("Stall", "PaymentFixture"),
    ("Teller", "ConfiguredGateway"),
    ("Till", "PaymentClient"),
    ("Wish", "ParsedOrder"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap()
}

fn members() -> Vec<Package> {
    metadata().packages
}

fn dependencies(package: &Package) -> BTreeSet<&str> {
    let shipped = package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
    shipped.map(|dependency| dependency.name.as_str()).collect()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|actual| actual == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn arrows_between_crates_point_inwards() {
    let arrows: BTreeMap<_, _> = ARROWS.into_iter().collect();
    for package in members() {
        let name = package.name.as_str();
        let Some(allowed) = arrows.get(name) else {
            panic!("If you're here because of a new crate: say in ARROWS which of ours {name} may use");
        };
        for dependency in dependencies(&package) {
            let is_ours = arrows.contains_key(dependency);
            assert!(!is_ours || allowed.contains(&dependency), "{name} must not use {dependency}");
        }
    }
}

#[test]
fn a_framework_is_known_to_its_adapter_alone() {
    for package in members() {
        for dependency in dependencies(&package) {
            for (framework, adapters) in FRAMEWORKS {
                let is_allowed = adapters.contains(&package.name.as_str());
                let suffix = dependency.strip_prefix(framework);
                let is_part = suffix.is_some_and(|suffix| suffix.is_empty() || suffix.starts_with(['-', '_']));
                assert!(is_allowed || !is_part, "{} must not use {dependency}", package.name);
            }
        }
    }
}

/// `default-run` does not work across packages, and `default-members` would narrow `cargo test` too.
#[test]
fn there_is_one_binary_and_it_is_the_shop() {
    let metadata = metadata();
    let packages = metadata.workspace_default_packages();
    let targets = packages.iter().flat_map(|package| &package.targets);
    let binaries: Vec<_> = targets.filter(|target| target.is_bin()).map(|target| target.name.as_str()).collect();
    assert_eq!(
        binaries,
        ["go-commerce"],
        "If you're here because of a new program: `cargo run` must start the shop, so make it an example of its crate"
    );
    let names =
        |packages: Vec<&Package>| packages.iter().map(|package| package.name.to_string()).collect::<BTreeSet<_>>();
    assert_eq!(
        names(packages),
        names(metadata.workspace_packages()),
        "`cargo test` at the root must reach every crate"
    );
}

/// A command that tests or builds everything must not start a measurement.
#[test]
fn nothing_measures_unless_it_is_named() {
    for package in members() {
        let benches = package.targets.iter().filter(|target| target.is_bench());
        assert_eq!(
            benches.count(),
            0,
            "{}: `cargo bench` would start it, and `cargo test --all-targets` too",
            package.name
        );
    }
}

#[test]
fn the_core_knows_no_way_in_or_out() {
    let io = ["axum", "config", "http", "hyper", "reqwest", "serde", "serde_json", "tokio"];
    let for_use_cases = ["async-trait", "base64", "futures-channel", "futures-util", "ipnet", "tracing"];
    for package in members() {
        let banned = match package.name.as_str() {
            "app" => io.to_vec(),
            "domain" => [&io[..], &for_use_cases].concat(),
            _ => continue,
        };
        let known = dependencies(&package);
        let found: Vec<_> = banned.into_iter().filter(|name| known.contains(name)).collect();
        assert!(found.is_empty(), "{} must not use {found:?}", package.name);
    }
}

#[test]
fn every_scenario_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/scenarios");
    let listed: BTreeSet<_> =
        scenarios::ALL.iter().map(|scenario| format!("{}::{}", scenario.context, scenario.name)).collect();
    assert_eq!(listed.len(), scenarios::ALL.len(), "two scenarios of one context have the same name");
    for path in files(&folder, "rs") {
        let context = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let name = line.strip_prefix("pub async fn ").and_then(|rest| rest.split('(').next());
            let Some(name) = name else { continue };
            assert!(
                listed.contains(&format!("{context}::{name}")),
                "If you're here because of a new scenario: add {name} of {} to the list in src/scenarios/mod.rs",
                path.display()
            );
        }
    }
}

#[test]
fn migrations_have_the_same_names_for_every_database() {
    let names = |database: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root().join("migrations").join(database)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    };
    let sqlite = names("sqlite");
    assert!(!sqlite.is_empty());
    for database in ["postgres", "mysql"] {
        assert_eq!(names(database), sqlite, "{database}");
    }
}

#[test]
fn a_file_is_one_idea() {
    for path in files(&root().join("crates"), "rs") {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines: it is more than one idea", path.display());
    }
}

#[test]
fn a_name_is_the_standard_term_and_no_metaphor() {
    for path in files(&root().join("crates"), "rs").into_iter().filter(|path| !path.ends_with("tests/tidy.rs")) {
        let text = fs::read_to_string(&path).unwrap();
        let names: BTreeSet<_> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        for (metaphor, term) in METAPHORS {
            assert!(!names.contains(metaphor), "{} says {metaphor}: call it {term}", path.display());
        }
    }
}

#[test]
fn alerts_are_about_metrics_that_operators_know() {
    let rules = fs::read_to_string(root().join("deploy/alerts.yaml")).unwrap();
    let operations = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let is_of_a_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let names: BTreeSet<_> = rules
        .split("gocommerce_")
        .skip(1)
        .map(|rest| rest.split(|letter| !is_of_a_name(letter)).next().unwrap().trim_end_matches("_bucket"))
        .collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(operations.contains(&format!("`{name}`")), "docs/operations.md does not tell what {name} is");
    }
}

#[test]
fn a_crate_opens_with_what_lives_there() {
    for package in members() {
        let path = root().join("crates").join(package.name.as_str()).join("src/lib.rs");
        let text = fs::read_to_string(&path).unwrap();
        let opening = text.lines().take_while(|line| line.starts_with("//!")).count();
        assert!(opening >= 4, "{} does not say what lives there, what may not, and where to start", path.display());
    }
}

#[test]
fn every_dependency_has_a_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = manifest.split_once("[workspace.dependencies]").unwrap().1.split("\n[").next().unwrap();
    for line in section.lines().filter(|line| line.contains('=') && !line.contains("path = ")) {
        let reason = line.rsplit_once("# ").map_or("", |(_, reason)| reason.trim());
        assert!(reason.len() >= 4, "why is this in the house? {line}");
    }
}

#[test]
fn a_member_takes_every_version_from_the_workspace() {
    for package in members() {
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        assert!(!manifest.contains("version = \""), "{} names a version", package.manifest_path);
    }
}
