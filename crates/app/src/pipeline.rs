//! The one place through which every call passes, whichever protocol it came by.
//!
//! [`Handler::admit`] checks rate limit and access. [`Admitted::run`] runs the use case: it measures the time, counts the
//! outcome, logs an internal error once and catches a panic. An adapter does neither by itself.
#![warn(missing_docs)]

use crate::access::{Access, TokenVerifier};
use crate::client::ClientAddress;
use crate::clock::Deadline;
use crate::context::{Context, RequestId};
use crate::observe::{Observer, Protocol};
use crate::rate_limit::{Quota, RateLimitClass, RateLimitKey, RateLimiter};
use domain::actor::Actor;
use domain::error::{Error, ErrorCode, causes};
use futures_channel::oneshot;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument;

/// Whether a use case changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseCaseKind {
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
    const KIND: UseCaseKind;
    /// Who may run it.
    const ACCESS: Access;
    /// The rate limit that it draws on.
    const RATE_LIMIT: RateLimitClass;
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

/// What all calls share.
pub struct CallPipeline {
    /// Verifies access tokens.
    pub tokens: Arc<dyn TokenVerifier>,
    /// Counts calls against their rate limits.
    pub rate_limiter: Arc<dyn RateLimiter>,
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

/// The outcome of [`Handler::admit`].
pub struct Admission<U> {
    /// What is left of the caller's rate limit, for the answer's headers.
    pub quota: Option<Quota>,
    /// The admitted call, or why it is refused.
    pub outcome: Result<Admitted<U>, Error>,
}

/// A call that has passed its rate limit and its access check: the only way to run a use case.
pub struct Admitted<U> {
    use_case: Arc<U>,
    pipeline: Arc<CallPipeline>,
    context: Context,
}

/// A use case, ready to be called by both protocols.
pub struct Handler<U> {
    use_case: Arc<U>,
    pipeline: Arc<CallPipeline>,
}

impl<U: UseCase> Handler<U> {
    /// A use case behind the pipeline.
    pub fn new(pipeline: &Arc<CallPipeline>, use_case: U) -> Self {
        Self { use_case: Arc::new(use_case), pipeline: Arc::clone(pipeline) }
    }

    /// Counts a call against its rate limit and checks who makes it. A call with an invalid token counts against the address
    /// that it came from.
    #[must_use]
    pub fn admit(&self, caller: Caller<'_>) -> Admission<U> {
        let actor = U::ACCESS.identify(caller.authorization, &*self.pipeline.tokens);
        let key = match &actor {
            Ok(Actor::User(identity)) => RateLimitKey::User(identity.id),
            Ok(Actor::Anonymous) | Err(_) => RateLimitKey::Client(caller.client),
        };
        let quota = self.pipeline.rate_limiter.check(caller.protocol, U::RATE_LIMIT, key);
        let actor = match quota {
            Some(quota) if quota.exceeded => Err(Error::retry_later(ErrorCode::RateLimited, quota.resets_in)),
            _ => actor.and_then(|actor| U::ACCESS.allow(actor)),
        };
        if let Err(refusal) = &actor {
            self.pipeline.observer.use_case_ended(U::NAME, Some(refusal.code()), std::time::Duration::ZERO);
        }
        let outcome = actor.map(|actor| Admitted {
            use_case: Arc::clone(&self.use_case),
            pipeline: Arc::clone(&self.pipeline),
            context: Context { actor, client: caller.client, request_id: caller.request_id, deadline: caller.deadline },
        });
        Admission { quota, outcome }
    }
}

impl<U> Clone for Admitted<U> {
    fn clone(&self) -> Self {
        Self {
            use_case: Arc::clone(&self.use_case),
            pipeline: Arc::clone(&self.pipeline),
            context: self.context.clone(),
        }
    }
}

impl<U: UseCase> Admitted<U> {
    /// The request's identifier.
    #[must_use]
    pub const fn request_id(&self) -> &RequestId {
        &self.context.request_id
    }

    /// The same call with another deadline: the time that its body took to arrive does not count.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Deadline) -> Self {
        self.context.deadline = deadline;
        self
    }

    /// Runs the use case.
    ///
    /// # Errors
    /// Those of the use case, and [`ErrorCode::Internal`] if it panicked.
    ///
    /// # Cancel safety
    /// Dropping the future ends a query; a command runs to its end all the same.
    pub async fn run(self, input: U::Input) -> Result<U::Output, Error> {
        let Self { use_case, pipeline, context } = self;
        let work = observed(use_case, Arc::clone(&pipeline), context, input);
        match U::KIND {
            UseCaseKind::Query => work.await,
            UseCaseKind::Command => {
                let (reply, answer) = oneshot::channel();
                let span = tracing::Span::current();
                let task = async move {
                    if reply.send(work.await).is_err() {
                        tracing::info!(use_case = U::NAME, "ended after its caller had gone");
                    }
                };
                pipeline.spawner.spawn(Box::pin(task.instrument(span)));
                answer.await.unwrap_or_else(|_| Err(Error::unavailable("shut down before the command had ended")))
            }
        }
    }
}

async fn observed<U: UseCase>(
    use_case: Arc<U>,
    pipeline: Arc<CallPipeline>,
    context: Context,
    input: U::Input,
) -> Result<U::Output, Error> {
    let started = Instant::now();
    let outcome = AssertUnwindSafe(use_case.execute(&context, input)).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|_panic| {
        pipeline.observer.panic_caught(U::NAME);
        Err(Error::internal("the use case panicked"))
    });
    if let Err(error) = &outcome {
        log_fault(U::NAME, error);
    }
    pipeline.observer.use_case_ended(U::NAME, outcome.as_ref().err().map(Error::code), started.elapsed());
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
