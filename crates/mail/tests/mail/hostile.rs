//! Names that want to be more than names.

use super::*;
use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use proptest::prelude::*;
use tokio::runtime::Runtime;

const NAMES: [&str; 10] = [
    "<img src=x onerror=1>\"'&",
    "</bdi></td></tr></table><script>alert(1)</script>",
    "Ada\r\nBcc: eve@example.com\r\n\r\nsurprise",
    "Ada\nSubject: owned",
    "\u{202E}moc.elpmaxe@eve\u{202C} <eve@example.com>",
    "nul\0byte\u{7f}\u{85}\u{2028}\u{2029}",
    "Ada\", <eve@example.com>, \"",
    "{{ total }}{% include 'layout.html' %}",
    "=?utf-8?q?evil?=",
    "Žofie 👩‍👩‍👧 \u{1F600} <b>",
];

/// Names of the head's fields of every mail.
const FIELDS: [&str; 8] =
    ["From", "To", "Subject", "Message-ID", "Auto-Submitted", "MIME-Version", "Date", "Content-Type"];

fn hostile(name: &str, status: Status, audience: Audience) -> MailContent {
    MailContent { name: name.to_owned(), product: name.to_owned(), ..mail(audience, status) }
}

/// The elements of a document with their attributes, but for what links lead to, each within its parent.
fn tree(html: &str) -> String {
    fn walk(node: &Handle, into: &mut String) {
        if let NodeData::Element { name, attrs, .. } = &node.data {
            into.push_str(&name.local);
            for attribute in attrs.borrow().iter() {
                into.push_str(&format!("[{}={}]", attribute.name.local, attribute.value));
            }
        }
        into.push('(');
        node.children.borrow().iter().for_each(|child| walk(child, into));
        into.push(')');
    }
    let document = parse_document(RcDom::default(), ParseOpts::default()).one(html);
    // Text has no part in it.
    let mut into = String::new();
    fn without_text(node: &Handle) {
        node.children.borrow_mut().retain(|child| !matches!(child.data, NodeData::Text { .. }));
        node.children.borrow().iter().for_each(without_text);
    }
    without_text(&document.document);
    walk(&document.document, &mut into);
    into
}

#[tokio::test]
async fn a_hostile_name_is_shown_and_does_nothing() {
    for name in NAMES {
        for (audience, status) in [(Audience::Buyer, Status::Pending), (Audience::Seller, Status::Success)] {
            let harmless = tree(&arrived(&hostile("Ada", status, audience)).await.html);
            let read = arrived(&hostile(name, status, audience)).await;
            let mut fields = read.fields.clone();
            fields.sort();
            let mut expected = FIELDS.map(str::to_owned);
            expected.sort();
            assert_eq!(fields, expected, "{name:?}");
            assert_eq!(tree(&read.html), harmless, "{name:?}");
            for turning in ['\u{202E}', '\u{202C}', '\0', '\u{2028}', '\u{85}'] {
                assert!(!read.html.contains(turning) && !read.text.contains(turning), "{name:?}");
                assert!(!read.subject.contains(turning), "{name:?}");
            }
            assert!(!read.html.contains("<img") && !read.html.contains("<script"), "{name:?}");
        }
    }
}

#[tokio::test]
async fn a_hostile_name_is_escaped_where_it_is_shown() {
    let read = arrived(&hostile(NAMES[0], Status::Pending, Audience::Buyer)).await;
    assert!(read.html.contains("&lt;img src=x onerror=1&gt;&quot;&#x27;&amp;"), "{}", read.html);
    assert!(read.text.contains(NAMES[0]), "{}", read.text);
    assert_eq!(read.to_name.as_deref(), Some(NAMES[0]));
}

#[tokio::test]
async fn a_name_adds_no_recipient() {
    let server = Smtp::start();
    let mailer = mailer_for(&server);
    for (number, name) in NAMES.into_iter().enumerate() {
        let mail =
            MailContent { message_id: format!("hostile-{number}"), ..hostile(name, Status::Pending, Audience::Buyer) };
        send(&mailer, &mail).await.unwrap();
    }
    assert_eq!(server.mails().len(), NAMES.len());
    for mail in server.mails() {
        assert_eq!(mail.to, ["ada@example.com"]);
        let message = parse(&mail.data);
        let to: Vec<_> = message.to().unwrap().iter().map(|to| to.address().unwrap().to_owned()).collect();
        assert_eq!(to, ["ada@example.com"]);
        assert!(message.cc().is_none() && message.bcc().is_none());
    }
}

#[tokio::test]
async fn only_the_web_is_linked_to() {
    for url in ["javascript:alert(1)", "data:text/html,x", "\" onclick=\"x", "pay.example"] {
        let read = arrived(&MailContent { payment_url: Some(url.to_owned()), ..pending() }).await;
        assert!(!read.html.contains("<a ") && !read.html.contains("javascript"), "{url}");
    }
    let url = "https://pay.example/\"><script>x</script>";
    let read = arrived(&MailContent { payment_url: Some(url.to_owned()), ..pending() }).await;
    assert_eq!(
        tree(&read.html).matches("script").count(),
        tree(&arrived(&pending()).await.html).matches("script").count() + 4
    );
    assert!(!read.html.contains("<script"));
}

#[test]
fn whatever_somebody_is_called_the_document_is_the_same() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mailer = Mailer::new(options(Transport::Folder(folder.path().to_owned()))).unwrap();
    let written = |name: &str| {
        let mail = hostile(name, Status::Pending, Audience::Buyer);
        runtime.block_on(send(&mailer, &mail)).unwrap();
        Arrived::read(std::fs::read(folder.path().join(format!("{}.eml", mail.message_id))).unwrap())
    };
    let harmless = written("Ada");
    let document = tree(&harmless.html);
    let names = prop_oneof!["\\PC{0,60}", any::<String>(), "[<>&\"'/=!\\-a-z \r\n\0\\[\\]{}%]{0,60}"];
    proptest!(ProptestConfig::with_cases(10_000), |(name in names)| {
        let read = written(&name);
        prop_assert_eq!(&read.fields, &harmless.fields);
        prop_assert_eq!(tree(&read.html), document.as_str());
    });
}
