//! An account, its password, and the rule that slows down password guessing.

pub mod model;
pub mod password;
pub mod throttle;

pub use model::{Email, Name, Role, User, UserId, is_mail_domain};
pub use password::{Password, PasswordAttempt, PasswordHash, PasswordRules, is_distinguishable};
pub use throttle::{AttemptCounter, LoginOutcome};
