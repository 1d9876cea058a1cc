//! The journal outlives the process.

use crate::{ManualClock, invoice, known, look, open, opened, options, remembering, soon};
use app::payment::{Gateway, GatewayError, Subject};
use domain::payment::TransactionStatus;
use futures_util::FutureExt;
use simulator::{Action, ActionError, Error, Options, Simulator};
use std::fs;
use std::sync::Arc;

#[test]
fn a_restart_loses_no_page_and_nothing_that_happened_on_one() {
    let folder = tempfile::tempdir().unwrap();
    // A folder that there is not yet.
    let path = folder.path().join("data/simulator.jsonl");
    let (simulator, _) = remembering(&path);
    let histories: [&[Action]; 5] =
        [&[], &[Action::Deny], &[Action::Deny, Action::Pay], &[Action::Pay, Action::Refund], &[Action::Cancel]];
    let mut before = Vec::new();
    for actions in histories {
        let invoice = invoice();
        let page = opened(&simulator, &invoice);
        for action in actions {
            simulator.act(&page.token, *action).unwrap();
        }
        before.push((simulator.page(&page.token).unwrap(), known(&simulator, invoice.order)));
    }
    drop(simulator);
    for _ in 0..2 {
        let (simulator, _) = remembering(&path);
        for (page, report) in &before {
            assert_eq!(simulator.page(&page.token).as_ref(), Some(page));
            assert_eq!(&known(&simulator, page.order), report);
        }
    }
}

#[test]
fn what_was_refused_before_a_restart_can_be_tried_again_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (invoice, used) = (crate::invoice(), crate::invoice());
    let (simulator, _) = remembering(&path);
    let old = opened(&simulator, &invoice);
    let page = opened(&simulator, &invoice);
    simulator.act(&page.token, Action::Deny).unwrap();
    let refused = known(&simulator, invoice.order).unwrap().transaction;
    let closed = opened(&simulator, &used);
    simulator.close_page(&closed, soon()).now_or_never().unwrap().unwrap();
    drop(simulator);
    let (simulator, _) = remembering(&path);
    assert_eq!(simulator.page(&old.token), None, "the page before the last stays revoked");
    assert_eq!(simulator.act(&closed.token, Action::Pay), Err(ActionError::NotPossible), "and the closed one closed");
    let again = simulator.create_page(&invoice, soon()).now_or_never().unwrap();
    assert!(matches!(again, Err(GatewayError::Taken)), "{again:?}");
    simulator.act(&page.token, Action::Pay).unwrap();
    let paid = known(&simulator, invoice.order).unwrap().transaction;
    assert_eq!(paid.status, TransactionStatus::Settlement);
    assert_ne!(paid.id, refused.id);
    assert_eq!(look(&simulator, &Subject::Transaction(refused.id.clone())).unwrap().transaction, refused);
}

#[test]
fn a_journal_that_was_cut_off_anywhere_loses_what_was_cut_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (simulator, _) = remembering(&path);
    let (kept, cut, next) = (invoice(), invoice(), invoice());
    let kept_page = opened(&simulator, &kept);
    simulator.act(&kept_page.token, Action::Pay).unwrap();
    let whole = fs::read(&path).unwrap().len();
    let cut_page = opened(&simulator, &cut);
    drop(simulator);
    let journal = fs::read(&path).unwrap();
    // Here and there, and at each of the last bytes, where all of the line but its end is there.
    let lengths = (whole..=journal.len()).filter(|length| length % 31 == 0 || length + 3 > journal.len());
    for length in lengths.chain([whole]) {
        fs::write(&path, &journal[..length]).unwrap();
        let (simulator, _) = remembering(&path);
        let is_whole = simulator.page(&cut_page.token).is_some();
        assert!(is_whole || length < journal.len(), "what was written whole is remembered");
        let next_page = opened(&simulator, &next);
        drop(simulator);
        let (simulator, _) = remembering(&path);
        assert_eq!(simulator.page(&kept_page.token).unwrap().status, Some(TransactionStatus::Settlement), "{length}");
        assert_eq!(simulator.page(&cut_page.token).is_some(), is_whole, "{length}");
        assert!(simulator.page(&next_page.token).is_some(), "what was written after the cut, at {length}");
    }
}

#[test]
fn what_is_no_journal_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (simulator, _) = remembering(&path);
    let page = opened(&simulator, &invoice());
    drop(simulator);
    let mut text = b"\xff\xfe\n{}\n[1]\nnull\n\n".to_vec();
    text.extend(fs::read(&path).unwrap());
    fs::write(&path, text).unwrap();
    let (simulator, _) = remembering(&path);
    assert!(simulator.page(&page.token).is_some());
}

#[test]
fn a_change_is_one_line_that_holds_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (simulator, _) = remembering(&path);
    let page = opened(&simulator, &invoice());
    simulator.act(&page.token, Action::Pay).unwrap();
    // What could not be done changes nothing.
    simulator.act(&page.token, Action::Pay).unwrap_err();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().filter(|line| !line.is_empty()).count(), 2, "{text}");
    assert!(!text.contains(crate::KEY) && !text.contains("budi@example.id"), "{text}");
}

#[test]
fn a_journal_that_cannot_be_had_is_told_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { journal: Some(folder.path().to_owned()), ..options() };
    let Err(error) = Simulator::open(options, Arc::new(ManualClock::new())) else { panic!("a folder is no journal") };
    assert!(matches!(error, Error::Journal(..)));
    assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
}

#[test]
fn without_a_journal_all_is_forgotten() {
    let (simulator, _) = open(options());
    let page = opened(&simulator, &invoice());
    drop(simulator);
    let (simulator, _) = open(options());
    assert_eq!(simulator.page(&page.token), None);
}
