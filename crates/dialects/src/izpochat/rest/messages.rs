//! What was said in a room, and saying something without a socket.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tertulia_domain::{Draft, Error, FileId, Message, Reason, RoomId, UserId};
use utoipa::ToSchema;

use super::model::{FileObject, MessageObject, RoomObject};
use super::people::{People, show_one};
use crate::common::Context;
use crate::common::files::FileLinks;
use crate::izpochat::error::Refusal;
use crate::izpochat::extract::{Caller, FromForm, Number, Page, Sent};
use crate::izpochat::form::Form;
use crate::izpochat::openapi::{Always, NamesThing, NeedsToken, ReadsBody, ReadsQuery};
use crate::izpochat::time::Zulu;

/// Messages of a room, the newest first.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/messages", tag = "izpochat",
    params(("room_id" = i64, Path, description = "The room's number."), Page),
    responses(
        (
            status = 200, body = Vec<MessageObject<'_>>,
            description = "One page, of 50 if not said otherwise.",
        ),
        NeedsToken, ReadsQuery, NamesThing, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn list_messages(
    State(context): State<Context>,
    Caller(caller): Caller,
    Number(room): Number<RoomId>,
    page: Page,
) -> Result<Response, Refusal> {
    let (chat, reader) = (&context.chat, caller.user());
    let limit = page.limit(50);
    let found = chat.newest_messages(reader, room, page.skip, limit).await?;
    Ok(Json(show(&context, reader, room, &found).await?.objects()).into_response())
}

/// Messages of one room with all that is shown of them.
struct Shown<'a> {
    messages: &'a [Message],
    room: RoomObject,
    people: People,
    links: &'a FileLinks,
}

async fn show<'a>(
    context: &'a Context,
    reader: UserId,
    room: RoomId,
    messages: &'a [Message],
) -> Result<Shown<'a>, Refusal> {
    let chat = &context.chat;
    let summary = chat.readable_summary(reader, room).await?;
    let senders = messages.iter().filter_map(|message| message.sender);
    let files = messages.iter().filter_map(|message| message.files.first());
    let people = senders.chain(files.map(|file| file.owner));
    let people = People::read(chat, Some(reader), people).await?;
    let room = show_one(chat, Some(reader), summary.into()).await?;
    Ok(Shown {
        messages,
        room,
        people,
        links: &context.files,
    })
}

impl Shown<'_> {
    /// Members that a page shows in all: each message repeats its room's.
    const MOST_MEMBERS: usize = 10_000;

    fn objects(&mut self) -> Vec<MessageObject<'_>> {
        let share = Self::MOST_MEMBERS / self.messages.len().max(1);
        self.room.members.truncate(share.max(1));
        let (people, links) = (&self.people, self.links);
        self.messages
            .iter()
            .map(|message| MessageObject {
                content: &message.text,
                room_id: message.room.0,
                id: message.id.0,
                sender_id: message.sender.map_or(0, |sender| sender.0),
                file_id: message.files.first().map(|file| file.id.0),
                created_at: Zulu(message.created_at),
                sender: people.show(message.sender),
                room: &self.room,
                file: message
                    .files
                    .first()
                    .map(|file| FileObject::new(file, people.show(Some(file.owner)), links)),
            })
            .collect()
    }
}

/// A message as a client asks for it.
#[derive(ToSchema)]
#[schema(as = izpochat::SendMessage)]
pub(super) struct SendMessage {
    /// Its words; may be empty with a file.
    #[schema(max_length = 20_000, example = "Aquí está")]
    content: String,
    /// The room once more, if at all.
    room_id: Option<i64>,
    /// A file to attach.
    #[schema(value_type = Option<i64>)]
    file_id: Option<FileId>,
}

impl FromForm for SendMessage {
    fn read(form: &mut Form) -> Self {
        Self {
            content: form.text("content"),
            room_id: form.optional_integer("room_id"),
            file_id: form.optional_integer("file_id").map(FileId),
        }
    }

    /// The app's fallback posts the bare text (contract §3).
    fn from_text(text: String) -> Option<Self> {
        Some(Self {
            content: text,
            room_id: None,
            file_id: None,
        })
    }
}

/// Says something; it reaches the room's sockets too.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/messages", tag = "izpochat",
    params(("room_id" = i64, Path, description = "The room's number.")),
    request_body(content(
        (SendMessage = "application/json"),
        (String = "text/plain"),
    )),
    responses(
        (status = 201, body = MessageObject<'_>, description = "The message, as stored."),
        NeedsToken, ReadsBody, NamesThing, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn send_message(
    State(context): State<Context>,
    Caller(caller): Caller,
    Number(room): Number<RoomId>,
    Sent(body): Sent<SendMessage>,
) -> Result<Response, Refusal> {
    context.wait_for_turn(caller.user()).await;
    if body.room_id.is_some_and(|said| said != room.0) {
        return Err(Refusal::room_mismatch());
    }
    let draft = Draft {
        text: body.content.trim().to_owned(),
        files: body.file_id.into_iter().collect(),
        ..Draft::default()
    };
    let sent = context.chat.send(&caller.profile, room, draft).await?;
    let said = std::slice::from_ref(&*sent.message);
    let mut shown = show(&context, caller.user(), room, said).await?;
    let object = shown.objects().pop();
    let object = object.ok_or_else(|| Error::invalid("text", Reason::Empty))?;
    Ok((StatusCode::CREATED, Json(object)).into_response())
}
