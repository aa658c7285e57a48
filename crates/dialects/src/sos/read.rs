//! Messages with everything that the contract's `Message` says of them: who
//! wrote, reacted, was answered, and how many have read.

use std::collections::HashMap;
use std::sync::Arc;

use tertulia_domain::receipt::Readers;
use tertulia_domain::{Message, MessageId, Profile, Result, Room, UserId};
use uuid::Uuid;

use super::encode::{MessageObject, ReactionObject, ReplyObject};
use crate::common::Context;
use crate::common::files::FileLinks;

/// Messages of one room, read for one reader or for all.
pub(super) struct ReadMessages {
    room: Uuid,
    messages: Vec<Message>,
    answered: HashMap<MessageId, Message>,
    people: HashMap<UserId, Arc<Profile>>,
    readers: Vec<Readers>,
    links: Arc<FileLinks>,
}

impl ReadMessages {
    /// Looks up what belongs to the messages, in a few statements for all.
    ///
    /// # Errors
    /// As [`Chat::messages_by_id`](tertulia_domain::Chat::messages_by_id).
    pub(super) async fn complete(
        context: &Context,
        reader: UserId,
        room: &Room,
        messages: Vec<Message>,
    ) -> Result<Self> {
        let chat = &context.chat;
        let mut answered: Vec<MessageId> = messages.iter().filter_map(|m| m.reply_to).collect();
        answered.sort_unstable();
        answered.dedup();
        let answered = match answered.is_empty() {
            true => Vec::new(),
            false => chat.messages_by_id(reader, room.id, &answered).await?,
        };
        let readers = chat.readers(reader, room.id, &messages).await?;
        let mut people: Vec<UserId> = messages
            .iter()
            .chain(&answered)
            .flat_map(|message| {
                let reacting = message.reactions.iter().map(|reaction| reaction.user);
                message.sender.into_iter().chain(reacting)
            })
            .collect();
        people.sort_unstable();
        people.dedup();
        let people = chat.profiles(&people).await?;
        Ok(Self {
            room: room.uuid,
            messages,
            answered: answered.into_iter().map(|m| (m.id, m)).collect(),
            people: people.into_iter().map(|who| (who.id, who)).collect(),
            readers,
            links: Arc::clone(&context.files),
        })
    }

    /// The messages as all readers get them.
    pub(super) fn shared(&self) -> impl DoubleEndedIterator<Item = MessageObject<'_>> {
        let messages = self.messages.iter().zip(&self.readers);
        messages.map(|(message, readers)| self.object(message, *readers))
    }

    /// The messages as one reader gets them.
    pub(super) fn for_reader(
        &self,
        reader: UserId,
    ) -> impl DoubleEndedIterator<Item = MessageObject<'_>> {
        let messages = self.messages.iter().zip(&self.readers);
        messages.map(move |(message, readers)| {
            self.object(message, *readers)
                .for_reader(message, reader, *readers)
        })
    }

    fn object<'a>(&'a self, message: &'a Message, readers: Readers) -> MessageObject<'a> {
        let person = |user: UserId| self.people.get(&user).map(|who| &**who);
        let reply = message.reply_to.and_then(|id| self.answered.get(&id));
        let reply = reply.map(|reply| ReplyObject::new(reply, reply.sender.and_then(person)));
        let reactions = message.reactions.iter().filter_map(|reaction| {
            person(reaction.user)
                .map(|user| ReactionObject::new(message, reaction, user, &self.links))
        });
        let sender = message.sender.and_then(person);
        MessageObject::new(message, self.room, sender, &self.links)
            .reply(reply)
            .known_to_all(reactions.collect(), readers.count)
    }
}
