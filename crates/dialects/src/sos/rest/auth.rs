//! Accounts: registering, logging in, staying logged in (contract §3, "REST").

use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;
use http::StatusCode;
use serde::Serialize;
use tertulia_domain::User;
use tertulia_domain::chat::{Device, NewAccount, SignedIn};
use tertulia_domain::ports::Installation;
use tertulia_domain::user::UserPatch;

use super::extract::{Caller, Fields};
use crate::common::{Context, client};
use crate::sos::encode::ProfileObject;
use crate::sos::error::Refusal;

/// A pair of tokens.
#[derive(Serialize)]
pub(super) struct Tokens {
    refresh: String,
    access: String,
}

impl Tokens {
    fn of(context: &Context, login: &SignedIn) -> Result<Self, Refusal> {
        let lifetime = context.settings.sos_refresh_lifetime;
        Ok(Self {
            refresh: context.chat.refresh_jwt(login, lifetime)?,
            access: login.access_token.clone(),
        })
    }
}

fn device(context: &Context, parts: &Parts) -> Device {
    let trusted = &context.settings.trusted_proxies;
    Device {
        name: client::device_name(&parts.headers),
        address: client::address(&parts.extensions, &parts.headers, trusted),
        access_lifetime: context.settings.sos_access_lifetime,
    }
}

/// `POST /api/auth/login/`.
pub(super) async fn login(
    State(context): State<Context>,
    parts: Parts,
    fields: Fields,
) -> Result<Json<serde_json::Value>, Refusal> {
    let [login, password] = fields.required(["login", "password"])?;
    let device = device(&context, &parts);
    let signed_in = context.chat.login(&login, &password, &device).await?;
    let Tokens { refresh, access } = Tokens::of(&context, &signed_in)?;
    Ok(Json(serde_json::json!({
        "refresh": refresh,
        "access": access,
        "user": ProfileObject::own(&signed_in.user, &context.files),
    })))
}

/// `POST /api/auth/register/`.
pub(super) async fn register(
    State(context): State<Context>,
    parts: Parts,
    fields: Fields,
) -> Result<(StatusCode, Json<serde_json::Value>), Refusal> {
    let names = [
        "email",
        "username",
        "display_name",
        "password",
        "password_confirm",
    ];
    let [email, username, display_name, password, confirmed] = fields.required(names)?;
    if password != confirmed {
        return Err(Refusal::PASSWORDS_DIFFER);
    }
    let account = NewAccount {
        username,
        display_name: Some(display_name),
        email: Some(email),
        password,
    };
    let device = device(&context, &parts);
    let signed_in = context.chat.register(account, &device).await?;
    let body = serde_json::json!({
        "message": "Usuario registrado exitosamente",
        "user": ProfileObject::own(&signed_in.user, &context.files),
        "tokens": Tokens::of(&context, &signed_in)?,
    });
    Ok((StatusCode::CREATED, Json(body)))
}

/// `POST /api/auth/refresh/`.
pub(super) async fn refresh(
    State(context): State<Context>,
    fields: Fields,
) -> Result<Json<Tokens>, Refusal> {
    let [refresh] = fields.required(["refresh"])?;
    let token = context.chat.refresh_token_of(&refresh)?;
    let lifetime = context.settings.sos_access_lifetime;
    let signed_in = context.chat.refresh(&token, lifetime).await?;
    Tokens::of(&context, &signed_in).map(Json)
}

/// `POST /api/auth/logout/`: by the refresh token, and by the caller's own login
/// where there is one. What has ended has ended.
pub(super) async fn logout(
    State(context): State<Context>,
    parts: Parts,
    fields: Fields,
) -> Result<Json<serde_json::Value>, Refusal> {
    let chat = &context.chat;
    let token = fields.text("refresh_token").or(fields.text("refresh"));
    if let Some(token) = token.and_then(|jwt| chat.refresh_token_of(&jwt).ok()) {
        chat.logout_by_token(&token).await?;
    }
    if let Some(token) = client::bearer_token(&parts.headers)
        && let Ok(identity) = chat
            .authenticate_with(Installation::SosHabilidoso, token)
            .await
        && let Some(session) = identity.session
    {
        chat.logout(identity.user(), session).await?;
    }
    Ok(Json(
        serde_json::json!({ "message": "Sesión cerrada exitosamente" }),
    ))
}

/// `GET /api/auth/verify/`.
pub(super) async fn verify(
    State(context): State<Context>,
    Caller(caller): Caller,
) -> Result<Json<serde_json::Value>, Refusal> {
    let user = context.chat.account(caller.user()).await?;
    let user = ProfileObject::own(&user, &context.files);
    Ok(Json(serde_json::json!({ "valid": true, "user": user })))
}

/// `GET /api/auth/profile/`.
pub(super) async fn profile(
    State(context): State<Context>,
    Caller(caller): Caller,
) -> Result<Json<serde_json::Value>, Refusal> {
    own(&context, &context.chat.account(caller.user()).await?)
}

/// `PATCH /api/auth/profile/`: names and address; the other fields of the
/// original's profile are not kept.
pub(super) async fn update_profile(
    State(context): State<Context>,
    Caller(caller): Caller,
    fields: Fields,
) -> Result<Json<serde_json::Value>, Refusal> {
    let patch = UserPatch {
        username: fields.text("username"),
        display_name: fields.text("display_name"),
        email: fields.text("email").map(|email| {
            let email = email.trim();
            (!email.is_empty()).then(|| email.to_owned())
        }),
        avatar_url: None,
    };
    let changed = context.chat.update_account(caller.user(), patch).await?;
    own(&context, &changed)
}

fn own(context: &Context, user: &User) -> Result<Json<serde_json::Value>, Refusal> {
    let object = serde_json::to_value(ProfileObject::own(user, &context.files));
    object.map(Json).map_err(|_| Refusal::INTERNAL)
}
