//! Which events have a frame on this wire. One frame serves all readers.

use std::sync::Arc;

use tertulia_domain::{Change, Event, RoomEvent};
use tertulia_hub::codec::{Codec, Encoded};

use super::encode::{Frame, MessageFrame};
use crate::common::files::FileLinks;

/// IzpoChat's wire form.
#[derive(Clone, Debug)]
pub struct IzpoCodec {
    links: Arc<FileLinks>,
}

impl IzpoCodec {
    /// With the links that messages' files get.
    #[must_use]
    pub fn new(links: Arc<FileLinks>) -> Self {
        Self { links }
    }
}

impl Codec for IzpoCodec {
    fn encode(&self, event: &Event) -> Encoded {
        match event {
            Event::Room(event) => of_room(event, &self.links),
            Event::Typing { user, on, at, .. } => shared(&Frame::typing(user, *on, *at)),
            Event::Attendance { user, here, at, .. } => {
                shared(&Frame::attendance(user, *here, *at))
            }
            // The hub closes these connections in its own words.
            Event::SessionsEnded(_)
            | Event::Visit(_)
            | Event::Presence { .. }
            | Event::Signal(_)
            | Event::ProfileChanged(_) => Encoded::Skip,
        }
    }
}

fn of_room(event: &RoomEvent, links: &FileLinks) -> Encoded {
    match &event.change {
        Change::Message { message, sender } => {
            let frame = MessageFrame::new(message, sender.as_deref(), links);
            shared(&Frame::Message(frame))
        }
        // After these a connection may listen no longer; its session looks.
        Change::Member { .. } | Change::Updated { .. } | Change::Closed { .. } => {
            Encoded::PerReader
        }
        // This wire has no form for them; the next history says how it stands.
        Change::Created { .. }
        | Change::Edited { .. }
        | Change::Deleted { .. }
        | Change::Hidden { .. }
        | Change::Reaction { .. }
        | Change::Receipt { .. } => Encoded::Skip,
    }
}

fn shared(frame: &Frame<'_>) -> Encoded {
    Encoded::Text(frame.json())
}
