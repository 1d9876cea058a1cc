//! The message of each mistake.

use crate::{GOOD_SECRET, files, folder, golden, mistakes, owned, variables};
use settings::Sources;
use std::fmt::Write as _;

/// A title, files in the folder, variables, and options of the command line, all of development.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)]);

const CASES: &[Case<'_>] = &[
    (
        "unknown settings in a file",
        &[("default.toml", "[rest]\nprot = 1\n\n[lgo]\nlevel = 1\n[nonsense]\nx = 1\n[empty]\n")],
        &[],
        &[],
    ),
    (
        "unknown settings in variables",
        &[],
        &[
            ("COMMERCE__REST__PROT", "1"),
            ("COMMERCE__BCRYPT_COST", "1"),
            ("COMMERCE__", "1"),
            ("COMMERCE__AUTH__JWT__X", "1"),
        ],
        &[],
    ),
    (
        "unknown settings on the command line",
        &[],
        &[],
        &[("rest.prot", "1"), ("Rest.Port", "1"), ("port", "1"), ("", "")],
    ),
    ("a group is no setting", &[("default.toml", "rest = 1\n")], &[("COMMERCE__GRPC", "1")], &[("auth.jwt", "1")]),
    ("a setting is no group", &[("default.toml", "[rest.port]\nx = 1\n")], &[], &[]),
    (
        "other types",
        &[(
            "development.toml",
            "trusted_proxies = 1\n[rest]\nhost = 1\nport = 80.5\nworkers = [1]\nmax_connections = { a = 1 }\n\
             [grpc]\nreflection = \"maybe\"\n[auth.jwt]\nsecret = 1\nkid = 2026-01-01\nissuer = true\n",
        )],
        &[],
        &[],
    ),
    (
        "elements of lists by their own lines",
        &[(
            "development.toml",
            "trusted_proxies = [\n  \"10.0.0.1\",\n  \"x\",\n  7,\n]\n[[auth.jwt.verification_keys]]\nkid = \"a\"\nsecret = \"b\"\n[[auth.jwt.verification_keys]]\n",
        )],
        &[],
        &[],
    ),
    (
        "no TOML",
        &[
            ("default.toml", "[rest]\nport = 8081\nhost = \"127\n"),
            ("development.toml", "[rest]\nport = 1\nport = 2\n"),
        ],
        &[],
        &[],
    ),
    (
        "every layer at once",
        &[("default.toml", "[rest]\nport = -1\n"), ("development.toml", "[grpc]\nport = -1\n")],
        &[("COMMERCE__OPS__PORT", "-1")],
        &[("log.format", "xml"), ("rest.hots", "::")],
    ),
    (
        "both a secret and its file",
        &[("development.toml", "[database]\nurl = \"sqlite://a\"\nurl_file = \"b\"\n")],
        &[],
        &[],
    ),
    (
        "secrets on the command line",
        &[],
        &[],
        &[("auth.jwt.secret", GOOD_SECRET), ("database.url", "postgres://ada:lovelace@localhost/shop")],
    ),
    ("one port twice", &[], &[("COMMERCE__GRPC__PORT", "8081"), ("COMMERCE__OPS__PORT", "8081")], &[]),
    ("a folder without settings", &[("README.md", "")], &[], &[]),
    ("a folder for another environment", &[("production.toml", ""), ("staging.toml", "")], &[], &[]),
    (
        "files whose names are none",
        &[("default.toml", ""), ("prodution.toml", ""), ("dev.toml", ""), ("Staging.toml", "")],
        &[],
        &[],
    ),
    (
        "variables that are almost settings",
        &[],
        &[
            ("COMMERCE_REST__PORT", "1"),
            ("COMMERCE__REST_PORT", "1"),
            ("COMMERCE__AUTH_JWT_SECRET_FILE", "1"),
            ("commerce__rest__port", "1"),
            ("COMMERCE-REST__PORT", "1"),
            ("COMMERCE_NO__SUCH", "1"),
            ("COMMERCE__ENV", "test"),
            ("COMMERCE_ENVIRONMENT", "test"),
            ("Commerce_Env", "test"),
        ],
        &[],
    ),
];

#[test]
fn all_mistakes_are_told_at_once_each_with_its_place() {
    let mut told = String::new();
    for (title, in_folder, in_variables, overrides) in CASES {
        let folder = folder(in_folder);
        let sources = Sources {
            config_dir: (!in_folder.is_empty()).then(|| folder.path().to_owned()),
            env_vars: owned(in_variables),
            overrides: owned(overrides),
            ..Sources::default()
        };
        let text = mistakes(&sources).to_string();
        writeln!(told, "# {title}\n{}\n", text.replace(&folder.path().display().to_string(), "FOLDER")).unwrap();
    }
    golden::compare("tests/config/golden/mistakes.txt", &told);
}

#[test]
fn a_folder_that_is_not_there_is_a_mistake() {
    let folder = folder(&[]);
    let text = mistakes(&files("test", &folder.path().join("nowhere"))).to_string();
    assert!(text.contains("/nowhere: there is no such folder"), "{text}");
}

#[test]
fn a_file_that_cannot_be_read_is_a_mistake() {
    let folder = folder(&[]);
    std::fs::create_dir(folder.path().join("default.toml")).unwrap();
    std::fs::write(folder.path().join("test.toml"), [0xff, 0xfe]).unwrap();
    let found = mistakes(&files("test", folder.path()));
    let places: Vec<_> = found.iter().map(|mistake| mistake.place.rsplit('/').next().unwrap()).collect();
    assert_eq!(places, ["default.toml", "test.toml"], "{found}");
}

#[test]
fn an_environment_that_does_not_exist_is_told_with_what_else_is_wrong() {
    let wrong = [("COMMERCE_ENV", "prod"), ("COMMERCE__REST__PORT", "x")];
    let sources = Sources { env_vars: owned(&wrong), ..Sources::default() };
    let found = mistakes(&sources);
    let told: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "COMMERCE_ENV: \"prod\" is not an environment; did you mean production? There are development, test, staging, \
             production",
            "COMMERCE__REST__PORT: rest.port: \"x\" is not a whole number from 0 to 65535; the default is 8081",
        ]
    );
    for name in ["", "Production", "qa"] {
        let text = mistakes(&variables(name, &[])).to_string();
        assert!(text.contains("--env: ") && text.contains("staging"), "{text}");
    }
}
