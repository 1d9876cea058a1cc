//! Accounts.

use crate::body::{Form, text};
use crate::call::Call;
use crate::envelope::{Reply, Success};
use crate::error::Refusal;
use crate::server::resource;
use actix_web::web::{self, Data, Path, ServiceConfig};
use domain::app::App;
use domain::user::{LoggedIn, LoginForm, Profile, RegisterForm, Registered};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/users/register", "POST").post(register))
        .service(resource("/users/login", "POST").post(login))
        .service(resource("/users/{id}", "GET, HEAD").get(view).route(web::head().to(view)));
}

/// An account to be opened. Fields that are not listed are ignored.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct RegisterBody {
    /// What the owner is called: 1 to 255 characters.
    #[schema(example = "Ada Lovelace")]
    #[serde(deserialize_with = "text")]
    name: String,
    /// The address to log in with; one account per address, in whatever case.
    #[schema(example = "ada@example.com", format = Email)]
    #[serde(deserialize_with = "text")]
    email: String,
    /// What the account is for: `buyer` or `seller`.
    #[schema(example = "buyer")]
    #[serde(deserialize_with = "text")]
    role: String,
    /// At least 8 characters, at most 72 bytes.
    #[schema(example = "correct horse", format = Password)]
    #[serde(deserialize_with = "text")]
    password: String,
    /// The password again.
    #[schema(example = "correct horse", format = Password)]
    #[serde(deserialize_with = "text")]
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
    /// What the account is for.
    role: &'static str,
    /// The e-mail address as typed.
    email: String,
}

impl From<Registered> for RegisteredBody {
    fn from(registered: Registered) -> Self {
        let Registered { id, role, email } = registered;
        Self { id: id.to_string(), role: role.as_str(), email: email.as_str().to_owned() }
    }
}

/// Opens an account.
///
/// Every field that is wrong is told at once, in `errors`; `meta.message` is that of the most basic mistake.
#[utoipa::path(
    post,
    path = "/users/register",
    operation_id = "register_user",
    tag = "users",
    request_body(content(
        (RegisterBody = "application/json"),
        (RegisterBody = "application/x-www-form-urlencoded"),
        (RegisterBody = "multipart/form-data"),
    )),
    responses(
        (status = 201, description = "The account is open", body = Success<RegisteredBody>),
        (status = 400, description = "A field is wrong, or the e-mail address is taken"),
    )
)]
pub(crate) async fn register(
    app: Data<App>,
    call: Call,
    Form(body): Form<RegisterBody>,
) -> Result<Reply<RegisteredBody>, Refusal> {
    let context = call.admit(&app.register_user)?;
    let registered = app.register_user.run(context, body.into()).await?;
    Ok(Reply::created("register successfully", registered.into()))
}

/// What an account is entered with.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct LoginBody {
    /// The account's e-mail address, in whatever case.
    #[schema(example = "ada@example.com", format = Email)]
    #[serde(deserialize_with = "text")]
    email: String,
    /// The account's password.
    #[schema(example = "correct horse", format = Password)]
    #[serde(deserialize_with = "text")]
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
    /// What the account is for.
    role: &'static str,
    /// The access token: send it as `Authorization: Bearer <token>`.
    token: String,
}

impl From<LoggedIn> for LoggedInBody {
    fn from(LoggedIn { id, role, token }: LoggedIn) -> Self {
        Self { id: id.to_string(), role: role.as_str(), token: token.into_string() }
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
    tag = "users",
    request_body(content(
        (LoginBody = "application/json"),
        (LoginBody = "application/x-www-form-urlencoded"),
        (LoginBody = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "The token opens what only the account's owner may do", body = Success<LoggedInBody>),
        (status = 400, description = "The body is malformed"),
        (status = 401, description = "A field is wrong, or there is no account with this e-mail address and password"),
    )
)]
pub(crate) async fn login(
    app: Data<App>,
    call: Call,
    Form(body): Form<LoginBody>,
) -> Result<Reply<LoggedInBody>, Refusal> {
    let context = call.admit(&app.login_user)?;
    let logged_in = app.login_user.run(context, body.into()).await?;
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
    /// The e-mail address as typed.
    email: String,
    /// What the account is for.
    role: &'static str,
}

impl From<Profile> for ProfileBody {
    fn from(Profile { id, name, email, role }: Profile) -> Self {
        Self { id: id.to_string(), name, email, role: role.as_str() }
    }
}

/// Shows an account to its owner.
///
/// Any identifier but one's own is refused, whether or not such an account exists.
#[utoipa::path(
    get,
    path = "/users/{id}",
    operation_id = "view_profile",
    tag = "users",
    params(("id" = String, Path, description = "The caller's own identifier", format = Uuid)),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The account", body = Success<ProfileBody>),
        (status = 401, description = "The access token is missing, or it is not accepted"),
        (status = 403, description = "The identifier is not the caller's own"),
        (status = 404, description = "The account is there no more"),
    )
)]
pub(crate) async fn view(app: Data<App>, call: Call, id: Path<String>) -> Result<Reply<ProfileBody>, Refusal> {
    let context = call.admit(&app.view_profile)?;
    let profile = app.view_profile.run(context, id.into_inner()).await?;
    Ok(Reply::ok("data retrieved successfully", profile.into()))
}
