//! The pipeline that each call passes, over REST and gRPC alike.
//!
//! [`Handler::admit`] checks rate limit and access. [`Admitted::run`] runs the use case: it measures the time, counts the
//! outcome, logs an internal error once and catches a panic. An adapter does none of this itself.
#![warn(missing_docs)]

use crate::access::{Access, TokenVerifier};
use crate::client::ClientAddress;
use crate::clock::Deadline;
use crate::context::{Context, RequestId, Requester, UseCaseKind};
use crate::observe::{Observer, Protocol};
use crate::rate_limit::{Quota, RateLimitClass, RateLimitKey, RateLimiter};
use crate::refusals::HeldRefusals;
use async_trait::async_trait;
use domain::actor::Actor;
use domain::error::{Error, ErrorCode, causes};
use futures_channel::oneshot;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::Instrument;

/// How long the answer of a command waits for its mark.
const MARK_TIME: Duration = Duration::from_secs(2);

/// The codes that a call of any use case can fail with, beside those of [`Access::errors`] and [`UseCase::ERRORS`].
pub const COMMON_ERRORS: [ErrorCode; 5] = [
    ErrorCode::RateLimited,
    ErrorCode::Internal,
    ErrorCode::Overloaded,
    ErrorCode::Unavailable,
    ErrorCode::DeadlineExceeded,
];

/// One operation of the shop.
pub trait UseCase: Send + Sync + 'static {
    /// The name in logs and metrics.
    const NAME: &'static str;
    /// Whether it changes anything.
    type Kind: UseCaseKind;
    /// Who may run it.
    const ACCESS: Access;
    /// The rate limit that its calls count against.
    const RATE_LIMIT: RateLimitClass;
    /// The codes that the use case itself returns, beside [`COMMON_ERRORS`] and [`Access::errors`]. The OpenAPI document
    /// and the check of the protos' comments are made from it.
    const ERRORS: &'static [ErrorCode];
    /// The caller's input before it is parsed. The use case parses it, so that both protocols return the same errors.
    type Input: Send + 'static;
    /// The result that the caller receives.
    type Output: Send + 'static;

    /// Runs the use case.
    ///
    /// # Errors
    /// One of [`UseCase::ERRORS`], [`COMMON_ERRORS`] or [`Access::errors`].
    fn execute(
        &self,
        context: &Context<Self::Kind>,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

/// Starts the tasks in which commands run, on the runtime that lives as long as the process. An adapter's own runtime
/// may end with the connection that it serves.
pub trait Spawner: Send + Sync {
    /// Runs a task to its end. Shutdown waits for the task.
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>);
}

/// Marks of who has written, shared by all servers, so that those who read from a replica see what they have written before.
#[async_trait]
pub trait WriteMarks: Send + Sync {
    /// Marks that this requester has written. Once it returns, each read of the requester that begins later sees the write,
    /// whichever server it reaches. A failure is logged and not returned, because the write itself has succeeded. May be
    /// repeated.
    async fn mark(&self, writer: Requester, by: Deadline);
}

/// The ports that the calls of all use cases share.
pub struct CallPipeline {
    /// Verifies access tokens.
    pub tokens: Arc<dyn TokenVerifier>,
    /// Counts calls against their rate limits.
    pub rate_limiter: Arc<dyn RateLimiter>,
    /// Takes reports.
    pub observer: Arc<dyn Observer>,
    /// Holds refusals back where they are many.
    pub refusals: Arc<HeldRefusals>,
    /// Runs commands.
    pub spawner: Arc<dyn Spawner>,
    /// Marks who has written; `None` where no query reads from a replica.
    pub write_marks: Option<Arc<dyn WriteMarks>>,
}

/// A call as its protocol describes it, before any check.
#[derive(Debug)]
pub struct Caller<'a> {
    /// The protocol of the call.
    pub protocol: Protocol,
    /// The value of the `Authorization` header, or of the metadata of that name.
    pub authorization: Option<&'a str>,
    /// The address of the client.
    pub client: ClientAddress,
    /// The request's identifier.
    pub request_id: RequestId,
    /// The time after which the caller no longer waits.
    pub deadline: Deadline,
}

/// The outcome of [`Handler::admit`].
pub struct Admission<U: UseCase> {
    /// The rest of the caller's rate limit, for the answer's headers.
    pub quota: Option<Quota>,
    /// The admitted call, or the error that the pipeline refuses it with.
    pub outcome: Result<Admitted<U>, Error>,
}

/// A call that has passed its rate limit and its access check: the only way to run a use case.
pub struct Admitted<U: UseCase> {
    use_case: Arc<U>,
    pipeline: Arc<CallPipeline>,
    context: Context<U::Kind>,
}

/// A use case behind the pipeline, as both protocols call it.
pub struct Handler<U> {
    use_case: Arc<U>,
    pipeline: Arc<CallPipeline>,
}

impl<U: UseCase> Handler<U> {
    /// Puts a use case behind the pipeline.
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
        if let Err(error) = &actor {
            self.pipeline.observer.use_case_ended(U::NAME, Some(error.code()), Duration::ZERO);
        }
        let outcome = actor.map(|actor| Admitted {
            use_case: Arc::clone(&self.use_case),
            pipeline: Arc::clone(&self.pipeline),
            context: self.context(actor, caller),
        });
        Admission { quota, outcome }
    }

    fn context(&self, actor: Actor, caller: Caller<'_>) -> Context<U::Kind> {
        // A public use case ignores a token, except that its bearer sees what the bearer has written.
        let bearer = match actor {
            Actor::Anonymous if self.pipeline.write_marks.is_some() => {
                Access::recognize(caller.authorization, &*self.pipeline.tokens)
            }
            Actor::Anonymous | Actor::User(_) => None,
        };
        let context = Context::new(actor, caller.client, caller.request_id, caller.deadline);
        match bearer {
            Some(identity) => context.recognized_as(identity.id),
            None => context,
        }
    }
}

impl<U: UseCase> Clone for Admitted<U> {
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

    /// Replaces the deadline: the time that the body took to arrive does not count.
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
        let requester = context.requester();
        let work = observed(use_case, Arc::clone(&pipeline), context, input);
        if !U::Kind::IS_COMMAND {
            return work.await;
        }
        let (reply, answer) = oneshot::channel();
        let (span, write_marks) = (tracing::Span::current(), pipeline.write_marks.clone());
        let task = async move {
            let outcome = work.await;
            if let Some(write_marks) = write_marks.filter(|_| may_have_written(&outcome)) {
                write_marks.mark(requester, Deadline::within(MARK_TIME)).await;
            }
            if reply.send(outcome).is_err() {
                tracing::info!(use_case = U::NAME, "ended after its caller had gone");
            }
        };
        pipeline.spawner.spawn(Box::pin(task.instrument(span)));
        answer.await.unwrap_or_else(|_| Err(Error::unavailable("shut down before the command had ended")))
    }
}

async fn observed<U: UseCase>(
    use_case: Arc<U>,
    pipeline: Arc<CallPipeline>,
    context: Context<U::Kind>,
    input: U::Input,
) -> Result<U::Output, Error> {
    let started = Instant::now();
    let outcome = AssertUnwindSafe(use_case.execute(&context, input)).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|_panic| {
        pipeline.observer.panic_caught(U::NAME);
        Err(Error::internal("the use case panicked"))
    });
    if let Err(error) = &outcome {
        log_error(U::NAME, error);
        if !may_return::<U>(error.code()) {
            tracing::error!(use_case = U::NAME, code = error.code().as_str(), "the use case does not list this code");
            pipeline.observer.unlisted_error(U::NAME, error.code());
        }
    }
    pipeline.observer.use_case_ended(U::NAME, outcome.as_ref().err().map(Error::code), started.elapsed());
    outcome
}

/// Whether a command has written, or may have: a refusal comes before anything is written.
const fn may_have_written<T>(outcome: &Result<T, Error>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(error) => matches!(
            error.code(),
            ErrorCode::Internal | ErrorCode::Unavailable | ErrorCode::DeadlineExceeded | ErrorCode::GatewayFailed
        ),
    }
}

/// Whether a use case lists a code among its own, or the pipeline does so for all of them.
fn may_return<U: UseCase>(code: ErrorCode) -> bool {
    [U::ERRORS, U::ACCESS.errors(), &COMMON_ERRORS].into_iter().any(|codes| codes.contains(&code))
}

/// Logs an error's causes once. The protocols know only its code and its public text.
fn log_error(use_case: &'static str, error: &Error) {
    let code = error.code().as_str();
    if error.code() == ErrorCode::Internal {
        tracing::error!(use_case, code, causes = causes(error), "use case failed");
    } else if matches!(error.code(), ErrorCode::Unavailable | ErrorCode::ImageStoreFailed | ErrorCode::GatewayFailed) {
        tracing::warn!(use_case, code, causes = causes(error), "use case failed");
    } else {
        tracing::debug!(use_case, code, "use case refused");
    }
}

#[cfg(test)]
mod tests;
