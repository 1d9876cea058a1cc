//! Accounts of buyers and sellers: opening one, logging in, seeing one's own.
//!
//! One file per use case ([`register`], [`login`], [`profile`]); [`model`] and [`password`] hold the values and the
//! entity, [`throttle`] the rule that slows down guessing, [`ports`] what is needed from outside.

pub mod login;
pub mod model;
pub mod password;
pub mod ports;
pub mod profile;
pub mod register;
pub mod throttle;

pub use login::{LoggedIn, LoginForm, LoginUser};
pub use model::{Email, Name, Role, User, UserId, is_mail_domain};
pub use password::{Password, PasswordAttempt, PasswordHash, PasswordRules, is_distinguishable};
pub use ports::{AccessToken, LoginAttempts, PasswordHasher, TokenIssuer, UserQueries, Users, Verdict};
pub use profile::{Profile, ViewProfile};
pub use register::{RegisterForm, RegisterUser, Registered};
pub use throttle::{Attempt, AttemptCounter};
