//! Accounts of buyers and sellers: registration, log-in, and an account's own profile.
//!
//! One file per use case ([`register`], [`login`], [`profile`]); [`ports`] are the ports.

pub mod login;
pub mod ports;
pub mod profile;
pub mod register;

pub use login::{LoggedIn, LoginForm, LoginUser};
pub use ports::{
    AccessToken, HashingPermit, LoginAttempts, PasswordCheck, PasswordHasher, TokenIssuer, UserQueries, Users,
};
pub use profile::{Profile, ViewProfile};
pub use register::{RegisterForm, RegisterUser, Registered};
