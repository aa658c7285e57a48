//! Chats as one reader sees them: what is read for the contract's `Chat`, and
//! how it becomes a frame.

use std::collections::HashMap;

use bytes::Bytes;
use tertulia_domain::ports::{MessagePage, RoomKey, RoomPage};
use tertulia_domain::room::{Member, RoomSummary};
use tertulia_domain::{Chat, Message, Profile, Result, RoomId, UserId};
use uuid::Uuid;

use super::decode::LIST_MESSAGES;
use super::encode::{ChatObject, Frame, Id, MessageObject};
use crate::common::files::FileLinks;

/// The most members that one chat shows; of a larger one, those who joined
/// first.
const MEMBERS_OF_CHAT: usize = 1_000;

/// The most members that all chats of a list show together: so many chats as
/// this holds of full ones show them all, of more each shows its share.
const MEMBERS_OF_LIST: usize = 50_000;

/// One chat with what its reader is shown of it.
pub(super) struct ReadChat {
    summary: RoomSummary,
    members: Vec<Member>,
}

impl ReadChat {
    /// Reads one chat.
    ///
    /// # Errors
    /// As [`Chat::room`].
    pub(super) async fn read(chat: &Chat, reader: UserId, room: RoomId) -> Result<Self> {
        let summary = chat.room(reader, room).await?;
        let mut members = chat
            .members_of_rooms(Some(reader), &[room], MEMBERS_OF_CHAT)
            .await?;
        Ok(Self::new(summary, members.remove(&room)))
    }

    /// Reads the chats of a user, the one with the newest message first, at
    /// most `most` of them.
    pub(super) async fn list(chat: &Chat, reader: UserId, most: usize) -> Result<Vec<Self>> {
        let page = RoomPage {
            after: None,
            limit: most,
            unread: false,
        };
        let summaries = chat.rooms_of(reader, page, most).await?;
        let rooms: Vec<RoomId> = summaries.iter().map(|summary| summary.room.id).collect();
        let share = (MEMBERS_OF_LIST / rooms.len().max(1)).min(MEMBERS_OF_CHAT);
        let mut members = chat.members_of_rooms(Some(reader), &rooms, share).await?;
        Ok(summaries
            .into_iter()
            .map(|summary| {
                let members = members.remove(&summary.room.id);
                Self::new(summary, members)
            })
            .collect())
    }

    /// Members stand in the order in which they joined; of those who joined at
    /// once, who made the chat stands first, as in the contract's example.
    fn new(summary: RoomSummary, members: Option<Vec<Member>>) -> Self {
        let mut members = members.unwrap_or_default();
        let maker = summary.room.created_by;
        members.sort_by_key(|member| {
            let is_maker = Some(member.membership.user) == maker;
            (member.membership.joined_at, !is_maker)
        });
        Self { summary, members }
    }

    /// The chat with the statuses of this moment.
    pub(super) fn object<'a>(&'a self, chat: &Chat, links: &FileLinks) -> ChatObject<'a> {
        let room = &*self.summary.room;
        let last_message = self.summary.last_message.as_ref().map(|message| {
            let sender = self.summary.last_sender.as_ref();
            MessageObject::new(
                message,
                room.uuid,
                sender.map_or(Uuid::nil(), |who| who.uuid),
                links,
            )
        });
        let status = |who: &Profile| chat.status(who.id);
        let peer = self.summary.peer.as_deref();
        ChatObject::new(room, peer, &self.members, last_message, status, links)
    }

    /// `chat:created`, as it is pushed to those who did not ask.
    pub(super) fn pushed(&self, chat: &Chat, links: &FileLinks) -> Bytes {
        let chat = self.object(chat, links);
        let auto_select = false;
        Frame::ChatCreated { chat, auto_select }.encode()
    }
}

/// The last messages of a room and who wrote them.
pub(super) struct ReadMessages {
    room: Uuid,
    messages: Vec<Message>,
    senders: HashMap<UserId, Uuid>,
}

impl ReadMessages {
    /// Reads the last messages of a room, at most `limit`.
    ///
    /// # Errors
    /// As [`Chat::history`].
    pub(super) async fn read(
        chat: &Chat,
        reader: UserId,
        room: Uuid,
        limit: usize,
    ) -> Result<Self> {
        let page = MessagePage {
            before: None,
            after: None,
            limit,
            deleted: false,
        };
        let messages = chat
            .history(reader, RoomKey::Uuid(room), page, LIST_MESSAGES)
            .await?;
        let mut senders: Vec<UserId> = messages.iter().filter_map(|said| said.sender).collect();
        senders.sort_unstable();
        senders.dedup();
        let senders = chat.profiles(&senders).await?;
        Ok(Self {
            room,
            messages,
            senders: senders.iter().map(|who| (who.id, who.uuid)).collect(),
        })
    }

    /// `message:list:ok`.
    pub(super) fn frame(&self, links: &FileLinks) -> Bytes {
        let messages = self.messages.iter().map(|message| {
            let sender = message.sender.and_then(|who| self.senders.get(&who));
            let sender = sender.copied().unwrap_or_default();
            MessageObject::new(message, self.room, sender, links)
        });
        Frame::Messages {
            chat_id: Id(self.room),
            messages: messages.collect(),
        }
        .encode()
    }
}
