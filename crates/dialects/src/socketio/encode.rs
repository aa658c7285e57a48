//! What the server says: the objects of both contracts and the packets around
//! them.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use tertulia_domain::{Message, Profile, Room, Timestamp};
use tertulia_hub::ws::frame;
use uuid::Uuid;

use super::form::{Kept, chat_word, is_direct, kind_word};
use super::view::{Dialect, Spoken};
use crate::common::files::FileLinks;
use crate::common::json;
use crate::common::time::Rfc3339;

/// An event in the main namespace, as an Engine.IO message.
pub(super) fn event_text(name: &str, body: &impl Serialize) -> String {
    json::text("42", &(name, body))
}

/// The same as a whole frame.
pub(super) fn event(name: &str, body: &impl Serialize) -> Bytes {
    frame::text(&event_text(name, body))
}

/// The end of the socket, in its own words: the client does not come back by
/// itself.
pub(super) const DISCONNECT: &str = "41";

/// The answer to an event that asked for one: no arguments (upred.md §2).
pub(super) fn acknowledgement(id: u64) -> Bytes {
    frame::text(&format!("43{id}[]"))
}

/// `error`, and `ack` of a send that failed.
#[derive(Serialize)]
pub(super) struct Failure<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<&'static str>,
    pub(super) message: &'a str,
}

/// `connected`.
#[derive(Serialize)]
pub(super) struct Connected<'a> {
    pub(super) status: &'static str,
    pub(super) user_id: &'a str,
    pub(super) sid: &'a str,
}

/// `direct_chat_joined`.
#[derive(Serialize)]
pub(super) struct DirectJoined<'a> {
    pub(super) status: &'static str,
    pub(super) other_user_id: &'a str,
    pub(super) sala_chat_id: i64,
    pub(super) sala_uuid: Hyphenated,
    pub(super) room: String,
}

/// `group_joined`: one for both dialects.
#[derive(Serialize)]
pub(super) struct GroupJoined<'a> {
    pub(super) status: &'static str,
    pub(super) group_id: &'a str,
    pub(super) user_id: &'a str,
    pub(super) sala_chat_id: i64,
    pub(super) sala_uuid: Hyphenated,
    pub(super) room: String,
}

/// `group_left`.
#[derive(Serialize)]
pub(super) struct GroupLeft<'a> {
    pub(super) status: &'static str,
    pub(super) group_id: &'a str,
}

/// `user_joined_group` and, without `sala_uuid`, `user_left_group`.
#[derive(Serialize)]
pub(super) struct Visited<'a> {
    pub(super) user_id: &'a str,
    pub(super) group_id: Digits,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sala_uuid: Option<Hyphenated>,
}

/// `delivery_confirmed` and `read_confirmed`: the values are the client's own.
#[derive(Serialize)]
pub(super) struct Confirmed<'a> {
    pub(super) status: &'static str,
    pub(super) mensaje_id: &'a Value,
    pub(super) user_id: &'a Value,
}

/// `ack` of a send that is stored: one for both dialects.
#[derive(Serialize)]
pub(super) struct Sent<'a> {
    pub(super) status: &'static str,
    pub(super) to: Addressee<'a>,
    pub(super) sender_id: &'a str,
    pub(super) timestamp: Stamp<'a>,
    pub(super) r#type: &'a str,
    pub(super) message_type: &'static str,
    pub(super) saved_to_db: bool,
    pub(super) mensaje_id: Digits,
    pub(super) mensaje_uuid: Hyphenated,
    pub(super) sala_uuid: Hyphenated,
    pub(super) sala_chat_id: Digits,
    pub(super) offline: bool,
    pub(super) message: &'static str,
}

/// `message_history_loaded`.
#[derive(Serialize)]
pub(super) struct HistoryLoaded<'a> {
    pub(super) status: &'static str,
    pub(super) sala_uuid: Hyphenated,
    pub(super) message_count: usize,
    pub(super) messages: Vec<Received<'a>>,
}

/// A number as these clients read it: digits in a text.
#[derive(Clone, Copy)]
pub(super) struct Digits(pub(super) i64);

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The most digits, and a sign.
        let mut text = [0; 20];
        let mut begin = text.len();
        let mut rest = self.0.unsigned_abs();
        loop {
            begin -= 1;
            text[begin] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if self.0 < 0 {
            begin -= 1;
            text[begin] = b'-';
        }
        let digits = str::from_utf8(&text[begin..]).unwrap_or_default();
        serializer.serialize_str(digits)
    }
}

/// To whom something was said.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Addressee<'a> {
    /// A person, or a group by its name.
    Named(&'a str),
    /// A group by its number.
    Numbered(Digits),
}

/// A UUID as this wire writes it: hyphenated, lower case.
#[derive(Clone, Copy)]
pub(super) struct Hyphenated(pub(super) Uuid);

impl Serialize for Hyphenated {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = Uuid::encode_buffer();
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut buffer))
    }
}

/// The sender's own `timestamp`, else the time at which it was stored.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Stamp<'a> {
    Own(&'a Value),
    Stored(Rfc3339),
}

impl<'a> Stamp<'a> {
    pub(super) fn of(message: &'a Message) -> Self {
        match Kept::of(message).timestamp() {
            Some(own) => Self::Own(own),
            None => Self::Stored(Rfc3339::new(message.created_at)),
        }
    }
}

/// `enviado_en`: without a zone for who has spoken UPRed, else with an offset.
/// The server's zone is UTC.
struct StoredAt {
    at: Timestamp,
    with_offset: bool,
}

impl Serialize for StoredAt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const TO_THE_SECOND: usize = "0000-00-00T00:00:00".len();
        let time = Rfc3339::new(self.at);
        let time = time.as_str();
        if !self.with_offset {
            return serializer.serialize_str(&time[..TO_THE_SECOND]);
        }
        let mut text = *b"0000-00-00T00:00:00+00:00";
        text[..TO_THE_SECOND].copy_from_slice(&time.as_bytes()[..TO_THE_SECOND]);
        serializer.serialize_str(str::from_utf8(&text).unwrap_or_default())
    }
}

/// A message, as `receive_message` and histories say it: one object for both
/// dialects.
pub(super) struct Received<'a> {
    said: Said<'a>,
    /// What its sender gave it besides; few do.
    extra: Option<&'a Map<String, Value>>,
}

/// What is said of every message.
#[derive(Serialize)]
struct Said<'a> {
    /// Only in histories.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Digits>,
    from: &'a str,
    sender_id: &'a str,
    to: Addressee<'a>,
    message: &'a str,
    r#type: &'a str,
    message_type: &'static str,
    timestamp: Stamp<'a>,
    url_archivo: Option<Cow<'a, str>>,
    mensaje_id: Digits,
    mensaje_uuid: Hyphenated,
    enviado_en: StoredAt,
    sala_uuid: Hyphenated,
    sala_chat_id: Digits,
    sender_name: &'a str,
    /// Nobody's address is told to others; the key is there for who reads it.
    sender_email: &'static str,
    offline: bool,
}

impl Serialize for Received<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Joined<'a> {
            #[serde(flatten)]
            said: &'a Said<'a>,
            #[serde(flatten)]
            extra: &'a Map<String, Value>,
        }
        let said = &self.said;
        match self.extra {
            None => said.serialize(serializer),
            Some(extra) => Joined { said, extra }.serialize(serializer),
        }
    }
}

/// The keys of [`Received`], and those of a send: what a client sends under
/// another name is passed on.
pub(super) const KNOWN: &[&str] = &[
    "id",
    "from",
    "sender_id",
    "to",
    "message",
    "type",
    "message_type",
    "timestamp",
    "url_archivo",
    "mensaje_id",
    "mensaje_uuid",
    "enviado_en",
    "sala_uuid",
    "sala_chat_id",
    "sender_name",
    "sender_email",
    "offline",
];

impl<'a> Received<'a> {
    /// A message to a socket that has spoken this. `peer` is to whom it was
    /// said in a direct chat, as far as that is known.
    pub(super) fn new(
        message: &'a Message,
        sender: Option<&'a Profile>,
        room: &'a Room,
        spoken: Spoken,
        peer: Option<&'a str>,
        links: &FileLinks,
    ) -> Self {
        let kept = Kept::of(message);
        let from = sender.map_or("", |who| who.handle.as_str());
        let said = Said {
            id: None,
            from,
            sender_id: from,
            to: addressee(kept, room, peer),
            message: kept.text(),
            r#type: type_word(kept, room, spoken),
            message_type: kind_word(message.kind),
            timestamp: Stamp::of(message),
            url_archivo: url(message, links),
            mensaje_id: Digits(message.id.0),
            mensaje_uuid: Hyphenated(message.uuid),
            enviado_en: StoredAt {
                at: message.created_at,
                with_offset: spoken != Spoken::Upred,
            },
            sala_uuid: Hyphenated(room.uuid),
            sala_chat_id: Digits(room.id.0),
            sender_name: sender.map_or("", |who| who.display_name.as_str()),
            sender_email: "",
            offline: false,
        };
        Self {
            said,
            extra: kept.extra(),
        }
    }

    /// The same in a history.
    pub(super) fn in_history(mut self) -> Self {
        self.said.id = Some(self.said.mensaje_id);
        self
    }
}

/// `url_archivo`: a link to the message's first file, signed anew; else the
/// address that its sender gave.
fn url<'a>(message: &'a Message, links: &FileLinks) -> Option<Cow<'a, str>> {
    match message.files.first() {
        Some(file) => Some(links.url(file.id).into()),
        None => Kept::of(message).url().map(Into::into),
    }
}

/// `to`: REDUP's own; else the other person, or the group as it is joined.
pub(super) fn addressee<'a>(
    kept: Kept<'a>,
    room: &'a Room,
    peer: Option<&'a str>,
) -> Addressee<'a> {
    if let Some(to) = kept.to() {
        return Addressee::Named(to);
    }
    if is_direct(room) {
        return Addressee::Named(peer.unwrap_or_default());
    }
    match &room.external_id {
        Some(name) => Addressee::Named(name),
        None => Addressee::Numbered(Digits(room.id.0)),
    }
}

/// `type` follows the receiving socket (contracts/README.md).
fn type_word<'a>(kept: Kept<'a>, room: &Room, spoken: Spoken) -> &'a str {
    let own = kept.word().unwrap_or(chat_word(room));
    match spoken {
        Spoken::Upred => chat_word(room),
        Spoken::Redup => own,
        Spoken::Nothing if is_direct(room) => own,
        // It has done nothing but join the group.
        Spoken::Nothing => chat_word(room),
    }
}

/// Whether a message goes to a socket with this view of its room. `own` when
/// the socket is its sender's; none where that is not known yet.
///
/// This is the row "delivery scope" of contracts/README.md.
pub(super) fn is_for(
    message: &Message,
    room: &Room,
    view: super::view::View,
    own: Option<bool>,
) -> bool {
    let dialect = Kept::of(message).dialect();
    if !is_direct(room) {
        let redup_only = view.spoken == Spoken::Redup;
        return view.open || (redup_only && dialect != Some(Dialect::Redup));
    }
    // With oneself the echo is the delivery.
    let is_recipient = room.own_of().is_some() || own != Some(true);
    match dialect {
        Some(Dialect::Upred) => view.open || (is_recipient && view.spoken != Spoken::Upred),
        Some(Dialect::Redup) => is_recipient,
        None => view.open || is_recipient,
    }
}
