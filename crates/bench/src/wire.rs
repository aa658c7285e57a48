//! The protocols in which a load can speak.

use clap::ValueEnum;
use serde_json::json;

use crate::world::{Person, Room};

/// A wire protocol of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wire {
    /// KaapehChat: JSON on a raw WebSocket.
    #[value(name = "kaapehchat")]
    KaapehChat,
    /// UPRed: Socket.IO, over WebSocket from the start.
    #[value(name = "socketio")]
    SocketIo,
    /// REDUP: the same namespace in its own words.
    #[value(name = "redup")]
    Redup,
    /// Our own.
    #[value(name = "v1")]
    V1,
    /// IzpoChat: a socket for each open room.
    #[value(name = "izpochat")]
    IzpoChat,
    /// SOS-Habilidoso: a socket for each open chat.
    #[value(name = "sos")]
    Sos,
}

impl Wire {
    /// As a row is named.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KaapehChat => "KaapehChat",
            Self::SocketIo => "Socket.IO",
            Self::Redup => "Socket.IO (REDUP)",
            Self::V1 => "/v1",
            Self::IzpoChat => "IzpoChat",
            Self::Sos => "SOS-Habilidoso",
        }
    }

    /// Where a person opens a socket, for this room where it is for one alone.
    pub(crate) fn path(self, person: &Person, room: Option<&Room>) -> String {
        let (id, uuid) = room.map_or((0, ""), |room| (room.id.0, &room.uuid));
        let token = &person.token;
        match self {
            Self::KaapehChat => "/".to_owned(),
            Self::SocketIo | Self::Redup => "/socket.io/?EIO=4&transport=websocket".to_owned(),
            Self::V1 => "/v1/ws".to_owned(),
            Self::IzpoChat => format!("/api/ws/{id}?token={token}"),
            Self::Sos => format!("/ws/chat/{uuid}/?token={token}"),
        }
    }

    /// What a client says first, and by what it knows that it was let in.
    pub(crate) fn hello(self, person: &Person) -> Option<(String, &'static str)> {
        let token = &person.token;
        match self {
            Self::KaapehChat => {
                let hello = json!({"type": "hello", "data": {"token": token}});
                Some((hello.to_string(), "hello:ok"))
            }
            Self::SocketIo | Self::Redup => {
                Some((format!("40{}", json!({"token": token})), "\"connected\""))
            }
            Self::V1 => {
                let auth = json!({"op": "auth", "token": token});
                Some((auth.to_string(), "\"live\""))
            }
            Self::IzpoChat | Self::Sos => None,
        }
    }

    /// What opens a room, and by what a client knows that it is open. Something
    /// is always sent: else the kernel would acknowledge every frame at once,
    /// and the load would measure that.
    pub(crate) fn enter(self, room: &Room) -> Option<(String, &'static str)> {
        match self {
            Self::SocketIo | Self::Redup => {
                let join = json!(["join_group", {"group_id": room.id.0.to_string()}]);
                Some((format!("42{join}"), "group_joined"))
            }
            Self::IzpoChat => Some((json!({"type": "ping"}).to_string(), "\"pong\"")),
            Self::Sos => {
                // Answered by an error, since it is no message of anybody's.
                Some(("{".to_owned(), "\"error\""))
            }
            Self::KaapehChat | Self::V1 => None,
        }
    }

    /// What a client sends to say `words`.
    pub(crate) fn message(self, room: &Room, sender: &Person, words: &str) -> String {
        match self {
            Self::KaapehChat => {
                let data = json!({"chatId": room.uuid, "kind": "text", "content": words});
                json!({"type": "message:send", "data": data}).to_string()
            }
            Self::SocketIo => {
                let fields = json!({
                    "sala_uuid": room.uuid,
                    "message": words,
                    "sender_id": sender.id.0.to_string(),
                    "timestamp": "2026-03-01T09:00:00.000Z",
                    "type": "grupal",
                });
                format!("42{}", json!(["send_message", fields]))
            }
            Self::Redup => {
                let fields = json!({
                    "to": room.id.0.to_string(),
                    "message": words,
                    "sender_id": sender.id.0.to_string(),
                    "timestamp": "2026-03-01T09:00:00.000Z",
                    "type": "grupal",
                });
                format!("42{}", json!(["send_message", fields]))
            }
            Self::V1 => {
                json!({"op": "send", "room_id": room.id.0.to_string(), "text": words}).to_string()
            }
            Self::IzpoChat => json!({"type": "message", "content": words}).to_string(),
            Self::Sos => json!({"type": "chat_message", "content": words}).to_string(),
        }
    }
}
