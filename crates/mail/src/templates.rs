//! The mail templates. A file of the same name in a folder may replace each built-in one.
//!
//! A mail has three: `{audience}/{status}.subject.txt`, `.txt` and `.html`. The last two extend `layout.txt` and
//! `layout.html`. `variables` lists the variables of templates.

use super::MailSetupError;
use app::payment::{Audience, MailContent};
use chrono::{DateTime, FixedOffset, Utc};
use domain::error::BoxError;
use domain::money::Money;
use domain::payment::Status;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, HtmlEscape, Output, State, UndefinedBehavior, Value, context,
    escape_formatter,
};
use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("templates/", $name)))),*]
    };
}

/// Each template's name and source.
const BUILT_IN: [(&str, &str); 32] = built_in![
    "layout.html",
    "layout.txt",
    "buyer/cancel.html",
    "buyer/cancel.subject.txt",
    "buyer/cancel.txt",
    "buyer/chargeback.html",
    "buyer/chargeback.subject.txt",
    "buyer/chargeback.txt",
    "buyer/deny.html",
    "buyer/deny.subject.txt",
    "buyer/deny.txt",
    "buyer/expire.html",
    "buyer/expire.subject.txt",
    "buyer/expire.txt",
    "buyer/failure.html",
    "buyer/failure.subject.txt",
    "buyer/failure.txt",
    "buyer/partial_refund.html",
    "buyer/partial_refund.subject.txt",
    "buyer/partial_refund.txt",
    "buyer/pending.html",
    "buyer/pending.subject.txt",
    "buyer/pending.txt",
    "buyer/refund.html",
    "buyer/refund.subject.txt",
    "buyer/refund.txt",
    "buyer/success.html",
    "buyer/success.subject.txt",
    "buyer/success.txt",
    "seller/success.html",
    "seller/success.subject.txt",
    "seller/success.txt",
];

/// The names that minijinja itself defines.
const GLOBALS: [&str; 8] = ["caller", "debug", "dict", "loop", "namespace", "range", "self", "super"];

/// The longest subject, in characters.
const MAX_SUBJECT: usize = 200;

pub(super) struct RenderedMail {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

pub(super) struct Templates {
    environment: Environment<'static>,
    shop: String,
}

impl Templates {
    /// Loads the templates and renders each mail once.
    pub(super) fn load(folder: Option<&Path>, shop: String) -> Result<Self, MailSetupError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_formatter(format);
        environment.add_filter("rupiah", rupiah);
        environment.add_filter("moment", moment);
        if let Some(folder) = folder {
            refuse_unknown_files(folder, folder)?;
        }
        for (name, built_in) in BUILT_IN {
            let own = folder.map(|folder| read(folder, name)).transpose()?.flatten();
            let source = own.unwrap_or_else(|| built_in.to_owned());
            environment.add_template_owned(name, source).map_err(|error| unusable(name, &error))?;
        }
        let templates = Self { environment, shop };
        templates.render_all()?;
        Ok(templates)
    }

    pub(super) fn render(&self, content: &MailContent) -> Result<RenderedMail, BoxError> {
        let write = |kind| self.render_template(&name(content, kind), content);
        let subject = write("subject.txt")?.chars().take(MAX_SUBJECT).collect();
        Ok(RenderedMail { subject, text: write("txt")?, html: write("html")? })
    }

    fn render_template(&self, name: &str, content: &MailContent) -> Result<String, Error> {
        self.environment.get_template(name)?.render(self.variables(content))
    }

    fn variables(&self, content: &MailContent) -> Value {
        context! {
            shop => self.shop,
            name => content.name,
            status => content.status.as_str(),
            code => content.code,
            product => content.product,
            quantity => content.quantity,
            price => content.price.minor(),
            total => content.total.minor(),
            fee => content.fee.minor(),
            refunded => content.refunded.minor(),
            payment_url => content.payment_url,
            expires_at => content.expires_at.timestamp(),
        }
    }

    /// Renders every branch of every template, to find mistakes.
    fn render_all(&self) -> Result<(), MailSetupError> {
        let sample = sample();
        let variables = self.variables(&sample);
        let known: BTreeSet<_> = variables
            .try_iter()
            .into_iter()
            .flatten()
            .map(|name| name.to_string())
            .chain(GLOBALS.map(str::to_owned))
            .collect();
        for (name, template) in self.environment.templates() {
            let named = template.undeclared_variables(false);
            if let Some(unknown) = named.iter().find(|variable| !known.contains(*variable)) {
                return Err(MailSetupError::Template(
                    name.to_owned(),
                    format!("there is no variable {unknown}").into(),
                ));
            }
        }
        for (audience, status) in mail_kinds() {
            let content = MailContent { audience, status, ..sample.clone() };
            let other = MailContent {
                payment_url: None,
                fee: Money::ZERO,
                refunded: Money::ZERO,
                name: String::new(),
                ..content.clone()
            };
            for content in [content, other] {
                for kind in ["subject.txt", "txt", "html"] {
                    let name = name(&content, kind);
                    let written = self.render_template(&name, &content).map_err(|error| unusable(&name, &error))?;
                    if written.trim().is_empty() {
                        return Err(MailSetupError::Template(name, "it is empty".into()));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Every kind of mail.
fn mail_kinds() -> impl Iterator<Item = (Audience, Status)> {
    let to_buyers = Status::ALL.iter().copied().map(|status| (Audience::Buyer, status));
    to_buyers.chain([(Audience::Seller, Status::Success)])
}

fn name(content: &MailContent, kind: &str) -> String {
    format!("{}/{}.{kind}", content.audience.as_str(), content.status.as_str())
}

fn sample() -> MailContent {
    let money = |whole| Money::from_whole(whole).unwrap_or(Money::ZERO);
    MailContent {
        message_id: "sample".to_owned(),
        audience: Audience::Buyer,
        name: "Ada Lovelace".to_owned(),
        email: "ada@example.com".to_owned(),
        status: Status::Pending,
        code: "sample".to_owned(),
        product: "Difference Engine".to_owned(),
        quantity: 2,
        price: money(1_250_000),
        total: money(2_500_000),
        fee: money(4_000),
        refunded: money(1_000_000),
        payment_url: Some("https://pay.example/".to_owned()),
        expires_at: DateTime::UNIX_EPOCH,
    }
}

/// Reads the template of this name in the folder, if it exists.
fn read(folder: &Path, name: &str) -> Result<Option<String>, MailSetupError> {
    match fs::read_to_string(folder.join(name)) {
        Ok(source) => Ok(Some(source)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(MailSetupError::Template(name.to_owned(), error.into())),
    }
}

/// Refuses a folder with an unknown file, such as a template with a misspelt name.
fn refuse_unknown_files(root: &Path, folder: &Path) -> Result<(), MailSetupError> {
    let unreadable = |error: io::Error| MailSetupError::Templates(folder.to_owned(), error.into());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            refuse_unknown_files(root, &path)?;
            continue;
        }
        let is_template = path.extension().is_some_and(|extension| extension == "txt" || extension == "html");
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        if is_template && !BUILT_IN.iter().any(|(known, _)| *known == name) {
            return Err(MailSetupError::Template(name, "no mail has a template of this name".into()));
        }
    }
    Ok(())
}

/// Names the file with the mistake, which may be one that the template extends.
fn unusable(name: &str, error: &Error) -> MailSetupError {
    let mut innermost: &dyn std::error::Error = error;
    let mut slot = (error.name().unwrap_or(name), error.line());
    while let Some(source) = innermost.source() {
        if let Some(error) = source.downcast_ref::<Error>() {
            slot = (error.name().unwrap_or(slot.0), error.line().or(slot.1));
        }
        innermost = source;
    }
    let line = slot.1.map(|line| format!("line {line}: ")).unwrap_or_default();
    MailSetupError::Template(slot.0.to_owned(), format!("{line}{innermost}").into())
}

/// Escapes HTML as minijinja does, except for slashes: mail filters distrust a link that is written as `https:&#x2f;&#x2f;`.
fn format(out: &mut Output<'_>, state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) if state.auto_escape() == AutoEscape::Html && !value.is_safe() => {
            let escaped = HtmlEscape(text).to_string().replace("&#x2f;", "/");
            out.write_str(&escaped).map_err(Error::from)
        }
        _ => escape_formatter(out, state, value),
    }
}

/// Formats hundredths as Indonesians write amounts: `Rp 1.250.000`, and `Rp 10,50` if not whole.
fn rupiah(minor: i64) -> String {
    let (whole, cents) = (minor / 100, minor % 100);
    let digits = whole.to_string();
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            grouped.push('.');
        }
        grouped.push(digit);
    }
    if cents == 0 { format!("Rp {grouped}") } else { format!("Rp {grouped},{cents:02}") }
}

/// Formats seconds since 1970 unambiguously: in western Indonesian time and in UTC, each with its date.
fn moment(seconds: i64) -> Result<String, Error> {
    let unknown = || Error::new(ErrorKind::InvalidOperation, "it is no moment");
    let utc: DateTime<Utc> = DateTime::from_timestamp(seconds, 0).ok_or_else(unknown)?;
    let wib = utc.with_timezone(&FixedOffset::east_opt(7 * 3600).ok_or_else(unknown)?);
    Ok(format!("{} WIB ({} UTC)", wib.format("%-d %B %Y, %H:%M"), utc.format("%-d %B %Y, %H:%M")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_indonesians_write_them() {
        for (minor, written) in [
            (0, "Rp 0"),
            (7, "Rp 0,07"),
            (1_050, "Rp 10,50"),
            (99_900, "Rp 999"),
            (100_000, "Rp 1.000"),
            (125_000_000, "Rp 1.250.000"),
            (Money::MAX.minor(), "Rp 9.999.999.999.999,99"),
        ] {
            assert_eq!(rupiah(minor), written);
        }
    }

    #[test]
    fn a_moment_is_told_with_both_dates() {
        assert_eq!(moment(1_795_460_400).unwrap(), "24 November 2026, 02:00 WIB (23 November 2026, 19:00 UTC)");
    }
}
