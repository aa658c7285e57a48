//! Direct rooms, groups and channels.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use tertulia_domain::chat::RoomDraft;
use tertulia_domain::ports::{self, RoomsCursor};
use tertulia_domain::room::{RoomPatch, RoomSummary};
use tertulia_domain::{Error, Identity, Reason, Result, RoomId, UserId};
use utoipa::ToSchema;

use crate::common::Context;
use crate::common::files::FileLinks;
use crate::v1::cursor::Cursor;
use crate::v1::decode::{Decode, Fields};
use crate::v1::extract::{Body, Caller, Named, PageQuery, Query};
use crate::v1::model::{Id, Room, RoomKind, RoomPage, Visibility};
use crate::v1::openapi::{
    Always, IsLimited, MayCollide, NamesThing, NeedsRight, NeedsToken, ReadsBody, ReadsQuery,
};
use crate::v1::refusal::Refusal;

/// A room as a person asks for it.
#[derive(ToSchema)]
pub(super) struct CreateRoom {
    /// What sort of place.
    kind: RoomKind,
    /// Its name. Groups and channels need one, direct rooms have none.
    #[schema(max_length = 100, example = "Cafetal")]
    title: Option<String>,
    /// What it is about. Direct rooms have none.
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// Who may find it; `private` where nothing is said. Direct rooms are
    /// private.
    visibility: Option<Visibility>,
    /// Further members. For a direct room exactly the other person.
    #[schema(value_type = Option<Vec<Id>>, max_items = 255)]
    members: Vec<UserId>,
}

impl Decode for CreateRoom {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            kind: fields
                .optional_word("kind", RoomKind::read)?
                .ok_or(Error::invalid("kind", Reason::Missing))?,
            title: fields.optional_text("title")?,
            description: fields.optional_text("description")?,
            visibility: fields.optional_word("visibility", Visibility::read)?,
            members: fields.ids("members")?.into_iter().map(UserId).collect(),
        })
    }
}

impl CreateRoom {
    /// The other person of a direct room.
    fn direct_with(&self) -> Result<UserId> {
        let [other] = self.members[..] else {
            return Err(Error::invalid("members", Reason::Malformed));
        };
        let not_for_direct = [
            ("title", self.title.is_some()),
            ("description", self.description.is_some()),
            ("visibility", self.visibility == Some(Visibility::Public)),
        ];
        match not_for_direct.into_iter().find(|(_, given)| *given) {
            Some((field, _)) => Err(Error::invalid(field, Reason::NotAllowed)),
            None => Ok(other),
        }
    }

    fn draft(self, kind: tertulia_domain::RoomKind) -> Result<RoomDraft> {
        Ok(RoomDraft {
            kind,
            title: self.title.ok_or(Error::invalid("title", Reason::Missing))?,
            description: self.description,
            visibility: self.visibility.unwrap_or(Visibility::Private).into(),
            open: false,
            members: self.members,
        })
    }
}

/// Makes a group or channel, or opens the direct room with another person.
///
/// Whoever makes a group or channel owns it. There is one direct room for each
/// two people: asking again gives the same one.
#[utoipa::path(
    post, path = "/v1/rooms", tag = "rooms",
    request_body = CreateRoom,
    responses(
        (status = 201, body = Room, description = "The room is made."),
        (status = 200, body = Room, description = "The direct room was there already."),
        NeedsToken, ReadsBody, NamesThing, MayCollide, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn create_room(
    State(context): State<Context>,
    Caller(caller): Caller,
    Body(body): Body<CreateRoom>,
) -> Result<(StatusCode, Json<Room>), Refusal> {
    context.count_message(caller.user())?;
    let (id, created) = match body.kind {
        RoomKind::Direct => open_direct(&context, &caller, &body).await?,
        RoomKind::Group => {
            let draft = body.draft(tertulia_domain::RoomKind::Group)?;
            make(&context, &caller, draft).await?
        }
        RoomKind::Channel => {
            let draft = body.draft(tertulia_domain::RoomKind::Channel)?;
            make(&context, &caller, draft).await?
        }
    };
    let status = if created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, show(&context, &caller, id).await?))
}

async fn open_direct(
    context: &Context,
    caller: &Identity,
    body: &CreateRoom,
) -> Result<(RoomId, bool)> {
    let other = body.direct_with()?;
    let opened = context.chat.open_direct(&caller.profile, other).await?;
    Ok((opened.room.id, opened.created))
}

async fn make(context: &Context, caller: &Identity, draft: RoomDraft) -> Result<(RoomId, bool)> {
    let room = context.chat.create_room(&caller.profile, draft).await?;
    Ok((room.id, true))
}

/// A room as the caller sees it now.
pub(super) async fn show(context: &Context, caller: &Identity, room: RoomId) -> Result<Json<Room>> {
    let summary = context.chat.room(caller.user(), room).await?;
    Ok(Json(Room::new(&summary, &context.files)))
}

/// One's own rooms, the one with the newest message first.
#[utoipa::path(
    get, path = "/v1/rooms", tag = "rooms",
    params(PageQuery),
    responses(
        (status = 200, body = RoomPage, description = "One page of them."),
        NeedsToken, ReadsQuery, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list_rooms(
    State(context): State<Context>,
    Caller(caller): Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<RoomPage>, Refusal> {
    let (wanted, most) = with_one_more(&page)?;
    let found = context.chat.rooms_of(caller.user(), wanted, most).await?;
    Ok(Json(rooms_page(found, page.limit, &context.files)))
}

/// Rooms that anyone may find and join, the one with the newest message first.
#[utoipa::path(
    get, path = "/v1/rooms/public", tag = "rooms",
    params(PageQuery),
    responses(
        (status = 200, body = RoomPage, description = "One page of them, without messages."),
        NeedsToken, ReadsQuery, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list_public_rooms(
    State(context): State<Context>,
    Caller(caller): Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<RoomPage>, Refusal> {
    let (wanted, most) = with_one_more(&page)?;
    let found = context
        .chat
        .public_rooms(caller.user(), wanted, most)
        .await?;
    Ok(Json(rooms_page(found, page.limit, &context.files)))
}

/// One room more than the page holds tells whether another page follows.
fn with_one_more(page: &PageQuery) -> Result<(ports::RoomPage, usize)> {
    let most = page.limit + 1;
    let wanted = ports::RoomPage {
        after: page.place()?,
        limit: most,
        unread: true,
    };
    Ok((wanted, most))
}

fn rooms_page(mut found: Vec<RoomSummary>, limit: usize, links: &FileLinks) -> RoomPage {
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|last| {
        let place = RoomsCursor {
            last_message_at: last.last_message_at,
            room: last.room.id,
        };
        place.encode()
    });
    RoomPage {
        items: found
            .iter()
            .map(|summary| Room::new(summary, links))
            .collect(),
        next_cursor,
    }
}

/// One room.
///
/// Whoever may find a room but does not belong to it sees it without its
/// messages.
#[utoipa::path(
    get, path = "/v1/rooms/{room_id}", tag = "rooms",
    params(("room_id" = Id, Path, description = "The room.")),
    responses(
        (status = 200, body = Room, description = "The room."),
        NeedsToken, NamesThing, NeedsRight, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn get_room(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(room): Named<RoomId>,
) -> Result<Json<Room>, Refusal> {
    Ok(show(&context, &caller, room).await?)
}

/// What to change. What is missing stays as it is.
#[derive(ToSchema)]
pub(super) struct UpdateRoom {
    /// A new name.
    #[schema(nullable = false, min_length = 1, max_length = 100)]
    title: Option<String>,
    /// A new description; `null` removes it.
    #[schema(value_type = Option<String>, max_length = 2000)]
    description: Option<Option<String>>,
    /// Who may find it from now on.
    #[schema(nullable = false)]
    visibility: Option<Visibility>,
}

impl Decode for UpdateRoom {
    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            title: fields.changed_text("title")?,
            description: fields.patch_text("description")?,
            visibility: fields.changed_word("visibility", Visibility::read)?,
        })
    }
}

/// Changes title, description or visibility. Owner and admins may.
#[utoipa::path(
    patch, path = "/v1/rooms/{room_id}", tag = "rooms",
    params(("room_id" = Id, Path, description = "The room.")),
    request_body = UpdateRoom,
    responses(
        (status = 200, body = Room, description = "The room as it is now."),
        NeedsToken, ReadsBody, NamesThing, NeedsRight, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn update_room(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(room): Named<RoomId>,
    Body(body): Body<UpdateRoom>,
) -> Result<Json<Room>, Refusal> {
    context.count_message(caller.user())?;
    let patch = RoomPatch {
        title: body.title,
        description: body.description,
        visibility: body.visibility.map(Into::into),
        open: None,
    };
    context
        .chat
        .update_room(&caller.profile, room, patch)
        .await?;
    Ok(show(&context, &caller, room).await?)
}

/// Closes a room for good. The owner may.
#[utoipa::path(
    delete, path = "/v1/rooms/{room_id}", tag = "rooms",
    params(("room_id" = Id, Path, description = "The room.")),
    responses(
        (status = 204, description = "The room is gone, and its messages with it."),
        NeedsToken, NamesThing, NeedsRight, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn close_room(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(room): Named<RoomId>,
) -> Result<StatusCode, Refusal> {
    context.count_message(caller.user())?;
    context.chat.close_room(&caller.profile, room).await?;
    Ok(StatusCode::NO_CONTENT)
}
