//! Messages of one room that one commit brought together: they are joined once, so that each
//! reader gets them as one piece.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tertulia_domain::{Change, Event, RoomEvent};

use crate::{
    codec::{Codecs, Frames, MAX_WIRES, Wire},
    gate::Listener,
    outbox::{Item, Wakes},
};

/// The most events that are joined.
const MOST: usize = 32;

/// The most bytes that are joined: a large message costs little beside itself.
const MOST_BYTES: usize = 16 << 10;

/// How many of the first events are messages of one room, one right after the other.
pub(crate) fn length(events: &[Arc<Event>]) -> usize {
    let mut last: Option<&RoomEvent> = None;
    let messages = events.iter().take(MOST).map_while(|event| message(event));
    let run = messages.take_while(|next| {
        let follows = last.is_none_or(|last| {
            last.room.id == next.room.id && last.at.step() + 1 == next.at.step()
        });
        last = Some(next);
        follows
    });
    run.count()
}

fn message(event: &Event) -> Option<&RoomEvent> {
    match event {
        Event::Room(event) if matches!(event.change, Change::Message { .. }) => Some(event),
        _ => None,
    }
}

/// Such messages on their way.
pub(crate) struct Run<'a> {
    /// Each with its step, and its frames for readers that get it apart.
    events: Vec<(i64, Frames<'a>)>,
    joined: [Option<Joined>; MAX_WIRES],
}

/// What a wire makes of them all.
#[derive(Clone)]
enum Joined {
    Nothing,
    Item(Item),
    /// They cannot be joined.
    Apart,
}

impl<'a> Run<'a> {
    pub(crate) fn new(codecs: &'a Codecs, events: &'a [Arc<Event>]) -> Self {
        let events = events.iter().filter_map(|event| {
            let step = message(event)?.at.step();
            Some((step, Frames::new(codecs, event)))
        });
        Self {
            events: events.collect(),
            joined: [const { None }; MAX_WIRES],
        }
    }

    /// Gives a listener what it has not had; how many events went out to it.
    pub(crate) fn give(&mut self, listener: &mut Listener, wakes: &mut Wakes) -> u64 {
        let (first, last) = match (self.events.first(), self.events.last()) {
            (Some(first), Some(last)) => (first.0, last.0),
            _ => return 0,
        };
        if listener.takes_all_from(first) {
            match self.joined(listener.wire()) {
                Joined::Nothing => return listener.give_joined(last, None, wakes).into(),
                Joined::Item(item) => {
                    let given = listener.give_joined(last, Some(item), wakes);
                    return if given { self.events.len() as u64 } else { 0 };
                }
                Joined::Apart => {}
            }
        }
        let give = |(step, frames): &mut (i64, Frames<'_>)| {
            u64::from(listener.give_stored(*step, true, frames, wakes))
        };
        self.events.iter_mut().map(give).sum()
    }

    /// How often a codec was asked.
    pub(crate) fn encodings(&self) -> u64 {
        self.events
            .iter()
            .map(|(_, frames)| frames.encodings())
            .sum()
    }

    fn joined(&mut self, wire: Wire) -> Joined {
        if let Some(joined) = &self.joined[wire.index()] {
            return joined.clone();
        }
        let joined = self.join(wire);
        self.joined[wire.index()] = Some(joined.clone());
        joined
    }

    fn join(&mut self, wire: Wire) -> Joined {
        let mut all: Vec<Bytes> = Vec::with_capacity(self.events.len());
        for (_, frames) in &mut self.events {
            match frames.get(wire) {
                None => {}
                Some(Item::Frame(frame)) => all.push(frame),
                Some(Item::Event(_)) => return Joined::Apart,
            }
        }
        let bytes = all.iter().map(Bytes::len).sum();
        match all.len() {
            0 => Joined::Nothing,
            _ if bytes > MOST_BYTES => Joined::Apart,
            _ => {
                let mut whole = BytesMut::with_capacity(bytes);
                all.iter().for_each(|frame| whole.extend_from_slice(frame));
                Joined::Item(Item::Frame(whole.freeze()))
            }
        }
    }
}
