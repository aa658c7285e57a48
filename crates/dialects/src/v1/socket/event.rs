//! What clients are told: a struct for each event. None depends on who reads it,
//! save the answers to one's own ops.

use serde::Serialize;
use serde_json::Value;
use tertulia_domain::{Position, ReceiptKind, Stretch};
use utoipa::ToSchema;

use super::cursor::Cursor;
use crate::common::json;
use crate::v1::model::{Account, Id, Member, Message, Room, RoomInfo, Status, Time};
use crate::v1::problem::FieldProblem;

/// An event by the word that names it on the wire.
pub(super) trait Event: Serialize + ToSchema {
    /// `ev`
    const NAME: &'static str;
}

/// Lists the events: the word on the wire, the struct behind it.
macro_rules! events {
    ($($name:literal => $event:ty,)*) => {
        $(impl Event for $event {
            const NAME: &'static str = $name;
        })*

        /// Every event for the documentation.
        pub(super) fn documented() -> Vec<super::schema::Frame> {
            vec![$(super::schema::Frame::event::<$event>()),*]
        }
    };
}

events! {
    "ready" => ReadyEvent,
    "live" => LiveEvent,
    "ok" => OkEvent,
    "error" => ErrorEvent,
    "message" => MessageEvent,
    "message.edited" => EditedEvent,
    "message.deleted" => DeletedEvent,
    "reaction" => ReactionEvent<'_>,
    "receipt" => ReceiptEvent,
    "member" => MemberEvent,
    "room" => RoomEvent,
    "typing" => TypingEvent,
    "presence" => PresenceEvent,
    "signal" => SignalEvent<'_>,
    "resync" => ResyncEvent,
    "bye" => ByeEvent,
}

/// As JSON.
pub(super) fn encode<E: Event>(event: &E) -> String {
    #[derive(Serialize)]
    struct Named<'a, E> {
        ev: &'static str,
        #[serde(flatten)]
        event: &'a E,
    }
    json::text("", &Named { ev: E::NAME, event })
}

/// The answer to `auth`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "ev": "ready", "ref": "1",
    "user": {
        "id": "2", "uuid": "1b4e28ba-2fa1-41d2-883f-0016d3cca427", "username": "ines",
        "display_name": "Inés Mora", "avatar_url": null, "status": "online",
        "last_seen_at": null, "email": "ines@example.org", "external_id": null,
        "created_at": "2026-01-09T12:00:00.000Z"
    },
    "cursor": {"12": [341, 19]}, "rooms": [], "next_cursor": null
}))]
pub(super) struct ReadyEvent {
    /// The `ref` of the `auth`.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) reference: Option<String>,
    /// Who one is.
    pub(super) user: Account,
    /// Where all rooms of the user stand (the first 500 of them). Once `live`
    /// has come, the client stands there at least, save in rooms of `resync`:
    /// what became of a missed message before it was told comes with it, not as
    /// an event that would move the client's own cursor.
    pub(super) cursor: Cursor,
    /// The rooms of the user, the one with the newest message first: the
    /// beginning of `GET /v1/rooms`.
    pub(super) rooms: Vec<Room>,
    /// Goes into `GET /v1/rooms?cursor=` to get the other rooms; `null` when
    /// these are all.
    pub(super) next_cursor: Option<String>,
}

/// Everything that was missed has been told; from now on events come as they
/// happen.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"ev": "live"}))]
pub(super) struct LiveEvent {}

/// An op was carried out. To `send` it says what became of the message, to other
/// ops no more than that.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(example = json!({
    "ev": "ok", "ref": "4", "room_id": "12", "id": "907",
    "uuid": "8c5ad2f1-6f1c-4a56-9d5c-3f1d0a7c9b11", "seq": 342, "repeated": false,
    "created_at": "2026-02-03T15:00:00.123Z"
}))]
pub(super) struct OkEvent {
    /// The `ref` of the op.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) reference: Option<String>,
    /// To `send`: where it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) room_id: Option<Id>,
    /// To `send`: names the message for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) id: Option<Id>,
    /// To `send`: the same for the dialects that show a UUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    pub(super) uuid: Option<String>,
    /// To `send`: the message's place in the room.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    pub(super) seq: Option<i64>,
    /// To `send`: whether the same send was stored before. This is then the
    /// first result.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) repeated: Option<bool>,
    /// To `send`: when it was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) created_at: Option<Time>,
}

/// An op was not carried out. The connection goes on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "ev": "error", "ref": "4", "code": "slow_down", "detail": "Espera 1 s y vuelve a intentarlo.",
    "errors": [], "retry_after": 1
}))]
pub(super) struct ErrorEvent {
    /// The `ref` of the op, where it could be read.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) reference: Option<String>,
    /// The stable word for the error: those of REST, and `not_text`,
    /// `not_an_object`, `unknown_op`, `already_authenticated`, `other_user`.
    /// Texts may change, this may not.
    #[schema(pattern = "^[a-z_]+$")]
    pub(super) code: &'static str,
    /// What to do about it, in the language of the upgrade request
    /// (`Accept-Language`; Spanish if none).
    pub(super) detail: String,
    /// The fields to blame; empty where none is.
    pub(super) errors: Vec<FieldProblem>,
    /// Seconds to wait before the next try, where waiting helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    pub(super) retry_after: Option<u64>,
}

/// Where a room stands after a stored event: its entry in the client's cursor.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct Place {
    /// Where it happened.
    pub(super) room_id: Id,
    /// The seq of the room's last message after it.
    #[schema(minimum = 0)]
    pub(super) seq: i64,
    /// The room's revision after it.
    #[schema(minimum = 0)]
    pub(super) revision: i64,
}

impl Place {
    pub(super) fn new(room: tertulia_domain::RoomId, at: Position) -> Self {
        Self {
            room_id: room.into(),
            seq: at.seq.0,
            revision: at.revision.0,
        }
    }
}

/// Somebody said something. The sender's own connections get it too, once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "ev": "message", "room_id": "12", "seq": 342, "revision": 19,
    "message": {
        "id": "907", "uuid": "8c5ad2f1-6f1c-4a56-9d5c-3f1d0a7c9b11", "room_id": "12",
        "seq": 342, "client_id": "c-81",
        "sender": {
            "id": "2", "uuid": "1b4e28ba-2fa1-41d2-883f-0016d3cca427", "username": "ines",
            "display_name": "Inés Mora", "avatar_url": null
        },
        "kind": "text", "text": "¿café a las 5?", "reply_to": null, "files": [],
        "reactions": [], "edited_at": null, "deleted_at": null,
        "created_at": "2026-02-03T15:00:00.123Z"
    }
}))]
pub(super) struct MessageEvent {
    #[serde(flatten)]
    pub(super) place: Place,
    /// What.
    pub(super) message: Message,
}

/// The author changed a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "ev": "message.edited", "room_id": "12", "seq": 342, "revision": 20,
    "message": {
        "id": "907", "uuid": "8c5ad2f1-6f1c-4a56-9d5c-3f1d0a7c9b11", "room_id": "12",
        "seq": 342, "client_id": "c-81",
        "sender": {
            "id": "2", "uuid": "1b4e28ba-2fa1-41d2-883f-0016d3cca427", "username": "ines",
            "display_name": "Inés Mora", "avatar_url": null
        },
        "kind": "text", "text": "¿café a las 6?", "reply_to": null, "files": [],
        "reactions": [{"emoji": "👍", "count": 1, "user_ids": ["3"]}],
        "edited_at": "2026-02-03T15:01:00.000Z", "deleted_at": null,
        "created_at": "2026-02-03T15:00:00.123Z"
    }
}))]
pub(super) struct EditedEvent {
    #[serde(flatten)]
    pub(super) place: Place,
    /// As it is now.
    pub(super) message: Message,
}

/// A message was taken back; or, with `for` `me`, the reader put it out of its
/// own sight, on this or another device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "ev": "message.deleted", "room_id": "12", "seq": 342, "revision": 21, "id": "907",
    "message_seq": 342, "for": "everyone", "by": "2", "deleted_at": "2026-02-03T15:02:00.000Z"
}))]
pub(super) struct DeletedEvent {
    #[serde(flatten)]
    pub(super) place: Place,
    /// The message.
    pub(super) id: Id,
    /// Its place in the room.
    #[schema(minimum = 1)]
    pub(super) message_seq: i64,
    /// For whom it is gone.
    #[serde(rename = "for")]
    pub(super) whom: DeletedFor,
    /// Who did it.
    pub(super) by: Id,
    /// When it was taken back; `null` when it was only put out of sight.
    pub(super) deleted_at: Option<Time>,
}

/// For whom a message is gone.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DeletedFor {
    /// The reader alone.
    Me,
    /// All who may read it.
    Everyone,
}

/// Somebody left a reaction on a message, or took it back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "ev": "reaction", "room_id": "12", "seq": 342, "revision": 22, "id": "907",
    "message_seq": 342, "user_id": "3", "emoji": "👍", "on": true,
    "at": "2026-02-03T15:00:30.000Z"
}))]
pub(super) struct ReactionEvent<'a> {
    #[serde(flatten)]
    pub(super) place: Place,
    /// The message.
    pub(super) id: Id,
    /// Its place in the room.
    #[schema(minimum = 1)]
    pub(super) message_seq: i64,
    /// Whose reaction.
    pub(super) user_id: Id,
    /// Which.
    #[schema(max_length = 64)]
    pub(super) emoji: &'a str,
    /// Whether it stands now.
    pub(super) on: bool,
    /// When.
    pub(super) at: Time,
}

/// Messages reached a member, or were read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "ev": "receipt", "room_id": "12", "seq": 342, "revision": 23, "user_id": "3",
    "marks": [{"kind": "read", "from": 340, "to": 342, "at": "2026-02-03T15:00:20.000Z"}]
}))]
pub(super) struct ReceiptEvent {
    #[serde(flatten)]
    pub(super) place: Place,
    /// Whom they reached.
    pub(super) user_id: Id,
    /// What was not marked before.
    pub(super) marks: Vec<ReceiptMark>,
}

/// Messages that were first marked at one time.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct ReceiptMark {
    /// What the mark says.
    pub(super) kind: MarkKind,
    /// The first message's seq.
    #[schema(minimum = 1)]
    pub(super) from: i64,
    /// The last message's seq.
    #[schema(minimum = 1)]
    pub(super) to: i64,
    /// When.
    pub(super) at: Time,
}

/// What a mark says.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum MarkKind {
    /// It reached a device.
    Delivered,
    /// The person saw it; so it was delivered, too.
    Read,
}

impl From<&Stretch> for ReceiptMark {
    fn from(stretch: &Stretch) -> Self {
        Self {
            kind: match stretch.kind {
                ReceiptKind::Delivered => MarkKind::Delivered,
                ReceiptKind::Read => MarkKind::Read,
            },
            from: stretch.from.0,
            to: stretch.to.0,
            at: stretch.at.into(),
        }
    }
}

/// Somebody came into the room, left it, or has another role there. Who comes
/// in is told, too, and gets the room's events from this one on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "ev": "member", "room_id": "12", "seq": 342, "revision": 24,
    "member": {
        "user": {
            "id": "4", "uuid": "3c0969ac-c6e3-40f2-9fc8-2a59b8987918", "username": "luis",
            "display_name": "Luis", "avatar_url": null
        },
        "role": "member", "state": "active", "joined_at": "2026-02-03T15:03:00.000Z",
        "delivered_seq": 0, "read_seq": 0
    },
    "by": "2"
}))]
pub(super) struct MemberEvent {
    #[serde(flatten)]
    pub(super) place: Place,
    /// Who, and how it stands now.
    pub(super) member: Member,
    /// Who did it.
    pub(super) by: Id,
}

/// A room was made, changed or closed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "ev": "room", "room_id": "12", "seq": 342, "revision": 25, "change": "updated",
    "room": {
        "id": "12", "uuid": "6b29fc40-ca47-4067-b31d-00dd010662da", "kind": "group",
        "title": "Cafetal", "description": null, "visibility": "private", "open": false,
        "created_at": "2026-01-09T12:00:00.000Z", "updated_at": "2026-02-03T15:04:00.000Z"
    },
    "by": "2"
}))]
pub(super) struct RoomEvent {
    #[serde(flatten)]
    pub(super) place: Place,
    /// What happened to it.
    pub(super) change: RoomChange,
    /// As it is now.
    pub(super) room: RoomInfo,
    /// Its first members, when it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) members: Option<Vec<Member>>,
    /// Who did it.
    pub(super) by: Id,
}

/// What happened to a room.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RoomChange {
    /// It was made; one is a member of it.
    Created,
    /// It has another title, description or visibility.
    Updated,
    /// It is gone; nothing follows.
    Closed,
}

/// Somebody else is writing, or stopped. Not stored, not replayed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"ev": "typing", "room_id": "12", "user_id": "3", "on": true}))]
pub(super) struct TypingEvent {
    /// Where.
    pub(super) room_id: Id,
    /// Who.
    pub(super) user_id: Id,
    /// Writing, or no longer.
    pub(super) on: bool,
}

/// Somebody with whom one shares a room came, went, or chose another status; or
/// oneself did, on another device. Not stored, not replayed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"ev": "presence", "user_id": "3", "status": "offline"}))]
pub(super) struct PresenceEvent {
    /// Who.
    pub(super) user_id: Id,
    /// The status now.
    pub(super) status: Status,
}

/// A call signal of another member. Not stored, not replayed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "ev": "signal", "room_id": "12", "from": "2", "to": "3", "type": "offer",
    "payload": {"sdp": "v=0"}, "mode": "video"
}))]
pub(super) struct SignalEvent<'a> {
    /// Where the call is.
    pub(super) room_id: Id,
    /// Who sends it.
    pub(super) from: Id,
    /// For whom; `null` when it is for every other member.
    pub(super) to: Option<Id>,
    /// What sort: `offer`, `answer`, `ice`, `end`, or the app's own word.
    #[serde(rename = "type")]
    #[schema(max_length = 32)]
    pub(super) kind: &'a str,
    /// The app's own words.
    pub(super) payload: &'a Value,
    /// `audio` or `video`, when said.
    pub(super) mode: Option<&'a str>,
}

/// Too much was missed in these rooms, or one may no longer read them: fetch
/// them over REST. They go on from where they stand now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"ev": "resync", "room_ids": ["12"]}))]
pub(super) struct ResyncEvent {
    /// Which.
    pub(super) room_ids: Vec<Id>,
}

/// The last word before the server closes the connection.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"ev": "bye", "reason": "restarting", "retry_in_ms": 1840}))]
pub(super) struct ByeEvent {
    /// Why.
    pub(super) reason: ByeReason,
    /// With `restarting`: come back after so many milliseconds. They differ from
    /// client to client, so that not all come back at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0)]
    pub(super) retry_in_ms: Option<u64>,
}

/// Why the server closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ByeReason {
    /// No `auth` came in time. Close code 4401.
    AuthTimeout,
    /// The token ended and was not renewed: get a new one, come back. Close code
    /// 4401.
    TokenExpired,
    /// The login ended: log in again. Close code 4401.
    SessionEnded,
    /// The server restarts: come back after `retry_in_ms`. Close code 1012.
    Restarting,
    /// Storage is away in the middle of a catch-up: come back and go on from
    /// the cursor. Close code 1013.
    Unavailable,
    /// Too much happens for the pace of this connection: come back and go on
    /// from the cursor. Close code 1013.
    SlowConsumer,
}
