//! The application on the stage.

use crate::stage::Stage;
use chrono::TimeDelta;
use domain::app::App;
use domain::clock::{Clock, SystemClock};
use domain::money::Money;
use domain::payment::{
    BrowsePayments, Carriage, Checkout, Inbox, ReceiveNotification, Showroom, ViewPayment, ViewTimeline, WatchPayment,
};
use domain::product::{BrowseProducts, CreateProduct, DeleteProduct, Gallery, UpdateProduct, ViewProduct};
use domain::use_case::{FrontDesk, Handler, Spawner};
use domain::user::{LoginUser, PasswordRules, RegisterUser, ViewProfile};
use std::pin::Pin;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Puts the real use cases on the stage.
///
/// # Panics
/// Outside of a runtime.
#[must_use]
pub fn app(stage: &Arc<Stage>) -> Arc<App> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let desk = Arc::new(FrontDesk {
        tokens: stage.clone(),
        quotas: stage.clone(),
        observer: stage.clone(),
        spawner: Arc::new(TestRuntime(Handle::current())),
    });
    let register = RegisterUser {
        users: stage.clone(),
        passwords: stage.clone(),
        rules: PasswordRules::default(),
        clock: clock.clone(),
    };
    let login = LoginUser {
        users: stage.clone(),
        passwords: stage.clone(),
        tokens: stage.clone(),
        attempts: None,
        clock: clock.clone(),
    };
    let gallery = Arc::new(Gallery {
        inspector: stage.clone(),
        store: stage.clone(),
        ledger: stage.clone(),
        clock: clock.clone(),
    });
    let create = CreateProduct {
        products: stage.clone(),
        gallery: gallery.clone(),
        totals: stage.clone(),
        clock: clock.clone(),
    };
    let update = UpdateProduct {
        products: stage.clone(),
        gallery: gallery.clone(),
        totals: stage.clone(),
        clock: clock.clone(),
    };
    let delete = DeleteProduct { products: stage.clone(), totals: stage.clone(), clock: clock.clone() };
    let browse = BrowseProducts { products: stage.clone(), totals: stage.clone(), gallery: gallery.clone() };
    let showroom = Arc::new(Showroom { gallery: gallery.clone() });
    let checkout = checkout(stage, &showroom, &clock);
    let receive = ReceiveNotification { inbox: inbox(stage, clock), require_signature: true };
    let browse_payments = BrowsePayments { payments: stage.clone(), showroom: showroom.clone() };
    let watch = WatchPayment { payments: stage.clone(), bell: stage.clone() };
    Arc::new(App {
        register_user: Handler::new(&desk, register),
        login_user: Handler::new(&desk, login),
        create_product: Handler::new(&desk, create),
        update_product: Handler::new(&desk, update),
        delete_product: Handler::new(&desk, delete),
        checkout: Handler::new(&desk, checkout),
        receive_notification: Handler::new(&desk, receive),
        view_profile: Handler::new(&desk, ViewProfile { users: stage.clone() }),
        view_product: Handler::new(&desk, ViewProduct { products: stage.clone(), gallery }),
        browse_products: Handler::new(&desk, browse),
        view_payment: Handler::new(&desk, ViewPayment { payments: stage.clone(), showroom }),
        browse_payments: Handler::new(&desk, browse_payments),
        view_timeline: Handler::new(&desk, ViewTimeline { payments: stage.clone() }),
        watch_payment: Handler::new(&desk, watch),
        desk,
    })
}

fn checkout(stage: &Arc<Stage>, showroom: &Arc<Showroom>, clock: &Arc<dyn Clock>) -> Checkout {
    Checkout {
        payments: stage.clone(),
        users: stage.clone(),
        gateway: stage.clone(),
        codes: stage.clone(),
        showroom: showroom.clone(),
        bell: stage.clone(),
        clock: clock.clone(),
        carriage: Carriage {
            min_total: Money::from_whole(1).unwrap(),
            max_total: Money::from_whole(999_999_999).unwrap(),
        },
        expiry: TimeDelta::hours(1),
    }
}

fn inbox(stage: &Arc<Stage>, clock: Arc<dyn Clock>) -> Arc<Inbox> {
    Arc::new(Inbox {
        notifications: stage.clone(),
        payments: stage.clone(),
        gateway: stage.clone(),
        bell: stage.clone(),
        clock,
        observer: stage.clone(),
    })
}

/// Runs commands on the runtime of the test.
pub struct TestRuntime(pub Handle);

impl Spawner for TestRuntime {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.spawn(task);
    }
}
