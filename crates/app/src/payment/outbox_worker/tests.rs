//! What becomes of mails, by what the mail server says.

use super::*;
use crate::observe::RequestReport;
use crate::payment::fixtures::opened;
use crate::payment::{Audience, MailSelection, MailState};
use async_trait::async_trait;
use domain::error::ErrorCode;
use domain::payment::{PaymentId, Status};
use std::sync::atomic::{AtomicUsize, Ordering};

fn mail(attempts: u32) -> Mail {
    Mail {
        id: MailId::generate(),
        payment: PaymentId::generate(),
        event: 3,
        status: Status::Success,
        audience: Audience::Buyer,
        state: MailState::Queued,
        attempts,
        uncertain: 0,
        next_at: DateTime::UNIX_EPOCH,
        error: None,
    }
}

#[test]
fn each_failure_doubles_the_wait_up_to_an_hour_give_or_take_a_fifth() {
    for (attempts, minutes) in [(0, 1), (1, 2), (3, 8), (6, 60), (9, 60)] {
        for jitter_seed in 0..2_000_u64 {
            let seed = jitter_seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let wait = BACKOFF.jittered_wait(attempts, seed).num_seconds();
            assert!((minutes * 48..=minutes * 72).contains(&wait), "{attempts}: {wait} s");
        }
    }
}

#[test]
fn what_follows_depends_on_whose_fault_it_is() {
    let now = DateTime::UNIX_EPOCH;
    let temporary = || MailError::Temporary("451".into());
    assert!(matches!(outcome_of_failure(&mail(0), &temporary(), now), SendOutcome::Failed { is_uncertain: false, .. }));
    assert!(matches!(outcome_of_failure(&mail(9), &temporary(), now), SendOutcome::Dead { .. }));
    assert!(matches!(outcome_of_failure(&mail(0), &MailError::Permanent("550".into()), now), SendOutcome::Dead { .. }));
    // Another server may stand in for one that takes no such addresses, and an operator can put it right meanwhile.
    let unsupported = || MailError::Unsupported("no SMTPUTF8".into());
    assert!(matches!(
        outcome_of_failure(&mail(0), &unsupported(), now),
        SendOutcome::Failed { is_uncertain: false, .. }
    ));
    let given_up = outcome_of_failure(&mail(9), &unsupported(), now);
    assert!(matches!(given_up, SendOutcome::Dead { error } if error.contains("cannot take its address: no SMTPUTF8")));
    let unknown = MailError::Unknown("reset".into());
    assert!(matches!(outcome_of_failure(&mail(0), &unknown, now), SendOutcome::Failed { is_uncertain: true, .. }));
    // A server that never tells gets no more than a few copies, and one that answers oddly no second.
    let often = Mail { uncertain: 2, ..mail(2) };
    assert!(matches!(outcome_of_failure(&often, &unknown, now), SendOutcome::Dead { .. }));
    assert!(matches!(outcome_of_failure(&mail(0), &MailError::Unclear("354".into()), now), SendOutcome::Dead { .. }));
    // A server that is away for days, or refuses us for as long, costs no mail an attempt.
    let away = outcome_of_failure(&mail(9), &MailError::Away("refused".into()), now);
    assert!(matches!(away, SendOutcome::Deferred { due, .. } if due == now + AWAY_WAIT));
    let refused = outcome_of_failure(&mail(9), &MailError::Refused("535".into()), now + TimeDelta::days(30));
    assert!(matches!(refused, SendOutcome::Deferred { .. }));
}

#[test]
fn a_mail_that_is_refused_because_of_us_waits_for_days_and_is_given_up_in_the_end() {
    let (mut now, mut attempts) = (DateTime::UNIX_EPOCH, 0);
    let blocked = || MailError::Blocked("554 blocked".into());
    while let SendOutcome::Failed { due, .. } = outcome_of_failure(&mail(attempts), &blocked(), now) {
        assert!(due > now && due - now < TimeDelta::hours(5));
        (now, attempts) = (due, attempts + 1);
    }
    let days = (now - DateTime::UNIX_EPOCH).num_hours() / 24;
    assert!((4..=6).contains(&days), "{attempts} attempts in {days} days");
}

/// An outbox of mails that are all due, and a sender that answers each in its turn.
#[derive(Default)]
struct FakePorts {
    due: Mutex<Vec<ClaimedMail>>,
    answers: Mutex<Vec<Result<Delivery, MailError>>>,
    renewed: Mutex<Vec<MailId>>,
    settled: Mutex<Vec<SendOutcome>>,
    now: Mutex<DateTime<Utc>>,
    is_hastened: Mutex<bool>,
}

impl FakePorts {
    fn with(mails: usize, answers: Vec<Result<Delivery, MailError>>) -> (Arc<Self>, OutboxWorker) {
        let claimed =
            |_| ClaimedMail { mail: mail(0), payment: opened(), name: "Ada".into(), email: "ada@x.id".into() };
        let ports = Self { due: Mutex::new((0..mails).map(claimed).collect()), ..Self::default() };
        *ports.answers.lock().unwrap() = answers;
        let ports = Arc::new(ports);
        let outbox_worker = ports.worker(|_| std::future::pending());
        (ports, outbox_worker)
    }

    fn worker<F: Future<Output = ()> + Send + 'static>(
        self: &Arc<Self>,
        sleep: impl Fn(Duration) -> F + Send + Sync + 'static,
    ) -> OutboxWorker {
        OutboxWorker::new(self.clone(), self.clone(), self.clone(), self.clone(), sleep)
    }
}

impl Clock for FakePorts {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }
}

impl Observer for FakePorts {
    fn request_answered(&self, _report: &RequestReport<'_>) {}
    fn use_case_ended(&self, _name: &'static str, _outcome: Option<ErrorCode>, _elapsed: Duration) {}
    fn payment(&self, _report: PaymentReport<'_>) {}
    fn panic_caught(&self, _place: &'static str) {}
}

#[async_trait]
impl MailSender for FakePorts {
    async fn send(&self, _content: &MailContent) -> Result<Delivery, MailError> {
        let answer = self.answers.lock().unwrap().pop();
        match answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Outbox for FakePorts {
    async fn claim(
        &self,
        limit: u32,
        _now: DateTime<Utc>,
        _retry_at: DateTime<Utc>,
        _by: Deadline,
    ) -> Result<Vec<ClaimedMail>, Error> {
        let mut due = self.due.lock().unwrap();
        let count = due.len().min(limit as usize);
        Ok(due.drain(..count).collect())
    }

    async fn renew(&self, ids: &[MailId], _until: DateTime<Utc>, _by: Deadline) -> Result<(), Error> {
        self.renewed.lock().unwrap().extend(ids);
        Ok(())
    }

    async fn is_hastened(&self, _since: DateTime<Utc>, _by: Deadline) -> Result<bool, Error> {
        Ok(*self.is_hastened.lock().unwrap())
    }

    async fn record_attempt(
        &self,
        _id: MailId,
        attempt: &SendOutcome,
        _now: DateTime<Utc>,
        _by: Deadline,
    ) -> Result<(), Error> {
        self.settled.lock().unwrap().push(attempt.clone());
        Ok(())
    }

    async fn mails(&self, _state: Option<MailState>, _limit: u32, _by: Deadline) -> Result<Vec<Mail>, Error> {
        Ok(Vec::new())
    }

    async fn retry(&self, _which: MailSelection, _now: DateTime<Utc>, _by: Deadline) -> Result<usize, Error> {
        Ok(0)
    }

    async fn purge(&self, _before: DateTime<Utc>, _by: Deadline) -> Result<usize, Error> {
        Ok(0)
    }
}

fn run(outbox_worker: &OutboxWorker) -> usize {
    outbox_worker.run().now_or_never().unwrap().unwrap()
}

#[test]
fn mails_that_come_while_another_takes_long_do_not_wait_for_it() {
    let (ports, _) = FakePorts::with(1, Vec::new());
    let (turns, shared) = (AtomicUsize::new(0), ports.clone());
    let outbox_worker = ports.worker(move |_| {
        let is_first = turns.fetch_add(1, Ordering::Relaxed) == 0;
        if is_first {
            let late = ClaimedMail { mail: mail(0), payment: opened(), name: "Bob".into(), email: "bob@x.id".into() };
            shared.due.lock().unwrap().push(late);
            shared.answers.lock().unwrap().push(Ok(Delivery::Sent));
        }
        async move {
            if !is_first {
                std::future::pending().await
            }
        }
    });
    let mut running = outbox_worker.run();
    assert!(running.as_mut().now_or_never().is_none(), "the first one is still being sent");
    assert!(matches!(ports.settled.lock().unwrap()[..], [SendOutcome::Done(Delivery::Sent)]));
}

#[test]
fn mails_that_take_long_are_kept_and_those_that_are_not_begun_are_put_back_at_the_end() {
    let sent = || Ok(Delivery::Sent);
    // Two are sent; the server has not answered for four when the process is to stop.
    let (ports, outbox_worker) = FakePorts::with(9, vec![sent(), sent()]);
    let mut running = outbox_worker.run();
    assert!(running.as_mut().now_or_never().is_none());
    outbox_worker.renew().now_or_never().unwrap().unwrap();
    assert_eq!(ports.renewed.lock().unwrap().len(), 7, "four under way, three to come");
    drop(running);
    let (ports, outbox_worker) = FakePorts::with(3, Vec::new());
    outbox_worker.stop();
    assert_eq!(run(&outbox_worker), 0, "nothing is taken out any more");
    assert_eq!(ports.due.lock().unwrap().len(), 3);
}

#[test]
fn a_server_that_lets_nobody_in_is_left_alone_for_a_while() {
    for (error, wait) in
        [(MailError::Away("refused".into()), AWAY_WAIT), (MailError::Refused("535".into()), REFUSED_WAIT)]
    {
        let (ports, outbox_worker) = FakePorts::with(30, vec![Err(error)]);
        assert_eq!(run(&outbox_worker), 20);
        let settled = ports.settled.lock().unwrap().len();
        assert_eq!((settled, run(&outbox_worker)), (20, 0), "nobody is asked, and nothing is taken out");
        *ports.now.lock().unwrap() += wait;
        ports.answers.lock().unwrap().extend((0..10).map(|_| Ok(Delivery::Sent)));
        assert_eq!((run(&outbox_worker), run(&outbox_worker)), (10, 0));
        assert_eq!(ports.settled.lock().unwrap().len(), 30);
        // An operator who has put it right does not wait.
        let (ports, outbox_worker) =
            FakePorts::with(2, vec![Ok(Delivery::Sent), Err(MailError::Refused("535".into()))]);
        assert_eq!((run(&outbox_worker), run(&outbox_worker)), (2, 0));
        ports.due.lock().unwrap().push(ClaimedMail {
            mail: mail(0),
            payment: opened(),
            name: String::new(),
            email: String::new(),
        });
        *ports.is_hastened.lock().unwrap() = true;
        assert_eq!(run(&outbox_worker), 1);
    }
}

#[test]
fn a_mail_that_is_blocked_holds_up_no_other() {
    let answers = vec![Ok(Delivery::Sent), Err(MailError::Blocked("554".into())), Ok(Delivery::Sent)];
    let (ports, outbox_worker) = FakePorts::with(3, answers);
    assert_eq!(run(&outbox_worker), 3);
    let settled = ports.settled.lock().unwrap();
    assert_eq!(settled.iter().filter(|attempt| matches!(attempt, SendOutcome::Done(_))).count(), 2);
}
