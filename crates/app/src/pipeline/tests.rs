//! Who is marked as a writer, and who is recognized as a reader.

use super::*;
use crate::access::TokenRefused;
use crate::context::{Command, Query, Reader};
use crate::observe::{PaymentReport, RequestReport};
use domain::actor::Identity;
use domain::user::{Role, UserId};
use futures_util::FutureExt;
use std::sync::{Mutex, PoisonError};

/// Ports that accept one token and keep what is marked.
struct Ports {
    bearer: UserId,
    marked: Mutex<Vec<Requester>>,
}

impl TokenVerifier for Ports {
    fn verify(&self, token: &str) -> Result<Identity, TokenRefused> {
        match token {
            "good" => Ok(Identity { id: self.bearer, role: Role::Buyer }),
            other => Err(TokenRefused(other.to_owned())),
        }
    }
}

impl RateLimiter for Ports {
    fn check(&self, _: Protocol, _: RateLimitClass, _: RateLimitKey) -> Option<Quota> {
        None
    }
}

impl Observer for Ports {
    fn request_answered(&self, _: &RequestReport<'_>) {}
    fn use_case_ended(&self, _: &'static str, _: Option<ErrorCode>, _: Duration) {}
    fn payment(&self, _: PaymentReport<'_>) {}
    fn panic_caught(&self, _: &'static str) {}
}

impl Spawner for Ports {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        task.now_or_never().unwrap();
    }
}

#[async_trait]
impl WriteMarks for Ports {
    async fn mark(&self, writer: Requester, _: Deadline) {
        self.marked.lock().unwrap_or_else(PoisonError::into_inner).push(writer);
    }
}

/// Succeeds, or fails with the error of its input.
struct Write;

impl UseCase for Write {
    const NAME: &'static str = "write";
    type Kind = Command;
    const ACCESS: Access = Access::Authenticated;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Write;
    const ERRORS: &'static [ErrorCode] = &[ErrorCode::InsufficientStock, ErrorCode::GatewayFailed];
    type Input = Option<ErrorCode>;
    type Output = ();

    async fn execute(&self, _: &Context<Command>, fails: Option<ErrorCode>) -> Result<(), Error> {
        fails.map_or(Ok(()), |code| Err(code.into()))
    }
}

/// Returns who is taken to read.
struct Read;

impl UseCase for Read {
    const NAME: &'static str = "read";
    type Kind = Query;
    const ACCESS: Access = Access::Public;
    const RATE_LIMIT: RateLimitClass = RateLimitClass::Read;
    const ERRORS: &'static [ErrorCode] = &[];
    type Input = ();
    type Output = Reader;

    async fn execute(&self, context: &Context<Query>, (): ()) -> Result<Reader, Error> {
        assert_eq!(context.actor, Actor::Anonymous, "a public use case ignores the token");
        Ok(context.reader())
    }
}

fn client() -> ClientAddress {
    ClientAddress::new([192, 0, 2, 1].into())
}

fn pipeline(has_replica: bool) -> (Arc<Ports>, Arc<CallPipeline>) {
    let ports = Arc::new(Ports { bearer: UserId::generate(), marked: Mutex::default() });
    let pipeline = CallPipeline {
        tokens: ports.clone(),
        rate_limiter: ports.clone(),
        observer: ports.clone(),
        spawner: ports.clone(),
        write_marks: has_replica.then(|| ports.clone() as Arc<dyn WriteMarks>),
        refusals: Arc::new(HeldRefusals::default()),
    };
    (ports, Arc::new(pipeline))
}

fn call<U: UseCase>(
    pipeline: &Arc<CallPipeline>,
    use_case: U,
    token: Option<&str>,
    input: U::Input,
) -> Result<U::Output, Error> {
    let caller = Caller {
        protocol: Protocol::Rest,
        authorization: token,
        client: client(),
        request_id: RequestId::accept(None),
        deadline: Deadline::within(Duration::from_secs(30)),
    };
    Handler::new(pipeline, use_case).admit(caller).outcome?.run(input).now_or_never().unwrap()
}

#[test]
fn who_has_written_or_may_have_is_marked_before_the_answer() {
    let (ports, pipeline) = pipeline(true);
    let writer = Requester { user: Some(ports.bearer), client: client() };
    for (fails, marked) in [
        (None, vec![writer]),
        (Some(ErrorCode::GatewayFailed), vec![writer]),
        (Some(ErrorCode::Unavailable), vec![writer]),
        (Some(ErrorCode::InsufficientStock), vec![]),
    ] {
        let _ = call(&pipeline, Write, Some("good"), fails);
        assert_eq!(std::mem::take(&mut *ports.marked.lock().unwrap()), marked, "{fails:?}");
    }
    call(&pipeline, Read, Some("good"), ()).unwrap();
    assert!(ports.marked.lock().unwrap().is_empty(), "a query writes nothing");
}

#[test]
fn the_bearer_of_a_token_is_recognized_where_everybody_may_read() {
    let (ports, pipeline) = pipeline(true);
    let reader = |token| call(&pipeline, Read, token, ()).unwrap().requester();
    assert_eq!(reader(Some("Bearer good")), Requester { user: Some(ports.bearer), client: client() });
    for token in [None, Some(""), Some("Bearer bad")] {
        assert_eq!(reader(token), Requester { user: None, client: client() }, "{token:?}");
    }
}

#[test]
fn without_a_replica_a_public_use_case_does_not_look_at_a_token() {
    let (_, pipeline) = pipeline(false);
    let reader = call(&pipeline, Read, Some("good"), ()).unwrap();
    assert_eq!(reader.requester(), Requester { user: None, client: client() });
}
