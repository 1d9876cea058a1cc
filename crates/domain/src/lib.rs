//! The values and entities of the shop and the rules that hold for them: accounts, products, money, payments and their
//! status machine, and the one error type.
//!
//! Everything here is synchronous and pure: no I/O, no async code, no logging, no framework, no wire format. The use cases
//! that work on these types, and the ports that they need, are in the crate `app`.
//!
//! Start with [`payment::Payment`] and [`payment::status`], or with [`user::Email`] as an example of a value.

pub mod actor;
pub mod decimal;
pub mod error;
pub mod id;
pub mod money;
pub mod payment;
pub mod product;
pub mod text;
pub mod user;
pub mod version;
