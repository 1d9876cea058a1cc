//! The shop over REST, and what REST alone promises.

use crate::raw::Answer;
use crate::shop::{LoggedIn, Outcome, Profile, Refusal, RegisterForm, Registered, Shop, code};
use async_trait::async_trait;
use domain::error::ErrorCode;
use reqwest::header::AUTHORIZATION;
use reqwest::{Client, Method, RequestBuilder};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;

/// The shop behind a REST address.
#[derive(Clone, Debug)]
pub struct RestShop {
    client: Client,
    base: String,
    authorization: Option<String>,
    patience: Option<Duration>,
}

/// The envelope of a success; the order of the fields is the order of the keys.
#[derive(Debug, Deserialize, Serialize)]
struct Success<T> {
    meta: SuccessMeta,
    results: T,
}

#[derive(Debug, Deserialize, Serialize)]
struct SuccessMeta {
    success: bool,
    message: String,
}

/// The envelope of an error; the order of the fields is the order of the keys.
#[derive(Debug, Deserialize, Serialize)]
struct Failure {
    meta: FailureMeta,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

#[derive(Debug, Deserialize, Serialize)]
struct FailureMeta {
    success: bool,
    message: String,
    code: String,
    request_id: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct FieldError {
    field: String,
    code: String,
    message: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct RegisteredBody {
    id: String,
    role: String,
    email: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct LoggedInBody {
    id: String,
    role: String,
    token: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct ProfileBody {
    id: String,
    name: String,
    email: String,
    role: String,
}

impl RestShop {
    /// The shop at an address.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { client, base: format!("http://{address}"), authorization: None, patience: None }
    }

    /// A request to be completed by hand.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        match self.patience {
            Some(patience) => request.timeout(patience),
            None => request,
        }
    }

    async fn call<T>(&self, request: RequestBuilder, expected: (u16, &str)) -> Outcome<T>
    where
        T: for<'de> Deserialize<'de> + Serialize,
    {
        read(&Answer::of(request).await, expected)
    }
}

/// Reads a success, which must be exactly what the contract says to the byte, or an error, which must be too.
fn read<T>(answer: &Answer, (status, message): (u16, &str)) -> Outcome<T>
where
    T: for<'de> Deserialize<'de> + Serialize,
{
    answer.assert_common_headers();
    answer.assert_content_type("application/json");
    if answer.status >= 400 {
        return Err(refusal(answer));
    }
    let success: Success<T> = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    assert_eq!(
        answer.body,
        serde_json::to_string(&success).unwrap(),
        "keys other than the contract's, or in another order"
    );
    assert!(success.meta.success);
    assert_eq!((answer.status, success.meta.message.as_str()), (status, message));
    Ok(success.results)
}

/// Reads an error and checks all that the contract says of it.
///
/// # Panics
/// Where the answer is not one of the contract's.
#[must_use]
pub fn refusal(answer: &Answer) -> Refusal {
    let failure: Failure = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    assert_eq!(
        answer.body,
        serde_json::to_string(&failure).unwrap(),
        "keys other than the contract's, or in another order"
    );
    let Failure { meta, errors, error, message } = failure;
    let code = code(&meta.code);
    assert!(!meta.success);
    assert_eq!(answer.status, rest::status(code), "{answer:?}");
    assert_eq!(Some(meta.request_id.as_str()), answer.header("x-request-id"));
    assert_eq!(error, has_error_key(code).then(|| meta.message.clone()), "the key `error`, which Go's clients read");
    assert_eq!(
        message,
        has_message_key(answer.status).then(|| meta.message.clone()),
        "the key `message`, which Go's clients read"
    );
    let challenge = matches!(code, ErrorCode::TokenMissing | ErrorCode::TokenInvalid);
    assert_eq!(challenge, answer.header("www-authenticate").is_some(), "a challenge asks for a token: {answer:?}");
    Refusal {
        code,
        message: meta.message,
        fields: errors.into_iter().map(|wrong| (wrong.field, wrong.message)).collect(),
        retry_after: answer.retry_after(),
        received: answer.without_identity(),
    }
}

fn has_error_key(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::TokenMissing | ErrorCode::TokenInvalid)
}

fn has_message_key(status: u16) -> bool {
    matches!(status, 405 | 413 | 415 | 429 | 500 | 503)
}

#[async_trait]
impl Shop for RestShop {
    fn bearing(&self, authorization: &str) -> Box<dyn Shop> {
        Box::new(Self { authorization: Some(authorization.to_owned()), ..self.clone() })
    }

    fn patient_for(&self, patience: Duration) -> Box<dyn Shop> {
        Box::new(Self { patience: Some(patience), ..self.clone() })
    }

    async fn register(&self, form: &RegisterForm) -> Outcome<Registered> {
        let body = json!({
            "name": form.name,
            "email": form.email,
            "role": form.role,
            "password": form.password,
            "confirm_password": form.confirm_password,
        });
        let request = self.request(Method::POST, "/users/register").json(&body);
        let RegisteredBody { id, role, email } = self.call(request, (201, "register successfully")).await?;
        Ok(Registered { id, role, email })
    }

    async fn login(&self, email: &str, password: &str) -> Outcome<LoggedIn> {
        let body = json!({ "email": email, "password": password });
        let request = self.request(Method::POST, "/users/login").json(&body);
        let LoggedInBody { id, role, token } = self.call(request, (200, "logged in successfully")).await?;
        Ok(LoggedIn { id, role, token })
    }

    async fn profile(&self, id: &str) -> Outcome<Profile> {
        let request = self.request(Method::GET, &format!("/users/{id}"));
        let ProfileBody { id, name, email, role } = self.call(request, (200, "data retrieved successfully")).await?;
        Ok(Profile { id, name, email, role })
    }
}
