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

/// The most wire forms a hub can have.
pub const MAX_CODECS: usize = 16;

/// How a dialect says events. Called once for each event, whatever the number of readers, so what
/// it returns must not depend on who reads.
pub trait Codec: Send + Sync + 'static {
    /// The event in this wire form. Quick: it runs on the fan-out path.
    fn encode(&self, event: &Event) -> Encoded;

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

/// The wire forms of a hub.
#[derive(Default)]
pub struct Codecs(Vec<Box<dyn Codec>>);

/// One of the wire forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodecId(u8);

impl Codecs {
    /// Adds a wire form.
    ///
    /// # Panics
    ///
    /// When there are [`MAX_CODECS`] already.
    pub fn add(&mut self, codec: impl Codec) -> CodecId {
        assert!(self.0.len() < MAX_CODECS, "at most {MAX_CODECS} wire forms");
        self.0.push(Box::new(codec));
        CodecId(self.0.len() as u8 - 1)
    }

    pub(crate) fn get(&self, id: CodecId) -> &dyn Codec {
        &*self.0[usize::from(id.0)]
    }
}

/// What goes over a connection's wire: a dialect's form, compressed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) codec: CodecId,
    pub(crate) deflate: bool,
}

impl Wire {
    fn index(self) -> usize {
        usize::from(self.codec.0) * 2 + usize::from(self.deflate)
    }
}

/// The frames of one event, each made when the first reader needs it.
pub(crate) struct Frames<'a> {
    codecs: &'a Codecs,
    event: &'a Arc<Event>,
    encoded: [Option<Encoded>; MAX_CODECS],
    items: [Option<Item>; 2 * MAX_CODECS],
}

impl<'a> Frames<'a> {
    pub(crate) fn new(codecs: &'a Codecs, event: &'a Arc<Event>) -> Self {
        Self {
            codecs,
            event,
            encoded: [const { None }; MAX_CODECS],
            items: [const { None }; 2 * MAX_CODECS],
        }
    }

    /// What a reader on this wire gets, if anything.
    pub(crate) fn get(&mut self, wire: Wire) -> Option<Item> {
        if let Some(item) = &self.items[wire.index()] {
            return Some(item.clone());
        }
        let encoded = self.encoded[usize::from(wire.codec.0)]
            .get_or_insert_with(|| self.codecs.get(wire.codec).encode(self.event));
        let item = match encoded {
            Encoded::Skip => return None,
            Encoded::Text(text) => Item::Frame(build(Kind::Text, text.as_bytes(), wire.deflate)),
            Encoded::Binary(bytes) => Item::Frame(build(Kind::Binary, bytes, wire.deflate)),
            Encoded::PerReader => Item::Event(Arc::clone(self.event)),
        };
        self.items[wire.index()] = Some(item.clone());
        Some(item)
    }
}

fn build(kind: Kind, payload: &[u8], deflate: bool) -> Bytes {
    match deflate.then(|| deflate::compress(payload)).flatten() {
        Some(smaller) => frame::compressed(kind, &smaller),
        None => frame::message(kind, payload),
    }
}
