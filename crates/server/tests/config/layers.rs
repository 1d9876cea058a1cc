//! Which layer counts.

use crate::{files, folder, load, owned, production, variables};
use server::settings::{Environment, LogFormat, Settings, Sources};
use std::time::Duration;

fn origin(settings: &Settings, key: &str) -> String {
    let setting = settings.describe().iter().find(|setting| setting.key == key).unwrap();
    setting.origin.rsplit('/').next().unwrap().to_owned()
}

#[test]
fn what_is_given_later_wins() {
    let keys = ["rest.port", "grpc.port", "ops.port", "database.queue", "auth.hash_queue"];
    let folder = folder(&[
        ("default.toml", "rest.port = 1\ngrpc.port = 2\nops.port = 3\ndatabase.queue = 4\n"),
        ("production.toml", "[rest]\nport = 11\n[grpc]\nport = 12\n[ops]\nport = 13\n"),
    ]);
    let sources = Sources {
        config_dir: Some(folder.path().to_owned()),
        overrides: owned(&[("rest.port", "31")]),
        ..production(&[("COMMERCE__REST__PORT", "21"), ("COMMERCE__GRPC__PORT", "22")])
    };
    let settings = load(&sources);
    let ports = (settings.rest.port, settings.grpc.port, settings.ops.port);
    assert_eq!((ports, settings.database.queue, settings.auth.hash_queue), ((31, 22, 13), 4, 64));
    let origins = keys.map(|key| origin(&settings, key));
    let expected = ["--set rest.port", "COMMERCE__GRPC__PORT", "production.toml:6", "default.toml:4"];
    assert_eq!(origins[..4], expected);
    assert!(origins[4].starts_with("built-in default.toml:"), "{}", origins[4]);
}

#[test]
fn nothing_but_the_binary_is_needed() {
    let settings = load(&Sources::default());
    assert_eq!(settings.environment, Environment::Development);
    assert_eq!(settings.rest.host.to_string(), "127.0.0.1");
    assert_eq!((settings.rest.port, settings.grpc.port, settings.ops.port), (8081, 8080, 9090));
    assert!(settings.database.migrate_on_start && settings.grpc.reflection);
    assert_eq!((settings.auth.bcrypt_cost, settings.auth.jwt.ttl), (12, Duration::from_secs(86_400)));
    assert!(settings.rest.workers > 0 && settings.database.pool_size > 0 && settings.auth.hash_threads > 0);
    assert!(settings.warnings().is_empty(), "{:?}", settings.warnings());
}

#[test]
fn each_environment_is_as_its_purpose_wants() {
    let test = load(&variables("test", &[]));
    assert_eq!((test.auth.bcrypt_cost, test.rate_limit.enabled, test.rest.port), (4, false, 0));
    for environment in ["staging", "production"] {
        let secret = ("COMMERCE__AUTH__JWT__SECRET", crate::GOOD_SECRET);
        let settings = load(&variables(environment, &[secret]));
        assert_eq!(settings.environment.name(), environment);
        assert!(settings.rest.host.is_unspecified() && settings.grpc.host.is_unspecified());
        assert!(settings.ops.host.is_unspecified());
        assert_eq!(settings.log.format, LogFormat::Json);
        assert!(!settings.database.migrate_on_start && !settings.grpc.reflection);
        assert!(settings.auth.password.reject_common && settings.rate_limit.enabled);
    }
}

#[test]
fn the_environment_is_named_by_an_option_or_else_by_a_variable() {
    let named = |option: Option<&str>, variable: &[(&str, &str)]| {
        let sources =
            Sources { environment: option.map(str::to_owned), env_vars: owned(variable), ..Sources::default() };
        load(&sources).environment
    };
    assert_eq!(named(None, &[("COMMERCE_ENV", "test")]), Environment::Test);
    assert_eq!(named(Some("development"), &[("COMMERCE_ENV", "test")]), Environment::Development);
}

#[test]
fn a_file_in_the_folder_stands_in_the_place_of_the_built_in_one() {
    let only_default = folder(&[("default.toml", "[auth]\nhash_queue = 7\nbcrypt_cost = 13\n")]);
    let settings = load(&files("test", only_default.path()));
    assert_eq!((settings.auth.hash_queue, settings.auth.bcrypt_cost), (7, 4), "the built-in test.toml still holds");

    let own =
        folder(&[("test.toml", "[auth]\nhash_queue = 7\n[auth.jwt]\nsecret = \"Rk3vT9wLx2Qm7Zp5Bn8Yc4Hd6Fj1Gs0A\"\n")]);
    let settings = load(&files("test", own.path()));
    assert_eq!((settings.auth.hash_queue, settings.auth.bcrypt_cost), (7, 12), "the built-in test.toml holds no more");
}

#[test]
fn texts_are_read_as_what_the_setting_is() {
    let settings = load(&variables(
        "test",
        &[
            ("COMMERCE__TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::1,"),
            ("COMMERCE__CORS__ALLOWED_ORIGINS", r#"["https://shop.example", "http://localhost:3000"]"#),
            ("COMMERCE__GRPC__REFLECTION", "true"),
            ("COMMERCE__REST__REQUEST_TIMEOUT_SECONDS", "0.25"),
            ("COMMERCE__LOG__LEVEL", "warn,persistence=debug"),
            ("COMMERCE__LOG__FORMAT", "json"),
            ("COMMERCE__DATABASE__URL", "postgres://localhost/shop"),
            ("COMMERCE__DATABASE__READ_URL", "postgres://127.0.0.1/shop"),
        ],
    ));
    let proxies: Vec<_> = settings.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.0/8", "2001:db8::1/128"]);
    assert_eq!(settings.cors.allowed_origins, ["https://shop.example", "http://localhost:3000"]);
    assert!(settings.grpc.reflection && settings.database.read_url.is_some());
    assert_eq!(settings.rest.request_timeout, Duration::from_millis(250));
    assert_eq!((settings.log.level.as_str(), settings.log.format), ("warn,persistence=debug", LogFormat::Json));
}

#[test]
fn a_list_is_replaced_as_a_whole() {
    let folder = folder(&[
        ("default.toml", "trusted_proxies = [\"10.0.0.1\", \"10.0.0.2\"]\n"),
        ("test.toml", "trusted_proxies = [\"10.0.0.3\"]\n[auth.jwt]\nsecret = \"Rk3vT9wLx2Qm7Zp5Bn8Yc4Hd6Fj1Gs0A\"\n"),
    ]);
    let proxies = |sources: &Sources| load(sources).trusted_proxies.len();
    assert_eq!(proxies(&files("test", folder.path())), 1);
    let none = Sources { overrides: owned(&[("trusted_proxies", "")]), ..files("test", folder.path()) };
    assert_eq!(proxies(&none), 0);
}

#[test]
fn a_variable_that_is_almost_a_setting_is_doubted() {
    let almost =
        [("COMMERCE_REST_PORT", "1"), ("COMMERCE_SERVICE_HOST", "10.0.0.1"), ("COMMERCE_PORT", "tcp://10.0.0.1")];
    let settings = load(&variables("test", &almost));
    assert_eq!(settings.warnings(), ["COMMERCE_REST_PORT: has no effect; did you mean COMMERCE__REST__PORT?"]);
}
