//! One socket of one chat: what its user asks, and what it is told besides the
//! frames that all readers share.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tertulia_domain::{Change, Event, Identity, MembershipState, Room, RoomEvent};
use tertulia_hub::ws::{Close, code};
use tertulia_hub::{Flow, Link, Message, Replies, Session};
use tokio::time::Instant;

use super::decode::{self, Action, Request};
use super::error::Refusal;
use super::render;
use crate::common::Context;
use crate::common::json::Bounds;
use crate::common::rendered::Rendered;

/// Close code: the user is no participant of the chat any more (contract §6).
pub(super) const NOT_A_PARTICIPANT: u16 = 4403;

/// Close code: the token has ended, or the login has. Get a token, come back.
const UNAUTHENTICATED: u16 = 4401;

/// What all sockets of this dialect share.
pub(super) struct Shared {
    pub(super) context: Context,
    /// The frames of events that only reading makes whole.
    pub(super) rendered: Rendered<Vec<Bytes>>,
}

/// One client on one socket.
pub(super) struct SosSession {
    pub(super) shared: Arc<Shared>,
    pub(super) link: Link,
    pub(super) identity: Identity,
    pub(super) room: Arc<Room>,
    /// When the token ends, and the connection with it.
    pub(super) ends_at: Instant,
}

impl SosSession {
    fn goodbye(&self, reason: &'static str) -> Flow {
        self.link.outbox().reply(Refusal::INVALID_TOKEN.frame());
        Flow::Close(Close::new(UNAUTHENTICATED, reason))
    }

    /// Tells what was read and encoded once for all readers.
    async fn on_rendered(&self, event: &RoomEvent) -> Flow {
        let Shared { context, rendered } = &*self.shared;
        let reader = self.identity.user();
        let frames = rendered.get(event, async {
            context.hub.count_encoding();
            render::render(context, reader, event).await
        });
        match frames.await {
            Ok(frames) => {
                for frame in frames {
                    self.link.outbox().reply(frame);
                }
                Flow::Continue
            }
            Err(error) if render::is_refusal(&error) => Flow::Continue,
            Err(error) => {
                tracing::error!(%error, room = %event.room.id, "an event could not be told");
                // Nobody tells this client again: let it come back and read.
                Flow::Close(Close::new(code::TRY_AGAIN_LATER, "unavailable"))
            }
        }
    }

    fn on_room_event(&self, event: &RoomEvent) -> Flow {
        let goes = match &event.change {
            Change::Closed { .. } => true,
            Change::Member { member, .. } if member.membership.user == self.identity.user() => {
                match member.membership.state {
                    MembershipState::Banned => true,
                    MembershipState::Left => !event.room.open,
                    MembershipState::Active | MembershipState::Pending => false,
                }
            }
            _ => false,
        };
        match goes {
            true => Flow::Close(Close::new(NOT_A_PARTICIPANT, "not_a_participant")),
            false => Flow::Continue,
        }
    }
}

impl Session for SosSession {
    type Request = Request;

    fn decode(&mut self, message: Message<'_>) -> Request {
        decode::decode(message, Bounds::from(&*self.shared.context.settings))
    }

    fn is_pipelined(&self, request: &Request) -> bool {
        matches!(request, Request::Action(Action::Send(_)))
    }

    async fn on_request(&mut self, request: Request, replies: &mut Replies) -> Flow {
        let refused = match request {
            Request::Ignored => None,
            Request::Refused(refusal) => Some(refusal),
            Request::Action(action) => {
                let context = &self.shared.context;
                let user = context.chat.current(&self.identity.profile).await;
                super::act::act(context, &user, &self.room, action, replies)
                    .await
                    .err()
            }
        };
        if let Some(refusal) = refused {
            replies.frame(refusal.frame());
        }
        Flow::Continue
    }

    async fn on_event(&mut self, event: Arc<Event>) -> Flow {
        match &*event {
            Event::Room(event) => match event.change {
                Change::Message { .. } | Change::Edited { .. } | Change::Receipt { .. } => {
                    self.on_rendered(event).await
                }
                _ => self.on_room_event(event),
            },
            Event::SessionsEnded(_) => self.goodbye("session_ended"),
            _ => Flow::Continue,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.ends_at)
    }

    async fn on_deadline(&mut self) -> Flow {
        self.goodbye("token_expired")
    }
}

/// A connection lives no longer than this, whatever its token says.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// When a connection ends that may live for so long.
pub(super) fn end_of(lifetime: Duration) -> Instant {
    Instant::now() + lifetime.min(LONGEST)
}
