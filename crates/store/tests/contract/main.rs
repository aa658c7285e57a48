//! What every store must do, whatever its database. Each test gets a fresh
//! database, and leaves one in which nothing contradicts anything else.

mod commits;
mod invariants;
mod world;
