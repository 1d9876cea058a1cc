//! The folder with the operator's own files.

use super::environment::Environment;
use super::files;
use super::known::closest;
use super::layers::{Found, LayerKind};
use super::mistakes::Mistake;
use super::sources::Sources;
use super::toml_file;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// The longest file with settings, in bytes.
const LONGEST_FILE: u64 = 1 << 20;

/// The stem of the file that holds for all environments.
const DEFAULT: &str = "default";

#[derive(Default)]
pub(super) struct Folder {
    /// The files that are read; later ones override earlier ones.
    pub(super) files: Vec<(LayerKind, Found)>,
    /// What is wrong with the folder itself.
    pub(super) mistakes: Vec<Mistake>,
    /// Valid values that may be unintended.
    pub(super) warnings: Vec<String>,
}

impl Folder {
    /// Reads the folder of `--config`, or the default folder if there is one.
    pub(super) fn read(sources: &Sources, environment: Environment) -> Self {
        match (&sources.config_dir, &sources.default_dir) {
            (Some(named), _) => Self::at(named, environment, true),
            (None, Some(folder)) => Self::at(folder, environment, false),
            (None, None) => Self::default(),
        }
    }

    fn at(folder: &Path, environment: Environment, is_named: bool) -> Self {
        let names = match names(folder) {
            Ok(names) => names,
            Err(error) if is_absent(&error) && !is_named => return Self::default(),
            Err(error) if is_absent(&error) => Vec::new(),
            Err(error) => {
                let unreadable = Mistake::at(
                    folder.display(),
                    format!("cannot be read: {error}"),
                    "let this process read the folder, or name another by --config",
                );
                return Self { mistakes: vec![unreadable], ..Self::default() };
            }
        };
        let mut found = Self::default();
        for (kind, name) in [(LayerKind::Default, DEFAULT), (LayerKind::Environment, environment.name())] {
            if let Some(settings) = file(&folder.join(format!("{name}.toml"))).transpose() {
                found.files.push((kind, settings));
            }
        }
        let others: Vec<_> = names.iter().filter(|name| is_ours(name)).map(String::as_str).collect();
        if found.files.is_empty() && (is_named || !others.is_empty()) {
            found.report_missing_files(folder, environment, &others, is_named);
        }
        for name in &names {
            found.report_unread_file(folder, name, is_named || !others.is_empty());
        }
        found
    }

    /// Reports that no file in the folder is for this environment.
    fn report_missing_files(&mut self, folder: &Path, environment: Environment, others: &[&str], is_named: bool) {
        let (place, own) = (folder.display(), environment.name());
        let problem = if is_named && !folder.exists() {
            "there is no such folder".to_owned()
        } else {
            format!("the folder holds neither default.toml nor {own}.toml")
        };
        if !is_named {
            let doubt = format!("{place}: {problem}, but {}, so that nothing of it counts", others.join(", "));
            self.warnings.push(format!("{doubt}; --env or COMMERCE_ENV names the environment"));
            return;
        }
        let remedy = match others {
            [] => "name one that does, or none".to_owned(),
            others => {
                let names: Vec<_> = others.iter().map(|name| name.trim_end_matches(".toml")).collect();
                format!("did you mean --env {}?", names.join(" or "))
            }
        };
        self.mistakes.push(Mistake::at(place, problem, remedy));
    }

    /// Reports a file that looks like settings and is not read. A folder without our files may hold any others.
    fn report_unread_file(&mut self, folder: &Path, name: &str, is_our_folder: bool) {
        let lower = name.to_lowercase();
        let Some((stem, ending)) = lower.rsplit_once('.').filter(|_| !is_ours(name)) else { return };
        let place = folder.join(name);
        let stems = || std::iter::once(DEFAULT).chain(Environment::ALL.map(Environment::name));
        let near = closest(stem, stems());
        let why = "is not read: settings are in default.toml and in a file named after the environment";
        match (ending, near) {
            ("toml", Some(near)) if is_our_folder => {
                self.mistakes.push(Mistake::at(place.display(), why, format!("did you mean {near}.toml?")));
            }
            ("toml", Some(near)) => {
                self.warnings.push(format!("{}: {why}; did you mean {near}.toml?", place.display()));
            }
            ("toml", None) if is_our_folder => self.warnings.push(format!("{}: {why}", place.display())),
            ("yaml" | "yml" | "json" | "ini", _) if is_our_folder && stems().any(|known| known == stem) => {
                self.warnings.push(format!("{}: {why}; write {stem}.toml", place.display()));
            }
            _ => {}
        }
    }
}

/// Whether a file of this name holds settings.
fn is_ours(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".toml") else { return false };
    stem == DEFAULT || Environment::ALL.iter().any(|environment| environment.name() == stem)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The names of what is in a folder, in their order.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(folder)?;
    let mut names: Vec<_> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// The settings in a file, if there is one.
fn file(path: &Path) -> Result<Option<Vec<(String, config::Value)>>, Mistake> {
    match files::read(path, LONGEST_FILE) {
        Ok(text) => toml_file::settings(&path.display().to_string(), &text).map(Some),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Mistake::at(
            path.display(),
            format!("cannot be read: {error}"),
            "make it a readable file, or remove it",
        )),
    }
}
