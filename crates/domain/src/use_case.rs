//! The one place through which every call passes, whichever protocol it came by.
//!
//! [`Handler::admit`] opens the call: rate limit and token. [`Handler::run`] runs it: times it, counts
//! its outcome, logs its fault once, catches its panic. An adapter does neither by itself.

use crate::access::{Access, TokenVerifier};
use crate::actor::Actor;
use crate::client::ClientAddress;
use crate::clock::Deadline;
use crate::context::{Context, RequestId};
use crate::error::{Error, ErrorCode, causes};
use crate::observe::{Observer, Protocol};
use crate::quota::{Allowance, Quota, Quotas, Spender};
use futures_channel::oneshot;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument;

/// Whether a use case changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It does: it runs to its end even when the caller has gone, so that no change is left half made.
    Command,
    /// It only looks: it ends with its caller.
    Query,
}

/// Something that the shop can do.
pub trait UseCase: Send + Sync + 'static {
    /// The name in logs and metrics.
    const NAME: &'static str;
    /// Whether it changes anything.
    const KIND: Kind;
    /// Who may run it.
    const ACCESS: Access;
    /// The rate limit that it draws on.
    const ALLOWANCE: Allowance;
    /// What the caller sent, as it arrived: the use case parses it, so that both protocols refuse alike.
    type Input: Send + 'static;
    /// What the caller gets.
    type Output: Send + 'static;

    /// Does it.
    fn execute(
        &self,
        context: &Context,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

/// Starts the tasks in which commands run, on the runtime that lives as long as the process. An adapter's own runtime
/// may end with the connection that it serves.
pub trait Spawner: Send + Sync {
    /// Runs a task to its end; shutting down waits for it.
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>);
}

/// What all use cases share on the way in and out.
pub struct FrontDesk {
    /// Tells whose a token is.
    pub tokens: Arc<dyn TokenVerifier>,
    /// Counts calls.
    pub quotas: Arc<dyn Quotas>,
    /// Takes reports.
    pub observer: Arc<dyn Observer>,
    /// Runs commands.
    pub spawner: Arc<dyn Spawner>,
}

/// What a protocol knows of a call before anything has been checked.
#[derive(Debug)]
pub struct Caller<'a> {
    /// How it came.
    pub protocol: Protocol,
    /// The value of the `Authorization` header, or of the metadata of that name.
    pub authorization: Option<&'a str>,
    /// Where the call comes from.
    pub client: ClientAddress,
    /// The request's identifier.
    pub request_id: RequestId,
    /// When nobody waits any more.
    pub deadline: Deadline,
}

/// A call that has been counted, and perhaps let in.
#[derive(Debug)]
pub struct Admission {
    /// What is left of the caller's allowance, for the answer's headers.
    pub quota: Option<Quota>,
    /// The way in, or why there is none.
    pub context: Result<Context, Error>,
}

/// A use case, ready to be called by both protocols.
pub struct Handler<U> {
    use_case: Arc<U>,
    desk: Arc<FrontDesk>,
}

impl<U: UseCase> Handler<U> {
    /// A use case behind the front desk.
    pub fn new(desk: &Arc<FrontDesk>, use_case: U) -> Self {
        Self { use_case: Arc::new(use_case), desk: Arc::clone(desk) }
    }

    /// Counts a call and tells who makes it. A call with a bad token counts against the address that it came from.
    #[must_use]
    pub fn admit(&self, caller: Caller<'_>) -> Admission {
        let actor = U::ACCESS.identify(caller.authorization, &*self.desk.tokens);
        let spender = match &actor {
            Ok(Actor::User(identity)) => Spender::User(identity.id),
            Ok(Actor::Anonymous) | Err(_) => Spender::Client(caller.client),
        };
        let quota = self.desk.quotas.spend(caller.protocol, U::ALLOWANCE, spender);
        let context = match quota {
            Some(quota) if quota.exceeded => Err(Error::retry_later(ErrorCode::RateLimited, quota.resets_in)),
            _ => actor.and_then(|actor| U::ACCESS.allow(actor)).map(|actor| Context {
                actor,
                client: caller.client,
                request_id: caller.request_id,
                deadline: caller.deadline,
            }),
        };
        if let Err(refusal) = &context {
            self.desk.observer.use_case_ended(U::NAME, Some(refusal.code()), std::time::Duration::ZERO);
        }
        Admission { quota, context }
    }

    /// Runs the use case.
    ///
    /// # Errors
    /// Those of the use case, and [`ErrorCode::Internal`] where it panicked.
    ///
    /// # Cancel safety
    /// Dropping the future ends a query; a command goes on to its end all the same.
    pub async fn run(&self, context: Context, input: U::Input) -> Result<U::Output, Error> {
        let work = observed(Arc::clone(&self.use_case), Arc::clone(&self.desk), context, input);
        match U::KIND {
            Kind::Query => work.await,
            Kind::Command => {
                let (reply, answer) = oneshot::channel();
                let span = tracing::Span::current();
                let task = async move {
                    if reply.send(work.await).is_err() {
                        tracing::info!(use_case = U::NAME, "ended after its caller had gone");
                    }
                };
                self.desk.spawner.spawn(Box::pin(task.instrument(span)));
                answer.await.unwrap_or_else(|_| Err(Error::unavailable("shut down before the command had ended")))
            }
        }
    }
}

async fn observed<U: UseCase>(
    use_case: Arc<U>,
    desk: Arc<FrontDesk>,
    context: Context,
    input: U::Input,
) -> Result<U::Output, Error> {
    let started = Instant::now();
    let outcome = AssertUnwindSafe(use_case.execute(&context, input)).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|_panic| {
        desk.observer.panic_caught(U::NAME);
        Err(Error::internal("the use case panicked"))
    });
    if let Err(error) = &outcome {
        log_fault(U::NAME, error);
    }
    desk.observer.use_case_ended(U::NAME, outcome.as_ref().err().map(Error::code), started.elapsed());
    outcome
}

/// Logs an error's causes, once: further out only its code and public text are known.
fn log_fault(use_case: &'static str, error: &Error) {
    let code = error.code().as_str();
    if error.code() == ErrorCode::Internal {
        tracing::error!(use_case, code, causes = causes(error), "use case failed");
    } else if matches!(error.code(), ErrorCode::Unavailable | ErrorCode::ImageStoreFailed | ErrorCode::GatewayFailed) {
        tracing::warn!(use_case, code, causes = causes(error), "use case failed");
    } else {
        tracing::debug!(use_case, code, "use case refused");
    }
}
