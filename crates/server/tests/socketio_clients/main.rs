//! Socket.IO from the side of its clients: who they are, and what the official
//! libraries make of the server (`contracts/upred.md`, `contracts/redup.md`).

mod java;
mod javascript;
mod names;
mod programs;
mod python;
mod returning;
