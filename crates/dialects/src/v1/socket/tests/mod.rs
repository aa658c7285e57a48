//! Frames of clients, read; events, written.

mod decoding;
mod encoding;
