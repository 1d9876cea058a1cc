//! An account, its password, and the rule that slows down password guessing.

pub mod email;
pub mod model;
pub mod password;
pub mod throttle;

pub use email::{Email, is_mail_domain};
pub use model::{Name, Role, User, UserId};
pub use password::{Password, PasswordAttempt, PasswordHash, PasswordRules, is_distinguishable};
pub use throttle::{AttemptCounter, LoginOutcome};
