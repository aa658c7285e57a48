//! Which events have a frame on this wire, for each view that a socket may have
//! of a room.
//!
//! In groups a frame depends on nothing else. In direct chats, where there are
//! two people and their few sockets, each socket renders what it gets: the
//! sender's get another selection than the recipient's.

use std::sync::Arc;

use tertulia_domain::event::Visit;
use tertulia_domain::{Change, Event, RoomEvent};
use tertulia_hub::{Codec, Encoded, Facet};

use super::encode::{DISCONNECT, Digits, Hyphenated, Received, Visited, event_text, is_for};
use super::form::is_direct;
use super::view::{Spoken, View};
use crate::common::files::FileLinks;

/// The wire form of UPRed and REDUP.
#[derive(Clone, Debug)]
pub struct SocketIoCodec {
    links: Arc<FileLinks>,
}

impl SocketIoCodec {
    /// With the links that messages' files get.
    #[must_use]
    pub fn new(links: Arc<FileLinks>) -> Self {
        Self { links }
    }
}

impl Codec for SocketIoCodec {
    fn encode(&self, event: &Event) -> Encoded {
        self.encode_facet(event, View::default().facet())
    }

    fn facets(&self) -> Facet {
        View::COUNT
    }

    fn encode_facet(&self, event: &Event, facet: Facet) -> Encoded {
        let view = View::of(facet);
        match event {
            Event::Room(event) => of_room(event, view, &self.links),
            Event::Visit(visit) => of_visit(visit, view),
            // The client is told before the connection goes, and stays away.
            Event::SessionsEnded(_) => Encoded::Text(DISCONNECT.to_owned()),
            Event::Typing { .. }
            | Event::Attendance { .. }
            | Event::Presence { .. }
            | Event::Signal(_)
            | Event::ProfileChanged(_) => Encoded::Skip,
        }
    }
}

fn of_room(event: &RoomEvent, view: View, links: &FileLinks) -> Encoded {
    match &event.change {
        Change::Message { message, sender } => {
            let room = &*event.room;
            if !is_for(message, room, view, None) {
                return Encoded::Skip;
            }
            if is_direct(room) {
                return Encoded::PerReader;
            }
            let sender = sender.as_deref();
            let received = Received::new(message, sender, room, view.spoken, None, links);
            Encoded::Text(event_text("receive_message", &received))
        }
        // This wire has no form for them; the next history says how it stands.
        Change::Edited { .. }
        | Change::Deleted { .. }
        | Change::Hidden { .. }
        | Change::Reaction { .. }
        | Change::Receipt { .. }
        | Change::Member { .. }
        | Change::Created { .. }
        | Change::Updated { .. }
        | Change::Closed { .. } => Encoded::Skip,
    }
}

/// REDUP's clients are not told who joins, nor is anybody in its ad-hoc groups.
fn of_visit(visit: &Visit, view: View) -> Encoded {
    let room = &*visit.room;
    if !view.open || view.spoken == Spoken::Redup || room.external_id.is_some() {
        return Encoded::Skip;
    }
    let name = if visit.on {
        "user_joined_group"
    } else {
        "user_left_group"
    };
    let visited = Visited {
        user_id: &visit.user.handle,
        group_id: Digits(room.id.0),
        sala_uuid: visit.on.then_some(Hyphenated(room.uuid)),
    };
    Encoded::Text(event_text(name, &visited))
}
