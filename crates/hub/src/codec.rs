//! What a dialect tells the hub about its wire form, and the frames of one event.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tertulia_domain::Event;

use crate::{
    outbox::Item,
    ws::{
        Close, code, deflate,
        frame::{self, Kind},
    },
};

/// The most wire forms a hub can have, each facet of a codec counted.
pub const MAX_FORMS: usize = 24;

/// As many wires: each form, compressed or not.
pub(crate) const MAX_WIRES: usize = 2 * MAX_FORMS;

/// Which of its codec's forms a connection is told, in general or in one room. What the numbers
/// mean is the codec's matter; a connection begins at 0.
pub type Facet = u8;

/// How a dialect says events. Called once for each event, whatever the number of readers, so what
/// it returns must not depend on who reads.
pub trait Codec: Send + Sync + 'static {
    /// The event in this wire form. Quick: it runs on the fan-out path.
    fn encode(&self, event: &Event) -> Encoded;

    /// How many facets this wire form has. Most have one.
    fn facets(&self) -> Facet {
        1
    }

    /// The event for readers of one facet, below [`facets`](Self::facets). Called once for each
    /// event and facet that is used.
    fn encode_facet(&self, event: &Event, facet: Facet) -> Encoded {
        let _ = facet;
        self.encode(event)
    }

    /// What a connection is told when the server stops. `retry_after` is spread evenly over all
    /// connections, so that they do not come back all at once; it is for a dialect that can pass
    /// it on.
    fn farewell(&self, retry_after: Duration) -> Farewell {
        let _ = retry_after;
        Farewell {
            frame: None,
            close: Close::new(code::SERVICE_RESTART, "restart"),
        }
    }
}

/// An event in a wire form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoded {
    /// This dialect has no word for it.
    Skip,
    /// The payload of a text frame.
    Text(String),
    /// The payload of a binary frame.
    Binary(Vec<u8>),
    /// It depends on the reader: each connection's [`Session`](crate::session::Session) renders it.
    PerReader,
}

/// The last words of a stopping server to one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    /// A whole frame before the close frame.
    pub frame: Option<Bytes>,
    /// The close frame.
    pub close: Close,
}

/// The wire forms of a hub: an entry for each facet, those of a codec one after the other.
#[derive(Default)]
pub struct Codecs(Vec<Arc<dyn Codec>>);

/// One of the codecs: the place of its first facet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodecId(u8);

impl Codecs {
    /// Adds a wire form.
    ///
    /// # Panics
    ///
    /// When there are more than [`MAX_FORMS`] then, or when it has no facet.
    pub fn add(&mut self, codec: impl Codec) -> CodecId {
        let (first, facets) = (self.0.len(), usize::from(codec.facets()));
        assert!(facets > 0, "a wire form has a facet");
        assert!(
            first + facets <= MAX_FORMS,
            "at most {MAX_FORMS} wire forms"
        );
        self.0.resize(first + facets, Arc::new(codec));
        CodecId(first as u8)
    }

    pub(crate) fn get(&self, id: CodecId) -> &dyn Codec {
        &*self.0[usize::from(id.0)]
    }
}

/// What goes over a connection's wire: a facet of a dialect's form, compressed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) codec: CodecId,
    pub(crate) facet: Facet,
    pub(crate) deflate: bool,
}

impl Wire {
    fn form(self) -> usize {
        usize::from(self.codec.0) + usize::from(self.facet)
    }

    /// Its place among [`MAX_WIRES`].
    pub(crate) fn index(self) -> usize {
        self.form() * 2 + usize::from(self.deflate)
    }
}

/// The frames of one event, each made when the first reader needs it.
pub(crate) struct Frames<'a> {
    codecs: &'a Codecs,
    event: &'a Arc<Event>,
    /// One for each form that is used, of which a room has few.
    forms: Vec<Form>,
}

/// An event in a wire form, and its frames.
struct Form {
    form: usize,
    encoded: Encoded,
    /// Uncompressed and compressed.
    items: [Option<Item>; 2],
}

impl<'a> Frames<'a> {
    pub(crate) fn new(codecs: &'a Codecs, event: &'a Arc<Event>) -> Self {
        Self {
            codecs,
            event,
            forms: Vec::new(),
        }
    }

    /// How often a codec was asked.
    pub(crate) fn encodings(&self) -> u64 {
        self.forms.len() as u64
    }

    /// What a reader on this wire gets, if anything.
    pub(crate) fn get(&mut self, wire: Wire) -> Option<Item> {
        let event = self.event;
        let form = self.form(wire);
        let item = &mut form.items[usize::from(wire.deflate)];
        if item.is_none() {
            *item = match &form.encoded {
                Encoded::Skip => None,
                Encoded::Text(text) => {
                    let frame = build(Kind::Text, text.as_bytes(), wire.deflate);
                    Some(Item::Frame(frame))
                }
                Encoded::Binary(bytes) => {
                    let frame = build(Kind::Binary, bytes, wire.deflate);
                    Some(Item::Frame(frame))
                }
                Encoded::PerReader => Some(Item::Event(Arc::clone(event))),
            };
        }
        item.clone()
    }

    fn form(&mut self, wire: Wire) -> &mut Form {
        let form = wire.form();
        let known = self.forms.iter().position(|known| known.form == form);
        let place = known.unwrap_or_else(|| {
            let codec = self.codecs.get(wire.codec);
            self.forms.push(Form {
                form,
                encoded: codec.encode_facet(self.event, wire.facet),
                items: [const { None }; 2],
            });
            self.forms.len() - 1
        });
        &mut self.forms[place]
    }
}

fn build(kind: Kind, payload: &[u8], deflate: bool) -> Bytes {
    match deflate.then(|| deflate::compress(payload)).flatten() {
        Some(smaller) => frame::compressed(kind, &smaller),
        None => frame::message(kind, payload),
    }
}
