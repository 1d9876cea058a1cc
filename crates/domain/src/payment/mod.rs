//! A payment and the rules that move it.
//!
//! [`status`] is the status machine; [`model`] is the payment that it moves; [`record`] is what is stored of one; [`event`]
//! is what a change reports; [`attention`] is what waits for an operator; [`order`] is what a buyer orders.

pub mod attention;
pub mod event;
pub mod model;
pub mod order;
pub mod record;
pub mod status;

pub use attention::{Attention, Contradiction, ManualResolution, Resolution, ResolutionError};
pub use event::{Event, EventKind};
pub use model::{Payment, PaymentId};
pub use order::{AmountLimits, IdempotencyKey, Order, PaymentCode, Quantity};
pub use record::{GatewayReport, PaymentPage, PaymentRecord, ReportOutcome, Reservation, Transaction};
pub use status::{State, Status, TransactionStatus};
