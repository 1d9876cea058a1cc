//! Accounts.

use crate::body::{Form, text};
use crate::envelope::{Reply, Success};
use crate::error::ApiError;
use crate::extract::Call;
use crate::openapi::error_responses::{ErrorsWithBody, ErrorsWithId};
use crate::server::resource;
use crate::shapes;
use actix_web::web::{self, Data, Path, ServiceConfig};
use app::App;
use app::user::{LoggedIn, LoginForm, LoginUser, Profile, RegisterForm, RegisterUser, Registered, ViewProfile};
use domain::user::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/users/register", "POST").post(register))
        .service(resource("/users/login", "POST").post(login))
        .service(resource("/users/{id}", "GET, HEAD").get(view).route(web::head().to(view)));
}

/// What an account is for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Role)]
pub(crate) enum RoleBody {
    Buyer,
    Seller,
}

impl From<Role> for RoleBody {
    fn from(role: Role) -> Self {
        match role {
            Role::Buyer => Self::Buyer,
            Role::Seller => Self::Seller,
        }
    }
}

/// An account to be opened. Fields that are not listed are ignored.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "role": "buyer",
    "password": "correct horse",
    "confirm_password": "correct horse",
}))]
pub(crate) struct RegisterBody {
    #[schema(schema_with = shapes::person, required)]
    #[serde(default, deserialize_with = "text")]
    name: String,
    /// The address to log in with, at a domain that a mail server on the internet can have; one account per address, in
    /// whatever case and Unicode spelling.
    #[schema(example = "ada@example.com", format = Email, max_length = 254, required)]
    #[serde(default, deserialize_with = "text")]
    email: String,
    /// What the account is for.
    #[schema(example = "buyer", value_type = RoleBody, required)]
    #[serde(default, deserialize_with = "text")]
    role: String,
    /// At least 8 characters, at most 72 bytes of UTF-8, both counted when spaces are U+0020 and letters are composed (RFC 8265
    /// §4.2).
    #[schema(example = "correct horse", format = Password, min_length = 8, max_length = 72, pattern = "^[^\\u0000]*$", required)]
    #[serde(default, deserialize_with = "text")]
    password: String,
    /// The password again.
    #[schema(example = "correct horse", format = Password, required)]
    #[serde(default, deserialize_with = "text")]
    confirm_password: String,
}

impl From<RegisterBody> for RegisterForm {
    fn from(body: RegisterBody) -> Self {
        let RegisterBody { name, email, role, password, confirm_password } = body;
        Self { name, email, role, password, confirm_password }
    }
}

/// The account that was opened.
#[derive(Serialize, ToSchema)]
pub(crate) struct RegisteredBody {
    /// The account's identifier.
    #[schema(format = Uuid)]
    id: String,
    role: RoleBody,
    /// The e-mail address as typed, with letters and their marks composed (NFC).
    email: String,
}

impl From<Registered> for RegisteredBody {
    fn from(registered: Registered) -> Self {
        let Registered { id, role, email } = registered;
        Self { id: id.to_string(), role: role.into(), email: email.as_str().to_owned() }
    }
}

/// Opens an account.
///
/// Every field that is wrong is told at once, in `errors`; `meta.message` is that of the most basic mistake.
#[utoipa::path(
    post,
    path = "/users/register",
    operation_id = "register_user",
    summary = "Open an account",
    tag = "users",
    request_body(content(
        (RegisterBody = "application/json"),
        (RegisterBody = "application/x-www-form-urlencoded"),
        (RegisterBody = "multipart/form-data"),
    )),
    responses(
        (
            status = 201,
            description = "The account is open",
            body = Success<RegisteredBody>,
            example = json!({
                "meta": { "success": true, "message": "register successfully" },
                "results": {
                    "id": "0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3b",
                    "role": "buyer",
                    "email": "ada@example.com",
                },
            }),
        ),
        ErrorsWithBody<RegisterUser>,
    )
)]
pub(crate) async fn register(
    app: Data<App>,
    call: Call,
    form: Form<RegisterBody>,
) -> Result<Reply<RegisteredBody>, ApiError> {
    let admitted = call.admit(&app.commands.register_user)?;
    let registered = call.run(admitted, form.read().await?.into()).await?;
    Ok(Reply::created("register successfully", registered.into()))
}

/// What an account is entered with.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({ "email": "ada@example.com", "password": "correct horse" }))]
pub(crate) struct LoginBody {
    /// The account's e-mail address, in whatever case.
    #[schema(example = "ada@example.com", format = Email, required)]
    #[serde(default, deserialize_with = "text")]
    email: String,
    /// The account's password.
    #[schema(example = "correct horse", format = Password, required)]
    #[serde(default, deserialize_with = "text")]
    password: String,
}

impl From<LoginBody> for LoginForm {
    fn from(LoginBody { email, password }: LoginBody) -> Self {
        Self { email, password }
    }
}

/// The account that was entered.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoggedInBody {
    /// The account's identifier.
    #[schema(format = Uuid)]
    id: String,
    role: RoleBody,
    /// The access token: send it as `Authorization: Bearer <token>`.
    token: String,
}

impl From<LoggedIn> for LoggedInBody {
    fn from(LoggedIn { id, role, token }: LoggedIn) -> Self {
        Self { id: id.to_string(), role: role.into(), token: token.into_string() }
    }
}

/// Logs in.
///
/// An unknown e-mail address and a wrong password get the same answer after the same time. After five failures at an
/// account each further one doubles the wait before the next attempt (429 with `Retry-After`).
#[utoipa::path(
    post,
    path = "/users/login",
    operation_id = "login_user",
    summary = "Log in",
    tag = "users",
    request_body(content(
        (LoginBody = "application/json"),
        (LoginBody = "application/x-www-form-urlencoded"),
        (LoginBody = "multipart/form-data"),
    )),
    responses(
        (
            status = 200,
            description = "The token opens what only the account's owner may do",
            body = Success<LoggedInBody>,
            example = json!({
                "meta": { "success": true, "message": "logged in successfully" },
                "results": {
                    "id": "0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3b",
                    "role": "buyer",
                    "token": "eyJhbGciOiJIUzI1NiIs...",
                },
            }),
        ),
        ErrorsWithBody<LoginUser>,
    )
)]
pub(crate) async fn login(app: Data<App>, call: Call, form: Form<LoginBody>) -> Result<Reply<LoggedInBody>, ApiError> {
    let admitted = call.admit(&app.commands.login_user)?;
    let logged_in = call.run(admitted, form.read().await?.into()).await?;
    Ok(Reply::ok("logged in successfully", logged_in.into()))
}

/// An account, as its owner sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProfileBody {
    /// The account's identifier.
    #[schema(format = Uuid)]
    id: String,
    /// What the owner is called.
    name: String,
    /// The e-mail address as typed, with letters and their marks composed (NFC).
    email: String,
    role: RoleBody,
}

impl From<Profile> for ProfileBody {
    fn from(Profile { id, name, email, role }: Profile) -> Self {
        Self { id: id.to_string(), name, email, role: role.into() }
    }
}

/// Shows an account to its owner.
///
/// Any identifier but one's own is refused, whether or not such an account exists.
#[utoipa::path(
    get,
    path = "/users/{id}",
    operation_id = "view_profile",
    summary = "Show an account",
    tag = "users",
    params(("id" = String, Path, description = "The caller's own identifier", format = Uuid)),
    security(("bearer" = [])),
    responses(
        (
            status = 200,
            description = "The account",
            body = Success<ProfileBody>,
            example = json!({
                "meta": { "success": true, "message": "data retrieved successfully" },
                "results": {
                    "id": "0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3b",
                    "name": "Ada Lovelace",
                    "email": "ada@example.com",
                    "role": "buyer",
                },
            }),
        ),
        ErrorsWithId<ViewProfile>,
    )
)]
pub(crate) async fn view(app: Data<App>, call: Call, id: Path<String>) -> Result<Reply<ProfileBody>, ApiError> {
    let admitted = call.admit(&app.queries.view_profile)?;
    let profile = call.run(admitted, id.into_inner()).await?;
    Ok(Reply::ok("data retrieved successfully", profile.into()))
}
