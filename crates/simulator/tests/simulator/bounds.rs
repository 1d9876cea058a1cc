//! The limit of stored orders.

use crate::{invoice, known, open, opened, options};
use simulator::Action;

/// The limit of stored orders.
const REMEMBERED: usize = 100_000;

#[test]
fn of_too_many_orders_the_oldest_that_are_over_are_forgotten_first() {
    let (simulator, _) = open(options());
    let invoices: Vec<_> = (0..3).map(|_| invoice()).collect();
    let pages: Vec<_> = invoices.iter().map(|invoice| opened(&simulator, invoice)).collect();
    let is_known = || [0, 1, 2].map(|place: usize| simulator.page(&pages[place].token).is_some());
    simulator.act(&pages[1].token, Action::Cancel).unwrap();
    for _ in pages.len()..REMEMBERED {
        opened(&simulator, &invoice());
    }
    assert_eq!(is_known(), [true; 3]);
    opened(&simulator, &invoice());
    assert_eq!(is_known(), [true, false, true], "nobody can pay the second any more");
    assert_eq!(known(&simulator, invoices[1].order), None);
    opened(&simulator, &invoice());
    assert_eq!(is_known(), [false, false, true], "all can be paid, and this is the oldest");
    // What is known already takes no more room.
    opened(&simulator, &invoices[2]);
    assert_eq!(is_known(), [false; 3], "its page is another");
    assert!(simulator.page(&opened(&simulator, &invoices[2]).token).is_some());
}
