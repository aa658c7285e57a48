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
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, delete, get, patch, post};
use tower_http::catch_panic::CatchPanicLayer;

use super::error::Refusal;
use crate::common::Context;

/// Every call.
pub(super) fn router(context: &Context) -> Router {
    let one_message = patch(messages::edit).merge(delete(messages::delete));
    let calls: [(&str, MethodRouter<Context>); 21] = [
        ("/api/auth/login", post(auth::login)),
        ("/api/auth/register", post(auth::register)),
        ("/api/auth/refresh", post(auth::refresh)),
        ("/api/auth/logout", post(auth::logout)),
        ("/api/auth/verify", get(auth::verify)),
        (
            "/api/auth/profile",
            get(auth::profile).patch(auth::update_profile),
        ),
        ("/api/users/friends", get(users::friends)),
        ("/api/users/chat/{username}", post(users::open_chat)),
        ("/api/messaging/chats", get(chats::list).post(chats::create)),
        ("/api/messaging/chats/{chat}", get(chats::get)),
        ("/api/messaging/chats/{chat}/messages", get(messages::list)),
        (
            "/api/messaging/chats/{chat}/send_message",
            post(sending::send),
        ),
        (
            "/api/messaging/chats/{chat}/mark_as_read",
            post(messages::mark_as_read),
        ),
        (
            "/api/messaging/chats/{chat}/chat-settings",
            patch(settings::update),
        ),
        (
            "/api/messaging/chats/{chat}/settings",
            patch(settings::update),
        ),
        (
            "/api/messaging/chats/{chat}/add_participant",
            post(chats::add_participant),
        ),
        ("/api/messaging/chats/{chat}/leave", post(chats::leave)),
        ("/api/messaging/messages/{message}", one_message.clone()),
        (
            "/api/messaging/messages/{message}/react",
            post(messages::react),
        ),
        (
            "/api/messaging/chats/{chat}/messages/{message}",
            one_message,
        ),
        (
            "/api/messaging/chats/{chat}/messages/{message}/react",
            post(messages::react),
        ),
    ];
    let mut router = Router::new();
    for (path, call) in calls {
        let call = call.fallback(async || Refusal::METHOD);
        router = router
            .route(path, call.clone())
            .route(&format!("{path}/"), call);
    }
    router
        .layer(CatchPanicLayer::custom(|_| {
            Refusal::INTERNAL.into_response()
        }))
        .with_state(context.clone())
}
