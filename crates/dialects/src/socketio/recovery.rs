//! Connection state recovery, as the official JavaScript client knows it
//! (`docs/adr/0009-socketio-recovery.md`): a client that was cut off goes on, on
//! another connection and perhaps at another process, where it was.
//!
//! The server keeps nothing. The client is told now and then, behind what it was
//! told before, how far it is ([`Offset`]), and brings it along when it comes
//! back. Token and membership are checked then as for everybody.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use bytes::Bytes;
use serde_json::{Map, Value};
use tertulia_domain::chat::Recovery;
use tertulia_domain::event::CatchUpCursor;
use tertulia_domain::ports::Heads;
use tertulia_domain::room::RoomSummary;
use tertulia_domain::{Change, Error, Position, Result, RoomEvent, RoomId, Timestamp, UserId};
use tertulia_hub::ws::{Close, code};
use tertulia_hub::{Flow, FollowUp};

use super::client::ChatClient;
use super::encode::event;
use super::engine::session::new_sid;
use super::engine::socket_session::Welcome;
use super::offset::{Offset, Place};
use super::view::Spoken;
use crate::common::catch_up::{Broken, CatchingUp};
use crate::common::entering::Entry;

/// The event that tells a client how far it is. The official client keeps the
/// last argument of any event when it is a text; no other event has one.
const TOLD: &str = "tertulia:offset";

/// Characters of a `pid`.
const PID: usize = 64;

/// More rooms than this are not kept: the text would grow too long.
const MOST_ROOMS: usize = 2_000;

/// Rooms that somebody may have come into while it was away.
const MOST_NEW_ROOMS: usize = 100;

/// The parts of the window after which an unchanged offset is told anew, so that
/// it is never too old while its connection lives.
const RENEWALS: u32 = 4;

/// What a connection can tell its client about how far it is.
pub(super) struct Keeper {
    pid: String,
    sid: String,
    /// Where this connection's own events of the rooms begin, by room.
    known: Vec<(RoomId, Position)>,
    /// What was told last, and when.
    told: Option<(u64, Timestamp)>,
}

/// A client that has come back.
pub(super) struct Returning {
    /// Where the catch-up of each room begins.
    replays: Vec<(RoomId, CatchUpCursor)>,
    /// The rooms that the socket had opened.
    opened: Vec<RoomSummary>,
}

/// What a client brings along.
pub(super) struct Brought {
    pid: String,
    offset: Offset,
}

impl Keeper {
    fn new(pid: String, sid: String, heads: &Heads) -> Self {
        let mut known: Vec<_> = heads.iter().map(|head| (head.0, head.1)).collect();
        known.sort_unstable_by_key(|(room, _)| *room);
        Self {
            pid,
            sid,
            known,
            told: None,
        }
    }

    /// What the client is told when it is let in.
    pub(super) fn welcome(&self) -> Welcome {
        Welcome {
            sid: Some(self.sid.clone()),
            pid: Some(self.pid.clone()),
        }
    }

    /// How far the client is in a room: where its events begin, or what was
    /// delivered since.
    fn place(&self, room: RoomId, delivered: Option<Position>) -> Option<Position> {
        let known = self.known.binary_search_by_key(&room, |(room, _)| *room);
        let known = known.ok().map(|at| self.known[at].1);
        let both = known.into_iter().chain(delivered);
        both.max_by_key(|position| position.step())
    }
}

impl ChatClient {
    /// What a client brings along that comes back; none for one that comes for
    /// the first time, or whose text is not ours, not its own, or too old.
    pub(super) fn brought(&self, user: UserId, auth: &Map<String, Value>) -> Option<Brought> {
        let window = self.context.settings.recovery_window;
        let text = |name| auth.get(name).and_then(Value::as_str);
        let (pid, offset) = (text("pid")?, text("offset")?);
        if window.is_zero() || pid.is_empty() || pid.len() > PID {
            return None;
        }
        let chat = &self.context.chat;
        let offset = Offset::open(chat, user, pid, offset)?;
        let is_young = offset.at.after(window) >= chat.now();
        is_young.then(|| Brought {
            pid: pid.to_owned(),
            offset,
        })
    }

    /// Before anything is delivered: what the socket had spoken counts again.
    pub(super) fn speak_again(&mut self, brought: &Brought) {
        self.set_spoken(brought.offset.spoken);
    }

    /// Takes up what a client brought along, now that its rooms are listened to;
    /// none when it must begin anew.
    pub(super) async fn take_up(
        &mut self,
        user: UserId,
        brought: Brought,
        heads: &Heads,
    ) -> Result<Option<Returning>> {
        let Some(mut returning) = self.plan(&brought.offset, heads) else {
            return Ok(None);
        };
        let is_new = |room: &RoomId| !brought.offset.places.iter().any(|it| it.room == *room);
        let new: Vec<_> = heads.iter().filter(|head| is_new(&head.0)).collect();
        if new.len() > MOST_NEW_ROOMS {
            return Ok(None);
        }
        for (room, ..) in new {
            let summary = self.room_of(user, *room).await?;
            let membership = summary.and_then(|it| it.membership);
            let Some(membership) = membership.filter(|it| it.is_active()) else {
                return Ok(None);
            };
            let joined = Position {
                seq: membership.since,
                revision: membership.revision,
            };
            returning.replays.push((*room, CatchUpCursor::new(joined)));
        }
        for place in brought.offset.places.iter().filter(|place| place.open) {
            let Some(summary) = self.room_of(user, place.room).await? else {
                return Ok(None);
            };
            returning.opened.push(summary);
        }
        self.keeper = Some(Keeper::new(brought.pid, brought.offset.sid, heads));
        Ok(Some(returning))
    }

    /// A room, unless the user lost it at this very moment.
    async fn room_of(&self, user: UserId, room: RoomId) -> Result<Option<RoomSummary>> {
        match self.context.chat.room(user, room).await {
            Ok(summary) => Ok(Some(summary)),
            Err(Error::NotFound(_) | Error::Forbidden(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is to be replayed of the rooms that the client knows; none when it
    /// no longer is in one of them, or too much was missed.
    fn plan(&self, offset: &Offset, heads: &Heads) -> Option<Returning> {
        let chat = &self.context.chat;
        let mut replays = Vec::new();
        let mut missed = 0;
        for place in &offset.places {
            let head = heads.iter().find(|head| head.0 == place.room)?.1;
            missed += (head.step() - place.known.step()).max(0);
            match chat.recovery(place.known, head) {
                // What is held was chosen for a socket that had not opened the
                // room: it is read anew.
                Recovery::Current if place.open => {
                    replays.push((place.room, CatchUpCursor::new(head)));
                }
                Recovery::Current => {}
                Recovery::Replay(cursor) => replays.push((place.room, cursor)),
                Recovery::TooMuch => return None,
            }
        }
        (missed <= chat.limits().recovery_messages).then_some(Returning {
            replays,
            opened: Vec::new(),
        })
    }

    /// Begins to keep how far a client is that comes for the first time.
    pub(super) fn keep(&mut self, heads: &Heads) {
        if !self.context.settings.recovery_window.is_zero() {
            self.keeper = Some(Keeper::new(new_sid(), new_sid(), heads));
        }
    }

    /// Opens what was open, tells what was missed, and goes live.
    pub(super) async fn go_on(
        &mut self,
        user: UserId,
        returning: Returning,
        heads: &Heads,
        entry: &mut Entry,
    ) -> Flow {
        for summary in &returning.opened {
            self.open_again(summary);
        }
        let mut replays = returning.replays;
        let held: Vec<RoomId> = replays.iter().map(|(room, _)| *room).collect();
        let places: Vec<_> = heads.iter().map(|head| (head.0, head.1)).collect();
        for room in self.link.go_live(&places, &held) {
            let head = places.iter().find(|(known, _)| *known == room);
            let known = head.map_or(Position::START, |(_, head)| *head);
            replays.push((room, CatchUpCursor::new(known)));
        }
        for (room, cursor) in replays {
            let catching_up = CatchingUp {
                chat: &self.context.chat,
                link: &self.link,
                user,
                frame: &|event: &RoomEvent| self.missed(event),
            };
            if let Err(broken) = catching_up.after_login(room, cursor, entry).await {
                return flow_of(broken);
            }
        }
        Flow::Continue
    }

    /// The frame of something that was missed, as it would have been told when
    /// it happened; none for what would not, or was taken back since.
    fn missed(&self, event: &RoomEvent) -> Option<Bytes> {
        let Change::Message { message, .. } = &event.change else {
            return None;
        };
        match message.deleted_at {
            Some(_) => None,
            None => self.received(event),
        }
    }

    /// How far the client is, unless it has been told.
    pub(super) fn how_far(&mut self) -> FollowUp {
        let Some(bound) = &self.bound else {
            return FollowUp::Nothing;
        };
        let user = bound.who.identity.user();
        let (now, spoken) = (self.context.chat.now(), self.spoken);
        let Some(keeper) = &self.keeper else {
            return FollowUp::Never;
        };
        let mut places = Vec::new();
        for (room, delivered) in self.link.delivered() {
            places.extend(keeper.place(room, delivered).map(|known| Place {
                room,
                known,
                open: self.open.contains(room),
            }));
        }
        if places.len() > MOST_ROOMS {
            return FollowUp::Never;
        }
        places.sort_unstable_by_key(|place| place.room);
        let told = fingerprint(&places, spoken);
        let renew_after = self.context.settings.recovery_window / RENEWALS;
        let is_told =
            |(before, at): (u64, Timestamp)| before == told && at.after(renew_after) > now;
        if keeper.told.is_some_and(is_told) {
            return FollowUp::Nothing;
        }
        let offset = Offset {
            at: now,
            sid: keeper.sid.clone(),
            spoken,
            places,
        };
        let text = offset.seal(&self.context.chat, user, &keeper.pid);
        if let Some(keeper) = &mut self.keeper {
            keeper.told = Some((told, now));
        }
        FollowUp::Frame(event(TOLD, &text))
    }
}

/// A catch-up that could not be finished ends the connection: the client comes
/// back with what it has by then.
fn flow_of(broken: Broken) -> Flow {
    match broken {
        Broken::Gone => Flow::Continue,
        Broken::TooSlow => Flow::Close(Close::slow_consumer()),
        Broken::Unavailable(error) => {
            tracing::error!(%error, "a catch-up could not be finished");
            Flow::Close(Close::new(code::TRY_AGAIN_LATER, "unavailable"))
        }
    }
}

fn fingerprint(places: &[Place], spoken: Spoken) -> u64 {
    let mut hasher = DefaultHasher::new();
    (places, spoken).hash(&mut hasher);
    hasher.finish()
}
