//! The simulator's pages: plain HTML that a browser shows without scripts.
//!
//! Their addresses are relative, so that they work below any path of a proxy.

use crate::{Action, ActionError, OrderPage, Simulator};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, LOCATION};
use actix_web::{HttpRequest, HttpResponse, mime};
use domain::money::Money;
use domain::payment::TransactionStatus;
use std::fmt::Write;

const STYLE: &str = include_str!("page/style.css");

/// The page runs nothing, loads its own style alone, and sends its forms to its own origin.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// One resource of the simulator's pages. The server adds it to the routes of REST.
pub struct Resource {
    pub path: &'static str,
    /// The methods that it allows, as in the header `Allow`.
    pub methods: &'static str,
    /// Answers a request, of which so many slashes were taken off the end of the path. `None` where there is no such
    /// resource.
    pub answer: fn(&Simulator, &HttpRequest, usize) -> Option<HttpResponse>,
}

/// All resources of the simulator's pages.
pub const RESOURCES: [Resource; 4] = [
    Resource { path: "/simulator", methods: "GET, HEAD", answer: start },
    Resource { path: "/simulator/style.css", methods: "GET, HEAD", answer: style },
    Resource { path: "/simulator/{token}", methods: "GET, HEAD", answer: show },
    Resource { path: "/simulator/{token}/{action}", methods: "POST", answer: act },
];

/// The relative address of the folder that a path is in: each slash at its end is one folder more.
fn folder(slashes: usize) -> String {
    "../".repeat(slashes)
}

fn style(_: &Simulator, _: &HttpRequest, _: usize) -> Option<HttpResponse> {
    Some(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).content_type(mime::TEXT_CSS_UTF_8).body(STYLE))
}

/// Explains the simulator to a visitor without an order.
fn start(_: &Simulator, _: &HttpRequest, slashes: usize) -> Option<HttpResponse> {
    let text = "<h1>Simulator</h1><p>It is in the place of a payment gateway. Each order has a page of its own here, with buttons \
                to pay, to be refused, to cancel, to let the time run out, and to give the money back. The order's \
                <code>payment_url</code> is its address.</p>";
    let below = match slashes.checked_sub(1) {
        Some(more) => format!("./{}", folder(more)),
        None => "simulator/".to_owned(),
    };
    Some(html(StatusCode::OK, &document("Simulator", &below, text)))
}

fn show(simulator: &Simulator, request: &HttpRequest, slashes: usize) -> Option<HttpResponse> {
    let up = folder(slashes);
    Some(match simulator.page(request.match_info().get("token")?) {
        Some(page) => html(StatusCode::OK, &document("Pay", &up, &body(&page, &up))),
        None => unknown(&up),
    })
}

fn act(simulator: &Simulator, request: &HttpRequest, slashes: usize) -> Option<HttpResponse> {
    let up = format!("../{}", folder(slashes));
    let token = request.match_info().get("token")?;
    let action = Action::find(request.match_info().get("action")?)?;
    Some(match simulator.act(token, action) {
        // The page itself shows that an action is no longer possible.
        Ok(_) | Err(ActionError::NotPossible) => {
            HttpResponse::SeeOther().insert_header((LOCATION, format!("{up}{token}"))).finish()
        }
        Err(ActionError::UnknownPage) => unknown(&up),
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

/// A whole HTML document. `up` is the relative address of the folder of the style sheet.
fn document(title: &str, up: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} - simulated payment</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"{up}style.css\"></head><body>\
         <p class=\"banner\" role=\"note\">Simulator: no money moves here.</p><main>{body}</main></body></html>"
    )
}

/// The content of an order's page. `up` is the relative address of the folder of the other pages.
fn body(page: &OrderPage, up: &str) -> String {
    let (status, class) = status(page);
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
    let _ = write!(text, "</dl><p class=\"status {class}\" role=\"status\">{status}</p><div class=\"buttons\">");
    for action in &page.actions {
        let (name, label) = (action.as_str(), label(*action));
        let _ = write!(
            text,
            "<form method=\"post\" action=\"{up}{}/{name}\"><button class=\"{name}\">{label}</button></form>",
            escaped(&page.token)
        );
    }
    text.push_str("</div>");
    text
}

const fn label(action: Action) -> &'static str {
    match action {
        Action::Pay => "Pay",
        Action::Deny => "Pay with a card that is refused",
        Action::Cancel => "Cancel the order",
        Action::Expire => "Let the time run out",
        Action::Refund => "Give the money back",
    }
}

/// The text of the order's status, and the class that colours it.
const fn status(page: &OrderPage) -> (&'static str, &'static str) {
    match page.status {
        None if page.actions.is_empty() => ("Too late: this order can no longer be paid.", "over"),
        None => ("Waiting for the payment.", "waiting"),
        Some(TransactionStatus::Settlement) => ("Paid. Thank you!", "paid"),
        Some(TransactionStatus::Deny) if page.actions.is_empty() => {
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

/// Escapes a text for HTML, in elements and in attributes.
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
