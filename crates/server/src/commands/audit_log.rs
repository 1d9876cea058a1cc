//! `go-commerce audit-log`: who did what.

use super::{PATIENCE, failed, open, say, unusable};
use crate::exit::Exit;
use crate::settings::Settings;
use chrono::SecondsFormat;
use domain::audit_log::{About, AuditLog};
use domain::clock::Deadline;
use domain::user::Email;

pub(super) async fn run(email: Option<&str>, id: Option<&str>, limit: u32, settings: &Settings) -> Exit {
    let about = match (email.map(Email::parse_known), id) {
        (Some(Ok(email)), _) => About::Account(email),
        (Some(Err(_)), _) => return failed(Exit::Misconfigured, "--email: give an e-mail address"),
        (None, Some(id)) => About::Thing(id.to_owned()),
        (None, None) => About::Everything,
    };
    let database = match open(settings) {
        Ok(database) => database,
        Err(exit) => return exit,
    };
    let entries = match database.entries(about, limit, Deadline::within(PATIENCE)).await {
        Ok(entries) => entries,
        Err(error) => return unusable(&error),
    };
    for entry in &entries {
        let at = entry.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let client = entry.client.as_deref().unwrap_or("-");
        let (action, author) = (entry.action.as_str(), &entry.author);
        say(format_args!("{at} {action:<13} by {author} from {client} on {} {}", entry.subject, entry.details));
    }
    say(format_args!("{} entries", entries.len()));
    Exit::Done
}
