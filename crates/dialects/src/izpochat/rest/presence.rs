//! Who has a room open.

use axum::Json;
use axum::extract::State;
use tertulia_domain::{Profile, RoomId};

use super::model::{OnlineObject, OnlineUser};
use crate::common::Context;
use crate::izpochat::encode::full_name;
use crate::izpochat::error::Refusal;
use crate::izpochat::extract::{EitherCaller, Number};
use crate::izpochat::openapi::{Always, NamesThing, NeedsToken};

/// Who has a room open in a socket. The token may stand in the query, too.
#[utoipa::path(
    get, path = "/api/ws/rooms/{room_id}/online", tag = "izpochat",
    params(
        ("room_id" = i64, Path, description = "The room's number."),
        ("token" = Option<String>, Query, description = "The token, where no header has it."),
    ),
    responses(
        (status = 200, body = OnlineObject, description = "Each person once."),
        NeedsToken, NamesThing, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn who_is_online(
    State(context): State<Context>,
    EitherCaller(caller): EitherCaller,
    Number(room): Number<RoomId>,
) -> Result<Json<OnlineObject>, Refusal> {
    context.chat.readable_summary(caller.user(), room).await?;
    let users = context.hub.attending(room);
    let mut profiles = context.chat.profiles(&users).await?;
    profiles.sort_unstable_by_key(|profile| profile.id);
    let show = |profile: &Profile| OnlineUser {
        id: profile.id.0,
        username: profile.username.clone(),
        full_name: full_name(profile).map(str::to_owned),
    };
    let online_users: Vec<_> = profiles.iter().map(|profile| show(profile)).collect();
    Ok(Json(OnlineObject {
        room_id: room.0,
        count: online_users.len(),
        online_users,
    }))
}
