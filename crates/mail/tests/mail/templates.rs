//! The words.

use super::*;
use std::fs;
use std::path::Path;

fn with_templates(folder: &Path) -> Options {
    Options { templates: Some(folder.to_owned()), ..options(Transport::Log) }
}

#[tokio::test]
async fn every_mail_tells_what_it_is_about_in_both_forms() {
    for mail in mails() {
        let read = arrived(&mail).await;
        let id = &mail.message_id;
        assert!(read.subject.contains(&mail.code), "{id}: {}", read.subject);
        for told in [read.text.as_str(), &read.html] {
            for fact in
                ["Ada Lovelace", "Difference Engine", "PAY-2026-7K3M", "Rp 1.250.000", "Rp 2.500.000", "Go Commerce"]
            {
                assert!(told.contains(fact), "{id} does not tell {fact}: {told}");
            }
            for trace in ["{{", "{%", "None", "undefined"] {
                assert!(!told.contains(trace), "{id}: {told}");
            }
        }
        assert!(!read.text.contains('<') && !read.text.contains("\n\n\n\n"), "{id}: {}", read.text);
    }
}

#[tokio::test]
async fn no_two_mails_begin_alike() {
    let mut subjects = Vec::new();
    for mail in mails() {
        subjects.push(arrived(&mail).await.subject);
    }
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), mails().len());
}

#[tokio::test]
async fn a_mail_says_where_and_until_when_to_pay_while_that_is_possible() {
    let moment = "24 November 2026, 02:00 WIB (23 November 2026, 19:00 UTC)";
    for status in [Status::Pending, Status::Deny] {
        let open = mail(Audience::Buyer, status);
        let read = arrived(&open).await;
        assert!(read.text.contains(LINK) && read.text.contains(moment), "{}", read.text);
        assert!(
            read.html.contains("href=\"https://pay.example/snap/v4/redirection/7f3c?a=1&amp;b=2\""),
            "{}",
            read.html
        );
        assert!(read.html.contains(moment), "{}", read.html);
        let read = arrived(&MailContent { payment_url: None, ..open }).await;
        assert!(!read.text.contains("http") && !read.html.contains("<a "), "{}", read.text);
    }
}

#[tokio::test]
async fn what_was_given_back_is_told_to_the_hundredth() {
    let read = arrived(&mail(Audience::Buyer, Status::PartialRefund)).await;
    assert!(read.text.contains("Rp 1.000.000,50") && read.html.contains("Rp 1.000.000,50"), "{}", read.text);
    assert!(!arrived(&pending()).await.text.contains("Refunded"));
}

#[tokio::test]
async fn a_fee_that_the_payer_paid_is_told_to_both_and_as_nobodys_of_the_shop() {
    let fee = Money::from_whole(4_440).unwrap();
    for audience in [Audience::Buyer, Audience::Seller] {
        let mail = mail(audience, Status::Success);
        let without = arrived(&mail).await;
        assert!(!without.text.contains("Fee") && !without.html.contains("Fee"), "{}", without.text);
        let read = arrived(&MailContent { fee, ..mail }).await;
        for told in [&read.text, &read.html] {
            assert!(told.contains("Rp 4.440") && told.contains("Rp 2.500.000"), "{told}");
            assert_eq!(told.contains("and not yours"), audience == Audience::Seller, "{told}");
        }
    }
    let read = arrived(&MailContent { fee, ..mail(Audience::Buyer, Status::PartialRefund) }).await;
    assert!(read.text.contains("Rp 2.500.000 and the fee of Rp 4.440 we have given back"), "{}", read.text);
}

#[tokio::test]
async fn a_seller_hears_of_success_only() {
    let mailer = Mailer::new(options(Transport::Log)).unwrap();
    for &status in Status::ALL {
        let sent = send(&mailer, &mail(Audience::Seller, status)).await;
        let is_told = matches!(status, Status::Success);
        assert_eq!(sent.is_ok(), is_told, "{status:?}");
        assert!(is_told || matches!(sent, Err(MailError::Permanent(_))), "{status:?}");
    }
}

#[tokio::test]
async fn a_file_in_the_folder_replaces_the_template_of_its_name_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let mails = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("buyer")).unwrap();
    fs::write(folder.path().join("buyer/success.subject.txt"), "Lunas: {{ code }}\n").unwrap();
    fs::write(
        folder.path().join("buyer/success.html"),
        "{% extends 'layout.html' %}{% block news %}<p>{{ product }}</p>{% endblock %}",
    )
    .unwrap();
    fs::write(folder.path().join("README.md"), "ours").unwrap();
    let transport = Transport::Folder(mails.path().to_owned());
    let mailer = Mailer::new(Options { templates: Some(folder.path().to_owned()), ..options(transport) }).unwrap();
    let mail = MailContent { product: "<b>".to_owned(), ..mail(Audience::Buyer, Status::Success) };
    send(&mailer, &mail).await.unwrap();
    let read = Arrived::read(fs::read(mails.path().join(format!("{}.eml", mail.message_id))).unwrap());
    assert_eq!(read.subject, "Lunas: PAY-2026-7K3M");
    assert!(read.html.contains("<p>&lt;b&gt;</p>"), "{}", read.html);
    assert!(read.text.contains("Thank you."), "{}", read.text);
}

#[test]
fn a_template_that_cannot_be_used_is_named_at_the_start() {
    for (name, source, reason) in [
        ("buyer/success.html", "{% if %}", "line 1"),
        ("buyer/success.html", "{% extends 'layout.html' %}\n\n{{ nmae }}", "nmae"),
        ("buyer/deny.txt", "{% if payment_url %}x{% else %}{{ nmae }}{% endif %}", "nmae"),
        ("buyer/deny.txt", "{% if not payment_url %}{{ total | ruppiah }}{% endif %}x", "ruppiah"),
        ("layout.txt", "{% block news %}{% endblock %}{{ buyer }}", "buyer"),
        ("layout.html", "{{ self.missing() }}", "missing"),
        ("buyer/pending.txt", "{% include 'greeting.txt' %}", "greeting.txt"),
        ("seller/success.subject.txt", "  \n ", "it is empty"),
        ("buyer/sucess.html", "x", "no mail has"),
        ("seller/deny.html", "x", "no mail has"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, source).unwrap();
        let told = refused(with_templates(folder.path())).to_string();
        assert!(told.contains(name) && told.contains(reason), "{name} {source}: {told}");
    }
}

#[test]
fn a_folder_of_templates_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let told = refused(with_templates(&folder.path().join("missing"))).to_string();
    assert!(told.contains("missing"), "{told}");
    let file = folder.path().join("layout.html");
    fs::write(&file, [0xff, 0xfe]).unwrap();
    let told = refused(with_templates(folder.path())).to_string();
    assert!(told.contains("layout.html"), "{told}");
}
