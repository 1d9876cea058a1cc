//! Adapters to what lies outside the shop's core and is no database: password hashing, access tokens, the counters of
//! the rate limits, images, the totals of lists, the payment gateways, mails, and what payments need besides.
//!
//! Each module implements ports of the `domain` crate and knows one outside thing. No rule of the shop lives here,
//! nothing of the shop's own wire formats, and no module knows another.
//!
//! Start with [`passwords`], and the lane below it on which all that computes for long runs; then [`tokens`]; then
//! [`quotas`]; then [`images`], which come in by an [`images::Inspector`] and are kept in an [`images::Store`]; then
//! [`totals`].
//!
//! Of payments, start with [`midtrans`], which has pages made and is asked how a payment stands; the [`simulator`] takes its
//! place where no money is to move, and signs its notifications in the same way. [`mail`] writes letters from templates and
//! sends them, [`codes`] draws what people call a payment, and [`bell`] wakes those who wait for a payment to change.

pub mod bell;
pub mod codes;
pub mod images;
mod lane;
pub mod mail;
pub mod midtrans;
pub mod passwords;
pub mod quotas;
mod signature;
pub mod simulator;
pub mod tokens;
pub mod totals;

pub use lane::LaneGauges;
