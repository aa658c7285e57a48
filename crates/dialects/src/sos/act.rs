//! What a participant asks on its socket: each [`Action`] of contract §3. No
//! direct replies: success shows as the broadcast, a refusal as an `error`.

use std::sync::Arc;

use tertulia_domain::command::Toggle;
use tertulia_domain::pairing::{Pairing, Transport};
use tertulia_domain::receipt::Mark;
use tertulia_domain::{Draft, Message, Metadata, Profile, ReceiptKind, Room};
use tertulia_hub::{Replies, Reply};
use uuid::Uuid;

use super::decode::{Action, Send};
use super::encode::key;
use super::error::{Refusal, deleting, editing, sending};
use super::kind::Kind;
use crate::common::Context;

type Done = Result<(), Refusal>;

/// Carries out an action. What is refused is left to the caller to tell.
pub(super) async fn act(
    context: &Context,
    user: &Arc<Profile>,
    room: &Arc<Room>,
    action: Action,
    replies: &mut Replies,
) -> Done {
    // A client that asks too fast is read more slowly, never refused
    // (`reliability.md` §2): nothing further is read from this socket until then.
    context.wait_for_turn(user.id).await;
    let me = Actor {
        context,
        user,
        room,
    };
    match action {
        Action::Send(send) => me.send(send, replies).await,
        Action::Typing(on) => Ok(context.chat.typing(user, room.id, on).await?),
        Action::Read(message) => me.read(message).await,
        Action::React { message, reaction } => me.react(message, &reaction).await,
        Action::Edit { message, content } => me.edit(message, &content).await,
        Action::Delete(message) => me.delete(message).await,
    }
}

/// Who asks, and where.
#[derive(Clone, Copy)]
struct Actor<'a> {
    context: &'a Context,
    user: &'a Arc<Profile>,
    room: &'a Arc<Room>,
}

impl Actor<'_> {
    async fn send(self, send: Send, replies: &mut Replies) -> Done {
        // Contract §3: an unknown or foreign id is ignored.
        let answered = match send.reply_to {
            Some(id) => self.message(id).await.ok(),
            None => None,
        };
        let answered = answered.filter(|message| message.deleted_at.is_none());
        let draft = Draft {
            reply_to: answered.map(|message| message.id),
            ..draft(send.kind, send.content, Transport::Socket)
        };
        let chat = &self.context.chat;
        let pending = chat.submit(self.user, self.room.id, draft).await;
        let pending = pending.map_err(sending)?;
        replies.later(async move {
            match pending.sent().await {
                Ok(_) => Reply::Nothing,
                Err(error) => Reply::Frame(sending(error).frame()),
            }
        });
        Ok(())
    }

    async fn read(self, id: Uuid) -> Done {
        let message = self.message(id).await?;
        let mark = Mark::Only(ReceiptKind::Read, message.seq);
        let chat = &self.context.chat;
        chat.mark(self.user, self.room.id, &[mark]).await?;
        Ok(())
    }

    async fn react(self, id: Uuid, reaction: &str) -> Done {
        let message = self.message(id).await?.id;
        let chat = &self.context.chat;
        chat.react(self.user, self.room.id, message, reaction, Toggle::Flip)
            .await?;
        Ok(())
    }

    async fn edit(self, id: Uuid, content: &str) -> Done {
        let message = self.message(id).await?;
        require_editable(&message)?;
        let chat = &self.context.chat;
        chat.edit(self.user, self.room.id, message.id, content)
            .await
            .map_err(editing)?;
        Ok(())
    }

    async fn delete(self, id: Uuid) -> Done {
        let message = self.message(id).await?.id;
        let chat = &self.context.chat;
        let deleted = chat.delete(self.user, self.room.id, message).await;
        deleted.map_err(deleting)
    }

    async fn message(self, id: Uuid) -> tertulia_domain::Result<Message> {
        let chat = &self.context.chat;
        chat.message_by_uuid(self.user.id, self.room.id, id).await
    }
}

/// A message of this dialect, which its client may send on both transports.
pub(super) fn draft(kind: Kind, content: String, over: Transport) -> Draft {
    let metadata = match kind.is_ours_alone() {
        true => Metadata::default().with(key::KIND, kind.word()),
        false => Metadata::default(),
    };
    Draft {
        kind: kind.domain(),
        text: content,
        metadata,
        pairing: Some(Pairing {
            over,
            kind: kind.word(),
        }),
        ..Draft::default()
    }
}

/// Contract §6: only texts, and only such as are not deleted.
pub(super) fn require_editable(message: &Message) -> Done {
    if message.deleted_at.is_some() {
        return Err(Refusal::UNKNOWN_MESSAGE);
    }
    if Kind::of(message) != Kind::Text {
        return Err(Refusal::NOT_A_TEXT);
    }
    Ok(())
}
