//! What a request is told that the door does not let in.
//!
//! Two of the answers are the contract's, bare JSON texts (`contracts/upred.md`
//! §2); the others are those of the official server, a code and a message.

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};
use tertulia_hub::ws::handshake;

use crate::common::upgrade;
use crate::socketio::engine::polling;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It comes from a web page that is not on the list (S10).
    Origin,
    /// It speaks another version of Engine.IO.
    Version,
    /// It names a transport that does not exist, or none.
    Transport,
    /// It names a session that does not exist, any more perhaps.
    UnknownSession,
    /// A session does not begin with this method.
    Method,
    /// It does not fit the session, or makes no sense.
    BadRequest,
    /// Its body is larger than the session was told.
    TooLarge,
    /// It asks for a WebSocket in a way that RFC 6455 does not know.
    Handshake(handshake::Refusal),
    /// Its address has too many connections without a login.
    TooMany,
    /// The server has no room, or is stopping.
    Unavailable,
}

impl From<upgrade::Refused> for Refusal {
    fn from(refused: upgrade::Refused) -> Self {
        match refused {
            upgrade::Refused::Handshake(refusal) => Self::Handshake(refusal),
            upgrade::Refused::Origin => Self::Origin,
            upgrade::Refused::TooMany => Self::TooMany,
            upgrade::Refused::Stopping => Self::Unavailable,
        }
    }
}

impl From<polling::Refused> for Refusal {
    fn from(refused: polling::Refused) -> Self {
        match refused {
            polling::Refused::Unknown => Self::UnknownSession,
            polling::Refused::Misplaced => Self::BadRequest,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        const AGAIN: [(header::HeaderName, &str); 1] = [(header::RETRY_AFTER, "1")];
        let body = match self {
            Self::Origin => "Not an accepted origin.".into(),
            Self::Version => {
                "The client is using an unsupported version of the Socket.IO or Engine.IO protocols"
                    .into()
            }
            Self::Transport => official(0, "Transport unknown"),
            Self::UnknownSession => official(1, "Session ID unknown"),
            Self::Method => official(2, "Bad handshake method"),
            Self::BadRequest => official(3, "Bad request"),
            Self::Handshake(refusal) => return refusal.response().map(|()| Body::empty()),
            Self::TooLarge => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
            Self::TooMany => return (StatusCode::TOO_MANY_REQUESTS, AGAIN).into_response(),
            Self::Unavailable => return (StatusCode::SERVICE_UNAVAILABLE, AGAIN).into_response(),
        };
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}

fn official(code: u8, message: &str) -> Value {
    json!({"code": code, "message": message})
}
