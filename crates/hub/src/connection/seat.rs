//! Where the session is: at home, or away in the future that calls it.
//!
//! The session moves into a boxed future for each call and comes back with its result. So the
//! connection holds no future inline: an idle one is small however deep a dialect's handlers go.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use tertulia_domain::Event;

use crate::session::{Flow, Pending, Replies, Session};

/// The session's place in its connection.
pub(super) enum Seat<S> {
    Home(Box<S>),
    Away(BoxFuture<'static, Back<S>>),
    /// The session is no longer needed.
    Empty,
}

/// The session, back from a call.
pub(super) struct Back<S> {
    pub(super) session: Box<S>,
    pub(super) flow: Flow,
    pub(super) queued: Vec<Pending>,
    pub(super) from: Call,
}

/// What a session was called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Request,
    Event,
    Deadline,
}

impl<S: Session> Seat<S> {
    pub(super) fn is_home(&self) -> bool {
        matches!(self, Self::Home(_))
    }

    pub(super) fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
    }

    pub(super) fn session(&mut self) -> Option<&mut S> {
        match self {
            Self::Home(session) => Some(session),
            Self::Away(_) | Self::Empty => None,
        }
    }

    pub(super) fn send_request(&mut self, request: S::Request, mut replies: Replies) {
        self.send(|mut session| {
            Box::pin(async move {
                let flow = session.on_request(request, &mut replies).await;
                let queued = replies.into_queued();
                Back {
                    session,
                    flow,
                    queued,
                    from: Call::Request,
                }
            })
        });
    }

    pub(super) fn send_event(&mut self, event: Arc<Event>) {
        self.send(|mut session| {
            Box::pin(async move {
                let flow = session.on_event(event).await;
                Back {
                    session,
                    flow,
                    queued: Vec::new(),
                    from: Call::Event,
                }
            })
        });
    }

    pub(super) fn send_deadline(&mut self) {
        self.send(|mut session| {
            Box::pin(async move {
                let flow = session.on_deadline().await;
                Back {
                    session,
                    flow,
                    queued: Vec::new(),
                    from: Call::Deadline,
                }
            })
        });
    }

    /// Lets the session go when it is at home: nothing more will be asked of it.
    pub(super) fn dismiss(&mut self) {
        if self.is_home() {
            *self = Self::Empty;
        }
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Back<S>> {
        match self {
            Self::Away(call) => Pin::new(call).poll(context),
            Self::Home(_) | Self::Empty => Poll::Pending,
        }
    }

    fn send(&mut self, call: impl FnOnce(Box<S>) -> BoxFuture<'static, Back<S>>) {
        match std::mem::replace(self, Self::Empty) {
            Self::Home(session) => *self = Self::Away(call(session)),
            elsewhere => *self = elsewhere,
        }
    }
}
