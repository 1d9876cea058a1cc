//! Accounts: `proto/gocommerce/user.proto` over the use cases of `app::user`.

use crate::call::{admit, run};
use crate::proto::user::user_command_service_server::UserCommandService;
use crate::proto::user::user_query_service_server::UserQueryService;
use crate::proto::user::{
    GetUserByIdRequest, UserLoginRequest, UserLoginResponse, UserRegisterRequest, UserRegisterResponse, UserResponse,
};
use app::App;
use app::user::{LoggedIn, LoginForm, Profile, RegisterForm, Registered};
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub(crate) struct UserCommands(pub(crate) Arc<App>);

pub(crate) struct UserQueries(pub(crate) Arc<App>);

#[tonic::async_trait]
impl UserCommandService for UserCommands {
    async fn register_user(
        &self,
        request: Request<UserRegisterRequest>,
    ) -> Result<Response<UserRegisterResponse>, Status> {
        let call = admit(&request, &self.0.commands.register_user)?;
        let registered = run(call, register_form(request.into_inner())).await?;
        Ok(Response::new(register_response(&registered)))
    }

    async fn login_user(&self, request: Request<UserLoginRequest>) -> Result<Response<UserLoginResponse>, Status> {
        let call = admit(&request, &self.0.commands.login_user)?;
        let logged_in = run(call, login_form(request.into_inner())).await?;
        Ok(Response::new(login_response(logged_in)))
    }
}

#[tonic::async_trait]
impl UserQueryService for UserQueries {
    async fn get_user_by_id(&self, request: Request<GetUserByIdRequest>) -> Result<Response<UserResponse>, Status> {
        let call = admit(&request, &self.0.queries.view_profile)?;
        let profile = run(call, request.into_inner().id).await?;
        Ok(Response::new(profile_response(profile)))
    }
}

fn register_form(message: UserRegisterRequest) -> RegisterForm {
    RegisterForm {
        name: message.name,
        email: message.email,
        role: message.role,
        password: message.password,
        confirm_password: message.confirm_password,
    }
}

fn register_response(registered: &Registered) -> UserRegisterResponse {
    UserRegisterResponse {
        id: registered.id.to_string(),
        role: registered.role.as_str().to_owned(),
        email: registered.email.as_str().to_owned(),
    }
}

fn login_form(message: UserLoginRequest) -> LoginForm {
    LoginForm { email: message.email, password: message.password }
}

fn login_response(logged_in: LoggedIn) -> UserLoginResponse {
    UserLoginResponse {
        id: logged_in.id.to_string(),
        role: logged_in.role.as_str().to_owned(),
        token: logged_in.token.into_string(),
    }
}

fn profile_response(profile: Profile) -> UserResponse {
    UserResponse {
        id: profile.id.to_string(),
        name: profile.name,
        email: profile.email,
        role: profile.role.as_str().to_owned(),
    }
}
