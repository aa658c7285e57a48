//! How a connection ends: what still goes out, what is still listened to, and for how long.

use std::{collections::VecDeque, task::Context};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::{Connection, Ended, read::Unread, seat::Seat};
use crate::{
    outbox::Lanes,
    session::Session,
    ws::{Close, frame},
};

/// How far a connection is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// No further request is begun; what was begun and what waits goes out, then the close frame.
    Draining {
        deaf: bool,
    },
    /// The close frame is the last thing in the lanes.
    Closing {
        /// The peer's close frame is here, or is not waited for.
        answered: bool,
        /// What the peer sends cannot be understood any more.
        deaf: bool,
    },
    /// The socket is being shut; requests in progress are finished.
    Gone,
}

impl<IO, S> Connection<IO, S>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send,
    S: Session,
{
    /// Closes after the replies that are owed and the frames that wait.
    pub(super) fn drain(&mut self, close: Close, deaf: bool, until: Instant) {
        if !self.is_open() {
            return;
        }
        self.outbox.end_fan_out();
        self.forget_input();
        self.ended = Some(Ended::ByServer(close));
        self.phase = Phase::Draining { deaf };
        self.timers.phase = Some(until);
    }

    /// Closes at once and drops what waits.
    pub(super) fn cut(&mut self, close: Close, now: Instant) {
        if matches!(self.phase, Phase::Open | Phase::Draining { .. }) {
            let deaf = self.phase == Phase::Draining { deaf: true };
            self.lanes.discard();
            self.forget_input();
            self.send_close(close, deaf, now);
        }
    }

    fn send_close(&mut self, close: Close, deaf: bool, now: Instant) {
        self.outbox.shut();
        self.lanes.push_own(frame::close(&close));
        self.ended = Some(Ended::ByServer(close));
        self.phase = Phase::Closing {
            answered: false,
            deaf,
        };
        self.timers.phase = Some(now + self.settings.close_timeout);
    }

    /// The peer's close frame has come.
    pub(super) fn peer_closed(&mut self, close_code: Option<u16>, now: Instant) {
        if let Phase::Closing { answered, .. } = &mut self.phase {
            *answered = true;
            return;
        }
        self.outbox.shut();
        self.lanes.discard();
        self.lanes.push_own(match close_code {
            Some(code) => frame::close(&Close::new(code, "")),
            None => frame::close_without_code(),
        });
        self.ended = Some(Ended::ByPeer(close_code));
        self.phase = Phase::Closing {
            answered: true,
            deaf: false,
        };
        self.timers.phase = Some(now + self.settings.close_timeout);
    }

    /// The socket is of no more use.
    pub(super) fn gone(&mut self, now: Instant) {
        self.outbox.shut();
        self.lanes = Lanes::default();
        self.forget_input();
        self.ended.get_or_insert(Ended::Lost);
        self.phase = Phase::Gone;
        self.seat.dismiss();
        self.timers.wrote();
        self.timers.phase = Some(now + self.settings.drain_timeout);
    }

    fn forget_input(&mut self) {
        self.unread = Unread::default();
        self.next_request = None;
    }

    pub(super) fn end_phase(&mut self, now: Instant) {
        match self.phase {
            Phase::Open => {}
            Phase::Draining { deaf } => {
                self.lanes.discard();
                self.close_drained(deaf, now);
            }
            Phase::Closing { .. } => self.gone(now),
            Phase::Gone => {
                self.io = None;
                self.seat = Seat::Empty;
                self.pending = VecDeque::new();
            }
        }
    }

    fn close_drained(&mut self, deaf: bool, now: Instant) {
        if let Some(Ended::ByServer(close)) = self.ended.take() {
            self.send_close(close, deaf, now);
        }
    }

    /// Goes on to the next phase when this one is done. True when another round may be useful.
    pub(super) fn move_on(&mut self, context: &mut Context<'_>, now: Instant) -> bool {
        match self.phase {
            Phase::Open => self.is_unfinished(),
            Phase::Draining { deaf } => {
                let idle = self.seat.is_home() && self.pending.is_empty() && self.lanes.is_empty();
                if idle && self.outbox.is_empty() {
                    self.close_drained(deaf, now);
                    return true;
                }
                self.is_unfinished()
            }
            Phase::Closing { answered, deaf } => {
                let sent = self.lanes.is_empty() && !self.unflushed;
                if sent && answered {
                    self.gone(now);
                    return true;
                }
                if sent && deaf {
                    self.shut_socket(context);
                }
                false
            }
            Phase::Gone => {
                if self.shut_socket(context) {
                    self.io = None;
                }
                false
            }
        }
    }

    /// Whether nothing is left to do.
    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Gone
            && self.io.is_none()
            && !self.seat.is_away()
            && self.pending.is_empty()
    }
}
