//! The client of REST, which checks REST's wire format.

use crate::client::{
    Listing, LoggedIn, Outcome, Product, ProductForm, Profile, Query, RegisterForm, Registered, ShopClient,
};
use crate::raw::{Answer, Download};
use async_trait::async_trait;
use reqwest::header::AUTHORIZATION;
use reqwest::{Client, Method, RequestBuilder};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;

mod envelope;
mod payment;
mod product;

pub use envelope::call_error;
use envelope::read;
pub use product::{PageInfo, json_body, multipart_body};

#[derive(Clone, Debug)]
pub struct RestClient {
    client: Client,
    base: String,
    authorization: Option<String>,
    timeout: Option<Duration>,
    expected: Option<String>,
    key: Option<String>,
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

impl RestClient {
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self {
            client,
            base: format!("http://{address}"),
            authorization: None,
            timeout: None,
            expected: None,
            key: None,
        }
    }

    /// Host and port, for a connection that sends raw bytes.
    #[must_use]
    pub fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    /// A request with this client's token and timeout, for the caller to complete.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        match self.timeout {
            Some(timeout) => request.timeout(timeout),
            None => request,
        }
    }

    /// Fetches a URL from an answer without a token, as a browser does.
    pub async fn download(&self, address: &str) -> Download {
        let address = if address.starts_with('/') { format!("{}{address}", self.base) } else { address.to_owned() };
        Download::of(self.client.get(address)).await
    }

    async fn call<T>(&self, request: RequestBuilder, expected: (u16, &str)) -> Outcome<T>
    where
        T: for<'de> Deserialize<'de> + Serialize,
    {
        read(&Answer::of(request).await, expected)
    }
}

#[async_trait]
impl ShopClient for RestClient {
    fn with_authorization(&self, authorization: &str) -> Box<dyn ShopClient> {
        Box::new(Self { authorization: Some(authorization.to_owned()), ..self.clone() })
    }

    fn with_timeout(&self, timeout: Duration) -> Box<dyn ShopClient> {
        Box::new(Self { timeout: Some(timeout), ..self.clone() })
    }

    fn with_if_match(&self, etag: &str) -> Box<dyn ShopClient> {
        Box::new(Self { expected: Some(etag.to_owned()), ..self.clone() })
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

    async fn create(&self, form: &ProductForm) -> Outcome<Product> {
        self.create_product(form).await
    }

    async fn update(&self, id: &str, form: &ProductForm) -> Outcome<Product> {
        self.update_product(id, form).await
    }

    async fn delete(&self, id: &str) -> Outcome<()> {
        self.delete_product(id).await
    }

    async fn product(&self, id: &str) -> Outcome<Product> {
        self.view_product(id).await
    }

    async fn products(&self, query: &Query) -> Outcome<Listing> {
        self.browse_products(query).await
    }
}
