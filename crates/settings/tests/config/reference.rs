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

This file is made from the comments in `config/default.toml`; `UPDATE_GOLDEN=1 cargo test -p server --test config` makes it
anew.

The binary runs without any of what follows: these settings are inside it. What is given later wins:

1. the built-in `default.toml`;
2. the built-in `{environment}.toml`, which says what that environment needs otherwise (the last table below);
3. `default.toml` in the folder that `--config DIR` names, or else in `config`;
4. `{environment}.toml` in that folder;
5. environment variables: `rest.port` is `COMMERCE__REST__PORT`;
6. the command line: `--set rest.port=8081`.

Each says only what it names, and the rest stays as it is, so that a file of one's own has three lines where three things
differ. A folder may have either file or both. What one writes oneself wins over what is built in: a `default.toml` that
changes what is built in for the environment is warned of, because a whole copy of the built-in one does so without being
meant to. A folder that `--config` names and that has neither file is a mistake. Files whose names are nearly right
(`prodution.toml`, `prod.toml`) are a mistake too, and other `*.toml` files in the folder are warned of.

The environment is `development`, `test`, `staging` or `production`, named by `--env` or `COMMERCE_ENV`; `development` if by
neither. A `COMMERCE_ENV` with nothing in it is a mistake: nobody runs production as development because of that. A list is an
array in a file; in a variable and on the command line it is separated by commas, or an array as in a file.

An empty text means \"not given\". A variable with nothing in it, as compose files make them, is as if it were not there. In
`{environment}.toml` and on the command line an empty text takes away what was given before, where a setting can do without a
value, and is as if it were not there for any other; in `default.toml` likewise, but where the built-in one is empty too.

White space around a value is no part of it, in whatever place, nor is it around the content of a file with a secret: a
password cannot begin or end with a blank. Quotes around a value, line breaks and other control characters in it are mistakes;
other characters stay as they are, quotes and blanks within a password too. Variables that are nearly settings are mistakes
where they have a `__` in them (`COMMERCE_REST__PORT`), and are warned of otherwise (`COMMERCE_REST_PORT`), but for those that
Kubernetes makes from the names of services.

A secret can be given as a file: set `auth.jwt.secret_file`, not `auth.jwt.secret`. Of the two the one given later counts;
both in one place are a mistake. Outside of tests a secret is not taken from the command line, where every process of the
machine can read it. A file that everybody on the machine can use is warned of.

`go-commerce config check` tells every mistake at once, each with its file and line or its variable; `go-commerce config
show` prints every value with where it comes from, as a file would have it, and `***` for what is secret. The check finds what
would stop a start, templates of mails and folders that cannot be made included; what only the network can tell (a database
that is away, a port in use) it does not ask. Unknown settings are mistakes. Staging and
production refuse the secrets in `config/`; production also refuses `*` as an origin, to trust every proxy, an S3 service
without TLS, and gRPC reflection that was not asked for in production's own settings. It warns of
`rate_limit.enabled = false`, of `auth.jwt.accept_legacy = true`, and of a folder for images, which is for one machine; with
staging, of such a folder without `storage.public_url` where REST listens on every interface.
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
