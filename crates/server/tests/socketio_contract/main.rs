//! The Socket.IO contracts (UPRed, REDUP) over the whole server: each test
//! quotes the row that it holds. [`transport`] is `upred.md` section 2 without
//! identity.

mod transport;
