//! The two lanes of an outbox, and the order in which they go to the socket.

use std::{collections::VecDeque, io::IoSlice, sync::Arc};

use bytes::Bytes;
use tertulia_domain::Event;

/// What one queued item costs beyond its frame: its slot, generously.
const SLOT_BYTES: usize = 64;

/// What an event counts for that is still to be rendered. The event itself is shared by all.
const EVENT_BYTES: usize = 256;

/// Something from the fan-out on its way to the socket.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// A whole frame.
    Frame(Bytes),
    /// An event that the session renders for its reader when its turn comes.
    Event(Arc<Event>),
}

impl Item {
    /// What it counts for in the bounds of outboxes and gates.
    pub(crate) fn weight(&self) -> usize {
        SLOT_BYTES
            + match self {
                Self::Frame(frame) => frame.len(),
                Self::Event(_) => EVENT_BYTES,
            }
    }
}

/// What a frame counts for in the own lane.
pub(super) fn frame_weight(frame: &Bytes) -> usize {
    SLOT_BYTES + frame.len()
}

/// First in, first out. The first item lies inline, so that a connection which is reached now and
/// then allocates nothing, and an empty queue holds no memory.
#[derive(Debug)]
pub(super) struct Queue<T> {
    first: Option<T>,
    rest: VecDeque<T>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            first: None,
            rest: VecDeque::new(),
        }
    }
}

impl<T> Queue<T> {
    pub(super) fn push(&mut self, item: T) {
        if self.first.is_none() {
            self.first = Some(item);
        } else {
            self.rest.push_back(item);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn front(&self) -> Option<&T> {
        self.first.as_ref()
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let item = self.first.take()?;
        self.first = self.rest.pop_front();
        if self.rest.is_empty() && self.rest.capacity() > 0 {
            self.rest = VecDeque::new();
        }
        Some(item)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(&self.rest)
    }

    /// Moves everything out of `other`, behind what is here.
    pub(super) fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
        } else if let Some(first) = other.first.take() {
            self.rest.push_back(first);
            self.rest.append(&mut other.rest);
            other.rest = VecDeque::new();
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Own,
    Shared,
}

/// What was written, by lane, in the measure of the outbox's bounds.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Written {
    pub(super) own: usize,
    pub(super) shared: usize,
}

/// What the connection has taken from its outbox and not yet written.
///
/// The own lane goes first: replies, and what the session rendered. An event at the head of the
/// shared lane holds that lane back until the session has rendered it.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    pub(super) own: Queue<Bytes>,
    pub(super) shared: Queue<Item>,
    pub(super) written: Written,
    /// The first frame of this lane was written in part, up to `offset`: it must be finished first.
    unfinished: Option<Lane>,
    offset: usize,
    /// An event of the shared lane is being rendered; what is behind it waits.
    rendering: bool,
}

impl Lanes {
    /// Lays the frames that can be written now into the slices, in order, and says how many.
    pub(crate) fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slice, frame) in slices.iter_mut().zip(self.writable()) {
            let start = if count == 0 { self.offset } else { 0 };
            *slice = IoSlice::new(&frame[start..]);
            count += 1;
        }
        count
    }

    fn writable(&self) -> impl Iterator<Item = &Bytes> {
        let shared = self.shared.iter().take_while(|_| !self.rendering);
        let mut shared = shared.map_while(|item| match item {
            Item::Frame(frame) => Some(frame),
            Item::Event(_) => None,
        });
        let unfinished = if self.unfinished == Some(Lane::Shared) {
            shared.next()
        } else {
            None
        };
        unfinished.into_iter().chain(self.own.iter()).chain(shared)
    }

    /// Notes that the socket took `bytes` more.
    pub(crate) fn advance(&mut self, mut bytes: usize) {
        while bytes > 0 {
            let lane = self.lane();
            let Some(frame) = self.front(lane) else {
                return;
            };
            let missing = frame.len() - self.offset;
            if bytes < missing {
                self.offset += bytes;
                self.unfinished = Some(lane);
                return;
            }
            bytes -= missing;
            self.offset = 0;
            self.unfinished = None;
            self.pop(lane);
        }
    }

    /// The event that holds the shared lane back, when nothing else can go before it. The lane
    /// waits until [`Lanes::rendered`].
    pub(crate) fn take_event(&mut self) -> Option<Arc<Event>> {
        if !self.has_event_next() {
            return None;
        }
        let Some(Item::Event(event)) = self.shared.front() else {
            return None;
        };
        let event = Arc::clone(event);
        self.pop(Lane::Shared);
        self.rendering = true;
        Some(event)
    }

    /// The event that was taken is rendered, and its frames are in the own lane.
    pub(crate) fn rendered(&mut self) {
        self.rendering = false;
    }

    /// Whether nothing is left to write or to render.
    pub(crate) fn is_empty(&self) -> bool {
        self.own.is_empty() && self.shared.is_empty() && !self.rendering
    }

    /// Whether a frame can be written now.
    pub(crate) fn can_write(&self) -> bool {
        let shared = !self.rendering && matches!(self.shared.front(), Some(Item::Frame(_)));
        shared || !self.own.is_empty()
    }

    /// Whether the next thing to do is to render an event.
    pub(crate) fn has_event_next(&self) -> bool {
        let event = !self.rendering && matches!(self.shared.front(), Some(Item::Event(_)));
        event && self.own.is_empty()
    }

    /// Forgets everything but a frame of which a part is on the wire already.
    pub(crate) fn discard(&mut self) {
        let unfinished = self.unfinished.and_then(|lane| self.front(lane).cloned());
        let offset = self.offset;
        *self = Self::default();
        if let Some(frame) = unfinished {
            self.own.push(frame);
            self.unfinished = Some(Lane::Own);
            self.offset = offset;
        }
    }

    /// Takes over the rest of a frame whose beginning is on the wire already. Nothing else is here.
    pub(super) fn begin_with(&mut self, rest: Bytes) {
        self.shared.push(Item::Frame(rest));
        self.unfinished = Some(Lane::Shared);
        self.offset = 0;
    }

    /// Puts a frame behind everything in the own lane, beside the outbox.
    pub(crate) fn push_own(&mut self, frame: Bytes) {
        self.own.push(frame);
    }

    /// The lane whose first frame is to be written next.
    fn lane(&self) -> Lane {
        let next = if self.own.is_empty() {
            Lane::Shared
        } else {
            Lane::Own
        };
        self.unfinished.unwrap_or(next)
    }

    fn front(&self, lane: Lane) -> Option<&Bytes> {
        match lane {
            Lane::Own => self.own.front(),
            Lane::Shared => match self.shared.front() {
                Some(Item::Frame(frame)) => Some(frame),
                _ => None,
            },
        }
    }

    fn pop(&mut self, lane: Lane) {
        match lane {
            Lane::Own => self.written.own += self.own.pop().as_ref().map_or(0, frame_weight),
            Lane::Shared => {
                self.written.shared += self.shared.pop().as_ref().map_or(0, Item::weight);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tertulia_domain::{
        UserId,
        event::{EndedSessions, SessionsEnded},
    };

    use super::*;

    fn event() -> Item {
        let ended = SessionsEnded {
            user: UserId(1),
            which: EndedSessions::All,
        };
        Item::Event(Arc::new(Event::SessionsEnded(ended)))
    }

    fn frame(text: &'static str) -> Item {
        Item::Frame(Bytes::from_static(text.as_bytes()))
    }

    /// Writes `step` bytes at a time into a socket that takes no more, until nothing can go.
    fn write(lanes: &mut Lanes, step: usize) -> String {
        let mut wire = String::new();
        while lanes.can_write() {
            let mut slices = [IoSlice::new(&[]); 3];
            let count = lanes.gather(&mut slices);
            let bytes: Vec<u8> = slices[..count]
                .iter()
                .flat_map(|slice| slice.iter().copied())
                .take(step)
                .collect();
            wire.push_str(std::str::from_utf8(&bytes).expect("the frames are ASCII"));
            lanes.advance(bytes.len());
        }
        wire
    }

    #[test]
    fn own_frames_go_first_and_an_event_holds_the_rest_back() {
        for step in 1..20 {
            let mut lanes = Lanes::default();
            for item in [frame("one,"), frame("two,"), event(), frame("three,")] {
                lanes.shared.push(item);
            }
            lanes.push_own(Bytes::from_static(b"reply,"));
            assert_eq!(write(&mut lanes, step), "reply,one,two,");
            assert!(lanes.take_event().is_some());
            assert_eq!(
                write(&mut lanes, step),
                "",
                "what follows waits for the rendering"
            );
            lanes.push_own(Bytes::from_static(b"rendered,"));
            lanes.rendered();
            assert_eq!(
                write(&mut lanes, step),
                "rendered,three,",
                "{step} bytes at a time"
            );
            assert!(lanes.is_empty());
            assert_eq!(lanes.written.own, 6 + 9 + 2 * SLOT_BYTES);
            assert_eq!(
                lanes.written.shared,
                4 + 4 + 6 + EVENT_BYTES + 4 * SLOT_BYTES
            );
        }
    }

    #[test]
    fn a_frame_begun_is_finished_before_own_frames() {
        let mut lanes = Lanes::default();
        lanes.shared.push(frame("shared,"));
        lanes.shared.push(frame("more,"));
        lanes.advance(3);
        lanes.push_own(Bytes::from_static(b"reply,"));
        assert_eq!(write(&mut lanes, 4), "red,reply,more,");
    }

    #[test]
    fn discarding_keeps_a_frame_begun() {
        let mut lanes = Lanes::default();
        lanes.shared.push(frame("shared,"));
        lanes.shared.push(frame("more,"));
        lanes.advance(3);
        lanes.push_own(Bytes::from_static(b"reply,"));
        lanes.discard();
        lanes.push_own(Bytes::from_static(b"close"));
        assert_eq!(write(&mut lanes, 100), "red,close");

        lanes.push_own(Bytes::from_static(b"reply"));
        lanes.discard();
        assert!(lanes.is_empty());
    }

    #[test]
    fn an_event_waits_for_own_frames() {
        let mut lanes = Lanes::default();
        lanes.shared.push(event());
        lanes.push_own(Bytes::from_static(b"reply"));
        assert!(lanes.take_event().is_none());
        lanes.advance(5);
        assert!(lanes.take_event().is_some());
    }

    #[test]
    fn queues_append_in_order_and_hold_no_memory_when_empty() {
        for (left, right) in [(0, 0), (0, 1), (0, 5), (1, 0), (1, 1), (1, 5), (5, 5)] {
            let mut one = Queue::default();
            let mut other = Queue::default();
            (0..left).for_each(|item| one.push(item));
            (left..left + right).for_each(|item| other.push(item));
            one.append(&mut other);
            assert!(other.is_empty());
            assert_eq!(other.rest.capacity(), 0);
            let items: Vec<_> = std::iter::from_fn(|| one.pop()).collect();
            assert_eq!(items, (0..left + right).collect::<Vec<_>>());
            assert_eq!(one.rest.capacity(), 0);
        }
    }
}
