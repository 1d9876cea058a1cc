//! What a reader may rely on in every crate, and no compiler checks.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use acceptance::scenarios;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The most lines that a source file may have.
const MAX_LINES: usize = 400;

/// The most lines that ARCHITECTURE.md may have.
const MAX_MAP_LINES: usize = 120;

/// Which of our crates each of them may use: server → adapters → app → domain.
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
    // The simulator signs as Midtrans does.
    ("simulator", &["app", "domain", "midtrans"]),
    // The crate that uses a value also parses it.
    ("settings", &["mail", "persistence", "security"]),
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
    ("acceptance", &["app", "domain", "fake-servers", "grpc", "persistence", "rest", "server", "settings", "testkit"]),
    ("bench", &["acceptance", "grpc", "persistence", "testkit"]),
];

/// Which crates may use a framework. `tonic` stands for `tonic-health` too.
const FRAMEWORKS: [(&str, &[&str]); 17] = [
    ("actix", &["rest", "server", "simulator", "bench"]),
    ("bcrypt", &["security", "bench"]),
    ("config", &["settings"]),
    ("diesel", &["persistence", "testkit", "acceptance", "bench"]),
    ("image", &["images", "testkit", "acceptance"]),
    ("jsonwebtoken", &["security", "testkit", "acceptance"]),
    ("lettre", &["mail"]),
    ("minijinja", &["mail"]),
    ("object_store", &["images"]),
    ("prometheus-client", &["server"]),
    ("prost", &["grpc", "testkit", "acceptance"]),
    ("r2d2", &["persistence"]),
    ("reqwest", &["images", "midtrans", "simulator", "fake-servers", "testkit", "acceptance"]),
    ("rustls", &["mail"]),
    ("toml_edit", &["settings"]),
    ("tonic", &["grpc", "testkit", "acceptance", "bench"]),
    ("utoipa", &["rest"]),
];

/// Frameworks, runtimes and wire formats that the core must not use.
const IO: [&str; 14] = [
    "axum",
    "config",
    "diesel",
    "futures-io",
    "http",
    "hyper",
    "lettre",
    "object_store",
    "prost",
    "reqwest",
    "serde",
    "serde_json",
    "tokio",
    "tonic",
];

/// What `app` may use and `domain` may not: async code, logging, encodings.
const NOT_IN_DOMAIN: [&str; 7] =
    ["async-trait", "base64", "futures-channel", "futures-util", "ipnet", "sha2", "tracing"];

/// Identifiers that must not be used, and the standard term for each.
const BANNED: [(&str, &str); 42] = [
    ("Allowance", "RateLimitClass"),
    ("Bell", "PaymentNotifier"),
    ("Carriage", "AmountLimits"),
    ("Circumstances", "ResponseContext"),
    ("counterpart", "fake_servers"),
    ("counterparts", "fake_servers"),
    ("Deed", "AuditEntry"),
    ("Door", "Acceptor"),
    ("Ear", "Subscription"),
    ("Facts", "RequestInfo"),
    ("FrontDesk", "CallPipeline"),
    ("Gallery", "ProductImages"),
    ("half_made", "awaiting_page"),
    ("has_signed", "verify_signature"),
    ("Inbox", "WebhookWorker"),
    ("Learnt", "ReportOutcome"),
    ("Letter", "MailContent"),
    ("outbound", "the crate of the outside system"),
    ("Post", "MailSender"),
    ("Postman", "OutboxWorker"),
    ("PutBack", "Deferred"),
    ("Quotas", "RateLimiter"),
    ("Received", "StoredNotification"),
    ("rehearsal", "test_doubles"),
    ("Resting", "CircuitOpen"),
    ("SharedBell", "PollingNotifier"),
    ("Shelf", "FakeProducts"),
    ("Showroom", "PaymentPresenter"),
    ("Spender", "RateLimitKey"),
    ("Stage", "FakePorts"),
    ("Story", "Timeline"),
    ("Surround", "CallLayer"),
    ("Surrounded", "CallService"),
    ("Surrounding", "CallService"),
    ("Surroundings", "CallOptions"),
    ("take_news", "take_events"),
    ("Teller", "ConfiguredGateway"),
    ("Till", "FakePayments for a double, PaymentClient for a client"),
    ("Trouble", "FailureLog"),
    ("VEIL", "REDACTED"),
    ("Verdict", "NotificationOutcome"),
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
                let rest = dependency.strip_prefix(framework);
                let is_part = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']));
                let is_known = adapters.contains(&package.name.as_str());
                assert!(is_known || !is_part, "{} must not use {dependency}", package.name);
            }
        }
    }
}

/// `default-run` does not reach across packages, and `default-members` would narrow `cargo test` too.
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

/// What is measured is not started by a command that tests or builds everything.
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
fn the_core_does_no_io() {
    for package in members() {
        let banned = match package.name.as_str() {
            "app" => IO.to_vec(),
            "domain" => [IO.as_slice(), NOT_IN_DOMAIN.as_slice()].concat(),
            _ => continue,
        };
        let known = dependencies(&package);
        let found: Vec<_> = banned.into_iter().filter(|name| known.contains(name)).collect();
        assert_eq!(found, Vec::<&str>::new(), "{} must not use these", package.name);
    }
}

/// The identifiers of a line, without the words of its comment and of its string literals.
fn identifiers(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default().split('"').step_by(2);
    code.flat_map(|code| code.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
}

#[test]
fn one_word_names_one_thing() {
    let instead: BTreeMap<_, _> = BANNED.into_iter().collect();
    let mut mistakes = BTreeSet::new();
    for path in files(&root().join("crates"), "rs") {
        for word in fs::read_to_string(&path).unwrap().lines().flat_map(identifiers) {
            if let Some(instead) = instead.get(word) {
                mistakes.insert(format!("{}: instead of {word} say {instead}", path.display()));
            }
        }
    }
    assert!(mistakes.is_empty(), "{mistakes:#?}");
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
    let mut long = Vec::new();
    for path in files(&root().join("crates"), "rs") {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        if lines > MAX_LINES {
            long.push(format!("{} has {lines} lines: it is more than one idea", path.display()));
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn the_map_is_short_and_names_what_exists() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let lines = map.lines().count();
    assert!(lines <= MAX_MAP_LINES, "ARCHITECTURE.md has {lines} lines");
    for package in members() {
        assert!(map.contains(&format!("\n  {}/ ", package.name)), "ARCHITECTURE.md has no line for {}", package.name);
    }
    let folders = ["", "crates"].map(|folder| root().join(folder));
    let spans = map.split("```").step_by(2).flat_map(|text| text.split('`').skip(1).step_by(2));
    let paths = spans.filter(|span| span.contains('/') && !span.starts_with('/') && !span.contains(' '));
    let missing: Vec<_> = paths.filter(|path| !folders.iter().any(|folder| folder.join(path).exists())).collect();
    assert_eq!(missing, Vec::<&str>::new(), "ARCHITECTURE.md names files that do not exist");
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
