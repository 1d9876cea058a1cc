//! What `config show` prints.

use crate::{GOOD_SECRET, files, folder, load, owned, variables};
use settings::Sources;

#[test]
fn each_setting_is_shown_with_where_it_comes_from() {
    let sources = Sources {
        overrides: owned(&[("rest.port", "1234")]),
        ..variables(
            "development",
            &[
                ("COMMERCE__DATABASE__URL", "postgres://ada:lovelace@localhost/shop"),
                ("COMMERCE__TRUSTED_PROXIES", "10.0.0.1, 10.1.0.0/16"),
                ("COMMERCE__PAYMENT__CHECK_PAUSE_SECONDS", "0.25"),
                ("COMMERCE__REST__DOCS", " false\n"),
                ("COMMERCE__GRPC__PORT", ""),
            ],
        )
    };
    let shown = load(&sources).describe().to_string();
    for (setting, origin) in [
        ("trusted_proxies = [\"10.0.0.1\", \"10.1.0.0/16\"]", "COMMERCE__TRUSTED_PROXIES"),
        ("rest.port = 1234", "--set rest.port"),
        ("rest.docs = false", "COMMERCE__REST__DOCS"),
        ("grpc.port = 8080", "built-in default.toml:"),
        ("payment.check_pause_seconds = 0.25", "COMMERCE__PAYMENT__CHECK_PAUSE_SECONDS"),
        ("database.url = \"postgres://***@localhost/shop\"", "COMMERCE__DATABASE__URL"),
        ("database.read_url = \"\"", "built-in default.toml:"),
        ("auth.jwt.secret = \"***\"", "built-in development.toml:"),
        ("auth.bcrypt_cost = 12", "built-in default.toml:"),
        ("cors.allowed_origins = []", "built-in default.toml:"),
    ] {
        let line = shown.lines().find(|line| line.starts_with(setting));
        assert!(line.is_some_and(|line| line.contains(&format!("# {origin}"))), "{setting}:\n{shown}");
    }
}

#[test]
fn what_is_shown_is_toml_and_means_the_same() {
    let shown =
        load(&variables("development", &[("COMMERCE__AUTH__JWT__ISSUER", "the \"shop\"")])).describe().to_string();
    let document: toml_edit::DocumentMut = shown.parse().unwrap_or_else(|error| panic!("{error}\n{shown}"));
    assert_eq!(document["rest"]["port"].as_integer(), Some(8081));
    assert_eq!(document["auth"]["jwt"]["issuer"].as_str(), Some("the \"shop\""));
}

#[test]
fn keys_are_shown_by_their_names() {
    let keys = format!("[[auth.jwt.verification_keys]]\nkid = \"old\"\nsecret = {GOOD_SECRET:?}\n");
    let folder = folder(&[("default.toml", &keys)]);
    let shown = load(&files("test", folder.path())).describe().to_string();
    assert!(shown.contains("auth.jwt.verification_keys = [{ kid = \"old\", secret = \"***\" }]"), "{shown}");

    let keys = format!("[{{ kid = \"old\", secret = {GOOD_SECRET:?} }}]");
    let shown = load(&variables("test", &[("COMMERCE__AUTH__JWT__VERIFICATION_KEYS", &keys)])).describe().to_string();
    assert!(shown.contains("auth.jwt.verification_keys = [{ kid = \"old\", secret = \"***\" }]"), "{shown}");
}
