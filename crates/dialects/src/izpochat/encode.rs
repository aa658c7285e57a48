//! What the socket says: the closed list of its frames, key by key in the order
//! of the contract's examples.

use bytes::Bytes;
use serde::Serialize;
use tertulia_domain::{File, Message, MessageId, Profile, RoomId, Timestamp, UserId};
use tertulia_hub::ws::frame;

use super::time::Offset;
use crate::common::files::FileLinks;
use crate::common::json;

/// A frame of the server: contract §3, "WebSocket".
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Frame<'a> {
    /// The first frame of every connection.
    Welcome {
        message: String,
        room_id: i64,
        user_id: i64,
        timestamp: Offset,
    },
    /// Who has the room open, oneself included.
    UsersOnline {
        users: Vec<i64>,
        count: usize,
        timestamp: Offset,
    },
    /// Somebody opened the room.
    UserJoined { user_id: i64, timestamp: Offset },
    /// Somebody closed it for good.
    UserLeft { user_id: i64, timestamp: Offset },
    /// Somebody said something.
    Message(MessageFrame<'a>),
    /// Somebody is writing, or stopped.
    Typing {
        user_id: i64,
        username: &'a str,
        typing: bool,
        timestamp: Offset,
    },
    /// The answer to `ping`.
    Pong { user_id: i64, timestamp: Offset },
    /// Something was not taken; the socket stays open.
    Error { message: &'a str },
}

/// A message as the socket shows it.
#[derive(Serialize)]
pub(super) struct MessageFrame<'a> {
    id: i64,
    content: &'a str,
    room_id: i64,
    sender: Sender<'a>,
    file_id: Option<i64>,
    timestamp: Offset,
    /// Left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<AttachedFile<'a>>,
}

/// The file of a message as the socket shows it.
#[derive(Serialize)]
struct AttachedFile<'a> {
    id: i64,
    original_filename: &'a str,
    public_url: String,
    content_type: &'static str,
    file_size: u64,
}

impl<'a> AttachedFile<'a> {
    fn new(file: &'a File, links: &FileLinks) -> Self {
        Self {
            id: file.id.0,
            original_filename: &file.name,
            public_url: links.url(file.id),
            content_type: file.content_type.mime(),
            file_size: file.size,
        }
    }
}

/// Who said it; user 0 for the server.
#[derive(Serialize)]
pub(super) struct Sender<'a> {
    id: i64,
    username: &'a str,
    full_name: Option<&'a str>,
}

impl<'a> Sender<'a> {
    fn new(profile: Option<&'a Profile>) -> Self {
        Self {
            id: profile.map_or(0, |profile| profile.id.0),
            username: profile.map_or("", |profile| &profile.username),
            full_name: profile.and_then(full_name),
        }
    }
}

/// A name that is only the username again was never given.
pub(super) fn full_name(profile: &Profile) -> Option<&str> {
    let own = profile.display_name != profile.username;
    own.then_some(&*profile.display_name)
}

impl<'a> MessageFrame<'a> {
    /// Of several files this wire shows the first.
    pub(super) fn new(
        message: &'a Message,
        sender: Option<&'a Profile>,
        links: &FileLinks,
    ) -> Self {
        let (MessageId(id), RoomId(room_id)) = (message.id, message.room);
        let file = message.files.first();
        Self {
            id,
            content: &message.text,
            room_id,
            sender: Sender::new(sender),
            file_id: file.map(|file| file.id.0),
            timestamp: Offset(message.created_at),
            file: file.map(|file| AttachedFile::new(file, links)),
        }
    }
}

impl<'a> Frame<'a> {
    pub(super) fn welcome(room: RoomId, name: &str, user: UserId, now: Timestamp) -> Self {
        Self::Welcome {
            message: format!("Conectado a la sala: {name}"),
            room_id: room.0,
            user_id: user.0,
            timestamp: Offset(now),
        }
    }

    pub(super) fn users_online(users: &[UserId], now: Timestamp) -> Self {
        Self::UsersOnline {
            users: users.iter().map(|user| user.0).collect(),
            count: users.len(),
            timestamp: Offset(now),
        }
    }

    pub(super) fn attendance(user: &Profile, here: bool, at: Timestamp) -> Self {
        let (user_id, timestamp) = (user.id.0, Offset(at));
        if here {
            Self::UserJoined { user_id, timestamp }
        } else {
            Self::UserLeft { user_id, timestamp }
        }
    }

    pub(super) fn typing(user: &'a Profile, on: bool, at: Timestamp) -> Self {
        Self::Typing {
            user_id: user.id.0,
            username: &user.username,
            typing: on,
            timestamp: Offset(at),
        }
    }

    pub(super) fn pong(user: UserId, now: Timestamp) -> Self {
        Self::Pong {
            user_id: user.0,
            timestamp: Offset(now),
        }
    }

    /// As JSON.
    pub(super) fn json(&self) -> String {
        json::text("", self)
    }

    /// As a whole WebSocket frame.
    pub(super) fn encode(&self) -> Bytes {
        frame::text(&self.json())
    }
}
