//! Chats as one participant sees them, and what a participant does with them
//! (contract §3, "REST" and "ChatRoom").

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use tertulia_domain::chat::RoomDraft;
use tertulia_domain::ports::{RoomPage, RoomsCursor, UserKey};
use tertulia_domain::receipt::Reading;
use tertulia_domain::room::{Member, RoomSummary};
use tertulia_domain::{
    Chat, Entity, Error, Metadata, Profile, Role, RoomId, RoomKind, UserId, Visibility,
};
use uuid::Uuid;

use super::extract::{Caller, Fields, InPath};
use super::page::{PAGE, Page, Wanted};
use super::settings::ChatSettings;
use crate::common::Context;
use crate::common::files::FileLinks;
use crate::common::time::Rfc3339;
use crate::sos::encode::{Id, Names, ProfileObject, derived_id};
use crate::sos::error::Refusal;
use crate::sos::kind::Kind;

/// The most participants that one chat shows; of a larger one, those who joined
/// first.
const PARTICIPANTS: usize = 256;

/// The most chats of a user that a list goes through.
const CHATS: usize = 1_000;

/// A chat with all that its reader is shown of it.
pub(super) struct ReadChat {
    reader: UserId,
    summary: RoomSummary,
    members: Vec<Member>,
    settings: Metadata,
    readings: HashMap<UserId, Reading>,
}

/// The contract's `ChatRoom`.
#[derive(Serialize)]
pub(super) struct ChatObject<'a> {
    id: Id,
    name: &'a str,
    chat_type: &'static str,
    description: &'a str,
    avatar: Option<&'a str>,
    is_active: bool,
    created_at: Rfc3339,
    updated_at: Rfc3339,
    last_activity: Rfc3339,
    participants: Vec<ParticipantObject<'a>>,
    last_message: Option<LastMessageObject<'a>>,
    unread_count: i64,
    other_user: Option<ProfileObject<'a>>,
    display_name: &'a str,
    user_settings: ChatSettings<'a>,
}

#[derive(Serialize)]
struct ParticipantObject<'a> {
    id: Id,
    user: ProfileObject<'a>,
    role: &'static str,
    #[serde(flatten)]
    settings: ChatSettings<'a>,
    is_muted: bool,
    joined_at: Rfc3339,
    last_read_at: Option<Rfc3339>,
    unread_count: i64,
}

#[derive(Serialize)]
struct LastMessageObject<'a> {
    id: Id,
    content: &'a str,
    message_type: Kind,
    sender: Names<'a>,
    created_at: Rfc3339,
}

impl ReadChat {
    /// Reads one chat of its reader.
    ///
    /// # Errors
    /// [`Refusal::NOT_FOUND`] for strangers, also where the room shows itself to
    /// everybody.
    pub(super) async fn read(
        chat: &Chat,
        reader: UserId,
        room: impl Into<tertulia_domain::ports::RoomKey>,
    ) -> Result<Self, Refusal> {
        let summary = chat.room(reader, room).await?;
        let is_member = summary
            .membership
            .as_ref()
            .is_some_and(|own| own.is_active());
        if !is_member {
            return Err(Refusal::NOT_FOUND);
        }
        let mut read = Self::complete(chat, reader, vec![summary]).await?;
        read.pop().ok_or(Refusal::NOT_FOUND)
    }

    async fn complete(
        chat: &Chat,
        reader: UserId,
        summaries: Vec<RoomSummary>,
    ) -> Result<Vec<Self>, Error> {
        let rooms: Vec<RoomId> = summaries.iter().map(|summary| summary.room.id).collect();
        let mut members = chat
            .members_of_rooms(Some(reader), &rooms, PARTICIPANTS)
            .await?;
        let mut settings: HashMap<_, _> = chat.member_settings(reader, &rooms).await?;
        let mut readings = chat.readings_of_rooms(reader, &rooms, PARTICIPANTS).await?;
        let complete = summaries.into_iter().map(|summary| {
            let room = summary.room.id;
            Self {
                reader,
                summary,
                members: members.remove(&room).unwrap_or_default(),
                settings: settings.remove(&room).unwrap_or_default(),
                readings: readings.remove(&room).unwrap_or_default(),
            }
        });
        Ok(complete.collect())
    }

    /// As its reader sees it.
    pub(super) fn object(&self, links: &FileLinks) -> ChatObject<'_> {
        let RoomSummary {
            room,
            peer,
            last_message,
            last_sender,
            last_message_at,
            unread,
            ..
        } = &self.summary;
        let peer = peer.as_deref();
        let settings = ChatSettings::of(&self.settings);
        let title = room.title.as_deref().unwrap_or_default();
        let nickname = settings.other_user_nickname;
        let display_name = match peer {
            Some(_) if !nickname.is_empty() => nickname,
            Some(peer) => &peer.display_name,
            None => title,
        };
        ChatObject {
            id: Id(room.uuid),
            name: title,
            chat_type: match room.kind {
                RoomKind::Direct => "private",
                RoomKind::Group => "group",
                RoomKind::Channel => "community",
            },
            description: room.description.as_deref().unwrap_or_default(),
            avatar: None,
            is_active: true,
            created_at: Rfc3339::new(room.created_at),
            updated_at: Rfc3339::new(room.updated_at),
            last_activity: Rfc3339::new(last_message_at.unwrap_or(room.created_at)),
            participants: self.participants(links),
            last_message: last_message.as_ref().map(|message| LastMessageObject {
                id: Id(message.uuid),
                content: &message.text,
                message_type: Kind::of(message),
                sender: Names::of(last_sender.as_deref()),
                created_at: Rfc3339::new(message.created_at),
            }),
            unread_count: *unread,
            other_user: peer.map(|peer| ProfileObject::of(peer, links)),
            display_name,
            user_settings: settings,
        }
    }

    /// What a participant keeps for itself is shown to that participant alone;
    /// how far it has read is told to all on the sockets, and so it is here.
    fn participants(&self, links: &FileLinks) -> Vec<ParticipantObject<'_>> {
        let room = self.summary.room.uuid;
        let participants = self.members.iter().map(|member| {
            let own = member.profile.id == self.reader;
            let user = member.profile.uuid;
            let reading = self.readings.get(&member.profile.id);
            ParticipantObject {
                id: derived_id(&[room.as_bytes(), user.as_bytes()]),
                user: ProfileObject::of(&member.profile, links),
                role: match member.membership.role {
                    Role::Member => "member",
                    Role::Admin => "admin",
                    Role::Owner => "owner",
                },
                settings: match own {
                    true => ChatSettings::of(&self.settings),
                    false => ChatSettings::default(),
                },
                is_muted: false,
                joined_at: Rfc3339::new(member.membership.joined_at),
                last_read_at: reading
                    .and_then(|reading| reading.last_read_at)
                    .map(Rfc3339::new),
                unread_count: match own {
                    true => self.summary.unread,
                    false => reading.map_or(0, |reading| reading.unread),
                },
            }
        });
        participants.collect()
    }
}

type Answer = Result<Json<serde_json::Value>, Refusal>;

/// `GET /api/messaging/chats/`: the one with the newest message first.
pub(super) async fn list(
    State(context): State<Context>,
    Caller(caller): Caller,
    wanted: Wanted,
) -> Answer {
    let (chat, user) = (&context.chat, caller.user());
    let count = chat.heads(user, CHATS).await?.len();
    let summaries = match wanted.skip() < count {
        true => page_of(chat, user, wanted.skip()).await?,
        false => Vec::new(),
    };
    let read = ReadChat::complete(chat, user, summaries).await?;
    let results = read
        .iter()
        .map(|chat| chat.object(&context.files))
        .collect();
    answer(wanted.page(count, results)?)
}

fn answer<T: Serialize>(page: Page<T>) -> Answer {
    let page = serde_json::to_value(page);
    page.map(Json).map_err(|_| Refusal::INTERNAL)
}

/// The chats of a page, after so many others; those are only counted off.
async fn page_of(chat: &Chat, user: UserId, skip: usize) -> Result<Vec<RoomSummary>, Error> {
    let mut page = RoomPage {
        after: None,
        limit: PAGE,
        unread: true,
    };
    if skip > 0 {
        let before = RoomPage {
            limit: skip,
            unread: false,
            ..page
        };
        let before = chat.rooms_of(user, before, CHATS).await?;
        page.after = before.last().map(|last| RoomsCursor {
            last_message_at: last.last_message_at,
            room: last.room.id,
        });
    }
    chat.rooms_of(user, page, PAGE).await
}

/// `GET /api/messaging/chats/{id}/`.
pub(super) async fn get(
    State(context): State<Context>,
    Caller(caller): Caller,
    InPath(room): InPath<Uuid>,
) -> Answer {
    let read = ReadChat::read(&context.chat, caller.user(), room).await?;
    Ok(Json(json!(read.object(&context.files))))
}

/// `POST /api/messaging/chats/`.
pub(super) async fn create(
    State(context): State<Context>,
    Caller(caller): Caller,
    fields: Fields,
) -> Result<(StatusCode, Json<serde_json::Value>), Refusal> {
    context.count_message(caller.user())?;
    let others = others(&context.chat, &caller.profile, &fields).await?;
    let name = fields.text("name").unwrap_or_default();
    let kind = match fields.text("chat_type").as_deref() {
        None | Some("private") => RoomKind::Direct,
        Some("group") => RoomKind::Group,
        Some("community") => RoomKind::Channel,
        Some(_) => return Err(Refusal::field("chat_type", "Tipo de chat inválido")),
    };
    let (chat, creator) = (&context.chat, &caller.profile);
    let room = match (kind, others.as_slice()) {
        (RoomKind::Direct, [other]) => chat.open_direct(creator, *other).await?.room,
        (RoomKind::Direct, _) => return Err(Refusal::ONE_PARTICIPANT),
        (RoomKind::Group, [] | [_]) => return Err(Refusal::TWO_PARTICIPANTS),
        _ if name.trim().is_empty() => return Err(Refusal::NAMELESS_GROUP),
        _ => {
            let draft = RoomDraft {
                kind,
                title: name,
                description: fields.text("description"),
                visibility: Visibility::Private,
                open: false,
                members: others,
            };
            chat.create_room(creator, draft).await?
        }
    };
    let read = ReadChat::read(chat, caller.user(), room.id).await?;
    Ok((
        StatusCode::CREATED,
        Json(json!(read.object(&context.files))),
    ))
}

/// The participants besides the creator, each once.
async fn others(
    chat: &Chat,
    creator: &Arc<Profile>,
    fields: &Fields,
) -> Result<Vec<UserId>, Refusal> {
    const UNKNOWN: Refusal =
        Refusal::field("participant_ids", "Uno o más participantes no existen.");
    let mut ids = fields.ids("participant_ids").ok_or(UNKNOWN)?;
    ids.sort_unstable();
    ids.dedup();
    ids.retain(|id| *id != creator.uuid);
    let most = chat.limits().initial_members;
    if ids.len() >= most {
        let reason = tertulia_domain::Reason::TooLong { max: most };
        return Err(Error::invalid("members", reason).into());
    }
    let mut users = Vec::with_capacity(ids.len());
    for id in ids {
        let found = chat.find_user(UserKey::Uuid(id)).await?;
        users.push(found.ok_or(UNKNOWN)?.id);
    }
    Ok(users)
}

/// `POST /api/messaging/chats/{id}/add_participant/`.
pub(super) async fn add_participant(
    State(context): State<Context>,
    Caller(caller): Caller,
    InPath(room): InPath<Uuid>,
    fields: Fields,
) -> Answer {
    context.count_message(caller.user())?;
    let (chat, actor) = (&context.chat, &caller.profile);
    let read = participant(chat, caller.user(), room).await?;
    let user = fields.text("user_id");
    let user = user.ok_or(Refusal::required("user_id"))?;
    let user = Uuid::try_parse(user.trim()).map_err(|_| Refusal::UNKNOWN_USER)?;
    let user = chat.find_user(UserKey::Uuid(user)).await?;
    let user = user.ok_or(Refusal::UNKNOWN_USER)?;
    let room = read.summary.room.id;
    match chat.membership(actor.id, room, user.id).await {
        Ok(membership) if membership.is_active() => return Err(Refusal::ALREADY_IN),
        Ok(_) | Err(Error::NotFound(Entity::Member)) => {}
        Err(error) => return Err(error.into()),
    }
    chat.admit(actor, room, user.id, Role::Member).await?;
    Ok(Json(json!({ "message": "Participante agregado" })))
}

/// `POST /api/messaging/chats/{id}/leave/`: ownership passes on.
pub(super) async fn leave(
    State(context): State<Context>,
    Caller(caller): Caller,
    InPath(room): InPath<Uuid>,
) -> Answer {
    context.count_message(caller.user())?;
    let read = participant(&context.chat, caller.user(), room).await?;
    let room = &read.summary.room;
    if room.kind == RoomKind::Direct {
        return Err(Refusal::PRIVATE_CHAT);
    }
    context.chat.leave(&caller.profile, room.id).await?;
    Ok(Json(json!({ "message": "Has salido del chat" })))
}

/// A chat to which the caller belongs.
///
/// # Errors
/// [`Refusal::STRANGER`], also when there is no such chat.
pub(super) async fn participant(
    chat: &Chat,
    user: UserId,
    room: Uuid,
) -> Result<ReadChat, Refusal> {
    match ReadChat::read(chat, user, room).await {
        Err(refusal) if refusal == Refusal::NOT_FOUND => Err(Refusal::STRANGER),
        other => other,
    }
}

impl ReadChat {
    /// The chat and where it stands.
    pub(super) fn summary(&self) -> &RoomSummary {
        &self.summary
    }

    /// What the reader keeps for itself.
    pub(super) fn settings(&self) -> &Metadata {
        &self.settings
    }
}
