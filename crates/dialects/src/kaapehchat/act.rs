//! What a known user asks for: each [`Action`] of contract §3.

use std::sync::Arc;

use tertulia_domain::chat::{RoomDraft, SignalDraft};
use tertulia_domain::ports::UserKey;
use tertulia_domain::{
    Draft, Entity, Error, Metadata, Profile, Role, RoomKind, UserId, Visibility,
};
use tertulia_hub::{Replies, Reply};
use uuid::Uuid;

use super::chats::{ReadChat, ReadMessages};
use super::decode::{Action, Kind, LIST_MESSAGES, Send, Signal};
use super::encode::{Frame, Id, KIND_KEY, UserObject};
use super::error::{Refusal, calling, chatting, inviting};
use crate::common::Context;

type Done = Result<(), Refusal>;

/// Carries out an action. What is refused is left to the caller to tell.
pub(super) async fn act(
    context: &Context,
    user: &Arc<Profile>,
    action: Action,
    replies: &mut Replies,
) -> Done {
    // A client that asks too fast is read more slowly, never refused
    // (`reliability.md` §2): nothing further is read from this socket until then.
    context.wait_for_turn(user.id).await;
    let me = Actor { context, user };
    match action {
        Action::ListChats => me.list_chats(replies).await,
        Action::ListMessages { chat, limit } => me.list_messages(chat, limit, replies).await,
        Action::FindUser { username } => me.find_user(username, replies).await,
        Action::CreateDirect { user } => me.create_direct(user, replies).await,
        Action::CreateGroup { title, description } => {
            me.create_group(title, description, replies).await
        }
        Action::Invite { group, user } => me.invite(group, user, replies).await,
        Action::JoinRoom { chat } => me.join_room(chat, replies).await,
        Action::Send(send) => me.send(send, replies).await,
        Action::SetStatus(status) => {
            context.chat.choose_status(user, status).await;
            Ok(())
        }
        Action::Signal(signal) => me.signal(signal).await,
    }
}

/// Who asks.
#[derive(Clone, Copy)]
struct Actor<'a> {
    context: &'a Context,
    user: &'a Arc<Profile>,
}

impl Actor<'_> {
    async fn list_chats(self, replies: &mut Replies) -> Done {
        let chat = &self.context.chat;
        let most = self.context.settings.rooms_per_connection;
        let read = ReadChat::list(chat, self.user.id, most)
            .await
            .map_err(chatting)?;
        let chats = read
            .iter()
            .map(|read| read.object(chat, &self.context.files))
            .collect();
        replies.frame(Frame::Chats { chats }.encode());
        Ok(())
    }

    async fn list_messages(self, room: Uuid, limit: usize, replies: &mut Replies) -> Done {
        let chat = &self.context.chat;
        let messages = ReadMessages::read(chat, self.user.id, room, limit)
            .await
            .map_err(chatting)?;
        replies.frame(messages.frame(&self.context.files));
        Ok(())
    }

    /// Contract §3: one of the two replies must always come, since the client
    /// waits for it without a timeout.
    async fn find_user(self, username: String, replies: &mut Replies) -> Done {
        let chat = &self.context.chat;
        let found = if username.is_empty() {
            None
        } else {
            let key = UserKey::Username(username.clone());
            chat.find_user(key).await.unwrap_or_else(|error| {
                tracing::error!(%error, "a user could not be looked for");
                None
            })
        };
        let frame = match &found {
            Some(profile) => Frame::UserFound {
                user: UserObject::new(profile, chat.status(profile.id), &self.context.files),
            },
            None => Frame::UserNotFound {
                username: &username,
            },
        };
        replies.frame(frame.encode());
        Ok(())
    }

    async fn create_direct(self, other: Uuid, replies: &mut Replies) -> Done {
        let chat = &self.context.chat;
        let other = self.user_by_id(other).await.map_err(chatting)?;
        let opened = chat
            .open_direct(self.user, other.id)
            .await
            .map_err(chatting)?;
        let read = ReadChat::read(chat, self.user.id, opened.room.id)
            .await
            .map_err(chatting)?;
        let created = Frame::ChatCreated {
            chat: read.object(chat, &self.context.files),
            auto_select: true,
        };
        replies.frame(created.encode());
        Ok(())
    }

    async fn create_group(
        self,
        title: String,
        description: Option<String>,
        replies: &mut Replies,
    ) -> Done {
        let chat = &self.context.chat;
        let draft = RoomDraft {
            kind: RoomKind::Group,
            title,
            description,
            visibility: Visibility::Private,
            open: false,
            members: Vec::new(),
        };
        let room = chat.create_room(self.user, draft).await.map_err(chatting)?;
        let read = ReadChat::read(chat, self.user.id, room.id)
            .await
            .map_err(chatting)?;
        let created = Frame::GroupCreated {
            chat: read.object(chat, &self.context.files),
        };
        replies.frame(created.encode());
        Ok(())
    }

    /// Contract §6: only into a group, only a user who exists. Inviting a
    /// member again changes nothing, whatever the member's role.
    async fn invite(self, group: Uuid, user: Uuid, replies: &mut Replies) -> Done {
        let chat = &self.context.chat;
        let summary = chat.room(self.user.id, group).await.map_err(inviting)?;
        if !summary.membership.is_some_and(|own| own.is_active()) {
            return Err(Refusal::NOT_IN_GROUP);
        }
        if summary.room.kind == RoomKind::Direct {
            return Err(Refusal::NOT_A_GROUP);
        }
        let invited = self.user_by_id(user).await.map_err(inviting)?;
        let room = summary.room.id;
        let is_member = match chat.membership(self.user.id, room, invited.id).await {
            Ok(membership) => membership.is_active(),
            Err(Error::NotFound(Entity::Member)) => false,
            Err(error) => return Err(inviting(error)),
        };
        if !is_member {
            chat.admit(self.user, room, invited.id, Role::Member)
                .await
                .map_err(inviting)?;
        }
        let reply = Frame::Invited {
            group_id: Id(summary.room.uuid),
            user_id: Id(invited.uuid),
        };
        replies.frame(reply.encode());
        Ok(())
    }

    async fn join_room(self, room: Uuid, replies: &mut Replies) -> Done {
        let chat = &self.context.chat;
        let messages = ReadMessages::read(chat, self.user.id, room, LIST_MESSAGES)
            .await
            .map_err(chatting)?;
        replies.frame(Frame::RoomJoined { chat_id: Id(room) }.encode());
        replies.frame(messages.frame(&self.context.files));
        Ok(())
    }

    /// No reply of its own: the sender hears its message like everybody else.
    async fn send(self, send: Send, replies: &mut Replies) -> Done {
        let draft = Draft {
            text: send.content,
            metadata: metadata(send.kind),
            ..Draft::default()
        };
        let pending = self
            .context
            .chat
            .submit(self.user, send.chat, draft)
            .await
            .map_err(chatting)?;
        replies.later(async move {
            match pending.sent().await {
                Ok(_) => Reply::Nothing,
                Err(error) => Reply::Frame(chatting(error).error()),
            }
        });
        Ok(())
    }

    async fn signal(self, signal: Signal) -> Done {
        let chat = &self.context.chat;
        let to = match signal.to {
            Some(to) => Some(self.signal_receiver(signal.chat, to).await?),
            None => None,
        };
        let draft = SignalDraft {
            to,
            kind: signal.kind,
            payload: signal.payload,
            mode: signal.mode,
        };
        chat.signal(self.user, signal.chat, draft)
            .await
            .map_err(calling)
    }

    /// Whether the receiver belongs to the chat is for the domain to say; a
    /// stranger to the chat does not even learn who exists.
    async fn signal_receiver(self, room: Uuid, to: Uuid) -> Result<UserId, Refusal> {
        match self.user_by_id(to).await {
            Ok(receiver) => Ok(receiver.id),
            Err(Error::NotFound(_)) => {
                let chat = &self.context.chat;
                chat.room(self.user.id, room).await.map_err(calling)?;
                Err(Refusal::INVALID_RECEIVER)
            }
            Err(error) => Err(calling(error)),
        }
    }

    async fn user_by_id(self, id: Uuid) -> tertulia_domain::Result<Arc<Profile>> {
        if id == self.user.uuid {
            return Ok(Arc::clone(self.user));
        }
        let found = self.context.chat.find_user(UserKey::Uuid(id)).await?;
        found.ok_or(Error::NotFound(Entity::User))
    }
}

fn metadata(kind: Kind) -> Metadata {
    match kind {
        Kind::Text => Metadata::default(),
        Kind::Emoji => Metadata::default().with(KIND_KEY, "emoji"),
        Kind::Object => Metadata::default().with(KIND_KEY, "object"),
    }
}
