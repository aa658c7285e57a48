//! One connection's place among the listeners of one room: what has reached it, and what is held
//! back while it catches up (`reliability.md` G7, G8, G9).

use std::sync::Arc;

use tertulia_domain::{Position, Revision, UserId};

use crate::{
    codec::{Facet, Frames, Wire},
    link::Core,
    outbox::{Item, Outbox, Wakes},
};

/// A connection that listens to a room.
///
/// What the fan-out needs lies here beside the queue, so that it touches nothing else.
pub(crate) struct Listener {
    pub(crate) core: Arc<Core>,
    pub(crate) user: UserId,
    outbox: Arc<Outbox>,
    wire: Wire,
    /// The step ([`Position::step`]) of the last event that went out or was replayed. What is not
    /// beyond it is a repeat.
    reached: i64,
    /// The user is no member, and listens only because the room is open.
    guest: bool,
    gate: Option<Box<Held>>,
}

/// What an event counts for of which only the position is kept.
const SILENT_BYTES: usize = 64;

/// What a gate holds back.
struct Held {
    /// Events after the gate closed, each with its step; none where this wire has no word for it.
    events: Vec<(i64, Option<Item>)>,
    bytes: usize,
    /// The step of the last event that was dropped because more came than a gate may hold. A
    /// replay must reach it.
    dropped: i64,
    /// The user's membership ended with this change; nothing later is for this connection.
    ended: Option<Revision>,
    /// The step by which the user first joined while the gate was closed. A store that was asked
    /// before does not know of it; what was held before may not be for the user.
    joined: Option<i64>,
    /// The user became a member (true) or was one no longer (false) with this change, while the
    /// room was open.
    standing: Option<(Revision, bool)>,
    /// The room was closed to guests, or stayed so, with this change.
    shut: Option<Revision>,
}

/// What came of opening a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// Everything beyond the position has gone out, and the rest follows as it happens.
    Live,
    /// Too much came meanwhile, or the position does not reach what is held: read the store again
    /// from there, then release again. The room is still held.
    ReadAgain,
    /// The connection does not listen to the room, or the membership ended meanwhile; what came
    /// before that has gone out.
    Gone,
}

impl Listener {
    /// A listener whose gate is closed: everything from now on is held for it.
    pub(crate) fn held(core: &Arc<Core>, user: UserId, wire: Wire) -> Self {
        Self::new(core, user, wire, i64::MIN, Some(Box::default()))
    }

    /// A listener that joined the room by an event, which is the first that it gets.
    pub(crate) fn joined(
        core: &Arc<Core>,
        user: UserId,
        wire: Wire,
        at: Position,
        live: bool,
    ) -> Self {
        let joined = Some(at.step());
        let gate = (!live).then(|| {
            Box::new(Held {
                joined,
                ..Held::default()
            })
        });
        Self::new(core, user, wire, at.step() - 1, gate)
    }

    /// A listener that knows everything up to a position.
    pub(crate) fn live(core: &Arc<Core>, user: UserId, wire: Wire, known: Position) -> Self {
        Self::new(core, user, wire, known.step(), None)
    }

    fn new(
        core: &Arc<Core>,
        user: UserId,
        wire: Wire,
        reached: i64,
        gate: Option<Box<Held>>,
    ) -> Self {
        let (core, outbox) = (Arc::clone(core), Arc::clone(core.outbox()));
        Self {
            core,
            user,
            outbox,
            wire,
            reached,
            guest: false,
            gate,
        }
    }

    /// Chooses what it is told from now on. What is held already stays as it is.
    pub(crate) fn set_facet(&mut self, facet: Facet) {
        self.wire.facet = facet;
    }

    pub(crate) fn facet(&self) -> Facet {
        self.wire.facet
    }

    /// Closes the gate: what comes is held back.
    pub(crate) fn hold(&mut self) {
        self.gate.get_or_insert_default();
    }

    /// Gives a stored event, which brought the room to this step. `told` is false for an event
    /// that is for somebody else: it only moves the position. True when it went out.
    pub(crate) fn give_stored(
        &mut self,
        step: i64,
        told: bool,
        frames: &mut Frames<'_>,
        wakes: &mut Wakes,
    ) -> bool {
        let Some(held) = &mut self.gate else {
            if step <= self.reached {
                return false;
            }
            self.reached = step;
            let item = if told { frames.get(self.wire) } else { None };
            return item.is_some_and(|item| self.outbox.push(item, wakes));
        };
        if held.ended.is_none() {
            let item = if told { frames.get(self.wire) } else { None };
            held.keep(step, item, &self.core);
        }
        false
    }

    /// Whether everything from this step on goes out at once.
    pub(crate) fn takes_all_from(&self, step: i64) -> bool {
        self.gate.is_none() && self.reached < step
    }

    pub(crate) fn wire(&self) -> Wire {
        self.wire
    }

    /// Gives what stored events up to this step are on this wire together, when it
    /// [takes them all](Self::takes_all_from). True when something went out.
    pub(crate) fn give_joined(&mut self, last: i64, item: Option<Item>, wakes: &mut Wakes) -> bool {
        self.reached = last;
        item.is_some_and(|item| self.outbox.push(item, wakes))
    }

    /// Gives an event that is told now or never; a closed gate drops it. True when it went out.
    pub(crate) fn give_ephemeral(&self, frames: &mut Frames<'_>, wakes: &mut Wakes) -> bool {
        let open = self.gate.is_none();
        open && frames
            .get(self.wire)
            .is_some_and(|item| self.outbox.push(item, wakes))
    }

    /// As [`give_ephemeral`](Self::give_ephemeral), but only once for each `serial`, by whatever
    /// rooms the event comes to this connection.
    pub(crate) fn give_once(
        &self,
        serial: u64,
        frames: &mut Frames<'_>,
        wakes: &mut Wakes,
    ) -> bool {
        let open = self.gate.is_none() && self.outbox.is_first(serial);
        open && frames
            .get(self.wire)
            .is_some_and(|item| self.outbox.push(item, wakes))
    }

    /// The user is a member, perhaps again, by the event of this step, which comes next.
    pub(crate) fn member_joined(&mut self, at: Position) {
        match &mut self.gate {
            Some(held) => {
                held.ended = None;
                held.joined.get_or_insert(at.step());
                held.standing = Some((at.revision, true));
            }
            None => self.guest &= at.step() <= self.reached,
        }
    }

    /// The user is no longer a member by an event that was just given, and may listen on, since
    /// the room is open.
    pub(crate) fn became_guest(&mut self, at: Position) {
        match &mut self.gate {
            Some(held) => held.standing = Some((at.revision, false)),
            None => self.guest |= at.step() >= self.reached,
        }
    }

    /// The room is open to nobody, by an event that was just given. True when the listener is to
    /// be dropped now, as by [`member_left`](Self::member_left).
    pub(crate) fn guests_leave(&mut self, at: Position) -> bool {
        let past = at.step() < self.reached;
        match &mut self.gate {
            Some(held) if !past => {
                held.shut = Some(at.revision);
                false
            }
            gate => gate.is_none() && self.guest && !past,
        }
    }

    /// Opens the gate as [`release`](Self::release) does, for a user who at `known` was a guest or
    /// a member. [`Released::Gone`] also when the room was closed to guests since then.
    pub(crate) fn enter(&mut self, known: Position, guest: bool, wakes: &mut Wakes) -> Released {
        let since = |at: Revision| at > known.revision;
        if let Some(held) = &self.gate {
            let standing = held.standing.filter(|(at, _)| since(*at));
            let is_guest = standing.map_or(guest, |(_, member)| !member);
            if (guest || is_guest) && held.shut.is_some_and(since) {
                return Released::Gone;
            }
            self.guest = is_guest;
        }
        self.release(Some(known), wakes)
    }

    /// The membership has ended, by an event that was just given. True when the listener is to be
    /// dropped now; one that is held stays until it is released, since what came before is still
    /// for it. An end that lies before what the connection knows is long past.
    pub(crate) fn member_left(&mut self, at: Position) -> bool {
        let past = at.step() < self.reached;
        match &mut self.gate {
            Some(held) if !past => {
                held.ended = Some(at.revision);
                false
            }
            gate => gate.is_none() && !past,
        }
    }

    /// Whether the gate is closed for a connection that has not been told that it listens here,
    /// because the user joined meanwhile.
    pub(crate) fn has_joined(&self) -> bool {
        self.gate.as_ref().is_some_and(|held| held.joined.is_some())
    }

    pub(crate) fn is_held(&self) -> bool {
        self.gate.is_some()
    }

    /// Opens the gate and lets out what is held beyond `known`; without it, what is for the user
    /// since it joined.
    pub(crate) fn release(&mut self, known: Option<Position>, wakes: &mut Wakes) -> Released {
        let Some(held) = &self.gate else {
            return Released::Live;
        };
        let joined = held.joined.map_or(i64::MIN, |step| step - 1);
        let known_step = known.map_or(joined, Position::step);
        if known.is_some() && !held.follows(known_step) {
            return Released::ReadAgain;
        }
        let told = known.map_or(Revision::ZERO, |known| known.revision);
        self.open(known_step, told, wakes)
    }

    /// Lets out everything up to the end of the membership, if that is held and goes on from
    /// `known`; else nothing happens.
    pub(crate) fn release_ended(&mut self, known: Position, wakes: &mut Wakes) -> bool {
        let ended = self.gate.as_ref().is_some_and(|held| held.ended.is_some());
        ended && self.release(Some(known), wakes) == Released::Gone
    }

    /// Opens a gate that was closed while the listener was live, and lets out everything since.
    pub(crate) fn reopen(&mut self, wakes: &mut Wakes) -> Released {
        self.open(self.reached, Revision::ZERO, wakes)
    }

    /// Lets out what lies beyond a step. `told` is the last change that the client knows already.
    fn open(&mut self, known_step: i64, told: Revision, wakes: &mut Wakes) -> Released {
        let Some(held) = self.gate.take_if(|held| known_step >= held.dropped) else {
            return self
                .gate
                .as_ref()
                .map_or(Released::Live, |_| Released::ReadAgain);
        };
        self.reached = self.reached.max(known_step);
        self.core.held_bytes().give_back(held.bytes);
        let gone = held.ended.is_some_and(|at| at > told);
        for (step, item) in held.events {
            if step > self.reached {
                self.reached = step;
                if let Some(item) = item {
                    self.outbox.push(item, wakes);
                }
            }
        }
        if gone { Released::Gone } else { Released::Live }
    }
}

impl Held {
    /// Whether what is held goes on where this step ends.
    fn follows(&self, known_step: i64) -> bool {
        let mut steps = self.events.iter().map(|(step, _)| *step);
        steps
            .find(|step| *step > known_step)
            .is_none_or(|next| next == known_step + 1)
    }

    fn keep(&mut self, step: i64, item: Option<Item>, core: &Core) {
        let bytes = item.as_ref().map_or(SILENT_BYTES, Item::weight);
        if core.held_bytes().take(bytes) {
            self.bytes += bytes;
            self.events.push((step, item));
        } else {
            core.held_bytes().give_back(self.bytes);
            self.bytes = 0;
            self.events = Vec::new();
            self.dropped = step;
        }
    }
}

impl Default for Held {
    fn default() -> Self {
        Self {
            events: Vec::new(),
            bytes: 0,
            dropped: i64::MIN,
            ended: None,
            joined: None,
            standing: None,
            shut: None,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(held) = &self.gate {
            self.core.held_bytes().give_back(held.bytes);
        }
    }
}
