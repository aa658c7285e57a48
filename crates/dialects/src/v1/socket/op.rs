//! What clients send: a struct for each op, read field by field.

use serde_json::Value;
use tertulia_domain::chat::SignalDraft;
use tertulia_domain::{Error, MessageId, Reason, Result, RoomId, Status, UserId};
use utoipa::ToSchema;

use super::cursor::Cursor;
use crate::v1::decode::{Decode, Fields};
use crate::v1::model::{self, Id};
use crate::v1::rest::{DeleteFor, EditMessage, MarkMessages, SendMessage};

/// Lists the ops: the word on the wire, the struct behind it.
macro_rules! ops {
    ($($name:literal => $variant:ident($fields:ident),)*) => {
        /// An op with its fields.
        #[derive(Debug)]
        pub(super) enum Op {
            $(#[doc = concat!("`", $name, "`")] $variant($fields),)*
        }

        impl Op {
            /// Reads the fields of the op with this name; none for a name that
            /// no op has.
            pub(super) fn decode(name: &str, fields: &mut Fields) -> Option<Result<Self>> {
                match name {
                    $($name => Some($fields::decode(fields).map(Self::$variant)),)*
                    _ => None,
                }
            }
        }

        /// Every op for the documentation.
        pub(super) fn documented() -> Vec<super::schema::Frame> {
            vec![$(super::schema::Frame::op::<$fields>($name)),*]
        }
    };
}

ops! {
    "auth" => Auth(AuthOp),
    "resume" => Resume(ResumeOp),
    "reauth" => Reauth(ReauthOp),
    "send" => Send(SendOp),
    "edit" => Edit(EditOp),
    "delete" => Delete(DeleteOp),
    "react" => React(ReactOp),
    "receipt" => Receipt(ReceiptOp),
    "typing" => Typing(TypingOp),
    "presence" => Presence(PresenceOp),
    "signal" => Signal(SignalOp),
    "ping" => Ping(PingOp),
}

/// Says who is there, and where the client stands. The first op, within 10
/// seconds. Answered by `ready`, by what was missed, and by `live`.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "op": "auth", "ref": "1", "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "cursor": {"12": [340, 17]}
}))]
pub(super) struct AuthOp {
    /// An access token. Not needed when the upgrade request carried one.
    pub(super) token: Option<String>,
    /// Where the client stands in the rooms it knows. Rooms that are not named
    /// start where they stand now.
    pub(super) cursor: Option<Cursor>,
}

/// Asks for what was missed in rooms, on an open connection: everything after
/// the cursor that this connection was not told. What happens there meanwhile
/// is held back until the `ok`.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"op": "resume", "ref": "2", "cursor": {"12": [340, 17]}}))]
pub(super) struct ResumeOp {
    /// Where the client stands.
    pub(super) cursor: Cursor,
}

/// Renews the identity before its token ends, without reconnecting.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "op": "reauth", "ref": "3", "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"
}))]
pub(super) struct ReauthOp {
    /// A fresh access token of the same user.
    pub(super) token: String,
}

/// Says something. The `ok` comes once it is stored for good, and names the
/// message. Sends may follow one another without waiting; they are stored and
/// answered in their order.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "op": "send", "ref": "4", "room_id": "12", "text": "¿café a las 5?", "client_id": "c-81"
}))]
pub(super) struct SendOp {
    /// Where.
    #[schema(value_type = Id)]
    pub(super) room_id: RoomId,
    #[serde(flatten)]
    pub(super) message: SendMessage,
}

/// Changes the words of one's own message.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "op": "edit", "ref": "5", "room_id": "12", "id": "907", "text": "¿café a las 6?"
}))]
pub(super) struct EditOp {
    /// Where.
    #[schema(value_type = Id)]
    pub(super) room_id: RoomId,
    /// The message.
    #[schema(value_type = Id)]
    pub(super) id: MessageId,
    #[serde(flatten)]
    pub(super) message: EditMessage,
}

/// Takes a message back, or puts it out of one's own sight. Doing it twice is
/// no error.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"op": "delete", "ref": "6", "room_id": "12", "id": "907", "for": "me"}))]
pub(super) struct DeleteOp {
    /// Where.
    #[schema(value_type = Id)]
    pub(super) room_id: RoomId,
    /// The message.
    #[schema(value_type = Id)]
    pub(super) id: MessageId,
    /// For whom it goes; `everyone` where nothing is said.
    #[schema(rename = "for", value_type = Option<DeleteFor>)]
    pub(super) whom: DeleteFor,
}

/// Leaves a reaction or takes one's own back. Doing it twice is no error.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "op": "react", "ref": "7", "room_id": "12", "id": "907", "emoji": "👍", "on": true
}))]
pub(super) struct ReactOp {
    /// Where.
    #[schema(value_type = Id)]
    pub(super) room_id: RoomId,
    /// The message.
    #[schema(value_type = Id)]
    pub(super) id: MessageId,
    /// An emoji or a word of at most 64 bytes.
    #[schema(min_length = 1, max_length = 64)]
    pub(super) emoji: String,
    /// Whether it stands afterwards.
    pub(super) on: bool,
}

/// Marks every message up to a seq as delivered or read.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"op": "receipt", "ref": "8", "room_id": "12", "read": 341}))]
pub(super) struct ReceiptOp {
    /// Where.
    #[schema(value_type = Id)]
    pub(super) room_id: RoomId,
    #[serde(flatten)]
    pub(super) marks: MarkMessages,
}

/// Tells the others that one is writing, or stopped.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"op": "typing", "room_id": "12", "on": true}))]
pub(super) struct TypingOp {
    /// Where.
    #[schema(value_type = Id)]
    pub(super) room_id: RoomId,
    /// Writing, or no longer.
    pub(super) on: bool,
}

/// Chooses how one looks to others, until one's last connection ends.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"op": "presence", "ref": "9", "status": "busy"}))]
pub(super) struct PresenceOp {
    /// How.
    #[schema(value_type = model::Status)]
    pub(super) status: Status,
}

/// Passes a call signal on, between members of one room. Nothing of it is
/// stored.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "op": "signal", "ref": "10", "room_id": "12", "to": "3", "type": "offer",
    "payload": {"sdp": "v=0"}, "mode": "video"
}))]
pub(super) struct SignalOp {
    /// Where the call is.
    #[schema(value_type = Id)]
    pub(super) room_id: RoomId,
    /// For whom; for every other member where nobody is named.
    #[schema(value_type = Option<Id>)]
    pub(super) to: Option<UserId>,
    /// What sort: `offer`, `answer`, `ice`, `end`, or the app's own word.
    #[schema(rename = "type", min_length = 1, max_length = 32)]
    pub(super) kind: String,
    /// The app's own words, passed on as they are.
    #[schema(required = false)]
    pub(super) payload: Value,
    /// What sort of call, when said.
    #[schema(value_type = Option<CallMode>)]
    pub(super) mode: Option<String>,
}

/// The sorts of call.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only describes what `call_mode` reads")]
pub(super) enum CallMode {
    Audio,
    Video,
}

/// Asks for an `ok`, to see whether the server is there.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"op": "ping", "ref": "11"}))]
pub(super) struct PingOp {}

impl Decode for AuthOp {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            token: fields.optional_text("token")?,
            cursor: Cursor::read(&fields.value("cursor"))?,
        })
    }
}

impl Decode for ResumeOp {
    fn decode(fields: &mut Fields) -> Result<Self> {
        let cursor = Cursor::read(&fields.value("cursor"))?;
        Ok(Self {
            cursor: cursor.ok_or(Error::invalid("cursor", Reason::Missing))?,
        })
    }
}

impl Decode for ReauthOp {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            token: fields.text("token")?,
        })
    }
}

impl Decode for SendOp {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            room_id: room_id(fields)?,
            message: SendMessage::decode(fields)?,
        })
    }
}

impl Decode for EditOp {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            room_id: room_id(fields)?,
            id: message_id(fields)?,
            message: EditMessage::decode(fields)?,
        })
    }
}

impl Decode for DeleteOp {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            room_id: room_id(fields)?,
            id: message_id(fields)?,
            whom: fields
                .optional_word("for", DeleteFor::read)?
                .unwrap_or(DeleteFor::Everyone),
        })
    }
}

impl Decode for ReactOp {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            room_id: room_id(fields)?,
            id: message_id(fields)?,
            emoji: fields.text("emoji")?,
            on: fields.boolean("on")?,
        })
    }
}

impl Decode for ReceiptOp {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            room_id: room_id(fields)?,
            marks: MarkMessages::decode(fields)?,
        })
    }
}

impl Decode for TypingOp {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            room_id: room_id(fields)?,
            on: fields.boolean("on")?,
        })
    }
}

impl Decode for PresenceOp {
    fn decode(fields: &mut Fields) -> Result<Self> {
        let status = fields.optional_word("status", status)?;
        Ok(Self {
            status: status.ok_or(Error::invalid("status", Reason::Missing))?,
        })
    }
}

impl Decode for SignalOp {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            room_id: room_id(fields)?,
            to: fields.optional_id("to")?.map(UserId),
            kind: fields.text("type")?,
            payload: fields.value("payload"),
            mode: fields.optional_word("mode", call_mode)?,
        })
    }
}

impl Decode for PingOp {
    fn decode(_: &mut Fields) -> Result<Self> {
        Ok(Self {})
    }
}

impl From<SignalOp> for SignalDraft {
    fn from(op: SignalOp) -> Self {
        Self {
            to: op.to,
            kind: op.kind,
            payload: op.payload,
            mode: op.mode,
        }
    }
}

fn room_id(fields: &mut Fields) -> Result<RoomId> {
    fields.id("room_id").map(RoomId)
}

fn message_id(fields: &mut Fields) -> Result<MessageId> {
    fields.id("id").map(MessageId)
}

fn status(word: &str) -> Option<Status> {
    match word {
        "online" => Some(Status::Online),
        "busy" => Some(Status::Busy),
        "offline" => Some(Status::Offline),
        _ => None,
    }
}

fn call_mode(word: &str) -> Option<String> {
    matches!(word, "audio" | "video").then(|| word.to_owned())
}
