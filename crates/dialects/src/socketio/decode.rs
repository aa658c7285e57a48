//! What clients say: every event of both contracts, and which of the two an
//! event belongs to.

use serde_json::{Map, Value};
use tertulia_domain::{ClientId, MessageId, MessageKind, ReceiptKind};
use uuid::Uuid;

use super::encode::KNOWN;
use super::error::Refusal;
use super::form::Form;
use super::view::{Dialect, Spoken};

/// An event of a client.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    /// To which of the two it belongs, when only one has it.
    pub(super) dialect: Option<Dialect>,
    pub(super) action: Result<Action, Refusal>,
}

/// What a client asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    /// `join_direct_chat`.
    JoinDirect { other: String },
    /// `join_group`.
    JoinGroup { group: String },
    /// `leave_group`.
    LeaveGroup { group: String },
    /// `send_message`, `send_direct_message`, `send_group_message`.
    Send(Box<Send>),
    /// `mark_delivered`, `mark_read`.
    Mark(Mark),
    /// `load_message_history`; a room that is no UUID is none.
    History { room: Uuid, limit: usize },
}

/// A message to be sent.
#[derive(Debug, PartialEq)]
pub(super) struct Send {
    pub(super) target: Target,
    pub(super) text: String,
    pub(super) kind: MessageKind,
    /// Who the client says it is.
    pub(super) sender: String,
    pub(super) form: Form,
    pub(super) client_id: Option<ClientId>,
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    /// `sala_uuid`; a text that is no UUID names no room.
    Room(Uuid),
    /// A person.
    Person(String),
    /// A group.
    Group(String),
    /// REDUP's `to` where `type` does not say what it names.
    Either(String),
}

/// A mark on one message. The values are told back as they came.
#[derive(Debug, PartialEq)]
pub(super) struct Mark {
    pub(super) kind: ReceiptKind,
    pub(super) message: Value,
    pub(super) user: Value,
}

impl Mark {
    /// The message; none when it names none.
    pub(super) fn message(&self) -> Option<MessageId> {
        let number = match &self.message {
            Value::String(digits) => digits.trim().parse().ok(),
            value => value.as_i64(),
        };
        number.map(MessageId)
    }

    /// Who says to have got it.
    pub(super) fn user(&self) -> String {
        text_of(&self.user)
    }
}

/// The most messages of a history, and how many when the client does not say.
pub(super) const HISTORY: usize = 200;
const USUAL_HISTORY: usize = 50;

/// Whether this is a send, which may be handled while earlier ones wait.
pub(super) fn is_send(name: &str) -> bool {
    matches!(
        name,
        "send_message" | "send_direct_message" | "send_group_message"
    )
}

/// Reads an event; none when no dialect has it. `body` is its first argument;
/// one that is missing is no object. `spoken` decides the words about a send
/// that names no destination.
pub(super) fn decode(name: &str, body: Option<Value>, spoken: Spoken) -> Option<Request> {
    let fields = match body {
        Some(Value::Object(fields)) => Some(Fields(fields.into_iter().collect())),
        _ => None,
    };
    let (dialect, action) = match name {
        "join_direct_chat" => (Some(Dialect::Upred), join_direct(fields)),
        "join_group" => (None, join_group(fields)),
        "leave_group" => (Some(Dialect::Upred), leave_group(fields)),
        "send_message" => send_message(fields, spoken),
        "send_direct_message" => (Some(Dialect::Upred), send_direct(fields)),
        "send_group_message" => (Some(Dialect::Upred), send_group(fields)),
        "mark_delivered" => (None, mark(fields, ReceiptKind::Delivered)),
        "mark_read" => (Some(Dialect::Upred), mark(fields, ReceiptKind::Read)),
        "load_message_history" => (Some(Dialect::Upred), history(fields)),
        _ => return None,
    };
    Some(Request { dialect, action })
}

fn join_direct(fields: Option<Fields>) -> Result<Action, Refusal> {
    let fields = fields.ok_or(Refusal::error("Payload inválido para join_direct_chat"))?;
    let other = fields.id("other_user_id");
    let other = other.ok_or(Refusal::error("other_user_id es requerido"))?;
    Ok(Action::JoinDirect { other })
}

fn join_group(fields: Option<Fields>) -> Result<Action, Refusal> {
    let fields = fields.ok_or(Refusal::error("Payload inválido para join_group"))?;
    let group = fields.id("group_id").ok_or(Refusal::GROUP_REQUIRED)?;
    Ok(Action::JoinGroup { group })
}

fn leave_group(fields: Option<Fields>) -> Result<Action, Refusal> {
    let fields = fields.ok_or(Refusal::error("Payload inválido para leave_group"))?;
    let group = fields.id("group_id").ok_or(Refusal::GROUP_REQUIRED)?;
    Ok(Action::LeaveGroup { group })
}

fn mark(fields: Option<Fields>, kind: ReceiptKind) -> Result<Action, Refusal> {
    let mut fields = fields.ok_or(match kind {
        ReceiptKind::Delivered => Refusal::error("Payload inválido para mark_delivered"),
        ReceiptKind::Read => Refusal::error("Payload inválido para mark_read"),
    })?;
    match (fields.required("mensaje_id"), fields.required("user_id")) {
        (Some(message), Some(user)) => Ok(Action::Mark(Mark {
            kind,
            message,
            user,
        })),
        _ => Err(Refusal::error("mensaje_id y user_id son requeridos")),
    }
}

fn history(fields: Option<Fields>) -> Result<Action, Refusal> {
    let fields = fields.ok_or(Refusal::error("Payload inválido para load_message_history"))?;
    let room = fields.id("sala_uuid");
    let room = room.ok_or(Refusal::error("sala_uuid es requerido"))?;
    Ok(Action::History {
        room: parse_uuid(&room),
        limit: fields.limit(),
    })
}

/// `send_message`: with `sala_uuid` it is UPRed's, with `to` REDUP's.
fn send_message(
    fields: Option<Fields>,
    spoken: Spoken,
) -> (Option<Dialect>, Result<Action, Refusal>) {
    let Some(fields) = fields else {
        return (None, Err(Refusal::MALFORMED));
    };
    let dialect = match (fields.names("sala_uuid"), fields.names("to")) {
        (true, _) => Some(Dialect::Upred),
        (false, true) => Some(Dialect::Redup),
        (false, false) => None,
    };
    let worded = dialect.unwrap_or(match spoken {
        Spoken::Redup => Dialect::Redup,
        Spoken::Nothing | Spoken::Upred => Dialect::Upred,
    });
    let missing = match worded {
        Dialect::Upred => ["sala_uuid", "message", "sender_id", "timestamp", "type"],
        Dialect::Redup => ["to", "message", "sender_id", "timestamp", "type"],
    };
    let action = match (fields.missing(missing), dialect) {
        (Some(refusal), _) => Err(refusal),
        (None, None) => Err(Refusal::ack("sala_uuid o to es requerido")),
        (None, Some(Dialect::Upred)) => send_to_room(fields),
        (None, Some(Dialect::Redup)) => send_to(fields),
    };
    (dialect, action)
}

/// UPRed's form. What the client says of the chat's kind is checked and not
/// believed: the room says it.
fn send_to_room(mut fields: Fields) -> Result<Action, Refusal> {
    let text = fields.message()?;
    let kind = fields.kind("message_type")?.unwrap_or_default();
    Word::read(fields.get("type"))
        .filter(|word| matches!(word, Word::Direct | Word::Group))
        .ok_or(Refusal::TYPE)?;
    let room = fields.id("sala_uuid").unwrap_or_default();
    Ok(send(Send {
        target: Target::Room(parse_uuid(&room)),
        text,
        kind,
        sender: fields.sender(),
        client_id: fields.client_id(),
        form: Form {
            dialect: Dialect::Upred,
            word: None,
            to: None,
            url: fields.url("url_archivo")?,
            timestamp: fields.remove("timestamp"),
            extra: Map::new(),
        },
    }))
}

/// REDUP's form: `type` says what is sent or to whom (redup.md §3).
fn send_to(mut fields: Fields) -> Result<Action, Refusal> {
    let text = fields.message()?;
    let kind = fields.kind("message_type")?;
    let word = Word::read(fields.get("type")).ok_or(Refusal::TYPE)?;
    let to = fields.id("to").unwrap_or_default();
    Ok(send(Send {
        kind: match word {
            Word::Image => MessageKind::Image,
            Word::Text | Word::Direct | Word::Group => kind.unwrap_or_default(),
        },
        target: match word {
            Word::Direct => Target::Person(to.clone()),
            Word::Group => Target::Group(to.clone()),
            Word::Text | Word::Image => Target::Either(to.clone()),
        },
        text,
        sender: fields.sender(),
        client_id: fields.client_id(),
        form: Form {
            dialect: Dialect::Redup,
            word: fields.get("type").map(text_of),
            to: Some(to),
            url: fields.url("url_archivo")?,
            timestamp: fields.remove("timestamp"),
            extra: fields.extra(),
        },
    }))
}

fn send_direct(fields: Option<Fields>) -> Result<Action, Refusal> {
    let fields = fields.ok_or(Refusal::MALFORMED)?;
    let (Some(_), Some(to)) = (fields.id("sender_id"), fields.id("recipient_id")) else {
        return Err(Refusal::ack("sender_id y recipient_id son requeridos"));
    };
    send_content(fields, Target::Person(to))
}

fn send_group(fields: Option<Fields>) -> Result<Action, Refusal> {
    let fields = fields.ok_or(Refusal::MALFORMED)?;
    let (Some(_), Some(group)) = (fields.id("sender_id"), fields.id("group_id")) else {
        return Err(Refusal::ack("sender_id y group_id son requeridos"));
    };
    send_content(fields, Target::Group(group))
}

/// UPRed's later forms. Their optional `type` is the kind of what is sent, or a
/// kind of chat, which the target says already.
fn send_content(mut fields: Fields, target: Target) -> Result<Action, Refusal> {
    let url = fields.url("file_url")?;
    let text = match fields.remove("content") {
        Some(Value::String(text)) => text,
        None | Some(Value::Null) => String::new(),
        Some(_) => return Err(Refusal::MALFORMED),
    };
    if text.is_empty() && url.is_none() {
        return Err(Refusal::ack("content o file_url es requerido"));
    }
    let kind = match Word::read(fields.get("type")) {
        Some(Word::Direct | Word::Group) => None,
        Some(Word::Text) => Some(MessageKind::Text),
        Some(Word::Image) => Some(MessageKind::Image),
        None => fields.kind("type")?,
    };
    let kind = match fields.kind("message_type")? {
        Some(said) => said,
        None => kind.unwrap_or_default(),
    };
    Ok(send(Send {
        target,
        text,
        kind,
        sender: fields.sender(),
        client_id: fields.client_id(),
        form: Form {
            dialect: Dialect::Upred,
            word: None,
            to: None,
            url,
            timestamp: fields.remove("timestamp").filter(|it| !it.is_null()),
            extra: Map::new(),
        },
    }))
}

fn send(send: Send) -> Action {
    Action::Send(Box::new(send))
}

/// The words of `type`, whatever their case.
#[derive(Clone, Copy)]
enum Word {
    Text,
    Image,
    Direct,
    Group,
}

impl Word {
    /// `individual` is what the Android app says when it does not know.
    fn read(value: Option<&Value>) -> Option<Self> {
        const WORDS: &[(&str, Word)] = &[
            ("text", Word::Text),
            ("texto", Word::Text),
            ("image", Word::Image),
            ("imagen", Word::Image),
            ("directo", Word::Direct),
            ("individual", Word::Direct),
            ("grupal", Word::Group),
        ];
        named(value?.as_str()?, WORDS)
    }
}

/// The kinds of what is sent, whatever their case.
const KINDS: &[(&str, MessageKind)] = &[
    ("texto", MessageKind::Text),
    ("imagen", MessageKind::Image),
    ("archivo", MessageKind::File),
    ("audio", MessageKind::Audio),
];

/// What a word means; spaces around it and its case say nothing.
fn named<T: Copy>(word: &str, meanings: &[(&str, T)]) -> Option<T> {
    let word = word.trim();
    let mut meanings = meanings.iter();
    let found = meanings.find(|(name, _)| word.eq_ignore_ascii_case(name));
    found.map(|(_, meaning)| *meaning)
}

/// The fields of an event, each name once. A send has few and is asked for as
/// many: they are compared sooner than hashed.
struct Fields(Vec<(String, Value)>);

impl Fields {
    fn get(&self, name: &str) -> Option<&Value> {
        let mut fields = self.0.iter();
        fields.find_map(|(field, value)| (field == name).then_some(value))
    }

    fn remove(&mut self, name: &str) -> Option<Value> {
        let place = self.0.iter().position(|(field, _)| field == name)?;
        // The others keep their order.
        Some(self.0.remove(place).1)
    }

    /// A value that counts where one is required: `""`, `0`, `null`, `false`
    /// and what is empty do not.
    fn required(&mut self, name: &str) -> Option<Value> {
        self.remove(name).filter(|value| !is_falsy(value))
    }

    /// Whether a required id is there.
    fn names(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !is_falsy(value))
    }

    /// A required id, a string or a number, as text. What is neither names
    /// nobody.
    fn id(&self, name: &str) -> Option<String> {
        let value = self.get(name).filter(|value| !is_falsy(value))?;
        Some(text_of(value))
    }

    fn missing(&self, required: [&str; 5]) -> Option<Refusal> {
        let missing: Vec<_> = required
            .into_iter()
            .filter(|name| self.get(name).is_none())
            .collect();
        (!missing.is_empty()).then(|| Refusal::missing(&missing))
    }

    fn message(&mut self) -> Result<String, Refusal> {
        match self.remove("message") {
            Some(Value::String(text)) => Ok(text),
            _ => Err(Refusal::MALFORMED),
        }
    }

    fn sender(&self) -> String {
        self.get("sender_id").map(text_of).unwrap_or_default()
    }

    /// A kind of message; none when it is not said. What the server says of a
    /// room is not for clients to say.
    fn kind(&self, name: &str) -> Result<Option<MessageKind>, Refusal> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(word)) => {
                let kind = named(word, KINDS).ok_or(Refusal::MESSAGE_TYPE)?;
                Ok(Some(kind))
            }
            Some(_) => Err(Refusal::MESSAGE_TYPE),
        }
    }

    fn url(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        match self.remove(name) {
            Some(Value::String(url)) if !url.trim().is_empty() => Ok(Some(url)),
            Some(value) if !is_falsy(&value) && !value.is_string() => Err(Refusal::MALFORMED),
            _ => Ok(None),
        }
    }

    /// The sender's own id of this send, which makes a retry harmless (G6):
    /// ours, beside the contracts. What is no such id is nothing.
    fn client_id(&self) -> Option<ClientId> {
        let id = self.get("client_id")?.as_str()?;
        ClientId::new(id.to_owned()).ok()
    }

    /// Keys that the contract does not know, with values that are neither lists
    /// nor objects.
    fn extra(self) -> Map<String, Value> {
        let is_extra = |(name, value): &(String, Value)| {
            !KNOWN.contains(&name.as_str()) && !value.is_array() && !value.is_object()
        };
        self.0.into_iter().filter(is_extra).collect()
    }

    fn limit(&self) -> usize {
        let limit = match self.get("limit") {
            Some(Value::String(digits)) => digits.trim().parse().ok(),
            Some(value) => value.as_i64(),
            None => None,
        };
        let Some(limit) = limit.filter(|limit| *limit != 0) else {
            return USUAL_HISTORY;
        };
        usize::try_from(limit).map_or(1, |limit| limit.min(HISTORY))
    }
}

fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

/// A string or a number as the text that names somebody; nothing else does.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => match number.as_f64() {
            // A client whose numbers are all floating point.
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => {
                format!("{float:.0}")
            }
            _ => number.to_string(),
        },
        _ => String::new(),
    }
}

/// What is no UUID is one that nothing has.
fn parse_uuid(text: &str) -> Uuid {
    Uuid::try_parse(text.trim()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
