//! What a participant keeps for itself about a chat (contract §3,
//! `chat-settings`).

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tertulia_domain::Metadata;
use uuid::Uuid;

use super::chats::participant;
use super::extract::{Caller, Fields, InPath};
use crate::common::Context;
use crate::sos::error::Refusal;

/// The most characters of one of the texts.
const TEXT_CHARS: usize = 500;

/// The texts, by their names on the wire.
const TEXTS: [&str; 4] = [
    "other_user_nickname",
    "chat_background",
    "chat_color",
    "other_message_color",
];

/// The switches.
const SWITCHES: [&str; 2] = ["notifications_enabled", "sound_enabled"];

/// The settings as the wire shows them.
#[derive(Clone, Copy, Serialize)]
pub(super) struct ChatSettings<'a> {
    pub(super) other_user_nickname: &'a str,
    chat_background: &'a str,
    chat_color: &'a str,
    other_message_color: &'a str,
    notifications_enabled: bool,
    sound_enabled: bool,
}

impl Default for ChatSettings<'_> {
    fn default() -> Self {
        Self {
            other_user_nickname: "",
            chat_background: "",
            chat_color: "",
            other_message_color: "",
            notifications_enabled: true,
            sound_enabled: true,
        }
    }
}

impl<'a> ChatSettings<'a> {
    /// As they are kept.
    pub(super) fn of(kept: &'a Metadata) -> Self {
        let text = |name: &str| kept.text(&key(name)).unwrap_or_default();
        let switch = |name: &str| {
            let value = kept.get(&key(name));
            value.and_then(Value::as_bool).unwrap_or(true)
        };
        Self {
            other_user_nickname: text("other_user_nickname"),
            chat_background: text("chat_background"),
            chat_color: text("chat_color"),
            other_message_color: text("other_message_color"),
            notifications_enabled: switch("notifications_enabled"),
            sound_enabled: switch("sound_enabled"),
        }
    }
}

/// Under which name a setting is kept.
fn key(name: &str) -> String {
    format!("sos.{name}")
}

/// `PATCH /api/messaging/chats/{id}/chat-settings/`, and `…/settings/`, which is
/// what the web client calls.
pub(super) async fn update(
    State(context): State<Context>,
    Caller(caller): Caller,
    InPath(room): InPath<Uuid>,
    fields: Fields,
) -> Result<Json<Value>, Refusal> {
    context.count_message(caller.user())?;
    let read = participant(&context.chat, caller.user(), room).await?;
    let mut kept = read.settings().as_map().clone();
    change(&mut kept, &fields)?;
    let kept = Metadata::from_map(kept);
    let room = read.summary().room.id;
    let chat = &context.chat;
    chat.set_member_settings(&caller.profile, room, kept.clone())
        .await?;
    Ok(Json(json!({
        "message": "Configuración actualizada",
        "chat_settings": ChatSettings::of(&kept),
    })))
}

fn change(kept: &mut Map<String, Value>, fields: &Fields) -> Result<(), Refusal> {
    for name in TEXTS {
        match fields.get(name) {
            None => {}
            Some(Value::String(text)) if text.chars().nth(TEXT_CHARS).is_none() => {
                kept.insert(key(name), text.as_str().into());
            }
            Some(_) => return Err(Refusal::field(name, "El valor no es válido.")),
        }
    }
    for name in SWITCHES {
        let on = match fields.get(name) {
            None => continue,
            Some(Value::Bool(on)) => *on,
            Some(Value::String(word)) if word == "true" => true,
            Some(Value::String(word)) if word == "false" => false,
            Some(_) => return Err(Refusal::field(name, "Debe ser un booleano válido.")),
        };
        kept.insert(key(name), on.into());
    }
    Ok(())
}
