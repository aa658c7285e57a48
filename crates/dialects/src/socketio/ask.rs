//! Marks and histories.

use std::collections::HashMap;
use std::sync::Arc;

use tertulia_domain::ports::MessagePage;
use tertulia_domain::{
    Entity, Error, Message, Profile, ReceiptKind, Result, Room, RoomKind, UserId,
};
use tertulia_hub::Replies;
use uuid::Uuid;

use super::client::ChatClient;
use super::decode::{HISTORY, Mark};
use super::encode::{Confirmed, HistoryLoaded, Hyphenated, Received, event};
use super::error::{Doing, Refusal, refusal};
use super::view::Spoken;
use crate::common::files::FileLinks;

impl ChatClient {
    /// Only for oneself, and only for what was sent to one (upred.md §6).
    pub(super) async fn mark(
        &self,
        user: &Arc<Profile>,
        mark: Mark,
        replies: &mut Replies,
    ) -> Result<(), Refusal> {
        let refused = |error| refusal(error, Doing::Marking(mark.kind));
        let is_reader = self.is_self(&mark.user());
        let message = mark.message().filter(|_| is_reader);
        let message = message.ok_or_else(|| refused(Error::NotFound(Entity::Message)))?;
        let chat = &self.context.chat;
        let marked = chat.mark_message(user, message, mark.kind).await;
        marked.map_err(refused)?;
        let name = match mark.kind {
            ReceiptKind::Delivered => "delivery_confirmed",
            ReceiptKind::Read => "read_confirmed",
        };
        let confirmed = Confirmed {
            status: "ok",
            mensaje_id: &mark.message,
            user_id: &mark.user,
        };
        replies.frame(event(name, &confirmed));
        Ok(())
    }

    pub(super) async fn history(
        &self,
        user: &Arc<Profile>,
        room: Uuid,
        limit: usize,
        replies: &mut Replies,
    ) -> Result<(), Refusal> {
        let read = self.read_history(user, room, limit).await;
        let history = read.map_err(|error| refusal(error, Doing::Reading))?;
        let links = &self.context.files;
        let messages = history
            .messages
            .iter()
            .map(|said| history.entry(said, links));
        let messages: Vec<_> = messages.collect();
        let loaded = HistoryLoaded {
            status: "ok",
            sala_uuid: Hyphenated(room),
            message_count: messages.len(),
            messages,
        };
        replies.frame(event("message_history_loaded", &loaded));
        Ok(())
    }

    async fn read_history(&self, user: &Arc<Profile>, room: Uuid, limit: usize) -> Result<History> {
        let chat = &self.context.chat;
        let room = chat.readable_room(user.id, room).await?;
        let page = MessagePage {
            before: None,
            after: None,
            limit,
            deleted: false,
        };
        let messages = chat.history(user.id, room.id, page, HISTORY).await?;
        let mut people: Vec<_> = messages.iter().filter_map(|said| said.sender).collect();
        if room.kind == RoomKind::Direct {
            let members = chat.members(user.id, room.id, None, 2).await?;
            people.extend(members.iter().map(|member| member.membership.user));
        }
        people.sort_unstable();
        people.dedup();
        let people = chat.profiles(&people).await?;
        Ok(History {
            room,
            messages,
            people: people.into_iter().map(|who| (who.id, who)).collect(),
        })
    }
}

/// The last messages of a room, and who wrote them. Of a direct chat both
/// people are there.
struct History {
    room: Arc<Room>,
    messages: Vec<Message>,
    people: HashMap<UserId, Arc<Profile>>,
}

impl History {
    fn entry<'a>(&'a self, message: &'a Message, links: &FileLinks) -> Received<'a> {
        let sender = message.sender.and_then(|who| self.people.get(&who));
        let mut others = self.people.values();
        let other = others.find(|who| Some(who.id) != message.sender);
        let peer = other.or(sender).map(|who| who.handle.as_str());
        let sender = sender.map(|who| &**who);
        Received::new(message, sender, &self.room, Spoken::Upred, peer, links).in_history()
    }
}
