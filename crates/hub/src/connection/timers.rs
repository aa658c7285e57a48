//! Everything a connection does by the clock, on one timer.

use std::{pin::Pin, task::Context};

use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::ConnectionSettings;
use crate::{session::GOODBYE, ws::Close};

/// How long after something has happened the session is asked for what follows it.
const FOLLOW_UP_DELAY: Duration = Duration::from_millis(100);

/// How often it is asked at most.
const FOLLOW_UP_EVERY: Duration = Duration::from_secs(1);

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The order to close by now.
    Expelled(Close),
    /// The session has not come back in time to handle its deadline.
    Overdue,
    /// Nothing was heard since a ping.
    Silent,
    /// The socket has taken nothing for too long.
    Stalled,
    /// The time of this phase of closing is over.
    PhaseOver,
    /// A ping is to be sent.
    Ping,
}

/// The moments a connection waits for.
pub(super) struct Timers {
    sleep: Pin<Box<Sleep>>,
    next_ping: Instant,
    /// When the first ping was sent after which nothing was heard.
    unanswered: Option<Instant>,
    /// Since when the socket takes nothing although frames wait.
    stalled: Option<Instant>,
    /// Until when no request is begun.
    pause: Option<Instant>,
    /// When the session wants to be called, while it is at home.
    session: Option<Instant>,
    /// When the session must be back, while it is away.
    overdue: Option<Instant>,
    /// When the session is asked for what follows the fan-out, while it is at home.
    follow_up: Option<Instant>,
    /// The same while it is away, which does not hurry it.
    owed_follow_up: Option<Instant>,
    /// Not before this moment.
    next_follow_up: Instant,
    expulsion: Option<Box<(Instant, Close)>>,
    /// When the current phase of closing ends, whatever has come of it.
    pub(super) phase: Option<Instant>,
}

impl Timers {
    pub(super) fn new(now: Instant, settings: &ConnectionSettings) -> Self {
        let next_ping = now + settings.ping_interval;
        Self {
            sleep: Box::pin(sleep_until(next_ping)),
            next_ping,
            unanswered: None,
            stalled: None,
            pause: None,
            session: None,
            overdue: None,
            follow_up: None,
            owed_follow_up: None,
            next_follow_up: now,
            expulsion: None,
            phase: None,
        }
    }

    /// Something arrived: the peer lives.
    pub(super) fn heard(&mut self) {
        self.unanswered = None;
    }

    /// The peer is not listened to at the moment, so its silence proves nothing.
    pub(super) fn not_listening(&mut self, now: Instant) {
        if let Some(since) = &mut self.unanswered {
            *since = now;
        }
    }

    pub(super) fn wrote(&mut self) {
        self.stalled = None;
    }

    pub(super) fn could_not_write(&mut self, now: Instant) {
        self.stalled.get_or_insert(now);
    }

    pub(super) fn pause_until(&mut self, until: Instant) {
        self.pause = Some(until);
    }

    pub(super) fn is_paused(&self) -> bool {
        self.pause.is_some()
    }

    pub(super) fn session_is_due(&self, now: Instant) -> bool {
        self.session.is_some_and(|at| at <= now)
    }

    /// The session is at home, and wants to be called then.
    pub(super) fn session_is_back(&mut self, deadline: Option<Instant>) {
        self.session = deadline;
        self.overdue = None;
        self.follow_up = self.owed_follow_up.take().or(self.follow_up);
    }

    /// The session is called for something, its deadline perhaps.
    pub(super) fn session_leaves(&mut self, now: Instant) {
        self.owed_follow_up = self.follow_up.take();
        let deadline = self.session.take();
        self.overdue = deadline.map(|at| at.max(now) + GOODBYE);
    }

    /// The session, which is away, has another deadline now.
    pub(super) fn session_goes_on_until(&mut self, deadline: Instant) {
        self.overdue = Some(deadline + GOODBYE);
    }

    /// Something has happened that a word of the session may follow.
    pub(super) fn happened(&mut self, now: Instant) {
        if !self.follow_up_is_set() {
            self.follow_up = Some(self.next_follow_up.max(now + FOLLOW_UP_DELAY));
        }
    }

    /// Whether the session will be asked without anything more happening.
    pub(super) fn follow_up_is_set(&self) -> bool {
        self.follow_up.is_some() || self.owed_follow_up.is_some()
    }

    /// Whether the session is to be asked now.
    pub(super) fn follow_up_is_due(&self, now: Instant) -> bool {
        self.follow_up.is_some_and(|at| at <= now)
    }

    /// The session was asked.
    pub(super) fn followed_up(&mut self, now: Instant) {
        self.follow_up = None;
        self.next_follow_up = now + FOLLOW_UP_EVERY;
    }

    /// Takes note of an order to close at a time; the earlier one counts.
    pub(super) fn expel_at(&mut self, at: Instant, close: Close) {
        if self.expulsion.as_ref().is_none_or(|known| at < known.0) {
            self.expulsion = Some(Box::new((at, close)));
        }
    }

    /// The next thing that is due. `open` while no closing has begun.
    pub(super) fn due(
        &mut self,
        now: Instant,
        open: bool,
        settings: &ConnectionSettings,
    ) -> Option<Due> {
        self.pause = self.pause.filter(|until| *until > now);
        if self.phase.is_some_and(|at| at <= now) {
            self.phase = None;
            return Some(Due::PhaseOver);
        }
        if self
            .stalled
            .is_some_and(|since| since + settings.stall_timeout <= now)
        {
            self.stalled = None;
            return Some(Due::Stalled);
        }
        if !open {
            return None;
        }
        if let Some(order) = self.expulsion.take_if(|order| order.0 <= now) {
            return Some(Due::Expelled(order.1));
        }
        if self.overdue.take_if(|at| *at <= now).is_some() {
            return Some(Due::Overdue);
        }
        if self
            .unanswered
            .is_some_and(|since| since + settings.ping_timeout <= now)
        {
            self.unanswered = None;
            return Some(Due::Silent);
        }
        if self.next_ping <= now {
            self.next_ping = now + settings.ping_interval;
            self.unanswered.get_or_insert(now);
            return Some(Due::Ping);
        }
        None
    }

    /// Sets the one timer for the earliest moment. True when that moment has come already.
    pub(super) fn arm(
        &mut self,
        context: &mut Context<'_>,
        open: bool,
        settings: &ConnectionSettings,
    ) -> bool {
        let Some(next) = self.next(open, settings) else {
            return false;
        };
        // A timer that is early costs one look; setting it anew each time costs more.
        if next < self.sleep.deadline() || self.sleep.is_elapsed() {
            self.sleep.as_mut().reset(next);
        }
        self.sleep.as_mut().poll(context).is_ready()
    }

    fn next(&self, open: bool, settings: &ConnectionSettings) -> Option<Instant> {
        let stalled = self.stalled.map(|since| since + settings.stall_timeout);
        let always = [self.phase, stalled, self.pause];
        let open_only = [
            Some(self.next_ping),
            self.unanswered.map(|since| since + settings.ping_timeout),
            self.session,
            self.follow_up,
            self.overdue,
            self.expulsion.as_ref().map(|order| order.0),
        ];
        let open_only = open_only.into_iter().filter(|_| open);
        always.into_iter().chain(open_only).flatten().min()
    }
}
