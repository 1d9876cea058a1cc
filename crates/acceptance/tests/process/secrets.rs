//! Secrets must not leave the process.

use crate::client::{bounded, clients, page};
use reqwest::Method;
use std::fmt::Write as _;
use std::time::Duration;
use testkit::binary::Process;
use testkit::client::ada;
use testkit::raw::Answer;
use testkit::rest::RestClient;

const TIME_LIMIT: Duration = Duration::from_secs(60);

const SECRET: &str = "canary-signing-secret-1f0c2a94e7b6";
const PASSWORD: &str = "canary-password-51d9";
const WRONG: &str = "canary-wrong-password-77aa";
const FORGED: &str = "canary.forged.token-3c3c";

/// Logs at the highest level, and checks every answer except the one with the token.
pub(crate) fn no_secret_leaves_the_process() -> Result<(), String> {
    let settings = [
        ("database.url", "sqlite://shop.db"),
        ("auth.jwt.secret", SECRET),
        ("log.level", "trace"),
        ("log.format", "json"),
    ];
    let mut process = Process::serve(&settings);
    let addresses = process.addresses();
    let mut seen = String::new();
    let mut tokens = Vec::new();
    bounded(TIME_LIMIT, async {
        for (at, client) in clients(addresses).into_iter().enumerate() {
            let form = ada().email(format!("canary{at}@example.com")).password(PASSWORD);
            let _ = writeln!(seen, "{:?}", client.register(&form).await);
            let _ = writeln!(seen, "{:?}", client.register(&form).await);
            let _ = writeln!(seen, "{:?}", client.register(&form.clone().confirm_password(WRONG)).await);
            let _ = writeln!(seen, "{:?}", client.register(&form.clone().password(WRONG.repeat(9))).await);
            let _ = writeln!(seen, "{:?}", client.login(&form.email, WRONG).await);
            let logged_in = client.login(&form.email, PASSWORD).await.unwrap();
            let reader = client.with_authorization(&format!("Bearer {}", logged_in.token));
            let _ = writeln!(seen, "{:?}", reader.profile(&logged_in.id).await);
            let _ = writeln!(seen, "{:?}", reader.profile("1").await);
            let _ = writeln!(seen, "{:?}", client.with_authorization(FORGED).profile(&logged_in.id).await);
            tokens.push(logged_in.token);
        }
        let rest = RestClient::new(addresses.rest);
        for body in [format!("{{\"password\":\"{PASSWORD}"), format!("{{\"password\":{{\"{PASSWORD}\":1}}}}")] {
            let request =
                rest.request(Method::POST, "/users/login").header("content-type", "application/json").body(body);
            let _ = writeln!(seen, "{:?}", Answer::of(request).await);
        }
        for path in ["/metrics", "/readyz", "/livez"] {
            let _ = writeln!(seen, "{:?}", page(addresses.ops, path).await);
        }
    })?;
    process.signal("TERM");
    process.wait(TIME_LIMIT);
    let mut shown = Process::spawn(&["config", "show", "--env", "test"], &settings, &[]);
    assert_eq!(shown.exit_code(TIME_LIMIT), Some(0), "{}", shown.output());
    let _ = writeln!(seen, "{}\n{}", shown.output(), process.output());

    assert!(process.output().contains("view_profile"), "nothing was logged:\n{}", process.output());
    for secret in [SECRET, PASSWORD, WRONG, FORGED, "$2b$04$", "canary0@example.com"]
        .into_iter()
        .chain(tokens.iter().map(String::as_str))
    {
        let lines: Vec<_> = seen.lines().filter(|line| line.contains(secret)).collect();
        let told_to_its_owner = secret.contains('@') && lines.iter().all(|line| line.starts_with("Ok("));
        assert!(lines.is_empty() || told_to_its_owner, "{secret} was seen: {lines:#?}");
    }
    for signature in tokens.iter().filter_map(|token| token.rsplit('.').next()) {
        assert!(!seen.contains(signature), "a token's signature was seen");
    }
    Ok(())
}
