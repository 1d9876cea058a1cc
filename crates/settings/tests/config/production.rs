//! What production refuses, and what it doubts.

use crate::{GOOD_SECRET, files, folder, load, mistakes, production, variables};
use settings::Sources;

/// The one mistake.
fn refused(sources: &Sources) -> String {
    let found = mistakes(sources);
    assert_eq!(found.iter().count(), 1, "{found}");
    found.iter().next().unwrap().to_string()
}

fn secret_in(file: &str) -> &str {
    let line = file.lines().find(|line| line.starts_with("secret = "));
    line.and_then(|line| line.split('"').nth(1)).unwrap()
}

#[test]
fn it_starts_with_its_secrets_and_needs_nothing_else() {
    let settings = load(&production(&[]));
    assert!(settings.warnings().is_empty(), "{:?}", settings.warnings());
}

#[test]
fn a_secret_must_be_given() {
    for environment in ["staging", "production"] {
        let text = refused(&variables(environment, &[]));
        assert!(text.contains("auth.jwt.secret: is not given"), "{text}");
        assert!(text.contains("auth.jwt.secret_file") && text.contains("COMMERCE__AUTH__JWT__SECRET_FILE"), "{text}");
    }
}

#[test]
fn secrets_that_everybody_can_read_are_none() {
    let published = [
        secret_in(include_str!("../../../../config/development.toml")),
        secret_in(include_str!("../../../../config/test.toml")),
    ];
    for secret in published {
        for environment in ["staging", "production"] {
            let text = refused(&variables(environment, &[("COMMERCE__AUTH__JWT__SECRET", secret)]));
            assert!(text.contains("everybody can read") && !text.contains(secret), "{text}");
        }
        let key = format!("[{{ kid = \"old\", secret = {secret:?} }}]");
        let text = refused(&production(&[("COMMERCE__AUTH__JWT__VERIFICATION_KEYS", &key)]));
        assert!(text.contains("verification_keys.old: is one that everybody can read"), "{text}");
        load(&variables("development", &[("COMMERCE__AUTH__JWT__SECRET", secret)]));
    }
}

#[test]
fn weak_secrets_are_refused_everywhere() {
    for environment in ["development", "test", "staging", "production"] {
        for (weak, why) in [
            ("0123456789abcdef0123456789abcde", "31 bytes"),
            ("abcdefgabcdefgabcdefgabcdefgabcdefg", "7 different bytes"),
            ("please-changeme-please-changeme-please", "placeholder"),
        ] {
            let text = refused(&variables(environment, &[("COMMERCE__AUTH__JWT__SECRET", weak)]));
            assert!(text.contains(why) && !text.contains(weak), "{environment}: {text}");
        }
        let shortest = ("COMMERCE__AUTH__JWT__SECRET", "0123456789abcdef0123456789abcdef");
        load(&variables(environment, &[shortest]));
    }
}

/// URLs that lead to another machine, perhaps in the clear, and what to add to each.
const OPEN: &[(&str, &str)] = &[
    ("postgres://shop:s3cret@db.example/shop", "sslmode=verify-full"),
    ("postgres://db.example/shop?sslmode=disable", "sslmode=verify-full"),
    ("postgres://localhost,10.0.0.7/shop?sslmode=prefer", "sslmode=verify-full"),
    ("postgres://[fd00::7]/shop", "sslmode=verify-full"),
    #[cfg(feature = "mysql")]
    ("mysql://shop:s3cret@db.example/shop", "ssl_mode=verify_identity"),
    #[cfg(feature = "mysql")]
    ("mysql://10.0.0.7/shop?ssl_mode=preferred", "ssl_mode=verify_identity"),
];

#[test]
fn a_database_elsewhere_is_reached_by_tls_or_because_somebody_says_so() {
    for &(url, remedy) in OPEN {
        let primary = format!("{}://localhost/shop", url.split(':').next().unwrap());
        for (key, more) in [("url", None), ("read_url", Some(("COMMERCE__DATABASE__URL", primary.as_str())))] {
            if key == "read_url" && url.contains(',') {
                continue; // a replica is one server
            }
            let variable = format!("COMMERCE__DATABASE__{}", key.to_uppercase());
            let given: Vec<_> = more.into_iter().chain([(variable.as_str(), url)]).collect();
            let text = refused(&production(&given));
            assert!(text.contains(&format!("database.{key}: leads to another machine")), "{text}");
            assert!(text.contains(remedy) && text.contains("database.allow_plaintext"), "{text}");
            assert!(!text.contains("s3cret"), "{text}");

            let meant = load(&production(&[&given[..], &[("COMMERCE__DATABASE__ALLOW_PLAINTEXT", "true")]].concat()));
            assert_eq!(meant.warnings().len(), 1, "{:?}", meant.warnings());
            assert!(meant.warnings()[0].contains("as database.allow_plaintext has it"), "{:?}", meant.warnings());

            let elsewhere = load(&variables("development", &given));
            assert_eq!(elsewhere.warnings().len(), 1, "{:?}", elsewhere.warnings());
            assert!(elsewhere.warnings()[0].contains("which production refuses"), "{:?}", elsewhere.warnings());
        }
    }
}

#[test]
fn a_replica_is_one_server_and_not_the_primary() {
    for (replica, told) in [
        ("postgres://shop:s3cret@localhost:5432/shop?sslmode=disable", "the replica's URL names the primary"),
        ("postgres://shop:s3cret@127.0.0.1,localhost:5433/shop", "has to name one server"),
    ] {
        let urls =
            [("COMMERCE__DATABASE__URL", "postgres://shop@localhost/shop"), ("COMMERCE__DATABASE__READ_URL", replica)];
        let text = refused(&production(&urls));
        assert!(text.contains("database.read_url: cannot be used") && text.contains(told), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn a_database_on_this_machine_needs_no_tls() {
    for url in ["postgres://127.0.0.1/shop", "postgres://[::1]:5432/shop", "postgres:///shop?host=/run/postgresql"] {
        let settings = load(&production(&[("COMMERCE__DATABASE__URL", url)]));
        assert!(settings.warnings().is_empty(), "{url}: {:?}", settings.warnings());
    }
}

#[test]
fn pages_of_every_origin_are_not_let_in() {
    let every = [("COMMERCE__CORS__ALLOWED_ORIGINS", "*")];
    assert!(refused(&production(&every)).contains("list the origins of your own pages"));
    load(&variables("development", &every));
}

#[test]
fn everybody_is_not_believed_as_a_proxy() {
    for every in ["0.0.0.0/0", "10.0.0.1,::/0"] {
        let every = [("COMMERCE__TRUSTED_PROXIES", every)];
        assert!(refused(&production(&every)).contains("list your own proxies"));
        load(&variables("development", &every));
    }
}

#[test]
fn services_are_described_only_where_that_is_said_for_production() {
    let everywhere = folder(&[("default.toml", "[grpc]\nreflection = true\n")]);
    let sources = Sources { config_dir: Some(everywhere.path().to_owned()), ..production(&[]) };
    let text = refused(&sources);
    assert!(
        text.contains("default.toml:2: grpc.reflection: is on in production because it is on everywhere"),
        "{text}"
    );

    let meant = load(&production(&[("COMMERCE__GRPC__REFLECTION", "true")]));
    assert!(meant.grpc.reflection);
    assert!(meant.warnings()[0].starts_with("COMMERCE__GRPC__REFLECTION: grpc.reflection: "), "{:?}", meant.warnings());
}

#[test]
fn the_first_page_is_for_those_who_develop() {
    for (sources, is_served) in [
        (variables("development", &[]), true),
        (variables("test", &[]), true),
        (variables("staging", &[("COMMERCE__AUTH__JWT__SECRET", GOOD_SECRET)]), false),
        (production(&[]), false),
    ] {
        let settings = load(&sources);
        assert_eq!(settings.rest.index, is_served, "{}", settings.environment);
    }
}

#[test]
fn cheap_hashes_are_for_tests() {
    let cheap = [("COMMERCE__AUTH__BCRYPT_COST", "4")];
    for environment in ["development", "staging", "production"] {
        let text = mistakes(&variables(environment, &cheap)).to_string();
        assert!(text.contains("4 is not a whole number from 10 to 14") || text.contains("\"4\" is not"), "{text}");
    }
    assert_eq!(load(&variables("test", &cheap)).auth.bcrypt_cost, 4);
}

#[test]
fn what_may_be_meant_is_doubted_and_not_refused() {
    for (name, value, doubt) in [
        ("COMMERCE__RATE_LIMIT__ENABLED", "false", "guess passwords"),
        ("COMMERCE__AUTH__JWT__ACCEPT_LEGACY", "true", "after the cut-over"),
        ("COMMERCE__REST__INDEX", "true", "its version"),
    ] {
        let settings = load(&production(&[(name, value)]));
        assert_eq!(settings.warnings().len(), 1);
        assert!(settings.warnings()[0].contains(doubt), "{:?}", settings.warnings());
        assert!(load(&variables("development", &[(name, value)])).warnings().is_empty());
    }
}

#[test]
fn all_of_it_is_told_in_one_list() {
    let everything = folder(&[
        ("default.toml", "trusted_proxies = [\"0.0.0.0/0\"]\n[grpc]\nreflection = true\n"),
        (
            "production.toml",
            "[cors]\nallowed_origins = [\"*\"]\n[auth]\nbcrypt_cost = 4\n[auth.jwt]\nsecret = \"secret\"\n\
             [payment]\ngateway = \"midtrans\"\n[midtrans]\nenvironment = \"production\"\nserver_key = \"SB-Mid-server-x\"\n\
             [mail]\nurl = \"smtps://mail.example\"\nfrom = \"hello@shop.example\"\n",
        ),
    ]);
    let found = mistakes(&files("production", everything.path()));
    let places: Vec<_> = found.iter().map(|mistake| mistake.place.rsplit('/').next().unwrap()).collect();
    let expected = [
        "default.toml:1",
        "default.toml:3",
        "production.toml:2",
        "production.toml:11",
        "production.toml:4",
        "production.toml:6",
    ];
    assert_eq!(places, expected, "{found}");
}
