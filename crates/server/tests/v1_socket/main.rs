//! Our own socket, `/v1/ws`, with the whole server behind it (`design.md` §7).
//!
//! Every frame that a test receives is held to `/asyncapi.json` ([`contract`]).
//! [`document`] is about that document itself. [`signing_in`] and [`ending`] are
//! about whom a connection speaks for and for how long, [`ops`] about each op
//! and what others are told of it, [`refusals`] about what is not carried out,
//! [`members`] about who is told, [`returning`] about a client that comes back,
//! [`interleaved`] about one that comes back again and again while others write,
//! [`storm`] about many that come back at once.

mod client;
mod contract;
mod document;
mod ending;
mod interleaved;
mod members;
mod ops;
mod refusals;
mod replica;
mod returning;
mod signing_in;
mod storm;
mod world;
