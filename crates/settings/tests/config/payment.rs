//! The settings of paying and of mails.

use crate::{PAID, load, mistakes, owned, production, variables};
use secrecy::ExposeSecret;
use settings::{GatewayChoice, MailTransport, Settings, Sources};

/// The mistakes, each in its place.
fn told(sources: &Sources) -> String {
    mistakes(sources).to_string()
}

fn midtrans(settings: &Settings) -> &settings::Midtrans {
    match &settings.payment.gateway {
        GatewayChoice::Midtrans(midtrans) => midtrans,
        GatewayChoice::Simulator(_) => panic!("the simulator is chosen"),
    }
}

#[test]
fn development_pays_without_money_and_production_does_not() {
    let settings = load(&variables("development", &[]));
    assert!(matches!(settings.payment.gateway, GatewayChoice::Simulator(_)));
    assert!(matches!(settings.mail.transport, MailTransport::Log));
    let text = told(&production(&[("COMMERCE__PAYMENT__GATEWAY", "simulator")]));
    assert!(text.contains("payment.gateway: is the simulator, which takes no money; use midtrans"), "{text}");
}

#[test]
fn midtrans_is_found_where_its_environment_says() {
    let sandbox = [("COMMERCE__PAYMENT__GATEWAY", "midtrans"), ("COMMERCE__MIDTRANS__SERVER_KEY", "SB-Mid-server-x")];
    let settings = load(&variables("development", &sandbox));
    let found = midtrans(&settings);
    assert_eq!(found.snap_url, "https://app.sandbox.midtrans.com");
    assert_eq!(found.api_url, "https://api.sandbox.midtrans.com");
    assert_eq!(found.server_key.expose_secret(), "SB-Mid-server-x");
    let settings = load(&production(&[]));
    assert_eq!(midtrans(&settings).snap_url, "https://app.midtrans.com");
    assert!(!settings.describe().to_string().contains(PAID[2].1));

    let stub = [&sandbox[..], &[("COMMERCE__MIDTRANS__API_URL", "http://127.0.0.1:9000")]].concat();
    assert_eq!(midtrans(&load(&variables("test", &stub))).api_url, "http://127.0.0.1:9000");
    let text = told(&production(&[("COMMERCE__MIDTRANS__SNAP_URL", "https://snap.example")]));
    assert!(text.contains("midtrans.snap_url: is not Midtrans' own address; leave it out"), "{text}");
}

#[test]
fn a_key_has_to_fit_its_environment() {
    let text = told(&production(&[("COMMERCE__MIDTRANS__SERVER_KEY", "SB-Mid-server-x")]));
    assert!(text.contains("midtrans.server_key: is a key of the sandbox") && !text.contains("server-x"), "{text}");
    let text = told(&production(&[("COMMERCE__MIDTRANS__ENVIRONMENT", "sandbox")]));
    assert!(text.contains("midtrans.environment: is the sandbox, which takes no money"), "{text}");
    let odd = [("COMMERCE__PAYMENT__GATEWAY", "midtrans"), ("COMMERCE__MIDTRANS__SERVER_KEY", "Mid-server-x")];
    let settings = load(&variables("development", &odd));
    assert!(settings.warnings()[0].contains("does not look like a key of the sandbox"), "{:?}", settings.warnings());
    let text = told(&variables("development", &odd[..1]));
    assert!(text.contains("midtrans.server_key: is not given") && text.contains("server_key_file"), "{text}");
}

#[test]
fn notifications_without_a_signature_are_for_experiments() {
    let open = [("COMMERCE__PAYMENT__WEBHOOK__REQUIRE_SIGNATURE", "false")];
    let text = told(&production(&open));
    assert!(text.contains("payment.webhook.require_signature: lets everybody tell that something is paid"), "{text}");
    let settings = load(&variables("development", &open));
    assert!(!settings.payment.require_signature);
    assert!(settings.warnings()[0].contains("everybody can send notifications"), "{:?}", settings.warnings());
}

#[test]
fn mails_and_passwords_do_not_travel_in_the_open() {
    let to = |url: &'static str| [("COMMERCE__MAIL__TRANSPORT", "smtp"), ("COMMERCE__MAIL__URL", url)];
    for url in
        ["smtps://mail.example", "smtp://mail.example:2525?tls=required", "smtp://127.0.0.1:1025", "smtp://[::1]"]
    {
        assert!(matches!(load(&production(&to(url))).mail.transport, MailTransport::Smtp(_)), "{url}");
    }
    let text = told(&variables("development", &to("smtp://mail.example")));
    assert!(text.contains("mail.url: names another machine without TLS"), "{text}");
    let allowed = [&to("smtp://mail.example")[..], &[("COMMERCE__MAIL__ALLOW_PLAINTEXT", "true")]].concat();
    load(&variables("development", &allowed));
    assert!(told(&production(&allowed)).contains("mail.allow_plaintext: shows mails and passwords"));
    let account = [("COMMERCE__MAIL__USERNAME", "shop"), ("COMMERCE__MAIL__PASSWORD", "s3cret word")];
    let text = told(&variables("development", &[&allowed[..], &account].concat()));
    assert!(text.contains("mail.url: names another machine without TLS, which would be told mail.password"), "{text}");
    for url in ["mail.example", "http://mail.example", "smtp://user:s3cret@mail.example", "smtp://mail.example/x"] {
        let text = told(&variables("development", &to(url)));
        assert!(text.contains("mail.url: ") && text.contains("give smtps://host"), "{url}: {text}");
        assert!(!text.contains("s3cret"), "{url}: {text}");
    }
}

#[test]
fn mails_need_a_server_and_a_sender_who_can_be_answered() {
    let text = told(&variables("development", &[("COMMERCE__MAIL__TRANSPORT", "smtp")]));
    assert!(text.contains("mail.url: is not given, and mail.transport is smtp; give smtps://host"), "{text}");
    let text = told(&production(&[("COMMERCE__MAIL__FROM", "Shop <shop@localhost>")]));
    assert!(text.contains("mail.from: is an address to which nobody can answer"), "{text}");
}

#[test]
fn who_logs_in_at_the_mail_server_has_a_name_and_a_password() {
    let name = ("COMMERCE__MAIL__USERNAME", "shop");
    let password = ("COMMERCE__MAIL__PASSWORD", "s3cret-word");
    assert!(told(&variables("development", &[name])).contains("mail.username: is given without mail.password"));
    assert!(told(&variables("development", &[password])).contains("mail.password: is given without mail.username"));
    let settings = load(&variables("development", &[name, password]));
    assert!(!settings.describe().to_string().contains(password.1));
    let on_command_line = Sources {
        overrides: owned(&[("mail.username", "shop"), ("mail.password", password.1)]),
        ..variables("development", &[])
    };
    assert!(told(&on_command_line).contains("everybody on the machine can read a command line"));
}

#[test]
fn a_sender_may_have_any_name_and_a_domain_of_any_letters() {
    for (from, domain) in [
        ("Toko <toko@bücher.example>", "xn--bcher-kva.example"),
        ("Toko, Maju <toko@maju.example>", "maju.example"),
        ("Toko (ID) <toko@maju.example>", "maju.example"),
        ("\"Toko, Maju\" <toko@maju.example>", "maju.example"),
    ] {
        let settings = load(&production(&[("COMMERCE__MAIL__FROM", from)]));
        assert_eq!((settings.mail.from.as_str(), settings.mail.domain.as_str()), (from, domain));
    }
    let text = told(&production(&[("COMMERCE__MAIL__FROM", "Toko <toko@>")]));
    assert!(text.contains("mail.from: \"Toko <toko@>\" has no domain behind the `@`"), "{text}");
    assert!(text.contains("; write one as in `Go Commerce <shop@example.com>`"), "{text}");
}

#[test]
fn keys_are_of_the_kind_that_is_wanted() {
    let key = |key: &'static str| told(&production(&[("COMMERCE__MIDTRANS__SERVER_KEY", key)]));
    for (wrong, told) in [
        ("Mid-client-Qw7Zp5Bn8Yc4Hd6F", "is a client key"),
        ("SB-Mid-client-Qw7Zp5Bn8Yc4Hd6F", "is a client key"),
        ("Qw7Zp5Bn8Yc4Hd6F", "does not begin with Mid-server-"),
        ("Mid-server-", "does not begin with Mid-server-"),
        ("Mid-server-Qw7Zp5 Bn8Yc4Hd6F", "has a blank"),
        ("Mid-server-Qw7Zp5'Bn8Yc4Hd6F", "a quote"),
        ("Mid-server-Qw7Zp5:Bn8Yc4Hd6F", "is not at most 128"),
    ] {
        let text = key(wrong);
        assert!(text.contains(told) && !text.contains("Qw7Zp5"), "{wrong}: {text}");
    }
    load(&production(&[("COMMERCE__MIDTRANS__SERVER_KEY", "VT-server-Qw7Zp5Bn8Yc4Hd6F")]));
    for (name, value) in [
        ("COMMERCE__MIDTRANS__MERCHANT_ID", "Qw7Zp5-Bn8"),
        ("COMMERCE__STORAGE__S3__ACCESS_KEY_ID", "Qw7Zp5 Bn8"),
        ("COMMERCE__STORAGE__S3__SECRET_ACCESS_KEY", "Qw7Zp5 Bn8Yc4"),
        ("COMMERCE__MAIL__PASSWORD", "Qw7Zp5\nBn8"),
    ] {
        let text = told(&production(&[(name, value)]));
        assert!(text.contains(name) && !text.contains("Qw7Zp5"), "{text}");
    }
    let short =
        [("COMMERCE__STORAGE__S3__ACCESS_KEY_ID", "test"), ("COMMERCE__STORAGE__S3__SECRET_ACCESS_KEY", "Qw7Zp5")];
    assert!(told(&production(&short)).contains("fewer than 8 characters"));
    load(&variables("development", &[&short[..], &[("COMMERCE__STORAGE__URL", "s3://shop")]].concat()));
}

#[test]
fn a_message_id_has_the_senders_domain_unless_another_is_given() {
    let settings = load(&variables("development", &[("COMMERCE__MAIL__FROM", "Shop <hello@shop.example>")]));
    assert_eq!(settings.mail.domain, "shop.example");
    let settings = load(&variables("development", &[("COMMERCE__MAIL__DOMAIN", "mail.example")]));
    assert_eq!(settings.mail.domain, "mail.example");
}
