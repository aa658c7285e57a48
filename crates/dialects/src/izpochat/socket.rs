//! From a request to `/api/ws/{room_id}` to a running socket. Everything that
//! could refuse it comes before the upgrade, so that a refusal is an HTTP answer
//! (contract §2, "WebSocket refusals").

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tertulia_domain::room::RoomSummary;
use tertulia_domain::{Error, Identity, RoomId};
use tertulia_hub::ws::handshake;
use tertulia_hub::{Attachment, Follow, Link, Refused, Released};
use tokio::time::Instant;

use super::encode::Frame;
use super::extract;
use super::rest::room_name;
use super::session::IzpoSession;
use super::unknown_endpoint;
use crate::common::upgrade::{self, Opened};
use crate::common::{Context, client};

/// How often somebody may lose the right to be there, and be asked anew, while
/// entering.
const ATTEMPTS: usize = 4;

/// A connection lives no longer than this, whatever its token says.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Why a socket was not opened.
enum Refusal {
    /// Whatever the client may not or did not say: 403.
    Forbidden,
    /// A fault of ours, or the server is stopping: 503.
    Unavailable,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(cause) => {
                tracing::error!(%cause, "a socket could not be opened");
                Self::Unavailable
            }
            _ => Self::Forbidden,
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooManyConnections | Refused::TooManyRooms => Self::Forbidden,
            Refused::Stopping => Self::Unavailable,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Forbidden => StatusCode::FORBIDDEN.into_response(),
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }
}

/// Opens a room for whoever the token in the query names.
pub(super) async fn open(
    State(context): State<Context>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    if !handshake::is_upgrade(&parts) {
        return unknown_endpoint();
    }
    let token = extract::query_value(&parts.uri, "token")
        .or_else(|| client::bearer_token(&parts.headers).map(str::to_owned));
    let path = path.ok();
    let room = path
        .as_ref()
        .and_then(|path| extract::path_value(path, "room_id"));
    let room = room.and_then(|room| room.parse().ok()).map(RoomId);
    let request = Request::from_parts(parts, body);
    let (mut opened, accepted) = match context.entrance().accept(request) {
        Ok(accepted) => accepted,
        Err(refused) => return refused_upgrade(refused),
    };
    let (Some(token), Some(room)) = (token, room) else {
        return Refusal::Forbidden.into_response();
    };
    let identity = match enter(&context, &opened, &token, room).await {
        Ok(identity) => identity,
        Err(refusal) => return refusal.into_response(),
    };
    opened.seat = None;
    let lifetime = context.chat.now().until(identity.expires_at);
    let ends_at = Instant::now() + lifetime.min(LONGEST);
    let settings = Arc::clone(context.hub.connection_settings());
    let open = move |opened: Opened| IzpoSession {
        context,
        link: opened.link,
        identity,
        room,
        ends_at,
    };
    accepted.run(opened, open, settings)
}

/// What is no proper handshake has its own answer; everything else is 403.
fn refused_upgrade(refused: upgrade::Refused) -> Response {
    match refused {
        upgrade::Refused::Handshake(_) => refused.into_response(),
        upgrade::Refused::Origin | upgrade::Refused::TooMany => Refusal::Forbidden.into_response(),
        upgrade::Refused::Stopping => Refusal::Unavailable.into_response(),
    }
}

/// Makes the connection live in the room, and gives whom it speaks for.
async fn enter(
    context: &Context,
    opened: &Opened,
    token: &str,
    room: RoomId,
) -> Result<Identity, Refusal> {
    let mut entry = context.rates.entering().begin().await;
    let identity = extract::authenticate(context, token)
        .await
        .map_err(|refused| match refused.status() {
            StatusCode::SERVICE_UNAVAILABLE => Refusal::Unavailable,
            _ => Refusal::Forbidden,
        })?;
    context
        .wait_while_entering(identity.user(), &mut entry)
        .await;
    for _ in 0..ATTEMPTS {
        listen(context, opened, &identity, room)?;
        // A login that ended before the socket was attached is told to nobody.
        context.chat.recheck(&identity).await?;
        let chat = &context.chat;
        let summary = chat.readable_summary(identity.user(), room).await?;
        opened.link.attend(room).await;
        if go_live(context, &opened.link, &identity, &summary) == Released::Live {
            return Ok(identity);
        }
    }
    Err(Refusal::Unavailable)
}

/// Listens behind a closed gate, before anybody is asked whether it may; what was
/// before is forgotten.
fn listen(
    context: &Context,
    opened: &Opened,
    identity: &Identity,
    room: RoomId,
) -> Result<(), Refused> {
    opened.link.attach(Attachment {
        user: Arc::clone(&identity.profile),
        session: identity.session,
        codec: context.codecs.izpochat,
        deflate: opened.deflate,
        follow: Follow::Chosen,
    })?;
    opened.link.subscribe(room)
}

fn go_live(context: &Context, link: &Link, identity: &Identity, summary: &RoomSummary) -> Released {
    let (room, user, now) = (summary.room.id, identity.user(), context.chat.now());
    let is_member = summary
        .membership
        .as_ref()
        .is_some_and(|own| own.is_active());
    let name = room_name(&summary.room, summary.peer.as_deref());
    link.enter(room, summary.position, !is_member, |users| {
        let welcome = Frame::welcome(room, &name, user, now);
        let online = Frame::users_online(&users, now);
        vec![welcome.encode(), online.encode()]
    })
}
