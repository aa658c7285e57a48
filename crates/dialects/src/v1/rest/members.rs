//! Who belongs to a room; entering and leaving it.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use tertulia_domain::{Error, Reason, Result, RoomId, UserId};
use utoipa::{IntoParams, ToSchema};

use super::rooms::show;
use crate::common::Context;
use crate::v1::cursor::Cursor;
use crate::v1::decode::{Decode, Fields};
use crate::v1::extract::{Body, Caller, FromQuery, Named, PageQuery, Parameters, Query};
use crate::v1::model::{Id, Member, MemberPage, Role, Room};
use crate::v1::openapi::{
    Always, IsLimited, MayCollide, NamesThing, NeedsRight, NeedsToken, ReadsBody, ReadsQuery,
};
use crate::v1::refusal::Refusal;

/// The active members of a room, by user id.
#[utoipa::path(
    get, path = "/v1/rooms/{room_id}/members", tag = "members",
    params(("room_id" = Id, Path, description = "The room."), PageQuery),
    responses(
        (status = 200, body = MemberPage, description = "One page of them."),
        NeedsToken, NamesThing, NeedsRight, ReadsQuery, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list_members(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(room): Named<RoomId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<MemberPage>, Refusal> {
    let found = context
        .chat
        .members(caller.user(), room, page.place()?, page.limit)
        .await?;
    let next_cursor = match found.last() {
        Some(last) if found.len() == page.limit => Some(last.profile.id.encode()),
        _ => None,
    };
    Ok(Json(MemberPage {
        items: found
            .iter()
            .map(|member| Member::new(&member.membership, &member.profile, &context.files))
            .collect(),
        next_cursor,
    }))
}

/// How somebody is to belong to the room.
#[derive(ToSchema)]
pub(super) struct AdmitMember {
    /// The role; `member` where nothing is said. `owner` passes ownership on:
    /// the owner becomes an admin.
    role: Option<Role>,
}

impl Decode for AdmitMember {
    const MAY_BE_ABSENT: bool = true;

    fn decode(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            role: fields.optional_word("role", Role::read)?,
        })
    }
}

/// Brings somebody in, or gives a member another role.
///
/// Any member of a group may bring people in, in a channel the owner and admins.
/// Roles are the owner's to give.
#[utoipa::path(
    put, path = "/v1/rooms/{room_id}/members/{user_id}", tag = "members",
    params(
        ("room_id" = Id, Path, description = "The room."),
        ("user_id" = Id, Path, description = "Who."),
    ),
    request_body = Option<AdmitMember>,
    responses(
        (status = 200, body = Member, description = "The member, also where nothing had to change."),
        NeedsToken, ReadsBody, NamesThing, NeedsRight, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn admit_member(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named((room, user)): Named<(RoomId, UserId)>,
    Body(body): Body<AdmitMember>,
) -> Result<Json<Member>, Refusal> {
    context.count_message(caller.user())?;
    let role = body.role.unwrap_or(Role::Member).into();
    context
        .chat
        .admit(&caller.profile, room, user, role)
        .await?;
    let membership = context.chat.membership(caller.user(), room, user).await?;
    let profile = context.chat.profile(user).await?;
    Ok(Json(Member::new(&membership, &profile, &context.files)))
}

/// How to put somebody out.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RemoveQuery {
    /// Whether to keep the user out from now on.
    #[param(value_type = Option<bool>, default = false)]
    ban: bool,
}

impl FromQuery for RemoveQuery {
    fn read(parameters: &Parameters, _: &Context) -> Result<Self> {
        match parameters.text("ban") {
            None | Some("false") => Ok(Self { ban: false }),
            Some("true") => Ok(Self { ban: true }),
            Some(_) => Err(Error::invalid("ban", Reason::Malformed)),
        }
    }
}

/// Puts somebody out. Whoever has the higher role may.
#[utoipa::path(
    delete, path = "/v1/rooms/{room_id}/members/{user_id}", tag = "members",
    params(
        ("room_id" = Id, Path, description = "The room."),
        ("user_id" = Id, Path, description = "Who."),
        RemoveQuery,
    ),
    responses(
        (status = 204, description = "The user does not belong to the room any more."),
        NeedsToken, NamesThing, NeedsRight, ReadsQuery, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn remove_member(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named((room, user)): Named<(RoomId, UserId)>,
    Query(query): Query<RemoveQuery>,
) -> Result<StatusCode, Refusal> {
    context.count_message(caller.user())?;
    context
        .chat
        .remove(&caller.profile, room, user, query.ban)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Enters a public room.
#[utoipa::path(
    post, path = "/v1/rooms/{room_id}/join", tag = "members",
    params(("room_id" = Id, Path, description = "The room.")),
    responses(
        (status = 200, body = Room, description = "The room, as its new member sees it."),
        NeedsToken, NamesThing, NeedsRight, MayCollide, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn join_room(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(room): Named<RoomId>,
) -> Result<Json<Room>, Refusal> {
    context.count_message(caller.user())?;
    context.chat.join(&caller.profile, room).await?;
    Ok(show(&context, &caller, room).await?)
}

/// Leaves a group or channel.
///
/// The owner's role passes to the longest-standing admin, else to the
/// longest-standing member.
#[utoipa::path(
    post, path = "/v1/rooms/{room_id}/leave", tag = "members",
    params(("room_id" = Id, Path, description = "The room.")),
    responses(
        (status = 204, description = "The caller does not belong to the room any more."),
        NeedsToken, NamesThing, NeedsRight, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn leave_room(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(room): Named<RoomId>,
) -> Result<StatusCode, Refusal> {
    context.count_message(caller.user())?;
    context.chat.leave(&caller.profile, room).await?;
    Ok(StatusCode::NO_CONTENT)
}
