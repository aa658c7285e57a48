//! What the server says: the closed list of its frames, key by key in the
//! order of the contract's examples.
//!
//! A new wire event of the server is a new variant of [`Frame`].

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::Value;
use tertulia_domain::room::Member;
use tertulia_domain::{Message, Profile, Room, RoomKind, Status};
use tertulia_hub::ws::frame;
use uuid::Uuid;

use crate::common::files::FileLinks;
use crate::common::json;

/// The metadata key under which a message of this dialect keeps its `kind`
/// when that is not `text`.
pub(super) const KIND_KEY: &str = "kaapehchat.kind";

/// A frame of the server: contract §3.
#[derive(Serialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub(super) enum Frame<'a> {
    /// Registered or logged in; `hello:ok` follows.
    #[serde(rename = "auth:ok")]
    AuthOk {
        token: &'a str,
        user: UserObject<'a>,
    },
    /// Registration or login was refused.
    #[serde(rename = "auth:error")]
    AuthError { message: &'a str },
    /// The connection speaks for a user. `user` is there after `hello` and
    /// absent after `auth:ok`.
    #[serde(rename = "hello:ok")]
    HelloOk {
        user_id: Id,
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<UserObject<'a>>,
    },
    /// Anything else was refused.
    #[serde(rename = "error")]
    Error { message: &'a str },
    /// The user's chats.
    #[serde(rename = "chat:list:ok")]
    Chats { chats: Vec<ChatObject<'a>> },
    /// A chat's last messages, oldest first.
    #[serde(rename = "message:list:ok")]
    Messages {
        chat_id: Id,
        messages: Vec<MessageObject<'a>>,
    },
    /// Somebody has that name.
    #[serde(rename = "user:found")]
    UserFound { user: UserObject<'a> },
    /// Nobody has that name.
    #[serde(rename = "user:notFound")]
    UserNotFound { username: &'a str },
    /// A chat to show, or to show anew.
    #[serde(rename = "chat:created")]
    ChatCreated {
        chat: ChatObject<'a>,
        auto_select: bool,
    },
    /// The caller's new group.
    #[serde(rename = "group:created")]
    GroupCreated { chat: ChatObject<'a> },
    /// The invited person belongs to the group.
    #[serde(rename = "group:invite:ok")]
    Invited { group_id: Id, user_id: Id },
    /// The chat is open; `message:list:ok` follows.
    #[serde(rename = "room:join:ok")]
    RoomJoined { chat_id: Id },
    /// Somebody said something.
    #[serde(rename = "message:receive")]
    Message(MessageObject<'a>),
    /// Somebody came, went or chose a status.
    #[serde(rename = "presence:update")]
    Presence { user_id: Id, status: StatusWord },
    /// A call signal. Always all six keys.
    #[serde(rename = "rtc:signal")]
    Signal {
        r#type: &'a str,
        chat_id: Id,
        from_user_id: Id,
        to_user_id: Option<Id>,
        payload: &'a Value,
        mode: Option<&'a str>,
    },
}

impl Frame<'_> {
    /// What the frame says.
    pub(super) fn json(&self) -> String {
        json::text("", self)
    }

    /// The whole frame as it goes to one socket.
    pub(super) fn encode(&self) -> Bytes {
        frame::text(&self.json())
    }
}

/// A UUID as this wire writes it: hyphenated, lower case.
#[derive(Clone, Copy)]
pub(super) struct Id(pub(super) Uuid);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = Uuid::encode_buffer();
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut buffer))
    }
}

/// A status as this wire names it.
#[derive(Clone, Copy)]
pub(super) struct StatusWord(pub(super) Status);

impl Serialize for StatusWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self.0 {
            Status::Online => "online",
            Status::Busy => "busy",
            Status::Offline => "offline",
        })
    }
}

/// The contract's `User`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserObject<'a> {
    id: Id,
    username: Cow<'a, str>,
    display_name: &'a str,
    avatar_url: Option<Cow<'a, str>>,
    status: StatusWord,
}

impl<'a> UserObject<'a> {
    pub(super) fn new(profile: &'a Profile, status: Status, links: &FileLinks) -> Self {
        Self {
            id: Id(profile.uuid),
            username: lower_case(&profile.username),
            display_name: &profile.display_name,
            avatar_url: profile.avatar_url.as_deref().map(|url| links.renewed(url)),
            status: StatusWord(status),
        }
    }
}

/// The contract's `Message`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageObject<'a> {
    id: Id,
    chat_id: Id,
    sender_id: Id,
    kind: &'static str,
    content: Cow<'a, str>,
    created_at: i64,
}

impl<'a> MessageObject<'a> {
    /// `sender` is the nil UUID for what the server itself says.
    pub(super) fn new(message: &'a Message, room: Uuid, sender: Uuid, links: &FileLinks) -> Self {
        Self {
            id: Id(message.uuid),
            chat_id: Id(room),
            sender_id: Id(sender),
            kind: kind_word(message),
            content: content(message, links),
            created_at: message.created_at.as_millis(),
        }
    }
}

/// The contract's `Chat`, as one reader sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatObject<'a> {
    id: Id,
    r#type: &'static str,
    title: &'a str,
    description: Option<&'a str>,
    members: Vec<UserObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_message: Option<MessageObject<'a>>,
}

impl<'a> ChatObject<'a> {
    /// `peer` is the other person of a direct chat, who gives it its title.
    pub(super) fn new(
        room: &'a Room,
        peer: Option<&'a Profile>,
        members: &'a [Member],
        last_message: Option<MessageObject<'a>>,
        status: impl Fn(&Profile) -> Status,
        links: &FileLinks,
    ) -> Self {
        let members = members
            .iter()
            .map(|member| UserObject::new(&member.profile, status(&member.profile), links))
            .collect();
        Self {
            id: Id(room.uuid),
            r#type: type_word(room.kind),
            title: title(room, peer),
            description: room.description.as_deref(),
            members,
            last_message,
        }
    }
}

fn type_word(kind: RoomKind) -> &'static str {
    match kind {
        RoomKind::Direct => "direct",
        RoomKind::Group | RoomKind::Channel => "group",
    }
}

/// Contract §3: a direct chat bears the other person's display name, else the
/// username.
fn title<'a>(room: &'a Room, peer: Option<&'a Profile>) -> &'a str {
    match peer {
        Some(peer) if room.kind == RoomKind::Direct => {
            if peer.display_name.is_empty() {
                &peer.username
            } else {
                &peer.display_name
            }
        }
        _ => room.title.as_deref().unwrap_or_default(),
    }
}

/// The words of a message. Files have no form on this wire: where there is
/// nothing else, the links to them are the words, each on a line.
fn content<'a>(message: &'a Message, links: &FileLinks) -> Cow<'a, str> {
    if message.files.is_empty() || !message.text.trim().is_empty() {
        return Cow::Borrowed(&message.text);
    }
    let links: Vec<_> = message
        .files
        .iter()
        .map(|file| links.url(file.id))
        .collect();
    Cow::Owned(links.join("\n"))
}

/// Only what was said as `emoji` or `object` on this wire is so again; all else
/// is text.
fn kind_word(message: &Message) -> &'static str {
    match message.metadata.text(KIND_KEY) {
        Some("emoji") => "emoji",
        Some("object") => "object",
        _ => "text",
    }
}

fn lower_case(name: &str) -> Cow<'_, str> {
    if name.chars().all(|c| c.is_lowercase() || !c.is_alphabetic()) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(name.to_lowercase())
    }
}

#[cfg(test)]
mod tests;
