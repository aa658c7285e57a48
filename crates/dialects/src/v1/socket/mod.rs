//! `/v1/ws`: one socket for all rooms of a user. One JSON object in each text
//! frame; what clients send is an [`op`], what they get an [`event`]. The whole
//! contract is at `/asyncapi.json`.
//!
//! A client sends `auth` first ([`enter`]). Its answer `ready` says where the
//! user's rooms stand; then comes what the client missed ([`catch_up`](crate::common::catch_up)), then
//! `live`. Every other op is answered by `ok` or `error`, in the order of the
//! ops ([`act`]). Whatever is wrong in a frame is answered by an `error`, and the
//! connection lives on.
//!
//! How the server closes a connection; the event `bye` before it says more:
//!
//! | code | when | what a client does |
//! |---|---|---|
//! | 1009 | a message is larger than allowed | it does not send that again |
//! | 1011 | no pong came | comes back |
//! | 1012 | the server restarts | comes back after `retry_in_ms` |
//! | 1013 | it takes its events too slowly, or storage is away | comes back, with its cursor |
//! | 4401 | no `auth` in time, the token ended, or the login did | gets a token, comes back |

mod act;
mod cursor;
mod decode;
mod encode;
mod enter;
mod error;
mod event;
mod op;
mod resume;
mod schema;
mod session;

#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use tertulia_domain::Error;
use tertulia_hub::Message;

pub use encode::V1Codec;
pub(super) use schema::{Frame, describe, events, ops, schemas};

use self::session::V1Session;
use super::refusal::Refusal;
use super::texts::Language;
use crate::common::json::Bounds;
use crate::common::upgrade::{self, upgrade};
use crate::common::{Context, client};

/// Decodes an op; none when it is refused.
pub(crate) fn action_of(message: Message<'_>, bounds: Bounds) -> Option<impl Sized> {
    decode::Request::decode(message, bounds).op.ok()
}

/// Makes a WebSocket of a request to `/v1/ws`. A bearer token, if there is one,
/// must be good; it then stands for the token of `auth`.
pub(super) async fn open(
    State(context): State<Context>,
    request: Request,
) -> Result<Response, Refusal> {
    let language = Language::preferred(request.headers());
    let token = client::bearer_token(request.headers()).map(str::to_owned);
    let admitted = match token {
        Some(token) => Some(context.chat.authenticate(&token).await?),
        None => None,
    };
    let session_context = context.clone();
    upgrade(&context, request, move |opened| {
        V1Session::new(session_context, opened, language, admitted)
    })
    .or_else(refused)
}

fn refused(refused: upgrade::Refused) -> Result<Response, Refusal> {
    use axum::response::IntoResponse;
    Err(match refused {
        upgrade::Refused::Handshake(_) => return Ok(refused.into_response()),
        upgrade::Refused::Origin => Refusal::OriginNotAllowed,
        upgrade::Refused::TooMany => Refusal::Domain(Error::SlowDown {
            retry_after: Duration::from_secs(1),
        }),
        upgrade::Refused::Stopping => Refusal::Domain(Error::unavailable("the server is stopping")),
    })
}
