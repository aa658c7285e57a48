//! What a client says: bytes to a closed [`Request`], as lenient as contract §3
//! is and no more.
//!
//! A field of the wrong JSON type counts as not given; `data` that is no object
//! counts as `{}`; of doubled keys the last one counts. An id that is no UUID
//! becomes the nil UUID, which nobody has, so that it is refused like any id of
//! a stranger.
//!
//! A new wire event of the client is a new arm of [`decode`] and a variant of
//! [`Action`].

use serde_json::{Map, Value};
use tertulia_domain::Status;
use tertulia_domain::chat::NewAccount;
use tertulia_hub::session::Message;
use uuid::Uuid;

use super::error::Refusal;
use crate::common::json::{self, Bounds};

/// The most messages of one list, and how many it has unless asked otherwise
/// (contract §3, `room:join`).
pub(super) const LIST_MESSAGES: usize = 150;

/// A frame of the client. What is wrong with one is told when its turn comes:
/// whether the client may ask at all is known only then.
// No `Debug` outside tests: what holds a password or a token must not be logged.
#[cfg_attr(test, derive(Debug))]
pub(super) enum Request {
    /// Not a frame of this protocol.
    Malformed(Refusal),
    /// `auth:register`.
    Register(Result<NewAccount, Refusal>),
    /// `auth:login`.
    Login(Result<Login, Refusal>),
    /// `hello` with its token.
    Hello(Result<String, Refusal>),
    /// What only a known user may ask.
    Action(Result<Action, Refusal>),
}

/// `auth:login`.
#[cfg_attr(test, derive(Debug))]
pub(super) struct Login {
    /// A username or an e-mail address.
    pub(super) account: String,
    pub(super) password: String,
}

/// What a known user may ask.
#[cfg_attr(test, derive(Debug))]
pub(super) enum Action {
    /// `chat:list`.
    ListChats,
    /// `message:list`.
    ListMessages { chat: Uuid, limit: usize },
    /// `user:findByUsername`.
    FindUser { username: String },
    /// `chat:createDirect`.
    CreateDirect { user: Uuid },
    /// `group:create`.
    CreateGroup {
        title: String,
        description: Option<String>,
    },
    /// `group:invite`.
    Invite { group: Uuid, user: Uuid },
    /// `room:join`.
    JoinRoom { chat: Uuid },
    /// `message:send`.
    Send(Send),
    /// `presence:update`.
    SetStatus(Status),
    /// `rtc:signal`.
    Signal(Signal),
}

/// `message:send`.
#[cfg_attr(test, derive(Debug))]
pub(super) struct Send {
    pub(super) chat: Uuid,
    pub(super) kind: Kind,
    pub(super) content: String,
}

/// The contract's kinds of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Emoji,
    Object,
}

/// `rtc:signal`.
#[cfg_attr(test, derive(Debug))]
pub(super) struct Signal {
    pub(super) kind: String,
    pub(super) chat: Uuid,
    pub(super) to: Option<Uuid>,
    pub(super) payload: Value,
    pub(super) mode: Option<String>,
}

/// Reads a frame. Text and binary frames are read alike (contract §2).
pub(super) fn decode(message: Message<'_>, bounds: Bounds) -> Request {
    let frame = match message {
        Message::Text(text) => json::parse_text(text, bounds),
        Message::Binary(bytes) => json::parse(bytes, bounds),
    };
    match envelope(frame) {
        Ok((name, fields)) => request(&name, fields),
        Err(refusal) => Request::Malformed(refusal),
    }
}

/// Contract §2: one object with `type` and `data`, both required.
fn envelope(frame: Result<Value, json::Refusal>) -> Result<(String, Fields), Refusal> {
    let mut frame = match frame {
        Ok(Value::Object(frame)) => frame,
        Ok(_) => return Err(Refusal::INVALID_FORMAT),
        Err(json::Refusal::Malformed) => return Err(Refusal::INVALID_JSON),
        Err(json::Refusal::TooComplex) => return Err(Refusal::COMPLEX_JSON),
    };
    match (frame.remove("type"), frame.remove("data")) {
        (Some(Value::String(name)), Some(Value::Object(data))) => Ok((name, Fields(data))),
        (Some(Value::String(name)), Some(_)) => Ok((name, Fields(Map::new()))),
        _ => Err(Refusal::INVALID_FORMAT),
    }
}

fn request(name: &str, fields: Fields) -> Request {
    let action = match name {
        "auth:register" => return Request::Register(register(fields)),
        "auth:login" => return Request::Login(login(fields)),
        "hello" => return Request::Hello(hello(fields)),
        "chat:list" => Ok(Action::ListChats),
        "message:list" => list_messages(&fields),
        "user:findByUsername" => Ok(find_user(&fields)),
        "chat:createDirect" => create_direct(&fields),
        "group:create" => create_group(&fields),
        "group:invite" => invite(&fields),
        "room:join" => join_room(&fields),
        "message:send" => send(fields),
        "presence:update" => set_status(&fields),
        "rtc:signal" => signal(fields),
        unknown => Err(Refusal::unsupported(unknown)),
    };
    Request::Action(action)
}

fn register(mut fields: Fields) -> Result<NewAccount, Refusal> {
    let required = |text: Option<String>| text.ok_or(Refusal::MISSING_FIELDS);
    Ok(NewAccount {
        display_name: Some(required(fields.trimmed("displayName"))?),
        username: required(fields.trimmed("username"))?.to_lowercase(),
        password: required(fields.take("password"))?,
        email: fields.trimmed("email").map(|email| email.to_lowercase()),
    })
}

fn login(mut fields: Fields) -> Result<Login, Refusal> {
    let required = |text: Option<String>| text.ok_or(Refusal::MISSING_CREDENTIALS);
    Ok(Login {
        account: required(fields.trimmed("usernameOrEmail"))?.to_lowercase(),
        password: required(fields.take("password"))?,
    })
}

fn hello(mut fields: Fields) -> Result<String, Refusal> {
    fields.take("token").ok_or(Refusal::MISSING_TOKEN)
}

fn list_messages(fields: &Fields) -> Result<Action, Refusal> {
    Ok(Action::ListMessages {
        chat: fields.id("chatId").ok_or(Refusal::MISSING_CHAT_ID)?,
        limit: fields.limit(),
    })
}

fn find_user(fields: &Fields) -> Action {
    Action::FindUser {
        username: fields
            .trimmed("username")
            .unwrap_or_default()
            .to_lowercase(),
    }
}

fn create_direct(fields: &Fields) -> Result<Action, Refusal> {
    let user = fields.id("userId").ok_or(Refusal::MISSING_USER_ID)?;
    Ok(Action::CreateDirect { user })
}

fn create_group(fields: &Fields) -> Result<Action, Refusal> {
    Ok(Action::CreateGroup {
        title: fields.trimmed("title").ok_or(Refusal::MISSING_TITLE)?,
        description: fields.trimmed("description"),
    })
}

fn invite(fields: &Fields) -> Result<Action, Refusal> {
    Ok(Action::Invite {
        group: fields.id("groupId").ok_or(Refusal::MISSING_FIELDS)?,
        user: fields.id("userId").ok_or(Refusal::MISSING_FIELDS)?,
    })
}

fn join_room(fields: &Fields) -> Result<Action, Refusal> {
    let chat = fields.id("chatId").ok_or(Refusal::MISSING_CHAT_ID)?;
    Ok(Action::JoinRoom { chat })
}

fn send(mut fields: Fields) -> Result<Action, Refusal> {
    Ok(Action::Send(Send {
        chat: fields.id("chatId").ok_or(Refusal::MISSING_FIELDS)?,
        content: fields.take("content").ok_or(Refusal::MISSING_FIELDS)?,
        kind: fields.kind()?,
    }))
}

fn set_status(fields: &Fields) -> Result<Action, Refusal> {
    let status = fields.trimmed("status").unwrap_or_default().to_lowercase();
    match status.as_str() {
        "online" => Ok(Action::SetStatus(Status::Online)),
        "offline" => Ok(Action::SetStatus(Status::Offline)),
        "busy" => Ok(Action::SetStatus(Status::Busy)),
        _ => Err(Refusal::INVALID_STATUS),
    }
}

fn signal(mut fields: Fields) -> Result<Action, Refusal> {
    let kind = fields
        .take("type")
        .filter(|kind| matches!(kind.as_str(), "offer" | "answer" | "ice" | "end"))
        .ok_or(Refusal::INVALID_SIGNAL)?;
    let mode = fields
        .take("mode")
        .filter(|mode| matches!(mode.as_str(), "audio" | "video"));
    Ok(Action::Signal(Signal {
        kind,
        chat: fields.id("chatId").ok_or(Refusal::MISSING_CHAT_ID)?,
        to: fields.receiver()?,
        payload: fields.0.remove("payload").unwrap_or_default(),
        mode,
    }))
}

/// The fields of `data`.
struct Fields(Map<String, Value>);

impl Fields {
    /// A string with something in it.
    fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// As [`text`](Self::text), without a copy.
    fn take(&mut self, name: &str) -> Option<String> {
        match self.0.remove(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A string with something other than white space in it, without the white
    /// space around it.
    fn trimmed(&self, name: &str) -> Option<String> {
        let text = self.text(name)?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn id(&self, name: &str) -> Option<Uuid> {
        self.text(name).map(parse_id)
    }

    /// Contract §3: `toUserId` is optional. What is there and names nobody must
    /// not become a signal to everybody.
    fn receiver(&self) -> Result<Option<Uuid>, Refusal> {
        match self.0.get("toUserId") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(parse_id(text))),
            Some(_) => Err(Refusal::INVALID_RECEIVER),
        }
    }

    fn kind(&self) -> Result<Kind, Refusal> {
        match self.0.get("kind") {
            None | Some(Value::Null) => Ok(Kind::Text),
            Some(Value::String(kind)) => match kind.as_str() {
                "text" => Ok(Kind::Text),
                "emoji" => Ok(Kind::Emoji),
                "object" => Ok(Kind::Object),
                _ => Err(Refusal::INVALID_KIND),
            },
            Some(_) => Err(Refusal::INVALID_KIND),
        }
    }

    /// A whole number, brought within 1 and [`LIST_MESSAGES`]; the latter when
    /// none is given.
    fn limit(&self) -> usize {
        let Some(Value::Number(limit)) = self.0.get("limit") else {
            return LIST_MESSAGES;
        };
        if limit.as_i64().is_some_and(|limit| limit < 1) {
            return 1;
        }
        limit
            .as_u64()
            .and_then(|limit| usize::try_from(limit).ok())
            .map_or(LIST_MESSAGES, |limit| limit.clamp(1, LIST_MESSAGES))
    }
}

fn parse_id(text: &str) -> Uuid {
    Uuid::try_parse(text).unwrap_or_default()
}

#[cfg(test)]
mod tests;
