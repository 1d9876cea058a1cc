//! Which layer counts.

use crate::{files, folder, load, mistakes, owned, production, variables};
use secrecy::ExposeSecret;
use settings::{Environment, GatewayChoice, LogFormat, Settings, Sources};
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
fn a_file_in_the_folder_says_what_it_names_and_nothing_else() {
    let own = folder(&[("test.toml", "[auth]\nhash_queue = 7\n")]);
    let settings = load(&files("test", own.path()));
    assert_eq!((settings.auth.hash_queue, settings.auth.bcrypt_cost), (7, 4), "the built-in test.toml still holds");
    assert_eq!(origin(&settings, "auth.hash_queue"), "test.toml:2");
    assert!(origin(&settings, "auth.bcrypt_cost").starts_with("built-in test.toml:"));
    assert!(settings.warnings().is_empty(), "{:?}", settings.warnings());

    let own = folder(&[("production.toml", "[rest]\nport = 80\n[log]\nlevel = \"warn\"\n")]);
    let sources = Sources { config_dir: Some(own.path().to_owned()), ..production(&[]) };
    let settings = load(&sources);
    assert!(settings.auth.password.reject_common && settings.rest.host.is_unspecified());
    assert_eq!((settings.log.format, settings.rest.port), (LogFormat::Json, 80));
}

#[test]
fn what_one_writes_oneself_wins_over_what_is_built_in() {
    let own = folder(&[("default.toml", "[log]\nformat = \"text\"\n[auth]\nhash_queue = 7\n")]);
    let sources = Sources { config_dir: Some(own.path().to_owned()), ..production(&[]) };
    let settings = load(&sources);
    assert_eq!((settings.log.format, settings.auth.hash_queue), (LogFormat::Text, 7));
    let [warning] = settings.warnings() else { panic!("{:?}", settings.warnings()) };
    assert!(
        warning.ends_with(
            "default.toml:2: log.format: takes the place of \"json\", which is built in for production; say so in \
             production.toml if it is meant"
        ),
        "{warning}"
    );
    std::fs::write(own.path().join("production.toml"), "[log]\nformat = \"text\"\n").unwrap();
    assert!(load(&sources).warnings().is_empty());
}

#[test]
fn the_files_of_the_repository_say_what_is_built_in() {
    let config = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    for environment in ["development", "test"] {
        let sources = files(environment, &config);
        assert_eq!(values(&sources), values(&variables(environment, &[])));
        let settings = load(&sources);
        assert!(settings.warnings().is_empty(), "{:?}", settings.warnings());
    }
}

/// Settings of an environment where nobody names a folder, and this one is looked into.
fn looked_into(environment: &str, folder: &std::path::Path) -> Sources {
    Sources { default_dir: Some(folder.to_owned()), ..variables(environment, &[]) }
}

#[test]
fn a_folder_that_nobody_names_counts_with_whatever_files_it_has() {
    let one = folder(&[("test.toml", "[auth]\nhash_queue = 7\n")]);
    assert_eq!(load(&looked_into("test", one.path())).auth.hash_queue, 7);
    let settings = load(&looked_into("development", one.path()));
    assert!(
        settings.warnings()[0].contains("but test.toml, so that nothing of it counts"),
        "{:?}",
        settings.warnings()
    );

    let another = folder(&[("app.toml", "x"), ("README.md", "")]);
    let foreign = load(&looked_into("test", another.path()));
    assert!(foreign.warnings().is_empty(), "{:?}", foreign.warnings());
    assert!(load(&looked_into("test", &another.path().join("nowhere"))).warnings().is_empty());
    assert!(load(&looked_into("test", &another.path().join("README.md"))).warnings().is_empty());

    let misspelt = folder(&[("prodution.toml", "")]);
    let settings = load(&looked_into("test", misspelt.path()));
    assert!(settings.warnings()[0].contains("did you mean production.toml?"), "{:?}", settings.warnings());
}

#[test]
fn files_that_are_not_read_are_told() {
    let ours = folder(&[("default.toml", ""), ("shop.toml", "x"), ("production.yaml", ""), ("notes.md", "")]);
    let settings = load(&files("test", ours.path()));
    let told: Vec<_> = settings.warnings().iter().map(|warning| warning.rsplit('/').next().unwrap()).collect();
    let why = "is not read: settings are in default.toml and in a file named after the environment";
    assert_eq!(told, [format!("production.yaml: {why}; write production.toml"), format!("shop.toml: {why}")]);
}

/// What all settings are, secrets aside.
fn values(sources: &Sources) -> Vec<(String, String)> {
    load(sources).describe().iter().map(|it| (it.key.clone(), it.value.clone())).collect()
}

#[test]
fn an_empty_variable_is_as_none_for_every_setting() {
    let expected = values(&variables("development", &[]));
    for (key, _) in &expected {
        let name = format!("COMMERCE__{}", key.to_uppercase().replace('.', "__"));
        for nothing in ["", " \n"] {
            assert_eq!(values(&variables("development", &[(&name, nothing)])), expected, "{name}");
        }
    }
    let own = folder(&[("test.toml", "[rest]\nport = 7\n[mail]\ntemplates = \"own\"\n")]);
    let env_vars = owned(&[("COMMERCE__REST__PORT", ""), ("COMMERCE__MAIL__TEMPLATES", "")]);
    let settings = load(&Sources { env_vars, ..files("test", own.path()) });
    assert_eq!(settings.rest.port, 7, "what the file says holds");
    assert!(settings.mail.templates.is_some(), "so it does here");

    let production = production(&[("COMMERCE__DATABASE__URL", ""), ("COMMERCE__MAIL__USERNAME", "")]);
    let expected = ["COMMERCE__DATABASE__URL: is empty, which is as if it were not there"];
    assert_eq!(load(&production).warnings(), expected);
}

#[test]
fn an_empty_text_elsewhere_takes_away_what_can_be_done_without() {
    let expected = values(&variables("development", &[]));
    let can_go = ["payment.simulator.journal", "auth.jwt.secret"];
    for (key, value) in expected.iter().filter(|(key, _)| !can_go.contains(&key.as_str())) {
        let set = Sources { overrides: owned(&[(key, " ")]), ..variables("development", &[]) };
        let now: Vec<_> = values(&set).into_iter().filter(|(other, now)| other == key && now != value).collect();
        assert!(now.is_empty(), "{key} was {value}, and an empty text made it {now:?}");
    }
    let own = folder(&[("test.toml", "[mail]\ntemplates = \"own\"\n")]);
    let taken_away = Sources { overrides: owned(&[("mail.templates", "")]), ..files("test", own.path()) };
    assert!(load(&taken_away).mail.templates.is_none());
    let journal = |sources: &Sources| match load(sources).payment.gateway {
        GatewayChoice::Simulator(simulator) => simulator.journal,
        GatewayChoice::Midtrans(_) => panic!("the simulator is chosen"),
    };
    assert!(journal(&variables("development", &[])).is_some());
    for name in ["default.toml", "development.toml"] {
        let own = folder(&[(name, "[payment.simulator]\njournal = \"\"\n")]);
        assert_eq!(journal(&files("development", own.path())), None, "{name}");
    }
    // A copy of default.toml takes nothing away that is built in for the environment.
    let copy = folder(&[("default.toml", include_str!("../../../../config/default.toml"))]);
    load(&files("development", copy.path()));
    let own = folder(&[("development.toml", "[auth.jwt]\nsecret = \"\"\n")]);
    assert!(mistakes(&files("development", own.path())).to_string().contains("auth.jwt.secret: is not given"));
}

#[test]
fn white_space_around_a_value_is_no_part_of_it() {
    let spaced = [
        ("COMMERCE__DATABASE__URL", "sqlite://data/shop.db\n"),
        ("COMMERCE__REST__PORT", " 8082 "),
        ("COMMERCE__LOG__FORMAT", "json\r"),
        ("COMMERCE__AUTH__JWT__ISSUER", "\tshop"),
        ("COMMERCE_ENV", "development\n"),
    ];
    let sources =
        Sources { env_vars: owned(&spaced), overrides: owned(&[("mail.folder", " data/post ")]), ..Sources::default() };
    let settings = load(&sources);
    assert_eq!(settings.database.url.expose_secret(), "sqlite://data/shop.db");
    assert_eq!((settings.rest.port, settings.log.format), (8082, LogFormat::Json));
    assert_eq!(settings.auth.jwt.issuer, "shop");
    let shown = settings.describe().to_string();
    assert!(shown.contains("mail.folder = \"data/post\""), "{shown}");
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
    let almost = [
        ("COMMERCE_REST_PORT", "1"),
        ("COMMERCE_RESTPORT", "1"),
        ("COMMERCE-GRPC-PORT", "1"),
        ("COMMERCE_VERSION", "1"),
        // What Kubernetes makes of services, and other programs' own.
        ("COMMERCE_SERVICE_HOST", "10.0.0.1"),
        ("COMMERCE_SERVICE_PORT_HTTP", "80"),
        ("COMMERCE_PORT", "tcp://10.0.0.1"),
        ("COMMERCE_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("COMMERCE_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("COMMERCE_OPS_PORT", "tcp://10.0.0.1:80"),
        ("COMMERCETOOLS_API_KEY", "1"),
        ("COMMERCE_ENV", "test"),
    ];
    let settings = load(&variables("test", &almost));
    assert_eq!(
        settings.warnings(),
        [
            "COMMERCE-GRPC-PORT: has no effect; did you mean COMMERCE__GRPC__PORT?",
            "COMMERCE_RESTPORT: has no effect; did you mean COMMERCE__REST__PORT?",
            "COMMERCE_REST_PORT: has no effect; did you mean COMMERCE__REST__PORT?",
            "COMMERCE_VERSION: has no effect; settings begin with COMMERCE__, as in COMMERCE__REST__PORT",
        ]
    );
}
