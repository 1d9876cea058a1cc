//! Builds the gateway, the use cases and the workers of payments, and the mailer.

use super::simulator;
use crate::serve::StartError;
use crate::telemetry::{Metrics, Telemetry};
use app::clock::Clock;
use app::observe::Observer;
use app::payment::{
    BrowsePayments, Checkout, Gateway, OutboxWorker, PaymentNotifier, PaymentPresenter, ReceiveNotification,
    Reconciler, ViewPayment, ViewTimeline, WatchPayment, WebhookWorker,
};
use app::product::ProductImages;
use chrono::TimeDelta;
use domain::money::Money;
use domain::payment::AmountLimits;
use mail::{self, Mailer, SmtpAccount, SmtpOptions, Transport};
use midtrans::{self, BreakerState};
use persistence::{Database, NotifierOptions, PollingNotifier};
use security::payment_codes::RandomCodes;
use settings::{GatewayChoice, MailTransport, Midtrans, Settings};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use uuid::Uuid;

/// Sends the notifications of a simulated gateway, for as long as it is polled.
pub(crate) type Notifications = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The gateway that the settings name, and what the server runs and serves for it.
#[derive(Clone)]
pub(crate) struct ConfiguredGateway {
    pub(super) gateway: Arc<dyn Gateway>,
    /// Midtrans, whose circuit breaker is measured.
    pub(super) midtrans: Option<Arc<midtrans::Midtrans>>,
    pub(super) pages: Option<Arc<[rest::Page]>>,
    pub(crate) notifications: Option<Arc<dyn Fn() -> Notifications + Send + Sync>>,
}

impl ConfiguredGateway {
    /// Opens the gateway. `rest` is the address on which REST listens.
    pub(super) fn open(settings: &Settings, rest: SocketAddr, clock: &Arc<dyn Clock>) -> Result<Self, StartError> {
        match &settings.payment.gateway {
            GatewayChoice::Simulator(choice) => {
                simulator::open(choice, settings.rest.public_url.as_deref(), rest, Arc::clone(clock))
            }
            GatewayChoice::Midtrans(choice) => {
                let opened = midtrans::Midtrans::new(midtrans_options(choice)).map_err(StartError::Midtrans)?;
                let midtrans = Arc::new(opened);
                Ok(Self { gateway: midtrans.clone(), midtrans: Some(midtrans), pages: None, notifications: None })
            }
        }
    }

    /// Whether the circuit breaker of Midtrans is open.
    pub(super) fn is_circuit_open(&self) -> bool {
        self.midtrans.as_ref().is_some_and(|midtrans| midtrans.breaker() != BreakerState::Closed)
    }
}

pub(super) fn midtrans_options(choice: &Midtrans) -> midtrans::Options {
    midtrans::Options {
        snap_url: choice.snap_url.clone(),
        api_url: choice.api_url.clone(),
        server_key: choice.server_key.clone(),
        merchant_id: choice.merchant_id.clone(),
        timeout: choice.timeout,
        is_production: choice.is_production,
        version: format!("go-commerce {}", env!("CARGO_PKG_VERSION")),
    }
}

pub(super) fn mailer(settings: &Settings) -> Result<Mailer, StartError> {
    Mailer::new(mail_options(settings)).map_err(StartError::Mail)
}

pub(super) fn mail_options(settings: &Settings) -> mail::Options {
    let mail = &settings.mail;
    let transport = match &mail.transport {
        MailTransport::Log => Transport::Log,
        MailTransport::Folder(folder) => Transport::Folder(folder.clone()),
        MailTransport::Smtp(server) => {
            let login = server.login.clone();
            Transport::Smtp(SmtpOptions {
                url: server.url.clone(),
                account: login.map(|(user, password)| SmtpAccount { user, password }),
                allow_plaintext: server.allow_plaintext,
                certificates: None,
                timeouts: server.timeouts,
            })
        }
    };
    let (from, domain, templates) = (mail.from.clone(), mail.domain.clone(), mail.templates.clone());
    mail::Options { from, domain, templates, transport }
}

/// The reconciler for a command. The simulator runs in the server, so a command sees only its journal.
pub(super) fn reconciler(
    settings: &Settings,
    database: &Arc<Database>,
    clock: Arc<dyn Clock>,
) -> Result<Reconciler, StartError> {
    let rest = SocketAddr::new(settings.rest.host, settings.rest.port);
    Ok(Reconciler {
        payments: database.clone(),
        users: database.clone(),
        gateway: ConfiguredGateway::open(settings, rest, &clock)?.gateway,
        leases: database.clone(),
        notifier: notifier(database),
        clock,
        observer: Arc::new(Telemetry::new(Arc::new(Metrics::new(Vec::new)))),
        holder: Uuid::now_v7().to_string(),
    })
}

/// What the use cases and workers of payments share.
pub(super) struct Payments<'a> {
    pub(super) settings: &'a Settings,
    pub(super) database: &'a Arc<Database>,
    pub(super) gateway: Arc<dyn Gateway>,
    pub(super) notifier: Arc<PollingNotifier>,
    pub(super) presenter: Arc<PaymentPresenter>,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) mailer: &'a Arc<Mailer>,
}

pub(super) fn notifier(database: &Arc<Database>) -> Arc<PollingNotifier> {
    Arc::new(PollingNotifier::new(database.clone(), NotifierOptions::default()))
}

pub(super) fn presenter(images: &Arc<ProductImages>) -> Arc<PaymentPresenter> {
    Arc::new(PaymentPresenter { images: Arc::clone(images) })
}

impl Payments<'_> {
    fn notifier(&self) -> Arc<dyn PaymentNotifier> {
        self.notifier.clone()
    }

    pub(super) fn checkout(&self) -> Checkout {
        let payment = &self.settings.payment;
        Checkout {
            payments: self.database.clone(),
            users: self.database.clone(),
            gateway: Arc::clone(&self.gateway),
            codes: Arc::new(RandomCodes),
            presenter: Arc::clone(&self.presenter),
            notifier: self.notifier(),
            clock: Arc::clone(self.clock),
            amount_limits: AmountLimits {
                min_total: Money::from_whole(1).unwrap_or(Money::ZERO),
                max_total: Money::from_whole(payment.max_total).unwrap_or(Money::MAX),
            },
            expiry: TimeDelta::from_std(payment.expiry).unwrap_or(TimeDelta::hours(1)),
        }
    }

    pub(super) fn webhook_worker(&self) -> Arc<WebhookWorker> {
        Arc::new(WebhookWorker {
            notifications: self.database.clone(),
            payments: self.database.clone(),
            gateway: Arc::clone(&self.gateway),
            notifier: self.notifier(),
            clock: Arc::clone(self.clock),
            observer: Arc::clone(&self.observer),
        })
    }

    pub(super) fn receive(&self, webhook_worker: &Arc<WebhookWorker>) -> ReceiveNotification {
        let require_signature = self.settings.payment.require_signature;
        ReceiveNotification { worker: Arc::clone(webhook_worker), require_signature }
    }

    pub(super) fn reconciler(&self) -> Arc<Reconciler> {
        Arc::new(Reconciler {
            payments: self.database.clone(),
            users: self.database.clone(),
            gateway: Arc::clone(&self.gateway),
            leases: self.database.clone(),
            notifier: self.notifier(),
            clock: Arc::clone(self.clock),
            observer: Arc::clone(&self.observer),
            holder: Uuid::now_v7().to_string(),
        })
    }

    pub(super) fn outbox_worker(&self) -> Arc<OutboxWorker> {
        let (outbox, mailer) = (self.database.clone(), self.mailer.clone());
        let (clock, observer) = (Arc::clone(self.clock), Arc::clone(&self.observer));
        Arc::new(OutboxWorker::new(outbox, mailer, clock, observer, tokio::time::sleep))
    }

    pub(super) fn view(&self) -> ViewPayment {
        ViewPayment { payments: self.database.clone(), presenter: Arc::clone(&self.presenter) }
    }

    pub(super) fn browse(&self) -> BrowsePayments {
        BrowsePayments { payments: self.database.clone(), presenter: Arc::clone(&self.presenter) }
    }

    pub(super) fn timeline(&self) -> ViewTimeline {
        ViewTimeline { payments: self.database.clone() }
    }

    pub(super) fn watch(&self) -> WatchPayment {
        WatchPayment { payments: self.database.clone(), events: self.database.clone(), notifier: self.notifier() }
    }
}
