//! The calls that SOS-Habilidoso's web client makes (contract §3, "REST"). Each
//! path stands with its final slash and without.

mod auth;
mod chats;
mod extract;
mod messages;
mod page;
mod sending;
mod settings;
mod users;

use axum::Router;
use axum::handler::Handler;
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter, on};
use tower_http::catch_panic::CatchPanicLayer;

use super::error::Refusal;
use crate::common::Context;

/// A call, as [`openapi`](super::openapi) describes it.
pub(super) struct Call {
    #[cfg(test)]
    pub(super) method: MethodFilter,
    /// Without its final slash.
    pub(super) path: &'static str,
    answer: MethodRouter<Context>,
}

fn call<T: 'static>(
    method: MethodFilter,
    path: &'static str,
    handler: impl Handler<T, Context>,
) -> Call {
    Call {
        #[cfg(test)]
        method,
        path,
        answer: on(method, handler),
    }
}

/// Every call, in the order of the contract.
pub(super) fn calls() -> Vec<Call> {
    const DELETE: MethodFilter = MethodFilter::DELETE;
    const GET: MethodFilter = MethodFilter::GET;
    const PATCH: MethodFilter = MethodFilter::PATCH;
    const POST: MethodFilter = MethodFilter::POST;
    const CHATS: &str = "/api/messaging/chats";
    const PROFILE: &str = "/api/auth/profile";
    const MESSAGE: &str = "/api/messaging/messages/{message}";
    const CHAT_MESSAGE: &str = "/api/messaging/chats/{chat}/messages/{message}";
    vec![
        call(POST, "/api/auth/login", auth::login),
        call(POST, "/api/auth/register", auth::register),
        call(POST, "/api/auth/refresh", auth::refresh),
        call(POST, "/api/auth/logout", auth::logout),
        call(GET, "/api/auth/verify", auth::verify),
        call(GET, PROFILE, auth::profile),
        call(PATCH, PROFILE, auth::update_profile),
        call(POST, "/api/users/chat/{username}", users::open_chat),
        call(GET, "/api/users/friends", users::friends),
        call(GET, CHATS, chats::list),
        call(POST, CHATS, chats::create),
        call(GET, "/api/messaging/chats/{chat}", chats::get),
        call(GET, "/api/messaging/chats/{chat}/messages", messages::list),
        call(
            POST,
            "/api/messaging/chats/{chat}/send_message",
            sending::send,
        ),
        call(
            POST,
            "/api/messaging/chats/{chat}/mark_as_read",
            messages::mark_as_read,
        ),
        call(
            PATCH,
            "/api/messaging/chats/{chat}/chat-settings",
            settings::update,
        ),
        call(
            PATCH,
            "/api/messaging/chats/{chat}/settings",
            settings::update,
        ),
        call(
            POST,
            "/api/messaging/chats/{chat}/add_participant",
            chats::add_participant,
        ),
        call(POST, "/api/messaging/chats/{chat}/leave", chats::leave),
        call(
            POST,
            "/api/messaging/messages/{message}/react",
            messages::react,
        ),
        call(PATCH, MESSAGE, messages::edit),
        call(DELETE, MESSAGE, messages::delete),
        call(
            POST,
            "/api/messaging/chats/{chat}/messages/{message}/react",
            messages::react,
        ),
        call(PATCH, CHAT_MESSAGE, messages::edit),
        call(DELETE, CHAT_MESSAGE, messages::delete),
    ]
}

/// Every call, at its path with the final slash and without.
pub(super) fn router(context: &Context) -> Router {
    let mut router = Router::new();
    for call in calls() {
        router = router
            .route(call.path, call.answer.clone())
            .route(&format!("{}/", call.path), call.answer);
    }
    router
        .method_not_allowed_fallback(async || Refusal::METHOD)
        .layer(CatchPanicLayer::custom(|_| {
            Refusal::INTERNAL.into_response()
        }))
        .with_state(context.clone())
}
