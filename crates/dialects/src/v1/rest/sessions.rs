//! One's logins on all devices.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use tertulia_domain::{Result, SessionId};

use crate::common::Context;
use crate::v1::extract::{Caller, Named};
use crate::v1::model::{Id, Session, SessionPage};
use crate::v1::openapi::{Always, IsLimited, NamesThing, NeedsToken};
use crate::v1::refusal::Refusal;

/// One's own sessions, newest first.
#[utoipa::path(
    get, path = "/v1/sessions", tag = "sessions",
    responses(
        (status = 200, body = SessionPage, description = "All of them, on one page."),
        NeedsToken, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list_sessions(
    State(context): State<Context>,
    Caller(caller): Caller,
) -> Result<Json<SessionPage>, Refusal> {
    let sessions = context.chat.sessions(caller.user()).await?;
    Ok(Json(SessionPage {
        items: sessions
            .iter()
            .map(|session| Session::new(session, caller.session))
            .collect(),
        next_cursor: None,
    }))
}

/// Ends one of one's own sessions and closes its connections.
#[utoipa::path(
    delete, path = "/v1/sessions/{session_id}", tag = "sessions",
    params(("session_id" = Id, Path, description = "The session.")),
    responses(
        (status = 204, description = "The session has ended."),
        NeedsToken, NamesThing, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn end_session(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(session): Named<SessionId>,
) -> Result<StatusCode, Refusal> {
    context.count_message(caller.user())?;
    context.chat.end_session(caller.user(), session).await?;
    Ok(StatusCode::NO_CONTENT)
}
