//! Reactions to messages.

use axum::extract::State;
use http::StatusCode;
use tertulia_domain::command::Toggle;
use tertulia_domain::{MessageId, Result, RoomId};

use crate::common::Context;
use crate::v1::extract::{Caller, Emoji, Named};
use crate::v1::model::Id;
use crate::v1::openapi::{
    Always, IsLimited, MayCollide, NamesThing, NeedsRight, NeedsToken, ReadsQuery,
};
use crate::v1::refusal::Refusal;

type Reacted = (RoomId, MessageId, Emoji);

/// Leaves a reaction. Doing it twice is no error.
#[utoipa::path(
    put, path = "/v1/rooms/{room_id}/messages/{message_id}/reactions/{emoji}", tag = "messages",
    params(
        ("room_id" = Id, Path, description = "The room."),
        ("message_id" = Id, Path, description = "The message."),
        ("emoji" = String, Path, description = "An emoji or a word of at most 64 bytes."),
    ),
    responses(
        (status = 204, description = "The reaction stands."),
        NeedsToken, NamesThing, NeedsRight, MayCollide, ReadsQuery, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn add_reaction(
    State(context): State<Context>,
    caller: Caller,
    Named(reacted): Named<Reacted>,
) -> Result<StatusCode, Refusal> {
    react(&context, &caller, reacted, Toggle::On).await
}

/// Takes one's own reaction back. Doing it twice is no error.
#[utoipa::path(
    delete, path = "/v1/rooms/{room_id}/messages/{message_id}/reactions/{emoji}", tag = "messages",
    params(
        ("room_id" = Id, Path, description = "The room."),
        ("message_id" = Id, Path, description = "The message."),
        ("emoji" = String, Path, description = "An emoji or a word of at most 64 bytes."),
    ),
    responses(
        (status = 204, description = "The reaction does not stand."),
        NeedsToken, NamesThing, NeedsRight, MayCollide, ReadsQuery, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn remove_reaction(
    State(context): State<Context>,
    caller: Caller,
    Named(reacted): Named<Reacted>,
) -> Result<StatusCode, Refusal> {
    react(&context, &caller, reacted, Toggle::Off).await
}

async fn react(
    context: &Context,
    Caller(caller): &Caller,
    (room, message, Emoji(emoji)): Reacted,
    on: Toggle,
) -> Result<StatusCode, Refusal> {
    context.count_message(caller.user())?;
    context
        .chat
        .react(&caller.profile, room, message, &emoji, on)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
