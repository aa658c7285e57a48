//! Rooms: finding, making, changing, entering and leaving them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use tertulia_domain::chat::RoomDraft;
use tertulia_domain::ports::UserKey;
use tertulia_domain::room::{RoomPatch, RoomSummary};
use tertulia_domain::{
    Denial, Entity, Error, Profile, Result, Role, Room, RoomId, RoomKind, UserId, Visibility,
};
use utoipa::ToSchema;

use super::model::{DoneObject, InvitedObject, RoomObject, UserObject};
use super::people::{People, Shown, show_one, show_rooms};
use crate::common::Context;
use crate::izpochat::error::Refusal;
use crate::izpochat::extract::{Caller, FromForm, MaybeCaller, Number, Page, Sent};
use crate::izpochat::form::Form;
use crate::izpochat::openapi::{Always, NamesThing, NeedsToken, ReadsBody, ReadsQuery};

/// What a room is called here: a direct one after the other person.
pub(in crate::izpochat) fn room_name(room: &Room, peer: Option<&Profile>) -> String {
    let peer = peer.map(|peer| peer.display_name.as_str());
    let title = room.title.as_deref().or(peer);
    title.unwrap_or_default().to_owned()
}

impl From<RoomSummary> for Shown {
    fn from(summary: RoomSummary) -> Self {
        Self {
            room: summary.room,
            peer: summary.peer,
        }
    }
}

/// Rooms that anyone may find, by number. Needs no token.
#[utoipa::path(
    get, path = "/api/rooms/", tag = "izpochat",
    params(Page),
    responses(
        (status = 200, body = Vec<RoomObject>, description = "One page, of 100 if not said otherwise."),
        ReadsQuery, Always,
    ),
)]
pub(super) async fn list_rooms(
    State(context): State<Context>,
    MaybeCaller(caller): MaybeCaller,
    page: Page,
) -> Result<Json<Vec<RoomObject>>, Refusal> {
    let limit = page.limit(100);
    let found = context
        .chat
        .public_rooms_by_number(page.skip, limit)
        .await?;
    let shown: Vec<Shown> = found
        .into_iter()
        .map(|room| Shown {
            room: Arc::new(room),
            peer: None,
        })
        .collect();
    let reader = caller.map(|caller| caller.user());
    Ok(Json(show_rooms(&context.chat, reader, &shown).await?))
}

/// A room as a person asks for it.
#[derive(ToSchema)]
#[schema(as = izpochat::CreateRoom)]
pub(super) struct CreateRoom {
    /// Its name.
    #[schema(min_length = 1, max_length = 100, example = "Ensayo")]
    name: String,
    /// What it is about.
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// Whether it takes an invitation to enter it. Anyone signed in reads and
    /// writes in other rooms.
    #[schema(value_type = Option<bool>, default = false)]
    is_private: bool,
}

impl FromForm for CreateRoom {
    fn read(form: &mut Form) -> Self {
        Self {
            name: form.text("name"),
            description: form.optional_text("description"),
            is_private: form.optional_boolean("is_private").unwrap_or_default(),
        }
    }
}

fn visibility(is_private: bool) -> Visibility {
    if is_private {
        Visibility::Private
    } else {
        Visibility::Public
    }
}

/// Makes a room, which belongs to its maker.
#[utoipa::path(
    post, path = "/api/rooms/", tag = "izpochat",
    request_body = CreateRoom,
    responses(
        (status = 201, body = RoomObject, description = "The room is made."),
        NeedsToken, ReadsBody, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn create_room(
    State(context): State<Context>,
    Caller(caller): Caller,
    Sent(body): Sent<CreateRoom>,
) -> Result<(StatusCode, Json<RoomObject>), Refusal> {
    context.wait_for_turn(caller.user()).await;
    let draft = RoomDraft {
        kind: RoomKind::Group,
        title: body.name,
        description: body.description,
        visibility: visibility(body.is_private),
        open: !body.is_private,
        members: Vec::new(),
    };
    let room = context.chat.create_room(&caller.profile, draft).await?;
    let shown = Shown { room, peer: None };
    let room = show_one(&context.chat, Some(caller.user()), shown).await?;
    Ok((StatusCode::CREATED, Json(room)))
}

/// One room.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}", tag = "izpochat",
    params(("room_id" = i64, Path, description = "The room's number.")),
    responses(
        (status = 200, body = RoomObject, description = "The room."),
        NeedsToken, NamesThing, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn get_room(
    State(context): State<Context>,
    Caller(caller): Caller,
    Number(room): Number<RoomId>,
) -> Result<Json<RoomObject>, Refusal> {
    Ok(Json(show(&context, caller.user(), room).await?))
}

/// A room as its reader sees it now.
pub(super) async fn show(context: &Context, reader: UserId, room: RoomId) -> Result<RoomObject> {
    let summary = context.chat.room(reader, room).await?;
    show_one(&context.chat, Some(reader), summary.into()).await
}

/// What to change. What is missing stays as it is.
#[derive(ToSchema)]
#[schema(as = izpochat::UpdateRoom)]
pub(super) struct UpdateRoom {
    /// A new name.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// A new description; `null` removes it.
    #[schema(value_type = Option<String>, max_length = 2000)]
    description: Option<Option<String>>,
    /// Whether it takes an invitation to enter it from now on. Guests leave a
    /// room that becomes private.
    is_private: Option<bool>,
}

impl FromForm for UpdateRoom {
    fn read(form: &mut Form) -> Self {
        Self {
            name: form.optional_text("name"),
            description: form.patch_text("description"),
            is_private: form.optional_boolean("is_private"),
        }
    }
}

/// Changes a room. Its owner may.
#[utoipa::path(
    put, path = "/api/rooms/{room_id}", tag = "izpochat",
    params(("room_id" = i64, Path, description = "The room's number.")),
    request_body = UpdateRoom,
    responses(
        (status = 200, body = RoomObject, description = "The room as it is now."),
        NeedsToken, ReadsBody, NamesThing, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn update_room(
    State(context): State<Context>,
    Caller(caller): Caller,
    Number(room): Number<RoomId>,
    Sent(body): Sent<UpdateRoom>,
) -> Result<Json<RoomObject>, Refusal> {
    context.wait_for_turn(caller.user()).await;
    let chat = &context.chat;
    let summary = chat.room(caller.user(), room).await.map_err(owner_only)?;
    let mut patch = RoomPatch {
        title: body.name,
        description: body.description,
        ..RoomPatch::default()
    };
    let wanted = body.is_private.map(visibility);
    if wanted.is_some_and(|wanted| wanted != summary.room.visibility) {
        patch.visibility = wanted;
        let is_group = summary.room.kind == RoomKind::Group;
        patch.open = Some(is_group && wanted == Some(Visibility::Public));
    }
    chat.update_room(&caller.profile, room, patch)
        .await
        .map_err(owner_only)?;
    Ok(Json(show(&context, caller.user(), room).await?))
}

/// Contract §3: whoever is not the owner is told just that.
fn owner_only(error: Error) -> Refusal {
    match error {
        Error::Forbidden(Denial::Suspended) => error.into(),
        Error::Forbidden(_) => Refusal::owner_only(),
        other => other.into(),
    }
}

/// Enters a public room, or a private one into which one was invited.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/join", tag = "izpochat",
    params(("room_id" = i64, Path, description = "The room's number.")),
    responses(
        (status = 200, body = DoneObject, description = "One belongs to it now."),
        NeedsToken, NamesThing, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn join_room(
    State(context): State<Context>,
    Caller(caller): Caller,
    Number(room): Number<RoomId>,
) -> Result<Json<DoneObject>, Refusal> {
    context.wait_for_turn(caller.user()).await;
    context.chat.join(&caller.profile, room).await?;
    Ok(Json(DoneObject {
        message: "Successfully joined room",
        room_id: room.0,
    }))
}

/// Leaves a room. Its owner stays.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/leave", tag = "izpochat",
    params(("room_id" = i64, Path, description = "The room's number.")),
    responses(
        (status = 200, body = DoneObject, description = "One no longer belongs to it."),
        NeedsToken, NamesThing, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn leave_room(
    State(context): State<Context>,
    Caller(caller): Caller,
    Number(room): Number<RoomId>,
) -> Result<Json<DoneObject>, Refusal> {
    context.wait_for_turn(caller.user()).await;
    let chat = &context.chat;
    let summary = chat.room(caller.user(), room).await.map_err(not_inside)?;
    let role = summary
        .membership
        .filter(|own| own.is_active())
        .map(|own| own.role)
        .ok_or(Refusal::not_in_room())?;
    if role == Role::Owner {
        return Err(Refusal::owner_stays());
    }
    chat.leave(&caller.profile, room)
        .await
        .map_err(not_inside)?;
    Ok(Json(DoneObject {
        message: "Successfully left room",
        room_id: room.0,
    }))
}

/// Whoever may not look into a room is not in it.
fn not_inside(error: Error) -> Refusal {
    match error {
        Error::Forbidden(Denial::NotMember | Denial::Banned | Denial::InviteNeeded) => {
            Refusal::not_in_room()
        }
        other => other.into(),
    }
}

/// Whom to invite: one of the two.
#[derive(ToSchema)]
#[schema(as = izpochat::Invite)]
pub(super) struct Invite {
    /// By number.
    user_id: Option<i64>,
    /// By name.
    username: Option<String>,
}

impl FromForm for Invite {
    fn read(form: &mut Form) -> Self {
        let invite = Self {
            user_id: form.optional_integer("user_id"),
            username: form.optional_text("username"),
        };
        if invite.user_id.is_none() && invite.username.is_none() {
            form.refuse(
                "user_id",
                "missing",
                "Field required",
                serde_json::Value::Null,
            );
        }
        invite
    }
}

/// Asks somebody in, who may then join. Tertulia's own: the original let anyone
/// who knew the number into a private room.
#[utoipa::path(
    post, path = "/api/rooms/{room_id}/invite", tag = "izpochat",
    params(("room_id" = i64, Path, description = "The room's number.")),
    request_body = Invite,
    responses(
        (status = 200, body = InvitedObject, description = "The person may join."),
        NeedsToken, ReadsBody, NamesThing, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn invite(
    State(context): State<Context>,
    Caller(caller): Caller,
    Number(room): Number<RoomId>,
    Sent(body): Sent<Invite>,
) -> Result<Json<InvitedObject>, Refusal> {
    context.wait_for_turn(caller.user()).await;
    let user = match (body.user_id, body.username) {
        (Some(id), _) => UserId(id),
        (None, Some(name)) => {
            let found = context.chat.find_user(UserKey::Username(name)).await?;
            found.ok_or(Error::NotFound(Entity::User))?.id
        }
        (None, None) => return Err(Error::NotFound(Entity::User).into()),
    };
    context.chat.ask_in(&caller.profile, room, user).await?;
    Ok(Json(InvitedObject {
        message: "Successfully invited user",
        room_id: room.0,
        user_id: user.0,
    }))
}

/// Those who belong to a room, the first ones first.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/members", tag = "izpochat",
    params(("room_id" = i64, Path, description = "The room's number.")),
    responses(
        (status = 200, body = Vec<UserObject>, description = "At most 1,000 of them."),
        NeedsToken, NamesThing, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn list_members(
    State(context): State<Context>,
    Caller(caller): Caller,
    Number(room): Number<RoomId>,
) -> Result<Json<Vec<UserObject>>, Refusal> {
    const MOST: usize = 1_000;
    let (chat, reader) = (&context.chat, caller.user());
    chat.readable_summary(reader, room).await?;
    let members = chat.members_of_rooms(Some(reader), &[room], MOST).await?;
    let ids: Vec<UserId> = members
        .into_values()
        .flatten()
        .map(|member| member.membership.user)
        .collect();
    let people = People::read(chat, Some(reader), ids.iter().copied()).await?;
    let show = |id: &UserId| people.show(Some(*id));
    Ok(Json(ids.iter().map(show).collect()))
}
