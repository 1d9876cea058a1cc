//! Payments: buyers order, the gateway tells how paying goes, pieces and mails follow.
//!
//! [`status`] is the machine, and nothing else; [`model`] the payment that it moves, [`record`] what is known of one, [`event`] what
//! it tells of that, [`attention`] what waits for a person; [`order`] what is ordered. One file per thing that is done:
//! [`checkout`] orders, [`notification`] takes the gateway's word, [`asking`] makes sure whom that is about, [`reconcile`] finishes
//! what was left open, [`post`] sends mails, [`view`], [`browse`], [`story`] and [`watch`] show. [`gateway`] and [`ports`] are
//! what is needed from outside.

pub mod asking;
pub mod attention;
pub mod browse;
pub mod checkout;
pub mod event;
pub mod gateway;
pub mod model;
pub mod notification;
pub mod order;
pub mod ports;
pub mod post;
mod postman;
pub mod reconcile;
pub mod record;
pub mod status;
pub mod story;
pub mod view;
pub mod watch;

pub use attention::{Attention, Contradiction, Resolution, Ruling, Unresolvable};
pub use browse::{BrowsePayments, BrowsePaymentsForm, PaymentListing, PaymentPlace};
pub use checkout::Checkout;
pub use event::{Event, EventKind};
pub use gateway::{DeskButton, DeskPage, DeskRefusal, Gateway, GatewayError, Invoice, PaymentDesk, Signed, Subject};
pub use model::{Payment, PaymentId};
pub use notification::{Inbox, NotificationForm, NotificationId, ReceiveNotification, Received, Verdict};
pub use order::{Carriage, IdempotencyKey, Order, OrderForm, PaymentCode, PaymentCodes, Quantity};
pub use ports::{
    Bell, Cause, Change, Kept, Leases, Listener, Notifications, PaymentQueries, Payments, PendingNotification, Placed,
    Rulings,
};
pub use post::{Attempt, Claimed, Delivery, Letter, Mail, MailError, MailId, MailSelection, MailState, Mailer, Outbox};
pub use postman::{Postman, RENEW_EVERY};
pub use reconcile::Reconciler;
pub use record::{Learnt, PaymentPage, PaymentRecord, Report, Reservation, Transaction};
pub use status::{State, Status, TransactionStatus};
pub use story::{MailNote, NotificationNote, Story, StoryLine, ViewTimeline};
pub use view::{Audience, PaymentView, Showroom, ViewPayment};
pub use watch::{PaymentChange, PaymentWatch, WatchForm, WatchPayment};
