//! What a signed-in client does, apart from catching up: each op is one call of
//! the chat.

use std::sync::Arc;

use tertulia_domain::chat::{PendingMessage, Sent};
use tertulia_domain::command::Toggle;
use tertulia_domain::{Profile, Result};
use tertulia_hub::{Link, Reply};

use super::event::OkEvent;
use super::op::{Op, SendOp};
use super::session::{frame_of, refusal_frame};
use crate::common::Context;
use crate::v1::rest::DeleteFor;
use crate::v1::texts::Language;

/// Has a message queued. Messages submitted one after the other are stored in
/// that order.
pub(super) async fn submit(
    context: &Context,
    user: &Arc<Profile>,
    send: SendOp,
) -> Result<PendingMessage> {
    context.count_message(user.id)?;
    let SendOp { room_id, message } = send;
    context.chat.submit(user, room_id, message.into()).await
}

/// The answer to a `send`, once the message is durable (G1).
pub(super) async fn answer(
    pending: PendingMessage,
    reference: Option<String>,
    language: Language,
) -> Reply {
    Reply::Frame(match pending.sent().await {
        Ok(sent) => frame_of(&sent_ok(&sent, reference)),
        Err(error) => refusal_frame(&error.into(), reference, language),
    })
}

fn sent_ok(sent: &Sent, reference: Option<String>) -> OkEvent {
    let message = &sent.message;
    OkEvent {
        reference,
        room_id: Some(message.room.into()),
        id: Some(message.id.into()),
        uuid: Some(message.uuid.to_string()),
        seq: Some(message.seq.0),
        repeated: Some(sent.repeated),
        created_at: Some(message.created_at.into()),
    }
}

/// Carries out an op whose answer has nothing to say but that it is done.
pub(super) async fn act(context: &Context, link: &Link, user: &Arc<Profile>, op: Op) -> Result<()> {
    context.count_message(user.id)?;
    let chat = &context.chat;
    match op {
        Op::Send(op) => {
            chat.send(user, op.room_id, op.message.into()).await?;
        }
        Op::Edit(op) => {
            chat.edit(user, op.room_id, op.id, &op.message.text).await?;
        }
        Op::Delete(op) => match op.whom {
            DeleteFor::Me => chat.hide(user, op.room_id, op.id).await?,
            DeleteFor::Everyone => chat.delete(user, op.room_id, op.id).await?,
        },
        Op::React(op) => {
            let on = if op.on { Toggle::On } else { Toggle::Off };
            chat.react(user, op.room_id, op.id, &op.emoji, on).await?;
        }
        Op::Receipt(op) => {
            chat.mark(user, op.room_id, &op.marks.marks()).await?;
        }
        Op::Typing(op) => chat.typing(user, op.room_id, op.on).await?,
        Op::Presence(op) => {
            link.announced().await;
            chat.choose_status(user, op.status).await;
        }
        Op::Signal(op) => chat.signal(user, op.room_id, op.into()).await?,
        Op::Auth(_) | Op::Resume(_) | Op::Reauth(_) | Op::Ping(_) => {}
    }
    Ok(())
}
