//! Finding people.

use axum::Json;
use axum::extract::State;
use tertulia_domain::{Error, Reason, Result, UserId};
use utoipa::IntoParams;

use crate::common::Context;
use crate::v1::cursor::Cursor;
use crate::v1::extract::{Caller, FromQuery, Named, PageQuery, Parameters, Query};
use crate::v1::model::{Id, User, UserPage};
use crate::v1::openapi::{Always, IsLimited, NamesThing, NeedsToken, ReadsQuery};
use crate::v1::refusal::Refusal;

/// Whom to look for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UserQuery {
    /// How the username or the display name begins, without regard to case and
    /// to white space around it.
    #[param(min_length = 1, max_length = 100)]
    query: String,
}

impl FromQuery for UserQuery {
    fn read(parameters: &Parameters, _: &Context) -> Result<Self> {
        let wrong = |reason| Error::invalid("query", reason);
        let query = parameters.text("query").ok_or(wrong(Reason::Missing))?;
        if query.trim().is_empty() {
            return Err(wrong(Reason::Empty));
        }
        Ok(Self {
            query: query.to_owned(),
        })
    }
}

/// Active users whose username or display name begins like this, by id.
#[utoipa::path(
    get, path = "/v1/users", tag = "users",
    params(UserQuery, PageQuery),
    responses(
        (status = 200, body = UserPage, description = "One page of them."),
        NeedsToken, ReadsQuery, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn search_users(
    State(context): State<Context>,
    Caller(caller): Caller,
    Query(wanted): Query<UserQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<UserPage>, Refusal> {
    context.count_message(caller.user())?;
    let found = context
        .chat
        .search_users(&wanted.query, page.place()?, page.limit)
        .await?;
    let next_cursor = match found.last() {
        Some(last) if found.len() == page.limit => Some(last.id().encode()),
        _ => None,
    };
    let items = found.iter().map(|found| show(&context, found)).collect();
    Ok(Json(UserPage { items, next_cursor }))
}

/// One user.
#[utoipa::path(
    get, path = "/v1/users/{user_id}", tag = "users",
    params(("user_id" = Id, Path, description = "The user.")),
    responses(
        (status = 200, body = User, description = "The user."),
        NeedsToken, NamesThing, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn get_user(
    State(context): State<Context>,
    _: Caller,
    Named(id): Named<UserId>,
) -> Result<Json<User>, Refusal> {
    let found = context.chat.account(id).await?;
    Ok(Json(show(&context, &found)))
}

fn show(context: &Context, user: &tertulia_domain::User) -> User {
    let status = context.chat.status(user.id());
    User::new(&user.profile, user.last_seen_at, status, &context.files)
}
