//! The application on the doubles.

use crate::ports::FakePorts;
use app::clock::{Clock, SystemClock};
use app::payment::{
    BrowsePayments, Checkout, PaymentPresenter, ReceiveNotification, ViewPayment, ViewTimeline, WatchPayment,
    WebhookWorker,
};
use app::pipeline::{CallPipeline, Handler, Spawner};
use app::product::{BrowseProducts, CreateProduct, DeleteProduct, ProductImages, UpdateProduct, ViewProduct};
use app::user::{LoginUser, RegisterUser, ViewProfile};
use app::{App, Commands, Queries};
use chrono::TimeDelta;
use domain::money::Money;
use domain::payment::AmountLimits;
use domain::user::PasswordRules;
use std::pin::Pin;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Builds the real use cases on the doubles. Must be called in a tokio runtime.
#[must_use]
pub fn app(ports: &Arc<FakePorts>) -> Arc<App> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let pipeline = Arc::new(CallPipeline {
        tokens: ports.clone(),
        rate_limiter: ports.clone(),
        observer: ports.clone(),
        refusals: Arc::default(),
        spawner: Arc::new(TestRuntime(Handle::current())),
        write_marks: None,
    });
    let register = RegisterUser {
        users: ports.clone(),
        passwords: ports.clone(),
        rules: PasswordRules::default(),
        clock: clock.clone(),
    };
    let login = LoginUser {
        users: ports.clone(),
        passwords: ports.clone(),
        tokens: ports.clone(),
        attempts: None,
        clock: clock.clone(),
    };
    let images = Arc::new(ProductImages {
        inspector: ports.clone(),
        store: ports.clone(),
        ledger: ports.clone(),
        clock: clock.clone(),
    });
    let create =
        CreateProduct { products: ports.clone(), images: images.clone(), totals: ports.clone(), clock: clock.clone() };
    let update =
        UpdateProduct { products: ports.clone(), images: images.clone(), totals: ports.clone(), clock: clock.clone() };
    let delete = DeleteProduct { products: ports.clone(), totals: ports.clone(), clock: clock.clone() };
    let browse = BrowseProducts { products: ports.clone(), totals: ports.clone(), images: images.clone() };
    let presenter = Arc::new(PaymentPresenter { images: images.clone() });
    let checkout = checkout(ports, &presenter, &clock);
    let receive = ReceiveNotification { worker: webhook_worker(ports, clock), require_signature: true };
    let browse_payments = BrowsePayments { payments: ports.clone(), presenter: presenter.clone() };
    let watch = WatchPayment { payments: ports.clone(), events: ports.clone(), notifier: ports.clone() };
    let commands = Commands {
        register_user: Handler::new(&pipeline, register),
        login_user: Handler::new(&pipeline, login),
        create_product: Handler::new(&pipeline, create),
        update_product: Handler::new(&pipeline, update),
        delete_product: Handler::new(&pipeline, delete),
        checkout: Handler::new(&pipeline, checkout),
        receive_notification: Handler::new(&pipeline, receive),
    };
    let queries = Queries {
        view_profile: Handler::new(&pipeline, ViewProfile { users: ports.clone() }),
        view_product: Handler::new(&pipeline, ViewProduct { products: ports.clone(), images }),
        browse_products: Handler::new(&pipeline, browse),
        view_payment: Handler::new(&pipeline, ViewPayment { payments: ports.clone(), presenter }),
        browse_payments: Handler::new(&pipeline, browse_payments),
        view_timeline: Handler::new(&pipeline, ViewTimeline { payments: ports.clone() }),
        watch_payment: Handler::new(&pipeline, watch),
    };
    Arc::new(App { pipeline, commands, queries })
}

fn checkout(ports: &Arc<FakePorts>, presenter: &Arc<PaymentPresenter>, clock: &Arc<dyn Clock>) -> Checkout {
    Checkout {
        payments: ports.clone(),
        users: ports.clone(),
        gateway: ports.clone(),
        codes: ports.clone(),
        presenter: presenter.clone(),
        notifier: ports.clone(),
        clock: clock.clone(),
        amount_limits: AmountLimits {
            min_total: Money::from_whole(1).unwrap(),
            max_total: Money::from_whole(999_999_999).unwrap(),
        },
        expiry: TimeDelta::hours(1),
    }
}

fn webhook_worker(ports: &Arc<FakePorts>, clock: Arc<dyn Clock>) -> Arc<WebhookWorker> {
    Arc::new(WebhookWorker {
        notifications: ports.clone(),
        payments: ports.clone(),
        gateway: ports.clone(),
        notifier: ports.clone(),
        clock,
        observer: ports.clone(),
    })
}

/// Runs commands on the test's runtime.
pub struct TestRuntime(pub Handle);

impl Spawner for TestRuntime {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.spawn(task);
    }
}
