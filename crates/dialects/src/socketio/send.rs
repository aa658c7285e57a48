//! Sending: where a message goes, and what its sender is told.

use std::collections::HashMap;
use std::sync::Arc;

use tertulia_domain::chat::GroupName;
use tertulia_domain::policy::Authority;
use tertulia_domain::{Draft, Entity, Error, Message, Profile, Result, Room, RoomId, User};
use tertulia_hub::{Replies, Reply};

use super::client::ChatClient;
use super::decode::{Send, Target};
use super::encode::{Digits, Hyphenated, Sent, Stamp, addressee, event};
use super::error::{Doing, Refusal, refusal};
use super::form::{Kept, chat_word, is_direct, kind_word};
use super::open::is_number;
use super::view::Dialect;

/// People whose direct chat is remembered for a socket.
const PEOPLE: usize = 256;

/// The direct chats of those to whom a socket wrote by name. Names of people
/// and direct chats never change.
#[derive(Default)]
pub(super) struct People(HashMap<String, Peer>);

#[derive(Clone)]
struct Peer {
    room: RoomId,
    handle: String,
}

impl People {
    fn remember(&mut self, name: String, peer: Peer) {
        if self.0.len() >= PEOPLE {
            self.0.clear();
        }
        self.0.insert(name, peer);
    }
}

/// Where a message goes.
struct Destination {
    /// The room, and how the sender stands to it.
    authority: Authority,
    /// The other person of a direct chat.
    peer: Option<String>,
}

impl ChatClient {
    /// The answer comes once the message is stored. Who is connected is the
    /// sender, and nobody else (upred.md §6).
    pub(super) async fn send(
        &mut self,
        user: &Arc<Profile>,
        send: Send,
        replies: &mut Replies,
    ) -> Result<(), Refusal> {
        let doing = match send.target {
            Target::Room(_) => Doing::SendingToRoom,
            Target::Person(_) | Target::Either(_) => Doing::SendingToPerson,
            Target::Group(_) => Doing::SendingToGroup,
        };
        let refused = |error| refusal(error, doing);
        let is_redup = send.form.dialect == Dialect::Redup;
        let is_sender = self.is_self(&send.sender);
        // Looking for a person or a group may make them: not for who is refused.
        // A room that is not there is told first (upred.md §3, order of checks).
        if !is_sender && !matches!(send.target, Target::Room(_)) {
            return Err(Refusal::OTHER_SENDER);
        }
        let destination = self.destination(user, send.target, is_redup).await;
        let Destination { authority, peer } = destination.map_err(refused)?;
        if !is_sender {
            return Err(Refusal::OTHER_SENDER);
        }
        let mut form = send.form;
        let links = &self.context.files;
        // A link of ours ends; the file that it leads to is part of the message.
        let file = form.url.as_deref().and_then(|url| links.recognise(url));
        if file.is_some() {
            form.url = None;
        }
        let (text, metadata) = form.keep(send.text);
        let draft = Draft {
            files: file.into_iter().collect(),
            kind: send.kind,
            text,
            metadata,
            client_id: send.client_id,
            ..Draft::default()
        };
        let chat = &self.context.chat;
        let pending = chat.submit_as(user, &authority, draft).await;
        let pending = pending.map_err(refused)?;
        let room = authority.room;
        let sender = user.handle.clone();
        replies.later(async move {
            Reply::Frame(match pending.sent().await {
                Ok(sent) => acked(&sent.message, &room, &sender, peer.as_deref()),
                Err(error) => refusal(error, doing).frame(),
            })
        });
        Ok(())
    }

    async fn destination(
        &mut self,
        user: &Arc<Profile>,
        target: Target,
        is_redup: bool,
    ) -> Result<Destination> {
        match target {
            Target::Room(uuid) => self.room(user, uuid).await,
            Target::Group(group) => self.group(user, &group).await,
            Target::Person(name) => self.person(user, name, is_redup).await,
            Target::Either(name) => self.either(user, name).await,
        }
    }

    async fn room(&self, user: &Arc<Profile>, uuid: uuid::Uuid) -> Result<Destination> {
        let authority = self.context.chat.standing(user.id, uuid).await?;
        let room = &*authority.room;
        let peer = if is_direct(room) {
            self.open.peer(room.id).map(str::to_owned)
        } else {
            None
        };
        Ok(Destination { authority, peer })
    }

    async fn group(&self, user: &Arc<Profile>, group: &str) -> Result<Destination> {
        let authority = if is_number(group) {
            self.registered_group(user, group).await?
        } else {
            let chat = &self.context.chat;
            let found = chat.group_named(&GroupName::new(group)?).await?;
            let found = found.ok_or(Error::NotFound(Entity::Room))?;
            chat.standing(user.id, found).await?
        };
        let peer = None;
        Ok(Destination { authority, peer })
    }

    /// REDUP's `to` where `type` does not say what it names: a group that this
    /// socket has joined, else a known user, else a group to which the user
    /// belongs, else a user who is not known yet.
    async fn either(&mut self, user: &Arc<Profile>, name: String) -> Result<Destination> {
        if let Some(open) = self.open.group(&name) {
            match self.context.chat.standing(user.id, open).await {
                Ok(authority) => {
                    let peer = None;
                    return Ok(Destination { authority, peer });
                }
                // The membership has ended since.
                Err(Error::NotFound(_) | Error::Forbidden(_)) => self.open.forget(open),
                Err(error) => return Err(error),
            }
        }
        let is_known = self.people.0.contains_key(&name)
            || self.context.chat.user_named(&name).await?.is_some();
        if is_known {
            return self.person(user, name, true).await;
        }
        match self.group(user, &name).await {
            Err(Error::NotFound(_) | Error::Forbidden(_) | Error::Invalid { .. }) => {
                self.person(user, name, true).await
            }
            found => found,
        }
    }

    /// The direct chat with a person. Where clients are believed, `may_make`
    /// makes somebody who is not known yet.
    async fn person(
        &mut self,
        user: &Arc<Profile>,
        name: String,
        may_make: bool,
    ) -> Result<Destination> {
        let chat = &self.context.chat;
        if let Some(peer) = self.people.0.get(&name).cloned() {
            return Ok(Destination {
                authority: chat.standing(user.id, peer.room).await?,
                peer: Some(peer.handle),
            });
        }
        let person = match chat
            .user_named(&name)
            .await?
            .map(|User { profile, .. }| profile)
        {
            Some(known) => known,
            None if may_make && self.context.settings.trust_user_id.is_on() => {
                (*chat.trust(&name).await?.profile).clone()
            }
            None => return Err(Error::NotFound(Entity::User)),
        };
        if person.id == user.id && may_make {
            let own = chat.own_room(user).await?;
            return Ok(Destination {
                authority: chat.standing(user.id, own).await?,
                peer: Some(person.handle),
            });
        }
        let room = chat.open_direct(user, person.id).await?.room.id;
        let authority = chat.standing(user.id, room).await?;
        let peer = Peer {
            room,
            handle: person.handle,
        };
        self.people.remember(name, peer.clone());
        Ok(Destination {
            authority,
            peer: Some(peer.handle),
        })
    }
}

/// `ack` of a message that is stored.
fn acked(message: &Message, room: &Room, sender: &str, peer: Option<&str>) -> bytes::Bytes {
    let kept = Kept::of(message);
    let sent = Sent {
        status: "sent",
        to: addressee(kept, room, peer),
        sender_id: sender,
        timestamp: Stamp::of(message),
        r#type: kept.word().unwrap_or(chat_word(room)),
        message_type: kind_word(message.kind),
        saved_to_db: true,
        mensaje_id: Digits(message.id.0),
        mensaje_uuid: Hyphenated(message.uuid),
        sala_uuid: Hyphenated(room.uuid),
        sala_chat_id: Digits(room.id.0),
        offline: false,
        message: "Mensaje enviado y guardado en BD",
    };
    event("ack", &sent)
}
