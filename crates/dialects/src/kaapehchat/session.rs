//! One KaapehChat socket: whom it speaks for, what it asks, what it is told
//! besides the frames that all readers share.

use std::sync::Arc;
use std::time::Duration;

use tertulia_domain::chat::Device;
use tertulia_domain::{Change, Event, RoomEvent};
use tertulia_hub::ws::{Close, code};
use tertulia_hub::{Flow, Link, Message, Outbox, Replies, Session};
use tokio::time::Instant;

use super::announce::{self, Announcements};
use super::decode::{self, Action, Request};
use super::enter::Bound;
use super::error::Refusal;
use crate::common::Context;
use crate::common::json::Bounds;
use crate::common::seats::Seat;
use crate::common::upgrade::Opened;

/// What all sockets of this dialect share.
pub(super) struct Shared {
    pub(super) context: Context,
    pub(super) announcements: Announcements,
}

/// One client on one socket.
pub(super) struct KaapehSession {
    pub(super) shared: Arc<Shared>,
    pub(super) link: Link,
    /// Whether compression was negotiated.
    pub(super) deflate: bool,
    /// Its place among the sockets without a login.
    pub(super) seat: Option<Seat>,
    /// Where it comes from.
    pub(super) device: Device,
    /// Until when somebody must have logged in.
    login_deadline: Instant,
    /// Whom the socket speaks for, once it is known.
    pub(super) bound: Option<Bound>,
}

impl KaapehSession {
    pub(super) fn new(shared: Arc<Shared>, opened: Opened, device: Device) -> Self {
        let patience = shared.context.settings.kaapehchat_auth_timeout;
        Self {
            shared,
            link: opened.link,
            deflate: opened.deflate,
            seat: opened.seat,
            device,
            login_deadline: Instant::now() + patience,
            bound: None,
        }
    }

    /// A socket that spoke for somebody speaks for nobody: it is as a new one,
    /// with as much time to log in, and ends at once where there is no place for
    /// another without a login.
    pub(super) fn unbind(&mut self) {
        if self.bound.take().is_none() {
            return;
        }
        let Context {
            seats, settings, ..
        } = &self.shared.context;
        self.seat = self.device.address.and_then(|from| seats.take(from));
        let has_place = self.seat.is_some() || self.device.address.is_none();
        let patience = has_place.then_some(settings.kaapehchat_auth_timeout);
        self.login_deadline = Instant::now() + patience.unwrap_or_default();
    }

    fn outbox(&self) -> &Arc<Outbox> {
        self.link.outbox()
    }

    async fn on_action(&mut self, action: Result<Action, Refusal>, replies: &mut Replies) {
        let done = match (&self.bound, action) {
            (None, _) => Err(Refusal::NOT_AUTHENTICATED),
            (Some(_), Err(refusal)) => Err(refusal),
            (Some(bound), Ok(action)) => {
                let context = &self.shared.context;
                let user = context.chat.current(&bound.identity.profile).await;
                super::act::act(context, &user, action, replies).await
            }
        };
        if let Err(refusal) = done {
            replies.frame(refusal.error());
        }
    }

    /// Tells of a chat that is new to this reader, or has changed.
    async fn on_chat_event(&self, event: &RoomEvent) -> Flow {
        let Some(bound) = &self.bound else {
            return Flow::Continue;
        };
        let reader = bound.identity.user();
        if !announce::is_for(reader, event) {
            return Flow::Continue;
        }
        let Shared {
            context,
            announcements,
            ..
        } = &*self.shared;
        match announcements.frame(context, reader, event).await {
            Ok(Some(frame)) => {
                self.outbox().reply(frame);
                Flow::Continue
            }
            Ok(None) => Flow::Continue,
            Err(error) => {
                tracing::error!(%error, room = %event.room.id, "a chat could not be announced");
                // Nobody will tell this client again: let it come back and list its chats.
                Flow::Close(Close::new(code::TRY_AGAIN_LATER, "unavailable"))
            }
        }
    }

    /// The web client drops its token when it reads this text.
    fn dismiss(&self, reason: &'static str) -> Flow {
        self.outbox().reply(Refusal::INVALID_TOKEN.error());
        Flow::Close(Close::new(code::POLICY, reason))
    }
}

impl Session for KaapehSession {
    type Request = Request;

    fn decode(&mut self, message: Message<'_>) -> Request {
        let bounds = Bounds::from(&*self.shared.context.settings);
        decode::decode(message, bounds)
    }

    fn is_pipelined(&self, request: &Request) -> bool {
        matches!(request, Request::Action(Ok(Action::Send(_))))
    }

    async fn on_request(&mut self, request: Request, replies: &mut Replies) -> Flow {
        // What each needs lies apart, so that who waits for its turn holds little.
        match request {
            Request::Malformed(refusal) => replies.frame(refusal.error()),
            Request::Register(account) => Box::pin(self.on_register(account, replies)).await,
            Request::Login(login) => Box::pin(self.on_login(login, replies)).await,
            Request::Hello(token) => {
                let entry = self.shared.context.rates.entering().begin().await;
                Box::pin(self.on_hello(token, entry, replies)).await;
            }
            Request::Action(action) => Box::pin(self.on_action(action, replies)).await,
        }
        Flow::Continue
    }

    async fn on_event(&mut self, event: Arc<Event>) -> Flow {
        match &*event {
            Event::Room(event) => match event.change {
                Change::Created { .. } | Change::Member { .. } | Change::Updated { .. } => {
                    self.on_chat_event(event).await
                }
                Change::Message { .. }
                | Change::Edited { .. }
                | Change::Deleted { .. }
                | Change::Hidden { .. }
                | Change::Reaction { .. }
                | Change::Receipt { .. }
                | Change::Closed { .. } => Flow::Continue,
            },
            Event::SessionsEnded(_) => self.dismiss("session_ended"),
            Event::Typing { .. }
            | Event::Visit(_)
            | Event::Attendance { .. }
            | Event::Presence { .. }
            | Event::Signal(_)
            | Event::ProfileChanged(_) => Flow::Continue,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.bound {
            Some(bound) => Some(bound.ends_at),
            None => Some(self.login_deadline),
        }
    }

    async fn on_deadline(&mut self) -> Flow {
        match self.bound {
            Some(_) => self.dismiss("token_expired"),
            None => Flow::Close(Close::new(code::POLICY, "not_authenticated")),
        }
    }
}

/// A connection lives no longer than this, whatever its token says.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// When a connection ends that may live for so long.
pub(super) fn end_of(lifetime: Duration) -> Instant {
    Instant::now() + lifetime.min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thousands wait at the same moment when everybody comes back.
    #[test]
    fn a_client_that_waits_for_its_turn_holds_little() {
        fn size<F>(
            _: impl Fn(&'static mut KaapehSession, Request, &'static mut Replies) -> F,
        ) -> usize {
            size_of::<F>()
        }
        let held = size(KaapehSession::on_request);
        assert!(held <= 1024, "{held} bytes");
    }
}
