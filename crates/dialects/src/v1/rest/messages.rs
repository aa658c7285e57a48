//! Saying something, changing it, taking it back, and reading what was said.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use http::{HeaderName, StatusCode};
use tertulia_domain::ports;
use tertulia_domain::{
    ClientId, Draft, Error, FileId, MessageId, MessageKind, Profile, Reason, Result, RoomId, Seq,
    UserId,
};
use utoipa::{IntoParams, ToSchema};

use crate::common::Context;
use crate::v1::cursor::{Cursor, HistoryCursor};
use crate::v1::decode::{Decode, Fields};
use crate::v1::extract::{Body, Caller, FromQuery, Named, PageQuery, Parameters, Query};
use crate::v1::model::{Id, Message, MessagePage};
use crate::v1::openapi::{
    Always, IsLimited, MayCollide, NamesThing, NeedsRight, NeedsToken, ReadsBody, ReadsQuery,
};
use crate::v1::refusal::Refusal;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Which part of a history.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// Only messages before this seq.
    #[param(value_type = Option<i64>, minimum = 0)]
    before: Option<Seq>,
    /// Only messages after this seq. Without `before` the page begins right
    /// after it; else, and without either, it is the last of what fits.
    #[param(value_type = Option<i64>, minimum = 0)]
    after: Option<Seq>,
}

impl FromQuery for HistoryQuery {
    fn read(parameters: &Parameters, _: &Context) -> Result<Self> {
        Ok(Self {
            before: parameters.integer("before")?.map(Seq),
            after: parameters.integer("after")?.map(Seq),
        })
    }
}

/// Messages of a room, in rising seq.
///
/// `next_cursor` goes on in the same direction: to newer ones where only `after`
/// was given, else to older ones. With `cursor`, `before` and `after` are
/// ignored. Deleted messages are shown, without their words.
#[utoipa::path(
    get, path = "/v1/rooms/{room_id}/messages", tag = "messages",
    params(("room_id" = Id, Path, description = "The room."), HistoryQuery, PageQuery),
    responses(
        (status = 200, body = MessagePage, description = "One page of them."),
        NeedsToken, NamesThing, NeedsRight, ReadsQuery, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list_messages(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(room): Named<RoomId>,
    Query(wanted): Query<HistoryQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<MessagePage>, Refusal> {
    let place = page.place()?.unwrap_or(HistoryCursor {
        before: wanted.before,
        after: wanted.after,
    });
    // One message more than the page holds tells whether another page follows.
    let most = page.limit + 1;
    let stretch = ports::MessagePage {
        before: place.before,
        after: place.after,
        limit: most,
        deleted: true,
    };
    let mut found = context
        .chat
        .history(caller.user(), room, stretch, most)
        .await?;
    let next_cursor = cut(&mut found, place, page.limit).map(|next| next.encode());
    let senders = senders(&context, &found).await?;
    let items = found
        .iter()
        .map(|message| {
            let sender = message.sender.and_then(|sender| senders.get(&sender));
            Message::new(message, sender.map(|profile| &**profile), &context.files)
        })
        .collect();
    Ok(Json(MessagePage { items, next_cursor }))
}

/// Cuts a page off what was found, and says where the next one begins.
fn cut(
    found: &mut Vec<tertulia_domain::Message>,
    place: HistoryCursor,
    limit: usize,
) -> Option<HistoryCursor> {
    let too_many = found.len().checked_sub(limit).filter(|many| *many > 0)?;
    if place.before.is_none() && place.after.is_some() {
        found.truncate(limit);
        return Some(HistoryCursor {
            before: None,
            after: Some(found.last()?.seq),
        });
    }
    found.drain(..too_many);
    Some(HistoryCursor {
        before: Some(found.first()?.seq),
        after: place.after,
    })
}

async fn senders(
    context: &Context,
    messages: &[tertulia_domain::Message],
) -> Result<HashMap<UserId, Arc<Profile>>> {
    let mut ids: Vec<UserId> = messages
        .iter()
        .filter_map(|message| message.sender)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let profiles = context.chat.profiles(&ids).await?;
    Ok(profiles
        .into_iter()
        .map(|profile| (profile.id, profile))
        .collect())
}

/// A message as a client asks for it.
#[derive(Debug, ToSchema)]
pub(crate) struct SendMessage {
    /// Its words. May be missing or empty where a file is attached.
    #[schema(value_type = Option<String>, max_length = 20_000, example = "¿café a las 5?")]
    text: String,
    /// What it is. Where nothing is said or `text`: what its first file is, else
    /// `text`.
    #[schema(value_type = Option<SentKind>)]
    kind: Option<MessageKind>,
    /// The message of the same room that it answers.
    #[schema(value_type = Option<Id>)]
    reply_to: Option<MessageId>,
    /// Files to attach, in this order: one's own, or such as one sees in a room
    /// that one may read.
    #[schema(value_type = Option<Vec<Id>>, max_items = 10)]
    file_ids: Vec<FileId>,
    /// The client's own id of this send. The same send with the same id is
    /// stored once, however often it is sent.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64)]
    client_id: Option<ClientId>,
}

/// What a client can send.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only describes what `sent_kind` reads")]
enum SentKind {
    Text,
    Image,
    File,
    Audio,
    Video,
}

fn sent_kind(word: &str) -> Option<MessageKind> {
    match word {
        "text" => Some(MessageKind::Text),
        "image" => Some(MessageKind::Image),
        "file" => Some(MessageKind::File),
        "audio" => Some(MessageKind::Audio),
        "video" => Some(MessageKind::Video),
        _ => None,
    }
}

impl Decode for SendMessage {
    fn decode(fields: &mut Fields) -> Result<Self> {
        let kind = fields.optional_word("kind", sent_kind)?;
        let reply_to = fields.optional_id("reply_to")?.map(MessageId);
        let file_ids: Vec<_> = fields.ids("file_ids")?.into_iter().map(FileId).collect();
        Ok(Self {
            text: fields.optional_text("text")?.unwrap_or_default(),
            kind,
            reply_to,
            file_ids,
            client_id: fields
                .optional_text("client_id")?
                .map(ClientId::new)
                .transpose()?,
        })
    }
}

impl From<SendMessage> for Draft {
    fn from(message: SendMessage) -> Self {
        Self {
            kind: message.kind.unwrap_or_default(),
            text: message.text,
            reply_to: message.reply_to,
            files: message.file_ids,
            client_id: message.client_id,
            ..Self::default()
        }
    }
}

/// What the headers of a send say.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct SendHeaders {
    /// Does what `client_id` does in the body; where both are there they are the
    /// same.
    #[param(
        rename = "Idempotency-Key", value_type = Option<String>, min_length = 1, max_length = 64
    )]
    client_id: Option<ClientId>,
}

impl FromRequestParts<Context> for SendHeaders {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Context) -> Result<Self, Refusal> {
        let key = parts.headers.get(IDEMPOTENCY_KEY).map(|value| {
            let text = value.to_str().map_err(|_| malformed("client_id"))?;
            ClientId::new(text.to_owned())
        });
        Ok(Self {
            client_id: key.transpose()?,
        })
    }
}

fn malformed(field: &'static str) -> Error {
    Error::invalid(field, Reason::Malformed)
}

/// Says something. It is stored for good when this call answers.
#[utoipa::path(
    post, path = "/v1/rooms/{room_id}/messages", tag = "messages",
    params(("room_id" = Id, Path, description = "The room."), SendHeaders),
    request_body = SendMessage,
    responses(
        (status = 201, body = Message, description = "The message, as stored."),
        (
            status = 200, body = Message,
            description = "The same send was stored before: the first result.",
        ),
        NeedsToken, ReadsBody, NamesThing, NeedsRight, MayCollide, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn send_message(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(room): Named<RoomId>,
    headers: SendHeaders,
    Body(mut body): Body<SendMessage>,
) -> Result<(StatusCode, Json<Message>), Refusal> {
    if let Some(key) = headers.client_id
        && *body.client_id.get_or_insert(key.clone()) != key
    {
        return Err(malformed("client_id").into());
    }
    context.count_message(caller.user())?;
    let sent = context
        .chat
        .send(&caller.profile, room, body.into())
        .await?;
    let status = if sent.repeated {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let message = Message::new(&sent.message, Some(&caller.profile), &context.files);
    Ok((status, Json(message)))
}

/// The new words of a message.
#[derive(Debug, ToSchema)]
pub(crate) struct EditMessage {
    /// Its words from now on.
    #[schema(min_length = 1, max_length = 20_000)]
    pub text: String,
}

impl Decode for EditMessage {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            text: fields.text("text")?,
        })
    }
}

/// Changes the words of one's own message.
#[utoipa::path(
    patch, path = "/v1/rooms/{room_id}/messages/{message_id}", tag = "messages",
    params(
        ("room_id" = Id, Path, description = "The room."),
        ("message_id" = Id, Path, description = "The message."),
    ),
    request_body = EditMessage,
    responses(
        (status = 200, body = Message, description = "The message as it is now."),
        NeedsToken, ReadsBody, NamesThing, NeedsRight, MayCollide, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn edit_message(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named((room, message)): Named<(RoomId, MessageId)>,
    Body(body): Body<EditMessage>,
) -> Result<Json<Message>, Refusal> {
    context.count_message(caller.user())?;
    let edited = context
        .chat
        .edit(&caller.profile, room, message, &body.text)
        .await?;
    let message = Message::new(&edited, Some(&caller.profile), &context.files);
    Ok(Json(message))
}

/// For whom a message goes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DeleteQuery {
    /// `me` puts it out of one's own sight only, `everyone` takes it back.
    #[param(
        rename = "for", value_type = DeleteFor, inline, required = false, default = "everyone"
    )]
    whom: DeleteFor,
}

/// For whom a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum DeleteFor {
    /// The caller alone.
    Me,
    /// All who may read it.
    Everyone,
}

impl DeleteFor {
    /// From its word on the wire.
    #[must_use]
    pub(crate) fn read(word: &str) -> Option<Self> {
        match word {
            "me" => Some(Self::Me),
            "everyone" => Some(Self::Everyone),
            _ => None,
        }
    }
}

impl FromQuery for DeleteQuery {
    fn read(parameters: &Parameters, _: &Context) -> Result<Self> {
        let whom = match parameters.text("for") {
            None => DeleteFor::Everyone,
            Some(word) => DeleteFor::read(word).ok_or(malformed("for"))?,
        };
        Ok(Self { whom })
    }
}

/// Takes a message back, or puts it out of one's own sight.
///
/// The author may take it back; in a group or channel the owner and admins may,
/// too. Doing it twice is no error.
#[utoipa::path(
    delete, path = "/v1/rooms/{room_id}/messages/{message_id}", tag = "messages",
    params(
        ("room_id" = Id, Path, description = "The room."),
        ("message_id" = Id, Path, description = "The message."),
        DeleteQuery,
    ),
    responses(
        (status = 204, description = "The message is gone."),
        NeedsToken, NamesThing, NeedsRight, ReadsQuery, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn delete_message(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named((room, message)): Named<(RoomId, MessageId)>,
    Query(query): Query<DeleteQuery>,
) -> Result<StatusCode, Refusal> {
    context.count_message(caller.user())?;
    let (chat, actor) = (&context.chat, &caller.profile);
    match query.whom {
        DeleteFor::Me => chat.hide(actor, room, message).await?,
        DeleteFor::Everyone => chat.delete(actor, room, message).await?,
    }
    Ok(StatusCode::NO_CONTENT)
}
