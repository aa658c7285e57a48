//! The protocols in which a load can speak.

use clap::ValueEnum;
use serde_json::json;

/// A wire protocol of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wire {
    /// KaapehChat: JSON on a raw WebSocket.
    #[value(name = "kaapehchat")]
    KaapehChat,
    /// UPRed: Socket.IO, over WebSocket from the start.
    #[value(name = "socketio")]
    SocketIo,
}

impl Wire {
    /// As a row is named.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KaapehChat => "websocket",
            Self::SocketIo => "socket.io",
        }
    }

    /// Where its sockets are opened.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::KaapehChat => "/",
            Self::SocketIo => "/socket.io/?EIO=4&transport=websocket",
        }
    }

    /// What a client sends to say `words` in the room of this UUID.
    pub(crate) fn message(self, room: &str, sender: &str, words: &str) -> String {
        match self {
            Self::KaapehChat => {
                let data = json!({"chatId": room, "kind": "text", "content": words});
                json!({"type": "message:send", "data": data}).to_string()
            }
            Self::SocketIo => {
                let fields = json!({
                    "sala_uuid": room,
                    "message": words,
                    "sender_id": sender,
                    "timestamp": "2026-03-01T09:00:00.000Z",
                    "type": "grupal",
                });
                format!("42{}", json!(["send_message", fields]))
            }
        }
    }
}
