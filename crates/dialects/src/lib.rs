//! The wire protocols: thin translators over the one domain.
//!
//! Each dialect is a module that knows its own wire form and nothing of the
//! others; [`common`] is what they share. Here they are put on one port
//! (`design.md` §4): a new dialect is a line in [`codecs`] and one in [`router`].

pub mod common;
#[doc(hidden)]
pub mod decoders;
pub mod izpochat;
pub mod kaapehchat;
pub mod socketio;
pub mod sos;
pub mod v1;

mod front;

// Code that an example and the tests share names this crate as others do.
#[cfg(test)]
extern crate self as tertulia_dialects;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tertulia_hub::Codecs;

pub use front::HomePage;

use common::files::FileLinks;
use common::{CodecIds, Context, cors, request_id};
use front::Front;
use izpochat::IzpoCodec;
use kaapehchat::{KaapehChat, KaapehCodec};
use socketio::SocketIoCodec;
use sos::SosCodec;
use v1::V1Codec;

/// The wire forms of all dialects, for the hub, and the names by which
/// [`Context`] knows them.
#[must_use]
pub fn codecs(links: &Arc<FileLinks>) -> (Codecs, CodecIds) {
    let mut codecs = Codecs::default();
    let ids = CodecIds {
        kaapehchat: codecs.add(KaapehCodec::new(Arc::clone(links))),
        socketio: codecs.add(SocketIoCodec::new(Arc::clone(links))),
        sos: codecs.add(SosCodec::new(Arc::clone(links))),
        v1: codecs.add(V1Codec::new(Arc::clone(links))),
        izpochat: codecs.add(IzpoCodec::new(Arc::clone(links))),
    };
    (codecs, ids)
}

/// Everything that the dialects answer, on every path. `home` is what a browser
/// gets at `/`. Further routes can be merged, but no further fallback.
pub fn router(context: Context, home: HomePage) -> Router {
    let cors = cors::layer(
        &context.settings.allowed_origins,
        &v1::tus::REQUEST_HEADERS,
        &v1::tus::ANSWER_HEADERS,
    );
    let introduce = from_fn_with_state(context.clone(), v1::tus::introduce);
    let socketio = socketio::router(&context);
    let sos = sos::router(&context);
    let kaapehchat = KaapehChat::new(context.clone());
    let front = Front {
        context: context.clone(),
        home,
        upgrades: Arc::new(move |request| kaapehchat.accept(request)),
        unknown_path: v1::unknown_path,
        unknown_endpoint: izpochat::unknown_endpoint,
    };
    let (izpochat, mut described) = izpochat::router(context.clone());
    let (upload, of_upload) = socketio::upload::router(context.clone());
    described.merge(of_upload);
    described.merge(sos::document());
    front
        .router()
        .merge(sos)
        .merge(v1::router(context, described))
        .layer(cors)
        .merge(izpochat)
        .merge(upload)
        .layer(introduce)
        .merge(socketio)
        .layer(from_fn(request_id::assign))
}
