//! A connection's link to the hub: who it speaks for, and which rooms it listens to.
//!
//! # From login to live, without a hole and without a repeat
//!
//! Nothing may be lost between reading the store and listening, so listening comes first and what
//! arrives is held back:
//!
//! 1. [`Link::attach`] names the user. From now on a room that the user joins is listened to.
//! 2. [`Link::follow`] reads the user's rooms, listens to each behind a closed gate, and reads
//!    again where they stand.
//! 3. The session says where the rooms stand, and calls [`Link::go_live`] with that: what was held
//!    beyond it goes out, and the rest follows as it happens. Rooms in which the client has
//!    something to catch up on stay held.
//! 4. For each of those the session replays what the store has, and calls [`Link::release`] with
//!    the position it reached.
//!
//! A session for one room alone ([`Follow::Chosen`]) does the same with [`Link::subscribe`]: it
//! listens, then asks whether it may, then goes live or lets go. Asked in this order, a leave that
//! happens meanwhile is either known to the store or seen by the gate (G9).
//!
//! One that opens a room to be seen there ([`attendance`](crate::attendance)) calls
//! [`Link::attend`] before it goes live, and then [`Link::enter`] in place of
//! [`Link::go_live`].

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use parking_lot::Mutex;
use tertulia_domain::{Position, Profile, RoomId, SessionId, UserId, ports::Heads};

use crate::{
    codec::{CodecId, Facet, Wire},
    gate::Released,
    hub::Hub,
    outbox::{Outbox, Wakes},
};

/// Whom a connection speaks for, and how.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// The user.
    pub user: Arc<Profile>,
    /// The login that admitted it; none for a token of an older installation.
    pub session: Option<SessionId>,
    /// The wire form of its events.
    pub codec: CodecId,
    /// Whether compression was negotiated.
    pub deflate: bool,
    /// Which rooms it listens to.
    pub follow: Follow,
}

/// Which rooms a connection listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// All of which the user is a member, as that changes.
    AllRooms,
    /// Those that the session chooses.
    Chosen,
}

/// Why a connection cannot be attached or listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The user has as many connections as are allowed.
    #[error("too many connections of this user")]
    TooManyConnections,
    /// The connection listens to as many rooms as are allowed.
    #[error("too many rooms on this connection")]
    TooManyRooms,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

/// One connection at the hub. Dropping it ends everything it stands for.
pub struct Link {
    hub: Arc<Hub>,
    pub(crate) core: Arc<Core>,
}

impl Link {
    pub(crate) fn new(hub: Arc<Hub>, core: Arc<Core>) -> Self {
        Self { hub, core }
    }

    /// What is on its way to this connection.
    #[must_use]
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.core.outbox
    }

    /// Makes the connection speak for a user; whoever it spoke for before is forgotten first. The
    /// user is seen as present once it listens, so that those who share a room with it can be told.
    ///
    /// # Errors
    ///
    /// [`Refused::TooManyConnections`]; the connection then speaks for nobody.
    pub fn attach(&self, attachment: Attachment) -> Result<(), Refused> {
        self.detach();
        let user = attachment.user.id;
        self.core.state.lock().who = Some(attachment);
        if let Err(refused) = self.hub.users.add(user, &self.core, self.hub.settings()) {
            *self.core.state.lock() = State::default();
            return Err(refused);
        }
        Ok(())
    }

    /// The connection listens: its user is present.
    fn arrive(&self) {
        let user = {
            let mut state = self.core.state.lock();
            let State { who, present, .. } = &mut *state;
            let new = who.as_ref().filter(|_| !*present);
            let user = new.map(|who| Arc::clone(&who.user));
            *present |= user.is_some();
            user
        };
        if let Some(user) = user {
            self.hub.presence.came(&user);
        }
    }

    /// Waits until the user's arrival has been passed on, so that everyone who asks sees the user
    /// online. Returns at once when it was before, or when nobody is attached.
    pub async fn announced(&self) {
        let user = self.core.state.lock().who.as_ref().map(|who| who.user.id);
        if let Some(user) = user {
            self.hub.presence.announced(user).await;
        }
    }

    /// Makes the connection speak for nobody and listen to nothing.
    pub fn detach(&self) {
        let Some(user) = self.core.user() else { return };
        self.hub.users.remove(user, &self.core);
        let state = std::mem::take(&mut *self.core.state.lock());
        for room in &state.rooms {
            self.hub.rooms.remove_listener(*room, &self.core);
        }
        for room in &state.attended {
            self.hub.attendance.went(*room, user);
        }
        if state.present {
            self.hub.presence.went(user, &state.rooms);
        }
    }

    /// Listens to all rooms of the user, behind closed gates. `read` asks the store where the
    /// user's rooms stand; it is called twice, before and after. Returns the second answer.
    ///
    /// # Errors
    ///
    /// What `read` fails with.
    pub async fn follow<E, F>(&self, read: impl Fn() -> F) -> Result<Heads, E>
    where
        F: Future<Output = Result<Heads, E>>,
    {
        for (room, ..) in read().await? {
            if self.subscribe(room).is_err() {
                break;
            }
        }
        self.arrive();
        read().await
    }

    /// Listens to a room behind a closed gate; [`go_live`](Self::go_live) or
    /// [`release`](Self::release) opens it. Nothing happens if the connection listens already.
    ///
    /// # Errors
    ///
    /// [`Refused::TooManyRooms`].
    pub fn subscribe(&self, room: RoomId) -> Result<(), Refused> {
        let most = self.hub.settings().rooms_per_connection;
        self.hub.rooms.subscribe(room, &self.core, most)
    }

    /// Chooses which of its codec's facets the connection is told, in every room to which it
    /// listens and in those to come. `change` gets the facet as it is, of the connection and of
    /// each room; applied twice it must do no more than once. A connection that is attached anew
    /// begins at facet 0.
    ///
    /// # Panics
    ///
    /// As [`change_facet`](Self::change_facet).
    pub fn change_facets(&self, change: impl Fn(Facet) -> Facet) {
        let Some((most, rooms)) = self.core.change_facet(&self.hub, &change) else {
            return;
        };
        for room in rooms {
            let change = |facet| within(change(facet), most);
            self.hub.rooms.change_facet(room, &self.core, change);
        }
    }

    /// The same for one room. False when the connection does not listen to it.
    ///
    /// # Panics
    ///
    /// When the codec has no such facet.
    pub fn change_facet(&self, room: RoomId, change: impl FnOnce(Facet) -> Facet) -> bool {
        let Some(codec) = self.core.codec() else {
            return false;
        };
        let most = self.hub.codecs.get(codec).facets();
        let change = |facet| within(change(facet), most);
        self.hub.rooms.change_facet(room, &self.core, change)
    }

    /// By what an event names this connection, so that it is not told of itself.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.core.id
    }

    /// Counts the connection among those that have opened the room, and waits until the others
    /// there have been told. Ends with [`unsubscribe`](Self::unsubscribe) or with the connection.
    pub async fn attend(&self, room: RoomId) {
        let user = {
            let mut state = self.core.state.lock();
            let Some(user) = state.who.as_ref().map(|who| Arc::clone(&who.user)) else {
                return;
            };
            if state.attended.contains(&room) {
                return;
            }
            state.attended.push(room);
            user
        };
        self.hub.attendance.came(room, &user);
        self.hub.attendance.announced(room, user.id).await;
    }

    /// Goes live in a room that was [subscribed](Self::subscribe) to, at `known`; `guest` says
    /// that the user is no member there, so that it listens only while the room is open. `hello`
    /// gets the users who have opened the room, by number, and gives the first frames; every
    /// later arrival and departure is told after them, and no earlier one.
    ///
    /// Unless it is [`Released::Live`], the connection is of no use for this room.
    #[must_use = "the room may not be listened to"]
    pub fn enter(
        &self,
        room: RoomId,
        known: Position,
        guest: bool,
        hello: impl FnOnce(Vec<UserId>) -> Vec<Bytes>,
    ) -> Released {
        self.core.state.lock().live = true;
        self.arrive();
        // No delivery comes between the list and the first event.
        let mut wakes = self.hub.delivery.lock();
        for frame in hello(self.hub.attendance.users(room)) {
            self.core.outbox.reply(frame);
        }
        let released = self
            .hub
            .rooms
            .enter(room, &self.core, known, guest, &mut wakes);
        wakes.wake_all();
        released
    }

    /// Whether the connection listens to the room. Waits for a delivery there that is under way.
    #[must_use]
    pub fn listens_to(&self, room: RoomId) -> bool {
        self.hub.rooms.has(room, &self.core)
    }

    /// Stops listening to a room. What is held is dropped.
    pub fn unsubscribe(&self, room: RoomId) {
        self.give_up_seat(room);
        self.hub.rooms.unsubscribe(room, &self.core);
    }

    fn give_up_seat(&self, room: RoomId) {
        let user = {
            let mut state = self.core.state.lock();
            let attended = state.attended.contains(&room);
            state.attended.retain(|known| *known != room);
            state
                .who
                .as_ref()
                .filter(|_| attended)
                .map(|who| who.user.id)
        };
        if let Some(user) = user {
            self.hub.attendance.went(room, user);
        }
    }

    /// Ends the login: opens the gates of the rooms in `heads`, save `except`, each at its
    /// position. Rooms that are not in `heads` are let go, unless the user joined them meanwhile.
    /// What the session says before this call goes out before any event.
    ///
    /// Returns rooms that are still held, as if they stood in `except`, because too much came
    /// meanwhile.
    #[must_use = "these rooms are still held"]
    pub fn go_live(&self, heads: &[(RoomId, Position)], except: &[RoomId]) -> Vec<RoomId> {
        let known = {
            let mut state = self.core.state.lock();
            state.live = true;
            state.rooms.clone()
        };
        self.arrive();
        let mut wakes = Wakes::default();
        let mut still_held = Vec::new();
        for &room in &known {
            let head = heads.iter().find(|head| head.0 == room).map(|head| head.1);
            if !except.contains(&room)
                && self.hub.rooms.settle(room, &self.core, head, &mut wakes) == Released::ReadAgain
            {
                still_held.push(room);
            }
        }
        for (room, position) in heads.iter().filter(|head| !known.contains(&head.0)) {
            // The user joined between the two readings, and the event is still to come.
            self.listen_late(*room, *position, except.contains(room));
        }
        wakes.wake_all();
        still_held
    }

    fn listen_late(&self, room: RoomId, position: Position, held: bool) {
        let most = self.hub.settings().rooms_per_connection;
        let listening = if held {
            self.hub.rooms.subscribe(room, &self.core, most)
        } else {
            self.hub.rooms.listen_from(room, &self.core, position, most)
        };
        if let Err(refused) = listening {
            tracing::debug!(room = room.0, %refused, "a room is not listened to");
        }
    }

    /// Closes a room's gate: from now on its events are held until [`release`](Self::release).
    /// False when the connection does not listen to the room.
    pub fn hold(&self, room: RoomId) -> bool {
        self.hub.rooms.hold(room, &self.core)
    }

    /// Opens a room's gate after a replay up to `reached`: what is held beyond it goes out, and the
    /// rest follows as it happens, with no hole and no repeat.
    #[must_use = "the room may still be held"]
    pub fn release(&self, room: RoomId, reached: Position) -> Released {
        let mut wakes = Wakes::default();
        let released = self
            .hub
            .rooms
            .release(room, &self.core, reached, &mut wakes);
        wakes.wake_all();
        released
    }

    /// Opens a room's gate that [`hold`](Self::hold) closed while something older was told:
    /// everything that is held goes out, and the rest follows as it happens. After
    /// [`Released::ReadAgain`] something is missing that the hub no longer has.
    #[must_use = "the room may still be held"]
    pub fn reopen(&self, room: RoomId) -> Released {
        let mut wakes = Wakes::default();
        let released = self.hub.rooms.reopen(room, &self.core, &mut wakes);
        wakes.wake_all();
        released
    }

    /// After the store has refused a replay that had come to `reached`, since the membership has
    /// ended: true when its end is held, and everything up to it has gone out. Else nothing has
    /// happened, and what is missing cannot be had any more: [`let_go`](Self::let_go).
    pub fn release_ended(&self, room: RoomId, reached: Position) -> bool {
        let mut wakes = Wakes::default();
        let ended = self
            .hub
            .rooms
            .release_ended(room, &self.core, reached, &mut wakes);
        wakes.wake_all();
        ended
    }

    /// Lets go of a held room that the user may no longer read, with all that is held; unless the
    /// user joined it anew meanwhile: then everything that is held goes out.
    #[must_use = "the room may still be held"]
    pub fn let_go(&self, room: RoomId) -> Released {
        let mut wakes = Wakes::default();
        let released = self.hub.rooms.settle(room, &self.core, None, &mut wakes);
        wakes.wake_all();
        released
    }

    /// The rooms that this connection listens to, each with where it stood after the last stored
    /// event that was delivered here; none where nothing was since anybody listens. Everything up to
    /// there has been put in this connection's outbox, unless its gate is closed or the connection
    /// knew it before.
    #[must_use]
    pub fn delivered(&self) -> Vec<(RoomId, Option<Position>)> {
        let rooms = self.core.rooms().into_iter();
        rooms
            .map(|room| (room, self.hub.rooms.delivered(room)))
            .collect()
    }

    /// The user goes on under another login; returns the login before.
    pub fn renew(&self, session: Option<SessionId>) -> Option<SessionId> {
        let mut state = self.core.state.lock();
        let who = state.who.as_mut()?;
        std::mem::replace(&mut who.session, session)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.detach();
        self.hub.forget(&self.core);
    }
}

/// The part of a connection that the hub's tables share.
pub(crate) struct Core {
    pub(crate) id: u64,
    outbox: Arc<Outbox>,
    held: HeldBytes,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    who: Option<Attachment>,
    /// Every room in whose list of listeners this connection stands.
    rooms: Vec<RoomId>,
    /// Rooms that it has opened for itself.
    attended: Vec<RoomId>,
    live: bool,
    /// The user counts as present by this connection.
    present: bool,
    /// What it is told where a room says nothing else.
    facet: Facet,
}

impl State {
    fn enlist(&mut self, room: RoomId, most: usize) -> Result<Option<Enlisted>, Refused> {
        let Some(who) = &self.who else {
            return Ok(None);
        };
        if self.rooms.contains(&room) {
            return Ok(None);
        }
        if self.rooms.len() >= most {
            return Err(Refused::TooManyRooms);
        }
        self.rooms.push(room);
        Ok(Some(Enlisted {
            user: who.user.id,
            wire: who.wire(self.facet),
            live: self.live,
        }))
    }
}

/// A facet that the codec has: another one would be a form of somebody else.
fn within(facet: Facet, most: Facet) -> Facet {
    assert!(facet < most, "the codec has no facet {facet}");
    facet
}

/// What a new listener needs to know of its connection.
pub(crate) struct Enlisted {
    pub(crate) user: UserId,
    pub(crate) wire: Wire,
    pub(crate) live: bool,
}

impl Core {
    pub(crate) fn new(id: u64, outbox: Arc<Outbox>, held_bytes: usize) -> Arc<Self> {
        let held = HeldBytes {
            now: AtomicUsize::new(0),
            most: held_bytes,
        };
        Arc::new(Self {
            id,
            outbox,
            held,
            state: Mutex::default(),
        })
    }

    pub(crate) fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    pub(crate) fn held_bytes(&self) -> &HeldBytes {
        &self.held
    }

    pub(crate) fn user(&self) -> Option<UserId> {
        self.state.lock().who.as_ref().map(|who| who.user.id)
    }

    /// Whom the connection speaks for, and by which login.
    pub(crate) fn speaker(&self) -> Option<(Arc<Profile>, Option<SessionId>)> {
        let state = self.state.lock();
        let who = state.who.as_ref()?;
        Some((Arc::clone(&who.user), who.session))
    }

    pub(crate) fn codec(&self) -> Option<CodecId> {
        self.state.lock().who.as_ref().map(|who| who.codec)
    }

    /// The login of this user on this connection; none when it speaks for somebody else by now.
    pub(crate) fn login(&self, user: UserId) -> Option<(Option<SessionId>, Wire)> {
        let state = self.state.lock();
        let who = state.who.as_ref().filter(|who| who.user.id == user)?;
        Some((who.session, who.wire(state.facet)))
    }

    /// The wire of a connection that gets what concerns its user: one that is live.
    pub(crate) fn live_wire(&self, user: UserId) -> Option<Wire> {
        let state = self.state.lock();
        let who = state
            .who
            .as_ref()
            .filter(|who| state.live && who.user.id == user)?;
        Some(who.wire(state.facet))
    }

    /// The same for what happens in a room to which the connection does not listen: one that
    /// follows all rooms.
    pub(crate) fn stranger_wire(&self, user: UserId, room: RoomId) -> Option<Wire> {
        let state = self.state.lock();
        let who = state
            .who
            .as_ref()
            .filter(|who| state.live && who.user.id == user)?;
        let stranger = who.follow == Follow::AllRooms && !state.rooms.contains(&room);
        stranger.then(|| who.wire(state.facet))
    }

    /// Changes what is told where a room says nothing else. Returns how many facets there are, and
    /// the rooms that are listened to now; later ones begin with the new facet.
    fn change_facet(
        &self,
        hub: &Hub,
        change: impl Fn(Facet) -> Facet,
    ) -> Option<(Facet, Vec<RoomId>)> {
        let mut state = self.state.lock();
        let most = hub.codecs.get(state.who.as_ref()?.codec).facets();
        state.facet = within(change(state.facet), most);
        Some((most, state.rooms.clone()))
    }

    pub(crate) fn follows_all_rooms(&self) -> bool {
        let state = self.state.lock();
        state
            .who
            .as_ref()
            .is_some_and(|who| who.follow == Follow::AllRooms)
    }

    pub(crate) fn rooms(&self) -> Vec<RoomId> {
        self.state.lock().rooms.clone()
    }

    /// Notes that this connection listens to the room; none when it does already, or speaks for
    /// nobody. Called under the lock of the room's list, as everything that changes that list.
    pub(crate) fn enlist(&self, room: RoomId, most: usize) -> Result<Option<Enlisted>, Refused> {
        self.state.lock().enlist(room, most)
    }

    /// As [`enlist`](Self::enlist), for a user who has become a member of the room; none when the
    /// connection speaks for somebody else by now.
    pub(crate) fn enlist_member(
        &self,
        room: RoomId,
        user: UserId,
        most: usize,
    ) -> Option<Enlisted> {
        // Under one lock: a login as somebody else comes before or after, never between.
        let mut state = self.state.lock();
        let who = state.who.as_ref()?;
        if who.user.id != user || who.follow != Follow::AllRooms {
            return None;
        }
        state.enlist(room, most).unwrap_or_else(|refused| {
            tracing::warn!(user = user.0, room = room.0, %refused, "a room is not listened to");
            None
        })
    }

    /// Notes that this connection no longer listens to the room.
    pub(crate) fn strike(&self, room: RoomId) {
        self.state.lock().rooms.retain(|known| *known != room);
    }
}

impl Attachment {
    fn wire(&self, facet: Facet) -> Wire {
        Wire {
            codec: self.codec,
            facet,
            deflate: self.deflate,
        }
    }
}

/// Bytes that all gates of one connection hold, against one bound.
pub(crate) struct HeldBytes {
    now: AtomicUsize,
    most: usize,
}

impl HeldBytes {
    /// Takes that many bytes; false, and takes none, when the bound would be passed.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let fits = self.now.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.most;
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.now.fetch_sub(bytes, Ordering::Relaxed);
    }
}
