//! What every store must do, whatever its database. Each test gets a fresh
//! database, and leaves one in which nothing contradicts anything else.

mod catch_up;
mod commits;
mod files;
mod histories;
mod invariants;
mod lists;
mod marks;
mod members;
mod messages;
mod pairs;
mod rooms;
mod sessions;
mod shown;
mod users;
mod world;
