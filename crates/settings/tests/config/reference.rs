//! `docs/configuration.md` is made from the files in `config/`.

use crate::golden;
use std::fmt::Write as _;
use toml_edit::{Document, Item, Table};

const DEFAULT: &str = include_str!("../../../../config/default.toml");
const ENVIRONMENTS: [(&str, &str); 4] = [
    ("development", include_str!("../../../../config/development.toml")),
    ("test", include_str!("../../../../config/test.toml")),
    ("staging", include_str!("../../../../config/staging.toml")),
    ("production", include_str!("../../../../config/production.toml")),
];

const INTRODUCTION: &str = "# Configuration

This file is generated from the comments in `config/default.toml` by `UPDATE_GOLDEN=1 cargo test -p settings --test config`.

All settings are optional, because the binary has built-in values. Settings come from these layers; a later layer overrides an
earlier one:

1. the built-in `default.toml`;
2. the built-in `{environment}.toml`, with the values that this environment changes (the last table below);
3. `default.toml` in the folder that `--config DIR` names, or in `config`;
4. `{environment}.toml` in that folder;
5. environment variables: `rest.port` is `COMMERCE__REST__PORT`;
6. the command line: `--set rest.port=8081`.

Each layer changes only the settings that it names, so your own file needs only the lines that differ. A folder may hold either
file or both. Your own `default.toml` also overrides the built-in file of the environment; a warning names each such setting,
because a full copy of the built-in `default.toml` does this unintentionally. It is a mistake if the folder of `--config` holds
neither file, or a file whose name is misspelled (`prodution.toml`, `prod.toml`). Other `*.toml` files in the folder get a warning.

`--env` or `COMMERCE_ENV` names the environment: `development` (the default), `test`, `staging` or `production`. An empty
`COMMERCE_ENV` is a mistake, so that production cannot run as development by accident. A list is an array in a file; in a variable
and on the command line its elements are separated by commas, or it is an array too.

An empty text means \"not given\". An empty variable, as compose files make them, has no effect. In `{environment}.toml` and on
the command line an empty text removes the value of an earlier layer if the setting may be empty, and has no effect otherwise. In
`default.toml` it has no effect if the built-in value is empty, and works like the others otherwise.

White space around a value is removed in every layer, and around the content of a file with a secret, so a password cannot begin or
end with a blank. Quotes around a value, line breaks and other control characters in it are mistakes. All other characters are kept,
including quotes and blanks inside a password. A variable that looks like a setting is a mistake if its name has a `__`
(`COMMERCE_REST__PORT`), and gets a warning otherwise (`COMMERCE_REST_PORT`). Variables that Kubernetes makes from the names of
services are ignored.

A secret can be given as a file: set `auth.jwt.secret_file` instead of `auth.jwt.secret`. If both are set, the later layer counts;
both in one layer are a mistake. Except in tests, a secret on the command line is refused, because every process on the machine can
read it there. A secret file that everybody on the machine can use gets a warning.

`go-commerce config check` prints every mistake, each with its file and line or its variable. `go-commerce config show` prints every
value with its source, in the syntax of a file, with `***` for secrets. The check finds all that would prevent a start, including
mail templates and folders that cannot be created. It does not use the network, so it finds neither an unavailable database nor a port
in use. Unknown settings are mistakes. Staging and production refuse the secrets in `config/`. Production also refuses the origin `*`,
trust in every proxy, an S3 service without TLS, and gRPC reflection that no setting for production switches on. It warns of
`rate_limit.enabled = false`, of `auth.jwt.accept_legacy = true`, and of a folder for images, which serves only one machine. Staging and
production warn of such a folder without `storage.public_url` if REST listens on every interface.
";

/// The comment above a setting or group, as one line; of several paragraphs the last.
fn comment(prefix: Option<&str>) -> String {
    let lines: Vec<_> = prefix.unwrap_or_default().lines().map(str::trim).collect();
    let last = lines.rsplit(|line| line.is_empty()).find(|lines| !lines.is_empty()).unwrap_or_default();
    let words: Vec<_> = last.iter().map(|line| line.trim_start_matches('#').trim()).collect();
    words.join(" ").replace('|', "\\|")
}

struct Setting {
    key: String,
    value: String,
    meaning: String,
}

/// A group of settings: its name, what it is for, and what is in it.
struct Group(String, String, Vec<Setting>);

fn groups(name: &str, meaning: String, table: &Table, found: &mut Vec<Group>) {
    let at = found.len();
    found.push(Group(name.to_owned(), meaning, Vec::new()));
    for (word, item) in table {
        let key = if name.is_empty() { word.to_owned() } else { format!("{name}.{word}") };
        if let Item::Table(inner) = item {
            let prefix = inner.decor().prefix().and_then(|prefix| prefix.as_str());
            groups(&key, comment(prefix), inner, found);
        } else if let Some(value) = item.as_value() {
            let prefix = table.key(word).and_then(|key| key.leaf_decor().prefix()).and_then(|prefix| prefix.as_str());
            let value = value.clone().decorated("", "").to_string();
            found[at].2.push(Setting { key, value, meaning: comment(prefix) });
        }
    }
}

fn read(text: &str) -> Vec<Group> {
    let document = Document::parse(text).unwrap().into_mut();
    let mut found = Vec::new();
    groups("", String::new(), document.as_table(), &mut found);
    found
}

fn differences() -> String {
    let mut table =
        "## Differences between the environments\n\n| key | environment | value |\n| --- | --- | --- |\n".to_owned();
    let mut rows = Vec::new();
    for (environment, text) in ENVIRONMENTS {
        for setting in read(text).into_iter().flat_map(|Group(_, _, settings)| settings) {
            let value = if setting.key.ends_with(".secret") {
                "a secret that everybody can read".to_owned()
            } else {
                format!("`{}`", setting.value)
            };
            rows.push((setting.key, environment, value));
        }
    }
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    for (key, environment, value) in rows {
        writeln!(table, "| `{key}` | {environment} | {value} |").unwrap();
    }
    table
}

#[test]
fn the_reference_tells_what_the_files_say() {
    let mut text = INTRODUCTION.to_owned();
    for Group(name, meaning, settings) in read(DEFAULT) {
        if settings.is_empty() {
            continue;
        }
        let title = if name.is_empty() { "Everywhere".to_owned() } else { format!("`{name}`") };
        let meaning = if meaning.is_empty() { String::new() } else { format!("{meaning}\n\n") };
        write!(text, "\n## {title}\n\n{meaning}| key | default | meaning |\n| --- | --- | --- |\n").unwrap();
        for Setting { key, value, meaning } in settings {
            assert!(meaning.ends_with('.') || meaning.ends_with('`'), "{key} is not explained: {meaning:?}");
            writeln!(text, "| `{key}` | `{value}` | {meaning} |").unwrap();
        }
    }
    write!(text, "\n{}", differences()).unwrap();
    golden::compare("../../docs/configuration.md", &text);
}
