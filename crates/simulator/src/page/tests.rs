use super::*;
use std::collections::HashSet;

const TOKEN: &str = "66e4fa55-fdac-4ef9-91b5-733b97d1b862";

fn page(status: Option<TransactionStatus>, actions: &[Action]) -> OrderPage {
    OrderPage {
        token: TOKEN.to_owned(),
        order: "0192f3c4-0000-7000-8000-000000000002".parse().unwrap(),
        name: "Teh <b>\"celup\"</b> & gula".to_owned(),
        quantity: 3,
        total: Money::from_whole(1_250_000).unwrap(),
        payer_name: "<script>alert('Budi')</script>".to_owned(),
        status,
        expires_at: "2026-11-22T19:30:00Z".parse().unwrap(),
        actions: actions.to_vec(),
    }
}

#[test]
fn the_page_tells_what_is_bought_and_what_people_call_things_is_no_markup() {
    let text = body(&page(None, &Action::ALL), "");
    for part in [
        "<h1>Rp 1.250.000</h1>",
        "3 &times; Teh &lt;b&gt;&quot;celup&quot;&lt;/b&gt; &amp; gula",
        "&lt;script&gt;alert(&#39;Budi&#39;)&lt;/script&gt;",
        "0192f3c4-0000-7000-8000-000000000002",
        "2026-11-22 19:30 UTC",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("<script") && !text.contains("<b>"), "{text}");
    for action in Action::ALL {
        let form = format!("<form method=\"post\" action=\"{TOKEN}/{}\">", action.as_str());
        assert!(text.contains(&form) && text.contains(label(action)), "{form}\n{text}");
    }
}

#[test]
fn the_page_offers_what_can_be_done_and_nothing_else() {
    for actions in [&[][..], &[Action::Refund], &[Action::Pay, Action::Deny]] {
        let text = body(&page(None, actions), "");
        assert_eq!(text.matches("<form").count(), actions.len(), "{text}");
        assert!(actions.iter().all(|action| text.contains(&format!("/{}\"", action.as_str()))), "{text}");
    }
}

#[test]
fn however_an_order_stands_the_page_says_so() {
    use TransactionStatus as S;
    let ended = [S::Settlement, S::Deny, S::Cancel, S::Expire, S::Refund].map(Some);
    let pages = ended.into_iter().chain([None]).map(|status| page(status, &[]));
    let open = [None, Some(S::Deny)].map(|status| page(status, &Action::ALL));
    let texts: HashSet<_> = pages.chain(open).map(|page| status(&page).0).collect();
    assert_eq!(texts.len(), 8, "{texts:?}");
    for &status in S::ALL {
        let (text, class) = super::status(&page(Some(status), &[]));
        assert!(!text.is_empty() && STYLE.contains(&format!(".{class} ")), "{status:?}");
    }
}

#[test]
fn amounts_are_written_as_in_indonesia() {
    for (amount, written) in
        [("1", "Rp 1"), ("999", "Rp 999"), ("1000", "Rp 1.000"), ("1250000", "Rp 1.250.000"), ("10.5", "Rp 10,50")]
    {
        assert_eq!(rupiah(Money::parse(amount).unwrap()), written);
    }
}

#[test]
fn every_character_that_means_something_in_html_is_escaped() {
    assert_eq!(escaped("<b>\"O'Neil\" & co"), "&lt;b&gt;&quot;O&#39;Neil&quot; &amp; co");
}
