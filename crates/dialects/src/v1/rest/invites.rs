//! Codes that let their bearers into a room.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use tertulia_domain::chat::InviteOptions;
use tertulia_domain::{Error, Reason, Result, RoomId};
use utoipa::ToSchema;

use super::rooms::show;
use crate::common::Context;
use crate::v1::decode::{Decode, Fields};
use crate::v1::extract::{Body, Caller, InviteCode, Named};
use crate::v1::model::{Id, Invite, Room};
use crate::v1::openapi::{
    Always, IsLimited, MayCollide, NamesThing, NeedsRight, NeedsToken, ReadsBody,
};
use crate::v1::refusal::Refusal;

/// How far an invite reaches.
#[derive(ToSchema)]
pub(super) struct CreateInvite {
    /// Seconds until it ends: a minute to 30 days; 7 days where nothing is said.
    #[schema(value_type = Option<i64>, minimum = 60, maximum = 2_592_000)]
    expires_in: Option<Duration>,
    /// How many may use it; any number where nothing is said.
    #[schema(minimum = 1)]
    uses: Option<i64>,
}

impl Decode for CreateInvite {
    const MAY_BE_ABSENT: bool = true;

    fn decode(fields: &mut Fields) -> Result<Self> {
        let expires_in = fields
            .optional_integer("expires_in")?
            .map(|seconds| {
                u64::try_from(seconds)
                    .map(Duration::from_secs)
                    .map_err(|_| Error::invalid("expires_in", Reason::Malformed))
            })
            .transpose()?;
        Ok(Self {
            expires_in,
            uses: fields.optional_integer("uses")?,
        })
    }
}

/// Makes an invite. Any member of a group may; in a channel the owner and
/// admins.
#[utoipa::path(
    post, path = "/v1/rooms/{room_id}/invites", tag = "members",
    params(("room_id" = Id, Path, description = "The room.")),
    request_body = Option<CreateInvite>,
    responses(
        (status = 201, body = Invite, description = "The invite is made."),
        NeedsToken, ReadsBody, NamesThing, NeedsRight, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn create_invite(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(room): Named<RoomId>,
    Body(body): Body<CreateInvite>,
) -> Result<(StatusCode, Json<Invite>), Refusal> {
    context.count_message(caller.user())?;
    let usual = InviteOptions::default();
    let options = InviteOptions {
        lifetime: body.expires_in.unwrap_or(usual.lifetime),
        uses: body.uses,
    };
    let invite = context
        .chat
        .create_invite(&caller.profile, room, options)
        .await?;
    Ok((StatusCode::CREATED, Json(Invite::from(&invite))))
}

/// Enters a room with an invite.
#[utoipa::path(
    post, path = "/v1/invites/{code}", tag = "members",
    params(("code" = String, Path, description = "The invite's code.")),
    responses(
        (status = 200, body = Room, description = "The room, as its new member sees it."),
        NeedsToken, NamesThing, NeedsRight, MayCollide, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn accept_invite(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(InviteCode(code)): Named<InviteCode>,
) -> Result<Json<Room>, Refusal> {
    context.count_message(caller.user())?;
    let room = context.chat.accept_invite(&caller.profile, &code).await?;
    Ok(show(&context, &caller, room).await?)
}
