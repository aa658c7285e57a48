//! What a signed-in client asks for: each op is one call of the chat.

use tertulia_domain::chat::{PendingMessage, Sent};
use tertulia_domain::command::Toggle;
use tertulia_hub::{Flow, Replies, Reply};

use super::error::Refused;
use super::event::OkEvent;
use super::op::Op;
use super::session::{Outcome, V1Session, frame_of, refusal_frame};
use crate::v1::rest::DeleteFor;
use crate::v1::texts::Language;

impl V1Session {
    /// Carries out an op. Everything but a ping counts as a message of its user.
    pub(super) async fn act(
        &mut self,
        op: Op,
        reference: &Option<String>,
        replies: &mut Replies,
    ) -> Result<Outcome, Refused> {
        let profile = &self.signed_in()?.identity.profile;
        let user = self.context.chat.current(profile).await;
        if !matches!(op, Op::Ping(_)) {
            self.context.count_message(user.id)?;
        }
        let chat = &self.context.chat;
        match op {
            Op::Auth(_) => return Err(Refused::AuthOnce),
            Op::Resume(op) => return self.on_resume(op).await,
            Op::Reauth(op) => self.on_reauth(op).await?,
            Op::Send(op) => {
                let pending = chat.submit(&user, op.room_id, op.message.into()).await?;
                replies.later(answer(pending, reference.clone(), self.language));
                return Ok(Outcome::Answered(Flow::Continue));
            }
            Op::Edit(op) => {
                let text = &op.message.text;
                chat.edit(&user, op.room_id, op.id, text).await?;
            }
            Op::Delete(op) => match op.whom {
                DeleteFor::Me => chat.hide(&user, op.room_id, op.id).await?,
                DeleteFor::Everyone => chat.delete(&user, op.room_id, op.id).await?,
            },
            Op::React(op) => {
                let on = if op.on { Toggle::On } else { Toggle::Off };
                chat.react(&user, op.room_id, op.id, &op.emoji, on).await?;
            }
            Op::Receipt(op) => {
                chat.mark(&user, op.room_id, &op.marks.marks()).await?;
            }
            Op::Typing(op) => chat.typing(&user, op.room_id, op.on).await?,
            Op::Presence(op) => {
                self.link.announced().await;
                chat.choose_status(&user, op.status).await;
            }
            Op::Signal(op) => chat.signal(&user, op.room_id, op.into()).await?,
            Op::Ping(_) => {}
        }
        Ok(Outcome::Done)
    }
}

/// The answer to a `send`, once the message is durable (G1).
async fn answer(pending: PendingMessage, reference: Option<String>, language: Language) -> Reply {
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
