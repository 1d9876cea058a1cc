//! The pages of the simulated payment gateway: plain HTML that a browser shows without scripts.
//!
//! Its addresses are relative, so that it works below whatever path a proxy has put it.

use crate::addresses::Addresses;
use crate::error::{EdgeError, Refusal};
use crate::middleware::Shared;
use crate::server::resource;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, LOCATION};
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpResponse, mime};
use app::payment::{DeskButton, DeskPage, DeskRefusal, PaymentDesk};
use domain::money::Money;
use domain::payment::TransactionStatus;
use std::fmt::Write;

const STYLE: &str = include_str!("simulator/style.css");

/// The page runs nothing, shows its own style, and sends its forms home.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) fn routes(config: &mut ServiceConfig) {
    let start = resource("/simulator", "GET, HEAD").get(tell).route(web::head().to(tell));
    let style_sheet = resource("/simulator/style.css", "GET, HEAD").get(style).route(web::head().to(style));
    let page = resource("/simulator/{token}", "GET, HEAD").get(show).route(web::head().to(show));
    let buttons = resource("/simulator/{token}/{button}", "POST").post(press);
    config.service(start).service(style_sheet).service(page).service(buttons);
}

fn desk(shared: &Shared) -> Result<&dyn PaymentDesk, Refusal> {
    shared.options.simulator.as_deref().ok_or_else(|| EdgeError::NotFound.into())
}

async fn style(shared: Data<Shared>) -> Result<HttpResponse, Refusal> {
    desk(&shared)?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).content_type(mime::TEXT_CSS_UTF_8).body(STYLE))
}

/// Tells who comes without an order what this is.
async fn tell(shared: Data<Shared>, addresses: Addresses) -> Result<HttpResponse, Refusal> {
    desk(&shared)?;
    let text = "<h1>Simulator</h1><p>It is in the place of a payment gateway. Each order has a page of its own here, with buttons \
                to pay, to be refused, to cancel, to let the time run out, and to give the money back. The order's \
                <code>payment_url</code> is its address.</p>";
    Ok(html(StatusCode::OK, &document("Simulator", &addresses.to_below("simulator"), text)))
}

async fn show(shared: Data<Shared>, addresses: Addresses, token: Path<String>) -> Result<HttpResponse, Refusal> {
    let up = addresses.to_folder();
    Ok(match desk(&shared)?.page(&token) {
        Some(page) => html(StatusCode::OK, &document("Pay", &up, &body(&page, &up))),
        None => unknown(&up),
    })
}

async fn press(
    shared: Data<Shared>,
    addresses: Addresses,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Refusal> {
    let up = format!("../{}", addresses.to_folder());
    let (token, button) = path.into_inner();
    let button = DeskButton::find(&button).ok_or(EdgeError::NotFound)?;
    Ok(match desk(&shared)?.press(&token, button) {
        // What cannot be done any more, the page itself shows.
        Ok(_) | Err(DeskRefusal::NotNow) => {
            HttpResponse::SeeOther().insert_header((LOCATION, format!("{up}{token}"))).finish()
        }
        Err(DeskRefusal::NoPage) => unknown(&up),
    })
}

fn html(status: StatusCode, text: &str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .content_type(ContentType::html())
        .body(text.to_owned())
}

fn unknown(up: &str) -> HttpResponse {
    let text = "<h1>No such page</h1><p>This payment page does not exist, or another has taken its place. Order again, or look \
                at the payment for its address.</p>";
    html(StatusCode::NOT_FOUND, &document("No such page", up, text))
}

/// A whole page. `up` is the way from its address to where the style is.
fn document(title: &str, up: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} - simulated payment</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"{up}style.css\"></head><body>\
         <p class=\"banner\" role=\"note\">Simulator: no money moves here.</p><main>{body}</main></body></html>"
    )
}

/// What the page says. `up` is the way from its address to where the other pages are.
fn body(page: &DeskPage, up: &str) -> String {
    let (told, class) = told(page);
    let mut text = format!("<h1>{}</h1><dl>", rupiah(page.total));
    let pieces = format!("{} &times; {}", page.quantity, escaped(&page.name));
    let expiry = page.expires_at.format("%Y-%m-%d %H:%M UTC").to_string();
    for (name, value) in [
        ("For", pieces),
        ("Payer", escaped(&page.payer_name)),
        ("Order", page.order.to_string()),
        ("Payable until", expiry),
    ] {
        let _ = write!(text, "<dt>{name}</dt><dd>{value}</dd>");
    }
    let _ = write!(text, "</dl><p class=\"status {class}\" role=\"status\">{told}</p><div class=\"buttons\">");
    for button in &page.buttons {
        let (name, label) = (button.as_str(), label(*button));
        let _ = write!(
            text,
            "<form method=\"post\" action=\"{up}{}/{name}\"><button class=\"{name}\">{label}</button></form>",
            escaped(&page.token)
        );
    }
    text.push_str("</div>");
    text
}

const fn label(button: DeskButton) -> &'static str {
    match button {
        DeskButton::Pay => "Pay",
        DeskButton::Deny => "Pay with a card that is refused",
        DeskButton::Cancel => "Cancel the order",
        DeskButton::Expire => "Let the time run out",
        DeskButton::Refund => "Give the money back",
    }
}

/// How the order stands, and the class that colours it.
const fn told(page: &DeskPage) -> (&'static str, &'static str) {
    match page.status {
        None if page.buttons.is_empty() => ("Too late: this order can no longer be paid.", "over"),
        None => ("Waiting for the payment.", "waiting"),
        Some(TransactionStatus::Settlement) => ("Paid. Thank you!", "paid"),
        Some(TransactionStatus::Deny) if page.buttons.is_empty() => {
            ("The card was refused, and the time is over.", "over")
        }
        Some(TransactionStatus::Deny) => ("The card was refused. Try again.", "refused"),
        Some(TransactionStatus::Cancel) => ("The order was cancelled.", "over"),
        Some(TransactionStatus::Expire) => ("The time has run out.", "over"),
        Some(TransactionStatus::Refund) => ("The money was given back.", "over"),
        Some(_) => ("The order is closed.", "over"),
    }
}

/// An amount as it is written in Indonesia, such as `Rp 1.250.000` or `Rp 10,50`.
fn rupiah(amount: Money) -> String {
    let (whole, cents) = (amount.whole().to_string(), amount.minor() % 100);
    let mut text = String::from("Rp ");
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    if cents > 0 {
        let _ = write!(text, ",{cents:02}");
    }
    text
}

/// A text that means nothing but itself in HTML.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
