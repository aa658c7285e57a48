//! What a returning client missed, told page by page at the socket's pace, with
//! the live events of the room held back meanwhile (`reliability.md` G8), in
//! whatever form its dialect gives it.

use bytes::Bytes;
use futures_util::FutureExt;
use tertulia_domain::chat::Recovery;
use tertulia_domain::event::CatchUpCursor;
use tertulia_domain::{Change, Chat, Error, Position, Result, RoomEvent, RoomId, UserId};
use tertulia_hub::{Gone, Link, Released};

use super::entering::Entry;

/// How often the store is read anew because more came than the gate may hold,
/// before the client counts as too slow for the room.
const ROUNDS: usize = 16;

/// How a room's catch-up ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The client knows all that it may know; the rest follows as it happens.
    All,
    /// The client must fetch the room over REST.
    Resync,
}

/// Why a catch-up cannot go on. The connection must end: it may have a hole.
#[derive(Debug)]
pub enum Broken {
    /// The connection has ended.
    Gone,
    /// More happens in the room than the client takes.
    TooSlow,
    /// The store does not answer.
    Unavailable(Error),
}

impl From<Gone> for Broken {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// A page of what was missed, as it is told.
struct Page {
    frames: Vec<Bytes>,
    next: CatchUpCursor,
    complete: bool,
}

/// A user's catch-up on one connection.
#[derive(Clone, Copy)]
pub struct CatchingUp<'a> {
    /// What is asked.
    pub chat: &'a Chat,
    /// The connection.
    pub link: &'a Link,
    /// Who reads.
    pub user: UserId,
    /// The whole frame of an event on this wire; none where it has no word for
    /// it, or none for this reader.
    pub frame: &'a (dyn Fn(&RoomEvent) -> Option<Bytes> + Sync),
}

impl CatchingUp<'_> {
    /// After a login: tells what happened in a room since `cursor` and lets it
    /// go live. The room's gate is closed. Others are let in while the client's
    /// socket is waited for.
    ///
    /// # Errors
    /// [`Broken`].
    pub async fn after_login(
        self,
        room: RoomId,
        mut cursor: CatchUpCursor,
        entry: &mut Entry,
    ) -> Result<Told, Broken> {
        for _ in 0..ROUNDS {
            let Some(reached) = self.tell_all(room, &mut cursor, entry).await? else {
                return self.let_go(room, cursor.reached);
            };
            match self.link.release(room, reached) {
                Released::Live | Released::Gone => return Ok(Told::All),
                Released::ReadAgain => cursor = CatchUpCursor::new(reached),
            }
        }
        Err(Broken::TooSlow)
    }

    /// Tells everything up to where the room stands; none when the user may no
    /// longer read it.
    async fn tell_all(
        self,
        room: RoomId,
        cursor: &mut CatchUpCursor,
        entry: &mut Entry,
    ) -> Result<Option<Position>, Broken> {
        while let Some(page) = self.page(room, *cursor, entry, Some).await? {
            self.tell(page.frames, entry).await?;
            *cursor = page.next;
            if page.complete {
                return Ok(Some(cursor.reached));
            }
        }
        Ok(None)
    }

    /// The membership ended during the catch-up. What came before its end is
    /// still for this client, if it is held from where the client stands on.
    fn let_go(self, room: RoomId, reached: Position) -> Result<Told, Broken> {
        if self.link.release_ended(room, reached) {
            return Ok(Told::All);
        }
        match self.link.let_go(room) {
            Released::Live | Released::Gone => Ok(Told::Resync),
            Released::ReadAgain => Err(Broken::TooSlow),
        }
    }

    /// On an open connection: tells what happened in a room after `known` and
    /// up to `told_since`, where this connection's own events of the room begin.
    /// The room stands at `head`.
    ///
    /// # Errors
    /// [`Broken`].
    pub async fn on_demand(
        self,
        room: RoomId,
        known: Position,
        told_since: Position,
        head: Position,
        entry: &mut Entry,
    ) -> Result<Told, Broken> {
        if known.covers(told_since) {
            return Ok(Told::All);
        }
        let cursor = match self.chat.recovery(known, told_since) {
            Recovery::Current => return Ok(Told::All),
            Recovery::TooMuch => return Ok(Told::Resync),
            Recovery::Replay(cursor) => cursor,
        };
        if !self.link.hold(room) {
            return Ok(Told::Resync);
        }
        let told = self.tell_gap(room, cursor, told_since, head, entry).await;
        match self.link.reopen(room) {
            Released::Live | Released::Gone => told,
            Released::ReadAgain => Err(Broken::TooSlow),
        }
    }

    async fn tell_gap(
        self,
        room: RoomId,
        mut cursor: CatchUpCursor,
        until: Position,
        head: Position,
        entry: &mut Entry,
    ) -> Result<Told, Broken> {
        let missing = |event| within(event, until);
        while let Some(page) = self.page(room, cursor, entry, missing).await? {
            self.tell(page.frames, entry).await?;
            cursor = page.next;
            if page.complete || cursor.reached.covers(until) {
                return Ok(Told::All);
            }
            if cursor.reached.seq >= until.seq {
                // The messages from here on were told as they came.
                cursor.reached.seq = cursor.reached.seq.max(head.seq);
            }
        }
        Ok(Told::Resync)
    }

    /// The next page, of the events that are `wanted`; none when the user may not
    /// read the room. Read and encoded as one of those who enter.
    async fn page(
        self,
        room: RoomId,
        cursor: CatchUpCursor,
        entry: &mut Entry,
        wanted: impl Fn(RoomEvent) -> Option<RoomEvent>,
    ) -> Result<Option<Page>, Broken> {
        entry.go_on().await;
        let page = match self.chat.catch_up(self.user, room, cursor).await {
            Ok(page) => page,
            Err(Error::NotFound(_) | Error::Forbidden(_)) => return Ok(None),
            Err(error) => return Err(Broken::Unavailable(error)),
        };
        let events = page.events.into_iter().filter_map(wanted);
        Ok(Some(Page {
            frames: events.filter_map(|event| (self.frame)(&event)).collect(),
            next: page.next,
            complete: page.complete,
        }))
    }

    /// At the socket's pace. Others are let in as soon as it takes no more.
    async fn tell(self, frames: Vec<Bytes>, entry: &mut Entry) -> Result<(), Broken> {
        let outbox = self.link.outbox();
        for frame in frames {
            match outbox.reply_when_room(frame.clone()).now_or_never() {
                Some(told) => told?,
                None => {
                    entry.give_way();
                    outbox.reply_when_room(frame).await?;
                }
            }
        }
        Ok(())
    }
}

/// An event of a catch-up, if it happened up to a position. Messages come before
/// changes there, so each is measured by its own counter; and what is told of a
/// change must not claim messages that are still on their way.
fn within(mut event: RoomEvent, until: Position) -> Option<RoomEvent> {
    if let Change::Message { .. } = event.change {
        return (event.at.seq <= until.seq).then_some(event);
    }
    event.at.seq = event.at.seq.min(until.seq);
    (event.at.revision <= until.revision).then_some(event)
}
