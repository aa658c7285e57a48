//! One IzpoChat socket: one user in one room.

use std::sync::Arc;

use tertulia_domain::{Change, Draft, Event, FileId, Identity, Profile, Result, RoomEvent, RoomId};
use tertulia_hub::ws::{Close, code};
use tertulia_hub::{Flow, Link, Message, Replies, Reply, Session};
use tokio::time::Instant;

use super::decode::{self, Request};
use super::encode::Frame;
use super::error::not_sent;
use crate::common::Context;
use crate::common::json::Bounds;

/// One client on one socket.
pub(super) struct IzpoSession {
    pub(super) context: Context,
    pub(super) link: Link,
    /// Whom the socket speaks for.
    pub(super) identity: Identity,
    /// Where.
    pub(super) room: RoomId,
    /// When the proof of identity ends, and the connection with it.
    pub(super) ends_at: Instant,
}

impl IzpoSession {
    async fn user(&self) -> Arc<Profile> {
        self.context.chat.current(&self.identity.profile).await
    }

    /// No reply of its own: the sender hears its message like everybody else.
    async fn send(&self, content: String, file: Option<FileId>, replies: &mut Replies) {
        let draft = Draft {
            text: content,
            files: file.into_iter().collect(),
            ..Draft::default()
        };
        let user = self.user().await;
        match self.context.chat.submit(&user, self.room, draft).await {
            Ok(pending) => replies.later(async move {
                match pending.sent().await {
                    Ok(_) => Reply::Nothing,
                    Err(error) => {
                        let message = &not_sent(error);
                        Reply::Frame(Frame::Error { message }.encode())
                    }
                }
            }),
            Err(error) => refuse(&not_sent(error), replies),
        }
    }

    async fn typing(&self, on: bool) -> Result<()> {
        let user = self.user().await;
        self.context.chat.typing(&user, self.room, on).await
    }

    /// After a change of members or of the room the connection may be one that
    /// listens no longer (G9).
    fn look_after(&self, event: &RoomEvent) -> Flow {
        let may_matter = matches!(
            event.change,
            Change::Member { .. } | Change::Updated { .. } | Change::Closed { .. }
        );
        if may_matter && !self.link.listens_to(self.room) {
            return Flow::Close(Close::new(code::POLICY, "access_ended"));
        }
        Flow::Continue
    }
}

fn refuse(message: &str, replies: &mut Replies) {
    replies.frame(Frame::Error { message }.encode());
}

impl Session for IzpoSession {
    type Request = Request;

    fn decode(&mut self, message: Message<'_>) -> Request {
        decode::decode(message, Bounds::from(&*self.context.settings))
    }

    fn is_pipelined(&self, request: &Request) -> bool {
        matches!(request, Request::Message { .. })
    }

    async fn on_request(&mut self, request: Request, replies: &mut Replies) -> Flow {
        // A client that asks too fast is read more slowly, never refused
        // (`reliability.md` §2): nothing further is read from this socket until then.
        self.context.wait_for_turn(self.identity.user()).await;
        match request {
            Request::Message { content, file } => self.send(content, file, replies).await,
            Request::Typing(on) => {
                if let Err(error) = self.typing(on).await {
                    refuse(&not_sent(error), replies);
                }
            }
            Request::Ping => {
                let now = self.context.chat.now();
                replies.frame(Frame::pong(self.identity.user(), now).encode());
            }
            Request::Wrong(message) => refuse(&message, replies),
        }
        Flow::Continue
    }

    async fn on_event(&mut self, event: Arc<Event>) -> Flow {
        match &*event {
            Event::Room(event) => self.look_after(event),
            _ => Flow::Continue,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.ends_at)
    }

    async fn on_deadline(&mut self) -> Flow {
        Flow::Close(Close::new(code::POLICY, "token_expired"))
    }
}
