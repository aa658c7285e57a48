//! Registering, logging in, staying logged in, logging out.

use std::convert::Infallible;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use tertulia_domain::Result;
use tertulia_domain::chat::{self, NewAccount};
use utoipa::ToSchema;

use crate::common::{Context, client};
use crate::v1::decode::{Decode, Fields};
use crate::v1::extract::{Body, authenticate};
use crate::v1::model::{Account, SignedIn};
use crate::v1::openapi::{Always, IsLimited, MayCollide, NeedsToken, ReadsBody};
use crate::v1::refusal::Refusal;

/// The device that logs in.
pub(super) struct Device(chat::Device);

impl FromRequestParts<Context> for Device {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Infallible> {
        let settings = &context.settings;
        Ok(Self(chat::Device {
            name: client::device_name(&parts.headers),
            address: client::address(&parts.extensions, &parts.headers, &settings.trusted_proxies),
            access_lifetime: settings.v1_access_lifetime,
        }))
    }
}

fn signed_in(context: &Context, login: chat::SignedIn) -> Json<SignedIn> {
    let status = context.chat.status(login.user.id());
    Json(SignedIn {
        user: Account::new(&login.user, status, &context.files),
        access_token: login.access_token,
        refresh_token: login.refresh_token,
        expires_in: login.expires_in.as_secs(),
    })
}

/// An account as a person asks for it.
#[derive(ToSchema)]
pub(super) struct Register {
    /// Unique, without regard to case.
    #[schema(min_length = 1, max_length = 50, example = "ines")]
    username: String,
    /// Not one of the passwords that everybody uses.
    #[schema(min_length = 8, max_length = 256, format = Password, example = "clave-nueva-9")]
    password: String,
    /// What people call the user; the username where there is none.
    #[schema(max_length = 100, example = "Inés Mora")]
    display_name: Option<String>,
    /// Serves to log in, too.
    #[schema(max_length = 254, example = "ines@example.org")]
    email: Option<String>,
}

impl Decode for Register {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            username: fields.text("username")?,
            password: fields.text("password")?,
            display_name: fields.optional_text("display_name")?,
            email: fields.optional_text("email")?,
        })
    }
}

/// Makes an account and logs in.
#[utoipa::path(
    post, path = "/v1/auth/register", tag = "auth",
    request_body = Register,
    responses(
        (status = 201, body = SignedIn, description = "The account is made."),
        ReadsBody, MayCollide, IsLimited, Always,
    ),
)]
pub(super) async fn register(
    State(context): State<Context>,
    Device(device): Device,
    Body(body): Body<Register>,
) -> Result<(StatusCode, Json<SignedIn>), Refusal> {
    let account = NewAccount {
        username: body.username,
        display_name: body.display_name,
        email: body.email,
        password: body.password,
    };
    let login = context.chat.register(account, &device).await?;
    Ok((StatusCode::CREATED, signed_in(&context, login)))
}

/// What proves who someone is.
#[derive(ToSchema)]
pub(super) struct Login {
    /// A username or an e-mail address.
    #[schema(example = "ines")]
    login: String,
    /// The password.
    #[schema(format = Password, example = "clave-nueva-9")]
    password: String,
}

impl Decode for Login {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            login: fields.text("login")?,
            password: fields.text("password")?,
        })
    }
}

/// Logs in with a username or an e-mail address.
///
/// An unknown user and a wrong password get the same answer. After some
/// failures each further try must wait.
#[utoipa::path(
    post, path = "/v1/auth/login", tag = "auth",
    request_body = Login,
    responses(
        (status = 200, body = SignedIn, description = "Logged in."),
        NeedsToken, ReadsBody, IsLimited, Always,
    ),
)]
pub(super) async fn login(
    State(context): State<Context>,
    Device(device): Device,
    Body(body): Body<Login>,
) -> Result<Json<SignedIn>, Refusal> {
    let login = context
        .chat
        .login(&body.login, &body.password, &device)
        .await?;
    Ok(signed_in(&context, login))
}

/// A refresh token.
#[derive(ToSchema)]
pub(super) struct Refresh {
    /// As it came with the last login or refresh.
    refresh_token: String,
}

impl Decode for Refresh {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            refresh_token: fields.text("refresh_token")?,
        })
    }
}

/// Exchanges a refresh token for new tokens.
///
/// A refresh token is good once. Using one twice ends its session. Whoever
/// exchanges them one after the other waits for the answers.
#[utoipa::path(
    post, path = "/v1/auth/refresh", tag = "auth",
    request_body = Refresh,
    responses(
        (status = 200, body = SignedIn, description = "New tokens of the same session."),
        NeedsToken, ReadsBody, Always,
    ),
)]
pub(super) async fn refresh(
    State(context): State<Context>,
    Body(body): Body<Refresh>,
) -> Result<Json<SignedIn>, Refusal> {
    let lifetime = context.settings.v1_access_lifetime;
    let login = context.chat.refresh(&body.refresh_token, lifetime).await?;
    // Whose token it is shows only once it is used up, too late to refuse; the
    // next one is in this answer.
    context.wait_for_turn(login.user.id()).await;
    Ok(signed_in(&context, login))
}

/// Which session to end.
#[derive(ToSchema)]
pub(super) struct Logout {
    /// A refresh token of the session, where the access token has ended. Without
    /// it the access token's session ends.
    refresh_token: Option<String>,
}

impl Decode for Logout {
    const MAY_BE_ABSENT: bool = true;

    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            refresh_token: fields.optional_text("refresh_token")?,
        })
    }
}

/// Ends a session and closes its connections.
///
/// Ending a session that has ended is no error.
#[utoipa::path(
    post, path = "/v1/auth/logout", tag = "auth",
    request_body = Option<Logout>,
    responses(
        (status = 204, description = "The session has ended."),
        NeedsToken, ReadsBody, Always,
    ),
    security((), ("bearer" = [])),
)]
pub(super) async fn logout(
    State(context): State<Context>,
    headers: HeaderMap,
    Body(body): Body<Logout>,
) -> Result<StatusCode, Refusal> {
    if let Some(token) = body.refresh_token {
        context.chat.logout_by_token(&token).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    let caller = authenticate(&headers, &context).await?.0;
    if let Some(session) = caller.session {
        context.chat.logout(caller.user(), session).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
