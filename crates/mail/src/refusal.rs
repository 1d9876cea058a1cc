//! Classifies rejections by the mail server: because of the mail, or because of its sender.
//!
//! A mail that is rejected for its own sake is given up. A mail that is rejected because of the sender, such as for a wrong
//! password, a reached limit or a blocklisted machine, waits until somebody fixes that.

use super::reply::{Class, Reply};
use app::payment::MailError;

/// The last step of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Connection and log-in, before any mail.
    Connection,
    /// `MAIL FROM`, which is the same for all mails.
    Sender,
    /// `MAIL FROM` with a parameter that not all mails need.
    SenderWithParameters,
    /// Recipient or content.
    Message,
}

/// Classifies a rejection at this step. `told` is the text for operators.
pub(super) fn classify(reply: &Reply, at: Step, told: String) -> MailError {
    let reason = told.into();
    match (at, reply.class()) {
        (Step::Connection | Step::Sender, Class::Permanent) => MailError::Refused(reason),
        (Step::SenderWithParameters, Class::Permanent) if wants_another_login(reply) => MailError::Refused(reason),
        (Step::SenderWithParameters, Class::Permanent) => MailError::Unsupported(reason),
        // All mails are the same up to here, so the reason is the server's: a full disk, a temporary limit.
        (Step::Connection | Step::Sender | Step::SenderWithParameters, _) => MailError::Away(reason),
        // RFC 6531 §3.5.
        (_, Class::Permanent) if reply.enhanced() == Some((6, 7)) => MailError::Unsupported(reason),
        (_, Class::Permanent) if is_about_us(reply) => MailError::Blocked(reason),
        (_, Class::Permanent) => MailError::Permanent(reason),
        _ => MailError::Temporary(reason),
    }
}

/// Whether the server asks for a log-in, another one, or encryption (RFC 4954 §6, RFC 3207 §4).
const fn wants_another_login(reply: &Reply) -> bool {
    matches!(reply.code, 530 | 534 | 535 | 538)
}

/// Whether a mail is rejected because of its sender: by policy (RFC 3463 §3.8), by a limit (Gmail's 5.4.5), or by a
/// blocklist, which servers without enhanced codes report as 554 with a text.
fn is_about_us(reply: &Reply) -> bool {
    let is_listed = reply.code == 554 && reply.text().to_ascii_lowercase().contains("block");
    matches!(reply.enhanced(), Some((7, _) | (4, 5))) || is_listed || wants_another_login(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(code: u16, text: &str, at: Step) -> &'static str {
        match classify(&Reply { code, lines: vec![text.to_owned()] }, at, String::new()) {
            MailError::Away(_) => "away",
            MailError::Refused(_) => "refused",
            MailError::Blocked(_) => "blocked",
            MailError::Temporary(_) => "temporary",
            MailError::Unsupported(_) => "unsupported",
            MailError::Permanent(_) => "permanent",
            MailError::Unknown(_) | MailError::Unclear(_) => "unknown",
        }
    }

    #[test]
    fn a_refusal_is_put_down_to_whoever_it_is_about() {
        use Step::{Connection, Message, Sender, SenderWithParameters};
        for (code, text, at, judgement) in [
            (421, "4.3.2 too busy", Connection, "away"),
            (454, "4.7.0 temporary authentication failure", Connection, "away"),
            (354, "odd", Connection, "away"),
            (554, "5.7.1 no service for 192.0.2.1", Connection, "refused"),
            (535, "5.7.8 Username and Password not accepted", Connection, "refused"),
            (530, "5.7.0 Authentication required", Sender, "refused"),
            (530, "", SenderWithParameters, "refused"),
            // Some servers answer so for rules of one recipient.
            (530, "5.7.1 Client was not authenticated to send to this group", Message, "blocked"),
            (550, "5.7.1 sender rejected", Sender, "refused"),
            (553, "sender address rejected: not owned by user", Sender, "refused"),
            (451, "4.7.1 later", Sender, "away"),
            (452, "4.3.1 Insufficient system storage", Sender, "away"),
            (451, "4.7.1 later", SenderWithParameters, "away"),
            (555, "parameters not recognised", SenderWithParameters, "unsupported"),
            (553, "5.6.7 addresses in ASCII only", Message, "unsupported"),
            (550, "5.4.5 Daily user sending limit exceeded", Message, "blocked"),
            (554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked", Message, "blocked"),
            (554, "Your IP is on our blocklist", Message, "blocked"),
            (550, "5.7.26 unauthenticated", Message, "blocked"),
            (554, "5.7.1 <a***@example.com>: Relay access denied", Message, "blocked"),
            (550, "5.1.1 no such user here", Message, "permanent"),
            (550, "blocked by its owner, who is unknown", Message, "permanent"),
            (552, "5.2.2 mailbox full", Message, "permanent"),
            (554, "delivery error: this user has no account", Message, "permanent"),
            (450, "4.2.0 greylisted", Message, "temporary"),
            (452, "", Message, "temporary"),
        ] {
            assert_eq!(judged(code, text, at), judgement, "{code} {text} at {at:?}");
        }
    }
}
