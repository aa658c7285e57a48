//! One's own account.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use tertulia_domain::user::UserPatch;
use tertulia_domain::{Error, Reason, Result, UserId};
use utoipa::ToSchema;

use crate::common::Context;
use crate::v1::decode::{Decode, Fields};
use crate::v1::extract::{Body, Caller};
use crate::v1::model::Account;
use crate::v1::openapi::{Always, IsLimited, MayCollide, NeedsToken, ReadsBody};
use crate::v1::refusal::Refusal;

/// One's own account.
#[utoipa::path(
    get, path = "/v1/me", tag = "me",
    responses(
        (status = 200, body = Account, description = "The account."),
        NeedsToken, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn get_me(
    State(context): State<Context>,
    Caller(caller): Caller,
) -> Result<Json<Account>, Refusal> {
    let user = context.chat.account(caller.user()).await?;
    Ok(Json(show(&context, &user)))
}

fn show(context: &Context, user: &tertulia_domain::User) -> Account {
    Account::new(user, context.chat.status(user.id()), &context.files)
}

/// What to change. What is missing stays as it is.
#[derive(ToSchema)]
pub(super) struct UpdateMe {
    /// A new username.
    #[schema(nullable = false, min_length = 1, max_length = 50)]
    username: Option<String>,
    /// A new display name.
    #[schema(nullable = false, min_length = 1, max_length = 100)]
    display_name: Option<String>,
    /// A new e-mail address; `null` removes it.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 254)]
    email: Option<Option<String>>,
    /// A new picture: an address that begins with `https://`, `http://` or `/`;
    /// `null` removes it. The `url` of a file that one may see is made anew
    /// wherever it is shown.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 2048)]
    avatar_url: Option<Option<String>>,
}

impl Decode for UpdateMe {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            username: fields.changed_text("username")?,
            display_name: fields.changed_text("display_name")?,
            email: fields.patch_text("email")?,
            avatar_url: fields.patch_text("avatar_url")?,
        })
    }
}

/// Changes one's own account.
#[utoipa::path(
    patch, path = "/v1/me", tag = "me",
    request_body = UpdateMe,
    responses(
        (status = 200, body = Account, description = "The account as it is now."),
        NeedsToken, ReadsBody, MayCollide, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn update_me(
    State(context): State<Context>,
    Caller(caller): Caller,
    Body(body): Body<UpdateMe>,
) -> Result<Json<Account>, Refusal> {
    context.count_message(caller.user())?;
    if let Some(Some(url)) = &body.avatar_url {
        check_picture(&context, caller.user(), url).await?;
    }
    let patch = UserPatch {
        username: body.username,
        display_name: body.display_name,
        email: body.email,
        avatar_url: body.avatar_url,
    };
    let user = context.chat.update_account(caller.user(), patch).await?;
    Ok(Json(show(&context, &user)))
}

/// A link to a file of ours is passed on to everybody: to be allowed, the user
/// has to see the file.
async fn check_picture(context: &Context, user: UserId, url: &str) -> Result<()> {
    let Some(file) = context.files.recognise(url) else {
        return Ok(());
    };
    match context.chat.file(user, file).await {
        Err(Error::NotFound(_)) => Err(Error::invalid("avatar_url", Reason::NotAllowed)),
        found => found.map(drop),
    }
}

/// The old password and the new one.
#[derive(ToSchema)]
pub(super) struct ChangePassword {
    /// The password until now.
    #[schema(format = Password)]
    current: String,
    /// Not one of the passwords that everybody uses.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    new: String,
}

impl Decode for ChangePassword {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            current: fields.text("current")?,
            new: fields.text("new")?,
        })
    }
}

/// Changes one's own password. Every other session ends.
///
/// A wrong current password is answered with `invalid_credentials`; the access
/// token stays good.
#[utoipa::path(
    put, path = "/v1/me/password", tag = "me",
    request_body = ChangePassword,
    responses(
        (status = 204, description = "The password is changed."),
        NeedsToken, ReadsBody, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn change_password(
    State(context): State<Context>,
    Caller(caller): Caller,
    Body(body): Body<ChangePassword>,
) -> Result<StatusCode, Refusal> {
    context.count_message(caller.user())?;
    context
        .chat
        .change_password(&caller, &body.current, body.new)
        .await
        .map_err(called_new)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Registration calls the same field `password`.
fn called_new(error: Error) -> Error {
    match error {
        Error::Invalid {
            field: "password",
            reason,
        } => Error::invalid("new", reason),
        other => other,
    }
}
