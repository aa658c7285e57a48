//! Accounts: registering, logging in, one's own account, other people.

use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;
use http::StatusCode;
use tertulia_domain::chat::{Device, NewAccount};
use tertulia_domain::ports::{RoomPage, UserKey};
use tertulia_domain::user::UserPatch;
use tertulia_domain::{Conflict, Entity, Error, Result, User, UserId};
use utoipa::ToSchema;

use super::model::{RoomObject, TokenObject, UserObject};
use super::people::{Shown, show_rooms};
use crate::common::{Context, client};
use crate::izpochat::error::Refusal;
use crate::izpochat::extract::{Caller, FromForm, Number, Page, Sent, Username};
use crate::izpochat::form::Form;
use crate::izpochat::openapi::{
    Always, ChecksPassword, IsLimited, NamesThing, NeedsToken, ReadsBody, ReadsQuery,
};

/// An account as a person asks for it.
#[derive(ToSchema)]
#[schema(as = izpochat::Register)]
pub(super) struct Register {
    /// Unique, without regard to case.
    #[schema(min_length = 1, max_length = 50, example = "lidia")]
    username: String,
    /// A valid address, of which nobody else sees anything.
    #[schema(max_length = 254, example = "lidia@mail.example.com")]
    email: String,
    /// At least 8 characters, and none that everybody uses.
    #[schema(min_length = 8, max_length = 256, format = Password)]
    password: String,
    /// What people call the user.
    #[schema(max_length = 100)]
    full_name: Option<String>,
}

impl FromForm for Register {
    fn read(form: &mut Form) -> Self {
        let register = Self {
            username: form.text("username"),
            email: form.text("email"),
            password: form.text("password"),
            full_name: form.optional_text("full_name"),
        };
        if !register.email.is_empty() {
            form.check_email("email", &register.email);
        }
        register
    }
}

/// Makes an account. Whoever made it logs in next.
#[utoipa::path(
    post, path = "/api/users/register", tag = "izpochat",
    request_body = Register,
    responses(
        (status = 201, body = UserObject, description = "The account is made."),
        ReadsBody, IsLimited, Always,
    ),
)]
pub(super) async fn register(
    State(context): State<Context>,
    parts: Parts,
    Sent(body): Sent<Register>,
) -> Result<(StatusCode, Json<UserObject>), Refusal> {
    if body.email.trim().is_empty() {
        let mut form = Form::new(serde_json::Map::new());
        form.check_email("email", &body.email);
        form.finish()?;
    }
    let account = NewAccount {
        username: body.username,
        display_name: body.full_name,
        email: Some(body.email.clone()),
        password: body.password,
    };
    let trusted = &context.settings.trusted_proxies;
    let address = client::address(&parts.extensions, &parts.headers, trusted);
    let made = context.chat.enroll(account, address).await;
    let user = email_first(&context, made, Some(&body.email), None).await?;
    let object = UserObject::new(&user, Some(user.id()));
    Ok((StatusCode::CREATED, Json(object)))
}

/// Contract §3: where both are taken, the address is named.
async fn email_first(
    context: &Context,
    done: Result<User>,
    email: Option<&str>,
    own: Option<UserId>,
) -> Result<User> {
    let Err(Error::Conflict(Conflict::UsernameTaken)) = done else {
        return done;
    };
    let Some(email) = email else { return done };
    let key = UserKey::Email(email.trim().to_owned());
    let other = context.chat.user(key).await?;
    match other.filter(|other| Some(other.id()) != own) {
        Some(_) => Err(Error::Conflict(Conflict::EmailTaken)),
        None => done,
    }
}

/// Who wants to log in.
#[derive(ToSchema)]
#[schema(as = izpochat::Login)]
pub(super) struct Login {
    /// The username.
    #[schema(example = "lidia")]
    username: String,
    /// The password.
    #[schema(format = Password)]
    password: String,
}

impl FromForm for Login {
    fn read(form: &mut Form) -> Self {
        Self {
            username: form.text("username"),
            password: form.text("password"),
        }
    }
}

/// Logs in.
#[utoipa::path(
    post, path = "/api/users/login", tag = "izpochat",
    request_body = Login,
    responses(
        (status = 200, body = TokenObject, description = "An access token."),
        ReadsBody, ChecksPassword, IsLimited, Always,
    ),
)]
pub(super) async fn login(
    State(context): State<Context>,
    parts: Parts,
    Sent(body): Sent<Login>,
) -> Result<Json<TokenObject>, Refusal> {
    let trusted = &context.settings.trusted_proxies;
    let device = Device {
        name: client::device_name(&parts.headers),
        address: client::address(&parts.extensions, &parts.headers, trusted),
        access_lifetime: context.settings.izpochat_access_lifetime,
    };
    let signed_in = context
        .chat
        .login(&body.username, &body.password, &device)
        .await?;
    Ok(Json(TokenObject {
        access_token: signed_in.access_token,
        token_type: "bearer",
    }))
}

/// One's own account.
#[utoipa::path(
    get, path = "/api/users/me", tag = "izpochat",
    responses(
        (status = 200, body = UserObject, description = "With the e-mail address."),
        NeedsToken, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn get_me(
    State(context): State<Context>,
    Caller(caller): Caller,
) -> Result<Json<UserObject>, Refusal> {
    let user = context.chat.account(caller.user()).await?;
    Ok(Json(UserObject::new(&user, Some(caller.user()))))
}

/// What to change. What is missing stays as it is.
#[derive(ToSchema)]
#[schema(as = izpochat::UpdateMe)]
pub(super) struct UpdateMe {
    /// A new username.
    #[schema(max_length = 50)]
    username: Option<String>,
    /// A new address.
    #[schema(max_length = 254)]
    email: Option<String>,
    /// A new name; `null` removes it.
    #[schema(value_type = Option<String>, max_length = 100)]
    full_name: Option<Option<String>>,
    /// Ignored: nobody suspends or restores oneself.
    #[expect(dead_code, reason = "only described: what is there is ignored")]
    is_active: Option<bool>,
}

impl FromForm for UpdateMe {
    fn read(form: &mut Form) -> Self {
        let update = Self {
            username: form.optional_text("username"),
            email: form.optional_text("email"),
            full_name: form.patch_text("full_name"),
            is_active: form.optional_boolean("is_active"),
        };
        if let Some(email) = &update.email {
            form.check_email("email", email);
        }
        update
    }
}

/// Changes one's own account.
#[utoipa::path(
    put, path = "/api/users/me", tag = "izpochat",
    request_body = UpdateMe,
    responses(
        (status = 200, body = UserObject, description = "The account as it is now."),
        NeedsToken, ReadsBody, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn update_me(
    State(context): State<Context>,
    Caller(caller): Caller,
    Sent(body): Sent<UpdateMe>,
) -> Result<Json<UserObject>, Refusal> {
    context.wait_for_turn(caller.user()).await;
    // A name that is removed is the username again: that is how it was never given.
    let own_name = || {
        let renamed = body.username.clone();
        renamed.unwrap_or_else(|| caller.profile.username.clone())
    };
    let display_name = body.full_name.as_ref().map(|name| match name.as_deref() {
        None | Some("") => own_name(),
        Some(name) => name.to_owned(),
    });
    let follows = caller.profile.display_name == caller.profile.username;
    let display_name = match display_name {
        None if follows => body.username.clone(),
        given => given,
    };
    let patch = UserPatch {
        username: body.username.clone(),
        display_name,
        email: body.email.clone().map(Some),
        avatar_url: None,
    };
    let own = caller.user();
    let done = context.chat.update_account(own, patch).await;
    let user = email_first(&context, done, body.email.as_deref(), Some(own)).await?;
    Ok(Json(UserObject::new(&user, Some(own))))
}

/// The rooms to which one belongs, the one with the newest message first.
#[utoipa::path(
    get, path = "/api/users/me/rooms", tag = "izpochat",
    responses(
        (status = 200, body = Vec<RoomObject>, description = "At most 500 of them."),
        NeedsToken, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn my_rooms(
    State(context): State<Context>,
    Caller(caller): Caller,
) -> Result<Json<Vec<RoomObject>>, Refusal> {
    let most = context.settings.rooms_per_connection;
    let page = RoomPage {
        after: None,
        limit: most,
        unread: false,
    };
    let found = context.chat.rooms_of(caller.user(), page, most).await?;
    let shown: Vec<Shown> = found
        .into_iter()
        .map(|summary| Shown {
            room: summary.room,
            peer: summary.peer,
        })
        .collect();
    let rooms = show_rooms(&context.chat, Some(caller.user()), &shown).await?;
    Ok(Json(rooms))
}

/// Everybody who may sign in, by number.
#[utoipa::path(
    get, path = "/api/users/", tag = "izpochat",
    params(Page),
    responses(
        (status = 200, body = Vec<UserObject>, description = "One page, of 100 if not said otherwise."),
        NeedsToken, ReadsQuery, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn list_users(
    State(context): State<Context>,
    Caller(caller): Caller,
    page: Page,
) -> Result<Json<Vec<UserObject>>, Refusal> {
    let limit = page.limit(100);
    let users = context.chat.users_by_number(page.skip, limit).await?;
    let show = |user: &User| UserObject::new(user, Some(caller.user()));
    Ok(Json(users.iter().map(show).collect()))
}

/// One person.
#[utoipa::path(
    get, path = "/api/users/{user_id}", tag = "izpochat",
    params(("user_id" = i64, Path, description = "The user's number.")),
    responses(
        (status = 200, body = UserObject, description = "The person."),
        NeedsToken, NamesThing, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn get_user(
    State(context): State<Context>,
    Caller(caller): Caller,
    Number(user): Number<UserId>,
) -> Result<Json<UserObject>, Refusal> {
    show_user(&context, caller.user(), UserKey::Id(user)).await
}

/// One person, by name.
#[utoipa::path(
    get, path = "/api/users/username/{username}", tag = "izpochat",
    params(("username" = String, Path, description = "The username.")),
    responses(
        (status = 200, body = UserObject, description = "The person."),
        NeedsToken, NamesThing, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn get_user_by_name(
    State(context): State<Context>,
    Caller(caller): Caller,
    Username(name): Username,
) -> Result<Json<UserObject>, Refusal> {
    show_user(&context, caller.user(), UserKey::Username(name)).await
}

async fn show_user(
    context: &Context,
    reader: UserId,
    key: UserKey,
) -> Result<Json<UserObject>, Refusal> {
    let user = context.chat.user(key).await?;
    let user = user
        .filter(|user| user.state == tertulia_domain::UserState::Active)
        .ok_or(Error::NotFound(Entity::User))?;
    Ok(Json(UserObject::new(&user, Some(reader))))
}
