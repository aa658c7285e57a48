//! Messages over HTTP: the history, and what happens to a message after it was
//! sent (contract §3, "REST").

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use tertulia_domain::command::Toggle;
use tertulia_domain::ports::MessagePage;
use tertulia_domain::receipt::Mark;
use tertulia_domain::{Chat, Message, ReceiptKind, Room, UserId};
use uuid::Uuid;

use super::chats::{ReadChat, participant};
use super::extract::{Caller, Fields, InPath};
use super::page::{PAGE, Wanted};
use crate::common::Context;
use crate::sos::act::require_editable;
use crate::sos::decode::content;
use crate::sos::error::{Refusal, deleting, editing};
use crate::sos::kind::is_reaction;
use crate::sos::read::ReadMessages;

type Answer = Result<Json<Value>, Refusal>;

/// `GET /api/messaging/chats/{id}/messages/`: newest first. `since` is ignored, as
/// it was.
pub(super) async fn list(
    State(context): State<Context>,
    Caller(caller): Caller,
    InPath(room): InPath<Uuid>,
    wanted: Wanted,
) -> Answer {
    let (chat, reader) = (&context.chat, caller.user());
    let room = ReadChat::read(chat, reader, room).await?;
    let room = &room.summary().room;
    let skip = i64::try_from(wanted.skip()).unwrap_or(i64::MAX);
    let place = chat.shown_messages(reader, room.id, skip).await?;
    let page = MessagePage {
        before: Some(place.before),
        after: None,
        limit: PAGE,
        deleted: false,
    };
    let found = chat.history(reader, room.id, page, PAGE).await?;
    let read = ReadMessages::complete(&context, reader, room, found).await?;
    let newest_first = read.for_reader(reader).rev().collect();
    let count = usize::try_from(place.count).unwrap_or(0);
    Ok(Json(json!(wanted.page(count, newest_first)?)))
}

/// A message as its reader gets it.
pub(super) async fn for_reader(
    context: &Context,
    reader: UserId,
    room: &Room,
    message: Message,
) -> Result<Value, Refusal> {
    let read = ReadMessages::complete(context, reader, room, vec![message]).await?;
    let object = read.for_reader(reader).next();
    object.map(|object| json!(object)).ok_or(Refusal::INTERNAL)
}

/// `POST /api/messaging/chats/{id}/mark_as_read/`.
pub(super) async fn mark_as_read(
    State(context): State<Context>,
    Caller(caller): Caller,
    InPath(room): InPath<Uuid>,
) -> Answer {
    context.count_message(caller.user())?;
    let chat = &context.chat;
    let read = participant(chat, caller.user(), room).await?;
    let summary = read.summary();
    let mark = Mark::UpTo(ReceiptKind::Read, summary.position.seq);
    chat.mark(&caller.profile, summary.room.id, &[mark]).await?;
    let message = "Mensajes marcados como leídos";
    Ok(Json(json!({ "message": message, "count": summary.unread })))
}

/// A message, its room, and that the caller may read it there.
async fn find(chat: &Chat, reader: UserId, id: Uuid) -> Result<(Room, Message), Refusal> {
    let (room, _) = chat.message_place(id).await.map_err(hidden)?;
    let room = chat.readable_room(reader, room).await.map_err(hidden)?;
    let message = chat.message_by_uuid(reader, room.id, id).await;
    let message = message.map_err(hidden)?;
    match message.deleted_at {
        None => Ok((Room::clone(&room), message)),
        Some(_) => Err(Refusal::NOT_FOUND),
    }
}

/// To a stranger there is no such message.
fn hidden(error: tertulia_domain::Error) -> Refusal {
    match error {
        tertulia_domain::Error::NotFound(_) => Refusal::NOT_FOUND,
        other => other.into(),
    }
}

/// `POST /api/messaging/messages/{id}/react/`.
pub(super) async fn react(
    State(context): State<Context>,
    Caller(caller): Caller,
    InPath(id): InPath<Uuid>,
    fields: Fields,
) -> Answer {
    context.count_message(caller.user())?;
    let chat = &context.chat;
    let (room, message) = find(chat, caller.user(), id).await?;
    let reaction = fields.text("reaction_type").filter(|word| !word.is_empty());
    let reaction = reaction.ok_or(Refusal::MISSING_REACTION)?;
    if !is_reaction(&reaction) {
        return Err(Refusal::INVALID_REACTION);
    }
    let (room, message) = (room.id, message.id);
    let stands = chat
        .react(&caller.profile, room, message, &reaction, Toggle::Flip)
        .await?;
    Ok(Json(match stands {
        true => {
            json!({ "message": "Reacción agregada", "reacted": true, "reaction_type": reaction })
        }
        false => json!({ "message": "Reacción eliminada", "reacted": false }),
    }))
}

/// `PATCH /api/messaging/messages/{id}/`.
pub(super) async fn edit(
    State(context): State<Context>,
    Caller(caller): Caller,
    InPath(id): InPath<Uuid>,
    fields: Fields,
) -> Answer {
    context.count_message(caller.user())?;
    let chat = &context.chat;
    let (room, message) = find(chat, caller.user(), id).await?;
    if message.sender != Some(caller.user()) {
        return Err(Refusal::NOT_YOURS_TO_EDIT);
    }
    require_editable(&message)?;
    let text = fields.text("content").ok_or(Refusal::MISSING_CONTENT)?;
    let text = content(&text, Refusal::BLANK_CONTENT)?;
    let edited = chat.edit(&caller.profile, room.id, message.id, &text).await;
    let edited = Message::clone(&*edited.map_err(editing)?);
    for_reader(&context, caller.user(), &room, edited)
        .await
        .map(Json)
}

/// `DELETE /api/messaging/messages/{id}/`.
pub(super) async fn delete(
    State(context): State<Context>,
    Caller(caller): Caller,
    InPath(id): InPath<Uuid>,
) -> Answer {
    context.count_message(caller.user())?;
    let chat = &context.chat;
    let (room, message) = find(chat, caller.user(), id).await?;
    let deleted = chat.delete(&caller.profile, room.id, message.id).await;
    deleted.map_err(deleting)?;
    Ok(Json(json!({ "message": "Mensaje eliminado" })))
}
