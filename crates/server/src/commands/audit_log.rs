//! `go-commerce audit-log`: who did what.

use super::output::Print;
use super::{PATIENCE, database, database_failed, failed};
use crate::exit::Exit;
use app::audit_log::{About, AuditLog};
use app::clock::Deadline;
use app::user::Users;
use chrono::SecondsFormat;
use domain::error::Error;
use domain::user::Email;
use persistence::{Access, Database};
use settings::Settings;

pub(super) async fn run(
    email: Option<&str>,
    id: Option<&str>,
    limit: u32,
    settings: &Settings,
    output: &mut impl Print,
) -> Exit {
    let about = match (email.map(Email::parse_known), id) {
        (Some(Ok(email)), _) => About::Account(email),
        (Some(Err(_)), _) => return failed(Exit::Misconfigured, "--email: give an e-mail address"),
        (None, Some(id)) => About::Thing(id.trim().to_lowercase()),
        (None, None) => About::Everything,
    };
    let database = match database::open(settings, Access::Read).await {
        Ok(database) => database,
        Err(exit) => return exit,
    };
    let entries = match database.entries(about.clone(), limit, Deadline::within(PATIENCE)).await {
        Ok(entries) => entries,
        Err(error) => return database_failed(&error),
    };
    if entries.is_empty() && limit > 0 {
        match unknown_subject(&database, &about).await {
            Ok(None) => {}
            Ok(Some(told)) => return failed(Exit::Failed, told),
            Err(error) => return database_failed(&error),
        }
    }
    for entry in &entries {
        let at = entry.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let client = entry.client.as_deref().unwrap_or("-");
        let (action, author) = (entry.action.as_str(), &entry.author);
        output
            .print(format_args!("{at} {action:<13} by {author} from {client} on {} {}", entry.subject, entry.details));
    }
    output.print(format_args!("{} entries", entries.len()));
    Exit::Done
}

/// The message for a subject that does not exist, if it does not.
async fn unknown_subject(database: &Database, about: &About) -> Result<Option<String>, Error> {
    let by = Deadline::within(PATIENCE);
    Ok(match about {
        About::Everything => None,
        About::Account(email) => {
            let is_known = database.find_by_email(email, by).await?.is_some();
            (!is_known).then(|| format!("nobody has the e-mail address {}, and no entry is about it", email.as_str()))
        }
        About::Thing(id) => {
            let is_known = database.has_thing(id, by).await?;
            (!is_known).then(|| format!("there is no product and no mail {id:?}, and no entry is about one"))
        }
    })
}
