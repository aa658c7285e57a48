//! One socket of `/v1/ws`: whom it speaks for, and what it asks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tertulia_domain::{Error, Event, Identity, RoomEvent};
use tertulia_hub::ws::{Close, code, frame};
use tertulia_hub::{Flow, Link, Message, Replies, Session};
use tokio::time::Instant;

use super::decode::Request;
use super::encode;
use super::error::Refused;
use super::event::{self, ByeEvent, ByeReason, OkEvent};
use super::op::Op;
use super::resume::Beginning;
use crate::common::Context;
use crate::common::catch_up::{Broken, CatchingUp};
use crate::common::json::Bounds;
use crate::common::seats::Seat;
use crate::common::upgrade::Opened;
use crate::v1::refusal::Refusal;
use crate::v1::texts::Language;

/// Close code: this connection speaks for nobody, or no longer. Get a token,
/// then come back.
const UNAUTHENTICATED: u16 = 4401;

/// One client on one socket. Small, since most are idle most of the time.
pub(super) struct V1Session {
    pub(super) context: Context,
    pub(super) link: Link,
    /// Whether compression was negotiated.
    pub(super) deflate: bool,
    /// In which errors are explained.
    pub(super) language: Language,
    pub(super) phase: Phase,
}

/// How far a connection is.
pub(super) enum Phase {
    /// `auth` has not come, or was refused.
    Waiting(Box<Waiting>),
    /// Somebody is there.
    SignedIn(Box<SignedIn>),
}

pub(super) struct Waiting {
    /// Whom the upgrade request named.
    pub(super) admitted: Option<Identity>,
    /// Its place among the sockets without a login.
    #[expect(dead_code, reason = "dropping it at the login gives the place back")]
    pub(super) seat: Option<Seat>,
    /// Until when somebody must have come.
    until: Instant,
}

pub(super) struct SignedIn {
    pub(super) identity: Identity,
    /// When the token ends, and with it the connection.
    pub(super) ends_at: Instant,
    /// Of rooms of which the user was a member at the login, or for which it has
    /// asked since.
    pub(super) beginnings: Vec<Beginning>,
}

/// What came of an op that was not refused.
pub(super) enum Outcome {
    /// It was carried out; the answer is `ok`.
    Done,
    /// The answer was given, or is promised.
    Answered(Flow),
}

impl V1Session {
    pub(super) fn new(
        context: Context,
        opened: Opened,
        language: Language,
        admitted: Option<Identity>,
    ) -> Self {
        let until = Instant::now() + context.settings.auth_timeout;
        Self {
            context,
            link: opened.link,
            deflate: opened.deflate,
            language,
            phase: Phase::Waiting(Box::new(Waiting {
                admitted,
                seat: opened.seat,
                until,
            })),
        }
    }

    fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting(_))
    }

    /// Who is there.
    ///
    /// # Errors
    /// [`Refused::AuthFirst`] when nobody is.
    pub(super) fn signed_in(&self) -> Result<&SignedIn, Refused> {
        match &self.phase {
            Phase::SignedIn(signed_in) => Ok(signed_in),
            Phase::Waiting(_) => Err(Refused::AuthFirst),
        }
    }

    pub(super) fn say<E: event::Event>(&self, event: &E) {
        self.link.outbox().reply(frame_of(event));
    }

    /// The last word, and the close after it.
    fn bye(&self, reason: ByeReason, close: Close) -> Flow {
        self.say(&ByeEvent {
            reason,
            retry_in_ms: None,
        });
        Flow::Close(close)
    }

    /// A catch-up could not be finished: the client comes back and goes on.
    pub(super) fn broken(&self, broken: Broken) -> Flow {
        match broken {
            Broken::Gone => Flow::Continue,
            Broken::TooSlow => self.bye(ByeReason::SlowConsumer, Close::slow_consumer()),
            Broken::Unavailable(error) => {
                tracing::error!(%error, "a catch-up could not be finished");
                let close = Close::new(code::TRY_AGAIN_LATER, "unavailable");
                self.bye(ByeReason::Unavailable, close)
            }
        }
    }

    /// A catch-up that tells events as `frame` says, see
    /// [`framing`](Self::framing).
    pub(super) fn catching_up<'a>(
        &'a self,
        identity: &Identity,
        frame: &'a (dyn Fn(&RoomEvent) -> Option<Bytes> + Sync),
    ) -> CatchingUp<'a> {
        CatchingUp {
            chat: &self.context.chat,
            link: &self.link,
            user: identity.user(),
            frame,
        }
    }

    /// Makes the frame of an event of a room: each has its words here.
    pub(super) fn framing(&self) -> impl Fn(&RoomEvent) -> Option<Bytes> + Sync + use<> {
        let links = Arc::clone(&self.context.files);
        move |event| Some(frame::text(&encode::of_room(event, &links)))
    }
}

impl Session for V1Session {
    type Request = Request;

    fn decode(&mut self, message: Message<'_>) -> Request {
        Request::decode(message, Bounds::from(&*self.context.settings))
    }

    fn is_pipelined(&self, request: &Request) -> bool {
        matches!(request.op, Ok(Op::Send(_) | Op::Ping(_)) | Err(_))
    }

    async fn on_request(&mut self, request: Request, replies: &mut Replies) -> Flow {
        let Request { reference, op } = request;
        // What each needs lies apart, so that who waits for its turn holds little.
        let outcome = match op {
            Err(refused) => Err(refused),
            Ok(Op::Auth(auth)) if self.is_waiting() => {
                let entry = self.context.rates.entering().begin().await;
                Box::pin(self.on_auth(auth, &reference, entry)).await
            }
            Ok(_) if self.is_waiting() => Err(Refused::AuthFirst),
            Ok(op) => Box::pin(self.act(op, &reference, replies)).await,
        };
        match outcome {
            Ok(Outcome::Answered(flow)) => return flow,
            Ok(Outcome::Done) => replies.frame(frame_of(&OkEvent {
                reference,
                ..OkEvent::default()
            })),
            Err(refused) => replies.frame(refusal_frame(&refused, reference, self.language)),
        }
        Flow::Continue
    }

    async fn on_event(&mut self, event: Arc<Event>) -> Flow {
        match &*event {
            Event::SessionsEnded(_) => {
                let close = Close::new(UNAUTHENTICATED, "session_ended");
                self.bye(ByeReason::SessionEnded, close)
            }
            Event::Room(_)
            | Event::Typing { .. }
            | Event::Visit(_)
            | Event::Attendance { .. }
            | Event::Presence { .. }
            | Event::Signal(_)
            | Event::ProfileChanged(_) => Flow::Continue,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        Some(match &self.phase {
            Phase::Waiting(waiting) => waiting.until,
            Phase::SignedIn(signed_in) => signed_in.ends_at,
        })
    }

    async fn on_deadline(&mut self) -> Flow {
        match &self.phase {
            Phase::Waiting(_) => {
                let close = Close::new(UNAUTHENTICATED, "auth_timeout");
                self.bye(ByeReason::AuthTimeout, close)
            }
            Phase::SignedIn(_) => {
                let close = Close::new(UNAUTHENTICATED, "token_expired");
                self.bye(ByeReason::TokenExpired, close)
            }
        }
    }
}

/// When a token ends that lives this much longer. A clock cannot count
/// centuries.
pub(super) fn end_of(lifetime: Duration) -> Instant {
    const LONG: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    Instant::now() + lifetime.min(LONG)
}

/// An event as a whole frame.
pub(super) fn frame_of<E: event::Event>(event: &E) -> Bytes {
    frame::text(&event::encode(event))
}

/// What a client is told when an op was refused. Failures are noted here, once.
pub(super) fn refusal_frame(
    refused: &Refused,
    reference: Option<String>,
    language: Language,
) -> Bytes {
    match refused {
        Refused::Shared(Refusal::Domain(Error::Unavailable(cause))) => {
            tracing::error!(%cause, "an op could not be carried out");
        }
        refused => tracing::debug!(code = refused.code(), "an op was refused"),
    }
    frame_of(&refused.event(reference, language))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thousands wait at the same moment when everybody comes back.
    #[test]
    fn a_client_that_waits_for_its_turn_holds_little() {
        fn size<F>(
            _: impl Fn(&'static mut V1Session, Request, &'static mut Replies) -> F,
        ) -> usize {
            size_of::<F>()
        }
        let held = size(V1Session::on_request);
        assert!(held <= 1024, "{held} bytes");
    }
}
