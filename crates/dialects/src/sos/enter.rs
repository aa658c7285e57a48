//! How a socket opens (contract §2): who may not is refused with 403 before the
//! upgrade; who may listens from the first frame on, without a word of ours.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri};
use tertulia_domain::ports::Installation;
use tertulia_domain::{Entity, Error, Identity, Room};
use tertulia_hub::{Attachment, Follow, Refused as NotAttached, Released};
use uuid::Uuid;

use super::error::Refusal;
use super::session::{Shared, SosSession, end_of};
use crate::common::upgrade::{self, Opened};
use crate::common::{Context, client};

/// How often the chat is read again because more came meanwhile than a connection
/// may hold.
const ATTEMPTS: usize = 4;

/// Makes a socket of a request to `/ws/chat/{uuid}/`.
pub(super) async fn open(
    State(shared): State<Arc<Shared>>,
    Path(chat): Path<String>,
    request: Request,
) -> Response {
    let Some(chat) = chat_id(&chat) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let token = token(&request);
    match admit(shared, request, token, chat).await {
        Ok(answer) => answer,
        Err(Refused::Upgrade(refused)) => refused.into_response(),
        Err(Refused::Domain(Error::Unavailable(error))) => {
            tracing::error!(%error, "a socket could not be admitted");
            Refusal::UNAVAILABLE.into_response()
        }
        Err(Refused::Domain(_)) => StatusCode::FORBIDDEN.into_response(),
    }
}

/// Why a socket does not open.
enum Refused {
    /// It is no proper upgrade, or there is no room for it.
    Upgrade(upgrade::Refused),
    /// Its user may not listen there.
    Domain(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Domain(error)
    }
}

impl From<NotAttached> for Refused {
    fn from(refused: NotAttached) -> Self {
        Self::Upgrade(match refused {
            NotAttached::TooManyConnections | NotAttached::TooManyRooms => {
                upgrade::Refused::TooMany
            }
            NotAttached::Stopping => upgrade::Refused::Stopping,
        })
    }
}

/// A UUID with its dashes, in either case.
fn chat_id(text: &str) -> Option<Uuid> {
    const HYPHENATED: usize = 36;
    Uuid::try_parse(text)
        .ok()
        .filter(|_| text.len() == HYPHENATED)
}

/// The token of the address, else that of the header.
fn token(request: &Request) -> Option<String> {
    let bearer = client::bearer_token(request.headers());
    query_token(request.uri()).or(bearer.map(str::to_owned))
}

/// Whom the token names, listening to the chat, if they may read it.
async fn admit(
    shared: Arc<Shared>,
    request: Request,
    token: Option<String>,
    chat: Uuid,
) -> Result<Response, Refused> {
    let context = &shared.context;
    let token = token.ok_or(Error::InvalidToken)?;
    let _entry = context.rates.entering().begin().await;
    let identity = context
        .chat
        .authenticate_with(Installation::SosHabilidoso, &token)
        .await?;
    let room = context.chat.readable_room(identity.user(), chat).await?;
    let entrance = context.entrance();
    let (hosts, origins) = (
        &context.settings.sos_allowed_hosts,
        &context.settings.allowed_origins,
    );
    let permits = |headers: &HeaderMap| hosts.permit_headers(origins, headers);
    let accepted = entrance.accept_from(request, permits);
    let (opened, accepted) = accepted.map_err(Refused::Upgrade)?;
    listen(context, &opened, &identity, &room).await?;
    let settings = Arc::clone(entrance.hub.connection_settings());
    let lifetime = context.chat.now().until(identity.expires_at);
    let open = move |opened: Opened| SosSession {
        shared,
        // Its seat was for sockets without a login.
        link: opened.link,
        identity,
        room,
        ends_at: end_of(lifetime),
    };
    Ok(accepted.run(opened, open, settings))
}

/// What stands in the address is never logged (contract §6).
fn query_token(uri: &Uri) -> Option<String> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    let mut values = pairs.0.into_iter().filter(|(name, _)| name == "token");
    let (_, token) = values.next()?;
    (values.next().is_none() && !token.is_empty()).then_some(token)
}

/// Lets the connection speak for its user and listen to its chat, from before
/// its client hears that it is open.
async fn listen(
    context: &Context,
    opened: &Opened,
    identity: &Identity,
    room: &Room,
) -> Result<(), Refused> {
    let (chat, link) = (&context.chat, &opened.link);
    link.attach(Attachment {
        user: Arc::clone(&identity.profile),
        session: identity.session,
        codec: context.codecs.sos,
        deflate: opened.deflate,
        follow: Follow::Chosen,
    })?;
    link.subscribe(room.id)?;
    // A login that ended before this is told to nobody.
    chat.recheck(identity).await?;
    for _ in 0..ATTEMPTS {
        // Asked after listening began: a removal is either known here or heard.
        let summary = chat.room(identity.user(), room.id).await?;
        let guest = !summary.membership.is_some_and(|own| own.is_active());
        if guest && !summary.room.open {
            return Err(Error::NotFound(Entity::Room).into());
        }
        link.attend(room.id).await;
        if link.enter(room.id, summary.position, guest, |_| Vec::new()) == Released::Live {
            return Ok(());
        }
    }
    Err(Error::unavailable("too much happens in the chat").into())
}
