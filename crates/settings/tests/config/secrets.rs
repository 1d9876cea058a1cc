//! Secrets: where they may come from, and that they go nowhere.

use crate::{BUCKET, GOOD_SECRET, files, folder, load, mistakes, owned, production, variables};
use secrecy::ExposeSecret;
use settings::{Settings, Sources};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tempfile::TempDir;

const CANARY: &str = "canary-0f6d2c91";

/// A file for its owner alone.
fn secret_file(content: &str) -> (TempDir, PathBuf) {
    let folder = folder(&[("secret", content)]);
    let path = folder.path().join("secret");
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    (folder, path)
}

#[test]
fn a_secret_comes_from_a_file_without_the_white_space_around_it() {
    for end in ["", "\n", "\r\n", " \t\n\n"] {
        let (_folder, path) = secret_file(&format!("\u{feff}{GOOD_SECRET}{end}"));
        let settings =
            load(&variables("production", &[BUCKET, ("COMMERCE__AUTH__JWT__SECRET_FILE", path.to_str().unwrap())]));
        assert_eq!(settings.auth.jwt.secret.expose_secret(), GOOD_SECRET);
        assert!(settings.warnings().is_empty(), "{:?}", settings.warnings());
    }
    let (_folder, path) = secret_file("postgres://ada:lovelace@localhost/shop\n");
    let settings = load(&production(&[("COMMERCE__DATABASE__URL_FILE", path.to_str().unwrap())]));
    assert_eq!(settings.database.url.expose_secret(), "postgres://ada:lovelace@localhost/shop");
}

#[test]
fn keys_to_accept_come_from_files_too() {
    let (_folder, path) = secret_file(GOOD_SECRET);
    let keys = format!("[{{ kid = \"old\", secret_file = {:?} }}]", path.to_str().unwrap());
    let settings = load(&variables("test", &[("COMMERCE__AUTH__JWT__VERIFICATION_KEYS", &keys)]));
    let [old] = settings.auth.jwt.verification_keys.as_slice() else {
        panic!("one key");
    };
    assert_eq!((old.kid.as_str(), old.secret.expose_secret()), ("old", GOOD_SECRET));
}

#[test]
fn a_file_that_others_can_use_is_doubted() {
    let (_folder, path) = secret_file(GOOD_SECRET);
    for (mode, doubts) in [(0o600, 0), (0o640, 0), (0o644, 1), (0o602, 1)] {
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let settings =
            load(&variables("production", &[BUCKET, ("COMMERCE__AUTH__JWT__SECRET_FILE", path.to_str().unwrap())]));
        assert_eq!(settings.warnings().len(), doubts, "{mode:o}: {:?}", settings.warnings());
    }
}

#[test]
fn a_file_with_no_secret_in_it_is_a_mistake() {
    for content in ["", "\n"] {
        let (_folder, path) = secret_file(content);
        let text =
            mistakes(&variables("test", &[("COMMERCE__AUTH__JWT__SECRET_FILE", path.to_str().unwrap())])).to_string();
        assert!(
            text.contains("COMMERCE__AUTH__JWT__SECRET_FILE: auth.jwt.secret_file: ")
                && text.contains("names an empty file"),
            "{text}"
        );
    }
}

#[test]
fn a_file_with_more_than_a_secret_in_it_is_a_mistake() {
    for (content, told) in [
        (format!("{GOOD_SECRET}\nmore"), "has a line break"),
        (format!("{GOOD_SECRET}\0"), "another control character"),
        (format!("\"{GOOD_SECRET}\"\n"), "has quotes around it"),
    ] {
        let (_folder, path) = secret_file(&content);
        let file = ("COMMERCE__AUTH__JWT__SECRET_FILE", path.to_str().unwrap());
        let text = mistakes(&variables("test", &[file])).to_string();
        assert!(text.contains("auth.jwt.secret_file: names a file whose content ") && text.contains(told), "{text}");
        assert!(!text.contains(GOOD_SECRET), "{text}");
    }
}

#[test]
fn a_secret_keeps_what_is_within_it() {
    let secret = "it's 42 \"blank\" characters % # $ & \\ é";
    let own = folder(&[("test.toml", &format!("auth.jwt.secret = {secret:?}"))]);
    for settings in [
        load(&variables("test", &[("COMMERCE__AUTH__JWT__SECRET", &format!("  {secret} \n"))])),
        load(&Sources { overrides: owned(&[("auth.jwt.secret", secret)]), ..variables("test", &[]) }),
        load(&files("test", own.path())),
    ] {
        assert_eq!(settings.auth.jwt.secret.expose_secret(), secret);
    }
}

#[test]
fn of_a_secret_and_its_file_the_one_given_later_counts() {
    let (_folder, path) = secret_file(GOOD_SECRET);
    let file = ("COMMERCE__AUTH__JWT__SECRET_FILE", path.to_str().unwrap());
    let settings = load(&variables("development", &[file]));
    assert_eq!(settings.auth.jwt.secret.expose_secret(), GOOD_SECRET, "the file, not what development.toml says");

    let own = folder(&[("default.toml", &format!("[auth.jwt]\nsecret_file = {:?}\n", path.to_str().unwrap()))]);
    let settings = load(&files("development", own.path()));
    assert_eq!(settings.auth.jwt.secret.expose_secret(), GOOD_SECRET, "one's own file, not what is built in");
    let later = "[auth.jwt]\nsecret = \"Jd5x8Gy2Wp7Re4Uf9Qa1Nz6Rk3vT9wL0\"\n";
    std::fs::write(own.path().join("development.toml"), later).unwrap();
    let settings = load(&files("development", own.path()));
    assert!(settings.auth.jwt.secret.expose_secret().starts_with("Jd5x8"), "development.toml, not default.toml");

    let both = variables("development", &[file, ("COMMERCE__AUTH__JWT__SECRET", GOOD_SECRET)]);
    let text = mistakes(&both).to_string();
    assert!(text.contains("is given, and so is auth.jwt.secret_file"), "{text}");
}

/// Everything that can be seen of settings.
fn seen(sources: &Sources) -> String {
    match Settings::load(sources) {
        Ok(settings) => {
            format!("{settings:?}\n{}\n{:?}\n{:?}", settings.describe(), settings.describe(), settings.warnings())
        }
        Err(mistakes) => format!("{mistakes}\n{mistakes:?}"),
    }
}

#[test]
fn a_secret_is_never_seen() {
    let long = format!("{CANARY}-0123456789abcdefghijklmnopqrstuvwxyz");
    let url = format!("postgres://{CANARY}:{CANARY}@localhost/shop?password={CANARY}");
    let keys = |fields: &str| format!("[{{ kid = \"old\", {fields} }}]");
    let values = [
        ("auth.jwt.secret", long.clone()),
        ("auth.jwt.secret", CANARY.to_owned()),
        ("auth.jwt.secrets", CANARY.to_owned()),
        ("auth.jwt.secret_file", CANARY.to_owned()),
        ("database.url_file", url.clone()),
        ("auth.jwt", CANARY.to_owned()),
        ("database.url", url.clone()),
        ("database.url", format!("oracle://{CANARY}")),
        ("database.url", CANARY.to_owned()),
        ("database.read_url", url.clone()),
        ("database.read_url", format!("mysql://{CANARY}@")),
        ("storage.s3.secret_access_key", CANARY.to_owned()),
        ("storage.s3.secret_access_keys", CANARY.to_owned()),
        ("storage.s3.secret_access_key_file", CANARY.to_owned()),
        ("storage.s3.endpoint", format!("https://{CANARY}:{CANARY}@minio.example")),
        ("storage.url", format!("s3://{CANARY}:{CANARY}@shop")),
        ("storage.url", CANARY.to_owned()),
        ("auth.jwt.verification_keys", CANARY.to_owned()),
        ("auth.jwt.verification_keys", format!("[{CANARY:?}, {CANARY:?}]")),
        ("auth.jwt.verification_keys", format!("[{{ kid = {CANARY:?}")),
        ("auth.jwt.verification_keys", keys(&format!("secret = {long:?}"))),
        ("auth.jwt.verification_keys", keys(&format!("secret = {CANARY:?}"))),
        ("auth.jwt.verification_keys", keys(&format!("secret_file = {CANARY:?}"))),
        ("auth.jwt.verification_keys", keys(&format!("secrets = {long:?}"))),
        ("auth.jwt.verification_keys", keys(&format!("secret = {long:?}, secret_file = \"x\""))),
    ];
    for (key, value) in &values {
        let variable = format!("COMMERCE__{}", key.to_uppercase().replace('.', "__"));
        for environment in ["test", "development", "production"] {
            for sources in [
                variables(environment, &[(&variable, value)]),
                Sources { overrides: owned(&[(key, value)]), ..variables(environment, &[]) },
            ] {
                let seen = seen(&sources);
                assert!(!seen.contains(CANARY), "{environment}: {key} = {value}:\n{seen}");
            }
        }
    }
}

#[test]
fn a_secret_in_a_broken_file_is_never_seen() {
    for broken in [
        format!("secret = {CANARY}\n"),
        format!("secret = \"{CANARY}\n"),
        format!("secret = \"{CANARY}\" {CANARY}\n"),
        format!("secret {CANARY}\n"),
        format!("secret = \"a\"\nsecret = \"{CANARY}\"\n"),
        format!("secret = [\"{CANARY}\"\n"),
        format!("secret = [\"{CANARY}\"]\n"),
        format!("secret = {{ value = \"{CANARY}\" }}\n"),
        format!("verification_keys = [\"{CANARY}\", {{ secret = \"{CANARY}\" }}]\n"),
        format!("verification_keys = \"{CANARY}\"\n"),
        format!("[database]\nurl = '''{CANARY}\n"),
        format!("[database]\nurl = \"\\q{CANARY}\"\n"),
    ] {
        let folder = folder(&[("development.toml", &format!("[auth.jwt]\n{broken}"))]);
        let text = mistakes(&files("development", folder.path())).to_string();
        assert!(!text.contains(CANARY), "{broken}{text}");
        assert!(text.contains("development.toml:"), "{broken}{text}");
    }
}
