//! Fan-out: from an event to the outboxes of everyone whom it concerns.
//!
//! Who that is follows from the event alone, for every dialect alike. Each event is encoded once
//! for each wire form that is used, and a form may have nothing to say to a reader; each connection gets it once, and is woken once for a batch.

use std::sync::{Arc, atomic::Ordering};

use tertulia_domain::{
    Change, Event, MembershipState, PresenceCause, RoomEvent, RoomId, UserId, event::SessionsEnded,
    room::Member,
};

use crate::{
    codec::{Frames, Wire},
    gate::Listener,
    hub::Hub,
    link::Core,
    outbox::{Item, Wakes},
    run::{self, Run},
    session::GOODBYE,
    ws::Close,
};

impl Hub {
    /// Delivers events to this node's connections. Each room's stored events must come in rising
    /// order; what a connection has had already is passed over. Never waits for a reader. What goes
    /// to idle connections is written by whoever runs [`Hub::run_writing`].
    pub fn deliver(&self, events: &[Arc<Event>]) {
        let mut wakes = self.delivery.lock();
        let (mut count, mut encodings) = (0, 0);
        let mut rest = events;
        while let Some(event) = rest.first() {
            let (now, later) = rest.split_at(run::length(rest).max(1));
            let (given, encoded) = match now {
                [_] => Delivery::new(self, event, &mut wakes).run(event),
                messages => self.deliver_together(messages, &mut wakes),
            };
            count += given;
            encodings += encoded;
            rest = later;
        }
        self.deliveries.fetch_add(count, Ordering::Relaxed);
        self.encodings.fetch_add(encodings, Ordering::Relaxed);
        wakes.finish(&self.writing);
    }

    /// Messages of one room, one right after the other. Returns how many deliveries and encodings
    /// they were.
    fn deliver_together(&self, messages: &[Arc<Event>], wakes: &mut Wakes) -> (u64, u64) {
        let Some(Event::Room(last)) = messages.last().map(|event| &**event) else {
            return (0, 0);
        };
        let mut run = Run::new(&self.codecs, messages);
        let mut count = 0;
        self.rooms
            .deliver(last.room.id, last.at, false, |listeners| {
                for listener in listeners.iter_mut() {
                    count += run.give(listener, wakes);
                }
            });
        (count, run.encodings())
    }
}

/// One event on its way.
struct Delivery<'a> {
    hub: &'a Hub,
    frames: Frames<'a>,
    wakes: &'a mut Wakes,
    count: u64,
}

impl<'a> Delivery<'a> {
    fn new(hub: &'a Hub, event: &'a Arc<Event>, wakes: &'a mut Wakes) -> Self {
        Self {
            hub,
            frames: Frames::new(&hub.codecs, event),
            wakes,
            count: 0,
        }
    }

    /// How many got it, and how often it was encoded.
    fn run(mut self, event: &Event) -> (u64, u64) {
        match event {
            Event::Room(stored) => self.stored(stored),
            Event::Typing { room, user, .. } => {
                self.ephemeral(room.id, |reader| reader.user != user.id);
            }
            Event::Visit(visit) => {
                self.ephemeral(visit.room.id, |reader| reader.core.id != visit.connection);
            }
            Event::Attendance {
                room, user, here, ..
            } => self.attendance(*room, user.id, *here),
            Event::Signal(signal) => {
                let (from, to) = (signal.from.id, signal.to.as_ref().map(|to| to.id));
                self.ephemeral(signal.room.id, |reader| match to {
                    Some(to) => reader.user == to,
                    None => reader.user != from,
                });
            }
            Event::Presence { user, cause, .. } => {
                self.circle(user.id, *cause == PresenceCause::Chosen);
            }
            Event::ProfileChanged(user) => self.circle(user.id, true),
            Event::SessionsEnded(ended) => self.sessions_ended(ended),
        }
        (self.count, self.frames.encodings())
    }

    /// A stored event: for the listeners of its room. One that changes members also changes who
    /// listens, before it goes out or after.
    fn stored(&mut self, event: &RoomEvent) {
        let hub = self.hub;
        let members = members(&event.change);
        let connections = self.connections_of(members);
        let only_for = match &event.change {
            Change::Hidden { user, .. } => Some(*user),
            _ => None,
        };
        let step = event.at.step();
        let create = !connections.is_empty();
        hub.rooms
            .deliver(event.room.id, event.at, create, |listeners| {
                for member in members
                    .iter()
                    .filter(|member| member.membership.is_active())
                {
                    self.admit(member.membership.user, event, listeners, &connections);
                }
                for listener in listeners.iter_mut() {
                    let told = only_for.is_none_or(|user| user == listener.user);
                    let given = listener.give_stored(step, told, &mut self.frames, self.wakes);
                    self.count += u64::from(given);
                }
                self.tell_strangers(event.room.id, &connections);
                dismiss(event, members, listeners);
            });
        for member in members
            .iter()
            .filter(|member| !member.membership.is_active())
        {
            hub.presence
                .left_room(member.membership.user, event.room.id);
        }
    }

    fn connections_of(&self, members: &[Member]) -> Vec<(UserId, Arc<Core>)> {
        let users = members.iter().map(|member| member.membership.user);
        let of = |user| {
            self.hub
                .users
                .get(user)
                .into_iter()
                .map(move |core| (user, core))
        };
        users.flat_map(of).collect()
    }

    /// A new member's connections listen from this event on.
    fn admit(
        &self,
        user: UserId,
        event: &RoomEvent,
        listeners: &mut Vec<Listener>,
        connections: &[(UserId, Arc<Core>)],
    ) {
        for listener in listeners
            .iter_mut()
            .filter(|listener| listener.user == user)
        {
            listener.member_joined(event.at);
        }
        let most = self.hub.settings().rooms_per_connection;
        for (_, core) in connections.iter().filter(|connection| connection.0 == user) {
            if let Some(new) = core.enlist_member(event.room.id, user, most) {
                listeners.push(Listener::joined(core, user, new.wire, event.at, new.live));
            }
        }
    }

    /// Someone whose membership changed learns it even without listening: the invited, the banned.
    fn tell_strangers(&mut self, room: RoomId, connections: &[(UserId, Arc<Core>)]) {
        for (user, core) in connections {
            if let Some(wire) = core.stranger_wire(*user, room) {
                self.push(core, wire);
            }
        }
    }

    fn ephemeral(&mut self, room: RoomId, is_for: impl Fn(&Listener) -> bool) {
        self.hub.rooms.with(room, false, |listeners| {
            for listener in listeners.iter().filter(|listener| is_for(listener)) {
                let given = listener.give_ephemeral(&mut self.frames, self.wakes);
                self.count += u64::from(given);
            }
        });
    }

    /// For the others in the room. Large rooms are not told.
    fn attendance(&mut self, room: RoomId, user: UserId, here: bool) {
        self.hub.attendance.seen(room, user, here);
        let most = self.hub.settings().presence_listeners;
        self.hub.rooms.with(room, false, |listeners| {
            if listeners.len() > most {
                return;
            }
            for listener in listeners.iter().filter(|listener| listener.user != user) {
                let given = listener.give_ephemeral(&mut self.frames, self.wakes);
                self.count += u64::from(given);
            }
        });
    }

    /// For everyone who shares a room with the user: once for each connection, whatever the number
    /// of shared rooms. Large rooms are not told.
    fn circle(&mut self, user: UserId, with_own: bool) {
        let serial = self.hub.serial.fetch_add(1, Ordering::Relaxed) + 1;
        let own = self.hub.users.get(user);
        let most = self.hub.settings().presence_listeners;
        for room in self.rooms_of(user, &own) {
            self.hub.rooms.with(room, false, |listeners| {
                if listeners.len() > most {
                    return;
                }
                for listener in listeners.iter().filter(|listener| listener.user != user) {
                    let given = listener.give_once(serial, &mut self.frames, self.wakes);
                    self.count += u64::from(given);
                }
            });
        }
        for core in own.iter().filter(|_| with_own) {
            if let Some(wire) = core.live_wire(user) {
                self.push(core, wire);
            }
        }
    }

    fn rooms_of(&self, user: UserId, connections: &[Arc<Core>]) -> Vec<RoomId> {
        let mut rooms = self.hub.presence.rooms(user);
        rooms.extend(connections.iter().flat_map(|core| core.rooms()));
        rooms.sort_unstable();
        rooms.dedup();
        rooms
    }

    /// The connections of a login that ended are closed: by their session in its own words, or
    /// else here.
    fn sessions_ended(&mut self, ended: &SessionsEnded) {
        for core in self.hub.users.get(ended.user) {
            let login = core.login(ended.user);
            if let Some((session, wire)) = login
                && ended.which.includes(session)
            {
                self.end_session(&core, wire);
            }
        }
    }

    fn end_session(&mut self, core: &Core, wire: Wire) {
        let close = Close::session_ended();
        let outbox = core.outbox();
        match self.frames.get(wire) {
            None => outbox.expel(close),
            Some(Item::Frame(frame)) => {
                outbox.reply(frame);
                outbox.close(GOODBYE, close);
            }
            Some(event) => {
                outbox.push(event, self.wakes);
                outbox.end_fan_out();
                outbox.expel_after(GOODBYE, close);
            }
        }
    }

    fn push(&mut self, core: &Core, wire: Wire) {
        if let Some(item) = self.frames.get(wire) {
            self.count += u64::from(core.outbox().push(item, self.wakes));
        }
    }
}

/// Those whose membership an event changes.
fn members(change: &Change) -> &[Member] {
    match change {
        Change::Member { member, .. } => std::slice::from_ref(member),
        Change::Created { members, .. } => members,
        _ => &[],
    }
}

/// Whoever is no longer a member listens no longer; and nobody does to a room that is gone (G9).
fn dismiss(event: &RoomEvent, members: &[Member], listeners: &mut Vec<Listener>) {
    let ended: Vec<_> = members
        .iter()
        .filter(|member| !member.membership.is_active())
        .collect();
    let closed = matches!(event.change, Change::Closed { .. });
    let shut = matches!(event.change, Change::Updated { .. }) && !event.room.open;
    if ended.is_empty() && !closed && !shut {
        return;
    }
    listeners.retain_mut(|listener| {
        let own = ended
            .iter()
            .find(|member| member.membership.user == listener.user);
        let left = own.is_some_and(|member| leaves(event, member, listener));
        let goes = if closed || left {
            listener.member_left(event.at)
        } else if own.is_some() {
            listener.became_guest(event.at);
            false
        } else {
            shut && listener.guests_leave(event.at)
        };
        if goes {
            listener.core.strike(event.room.id);
        }
        !goes
    });
}

/// Whether the end of a membership ends this listening. In an open room, which anyone may read,
/// only a ban ends what the session chose itself.
fn leaves(event: &RoomEvent, member: &Member, listener: &Listener) -> bool {
    let banned = member.membership.state == MembershipState::Banned;
    banned || !event.room.open || listener.core.follows_all_rooms()
}
