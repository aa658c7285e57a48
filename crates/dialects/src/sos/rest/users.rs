//! People: whom one talks to, and how to begin (contract §3, "REST").

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};
use tertulia_domain::ports::{RoomPage, UserKey};

use super::chats::ReadChat;
use super::extract::{Caller, InPath};
use crate::common::Context;
use crate::sos::encode::ProfileObject;
use crate::sos::error::Refusal;

/// The most rooms in which friends are looked for, those with the newest messages
/// first.
const ROOMS: usize = 1_000;

/// `POST /api/users/chat/{username}/`: the private chat with somebody.
pub(super) async fn open_chat(
    State(context): State<Context>,
    Caller(caller): Caller,
    InPath(username): InPath<String>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    context.count_message(caller.user())?;
    let chat = &context.chat;
    let other = chat.find_user(UserKey::Username(username)).await?;
    let other = other.ok_or(Refusal::UNKNOWN_USER)?;
    if other.id == caller.user() {
        return Err(Refusal::CHAT_WITH_ONESELF);
    }
    let opened = chat.open_direct(&caller.profile, other.id).await?;
    let read = ReadChat::read(chat, caller.user(), opened.room.id).await?;
    let (status, message) = match opened.created {
        true => (StatusCode::CREATED, "Chat creado exitosamente"),
        false => (StatusCode::OK, "El chat ya existe"),
    };
    let body = json!({ "chat": read.object(&context.files), "created": opened.created, "message": message });
    Ok((status, Json(body)))
}

/// `GET /api/users/friends/`: the people with whom the caller has a private chat.
pub(super) async fn friends(
    State(context): State<Context>,
    Caller(caller): Caller,
) -> Result<Json<Value>, Refusal> {
    let page = RoomPage {
        after: None,
        limit: ROOMS,
        unread: false,
    };
    let rooms = context.chat.rooms_of(caller.user(), page, ROOMS).await?;
    let peers = rooms.iter().filter_map(|room| room.peer.as_deref());
    let friends: Vec<_> = peers
        .filter(|peer| peer.id != caller.user())
        .map(|peer| ProfileObject::of(peer, &context.files))
        .collect();
    Ok(Json(json!(friends)))
}
