//! What is measured: a server and how clients speak with it.

use anyhow::{Context, Result};
use serde_json::json;
use tempfile::TempDir;
use tertulia_domain::RoomId;

use crate::child::{self, Server, Tools};
use crate::client::Client;
use crate::wire::Wire;
use crate::world::{self, Person, Place, Room, World};

/// A server, and how clients speak with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The server that only writes pre-encoded frames.
    Limit,
    /// Node.js with Socket.IO, in memory.
    Node,
    /// The same with each message in PostgreSQL.
    NodePostgres,
    /// Tertulia over SQLite.
    Tertulia(Wire),
    /// Tertulia over PostgreSQL.
    TertuliaPostgres(Wire),
}

/// A server that runs, with what it needs for as long.
pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) world: World,
    target: Target,
    _folder: Option<TempDir>,
}

/// How clients speak with a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speech(Target);

impl Target {
    /// As a row is named.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Limit => "limit".to_owned(),
            Self::Node => "Node Socket.IO".to_owned(),
            Self::NodePostgres => "Node Socket.IO, PostgreSQL".to_owned(),
            Self::Tertulia(wire) => format!("Tertulia {}", wire.name()),
            Self::TertuliaPostgres(wire) => format!("Tertulia {}, PostgreSQL", wire.name()),
        }
    }

    /// Whether everything for it is there.
    pub(crate) fn is_there(self, tools: &Tools) -> bool {
        let node = tools.node.is_some();
        let postgres = tools.postgres.is_some();
        match self {
            Self::Limit | Self::Tertulia(_) => true,
            Self::Node => node,
            Self::NodePostgres => node && postgres,
            Self::TertuliaPostgres(_) => postgres,
        }
    }

    /// Starts the server over as many rooms, each with members of its own.
    pub(crate) async fn start(
        self,
        tools: &Tools,
        rooms: usize,
        members: usize,
    ) -> Result<Running> {
        let folder = tempfile::tempdir()?;
        let place = self.place(tools, folder.path())?;
        let world = match self {
            Self::Tertulia(_) | Self::TertuliaPostgres(_) => {
                world::of_rooms(&place, rooms, members).await?
            }
            Self::Limit | Self::Node | Self::NodePostgres => stand_ins(rooms, members),
        };
        let server = self.serve(tools, &place).await?;
        Ok(Running {
            server,
            world,
            target: self,
            _folder: Some(folder),
        })
    }

    /// Starts the server over what is at a place.
    pub(crate) async fn serve(self, tools: &Tools, place: &Place) -> Result<Server> {
        match self {
            Self::Limit => child::limit().await,
            Self::Node | Self::NodePostgres => child::node(tools, place.database.as_deref()).await,
            Self::Tertulia(_) | Self::TertuliaPostgres(_) => child::tertulia(tools, place).await,
        }
    }

    fn place(self, tools: &Tools, folder: &std::path::Path) -> Result<Place> {
        let mut place = Place::folder(folder);
        if matches!(self, Self::NodePostgres | Self::TertuliaPostgres(_)) {
            let (address, _) = tools.postgres.as_ref().context("no PostgreSQL")?;
            // Tertulia makes its own; Node gets the one that is always there.
            let name = match self {
                Self::NodePostgres => "postgres".to_owned(),
                _ => format!("bench{}", uuid::Uuid::new_v4().simple()),
            };
            place.database = Some(format!("{address}/{name}"));
        }
        Ok(place)
    }

    /// How clients speak with it.
    pub(crate) fn speech(self) -> Speech {
        Speech(self)
    }
}

impl Running {
    /// A server that was started over a world.
    pub(crate) fn over(target: Target, server: Server, world: World) -> Self {
        Self {
            server,
            world,
            target,
            _folder: None,
        }
    }

    /// How clients speak with it.
    pub(crate) fn speech(&self) -> Speech {
        self.target.speech()
    }
}

impl Speech {
    /// A client that is in the room, and has said something since its
    /// handshake: else the kernel acknowledges every frame at once, and the
    /// load measures that.
    pub(crate) async fn enter(self, address: &str, person: &Person, room: &Room) -> Result<Client> {
        let mut client = self.connect(address, person, Some(room)).await?;
        match self.0 {
            Target::Limit => client.send_pong().await?,
            Target::Node | Target::NodePostgres => {
                let join = json!(["join", room.uuid]);
                client.send(&format!("42{join}")).await?;
                client.expect("joined").await?;
            }
            Target::Tertulia(wire) | Target::TertuliaPostgres(wire) => {
                if let Some((enter, mark)) = wire.enter(room) {
                    client.send(&enter).await?;
                    client.expect(mark).await?;
                }
            }
        }
        Ok(client)
    }

    /// A client that is signed in.
    pub(crate) async fn connect(
        self,
        address: &str,
        person: &Person,
        room: Option<&Room>,
    ) -> Result<Client> {
        let hello = match self.0 {
            Target::Limit => None,
            Target::Node | Target::NodePostgres => Some(("40".to_owned(), "40{")),
            Target::Tertulia(wire) | Target::TertuliaPostgres(wire) => wire.hello(person),
        };
        let mut client = Client::connect(address, &self.path(person, room)).await?;
        if let Some((hello, mark)) = hello {
            client.send(&hello).await?;
            client.expect(mark).await?;
        }
        Ok(client)
    }

    fn path(self, person: &Person, room: Option<&Room>) -> String {
        match self.0 {
            Target::Limit => format!("/{}", room.map_or("", |room| &room.uuid)),
            Target::Node | Target::NodePostgres => {
                "/socket.io/?EIO=4&transport=websocket".to_owned()
            }
            Target::Tertulia(wire) | Target::TertuliaPostgres(wire) => wire.path(person, room),
        }
    }

    /// What a client sends to say `words`.
    pub(crate) fn message(self, room: &Room, sender: &Person, words: &str) -> String {
        match self.0 {
            Target::Limit => Wire::KaapehChat.message(room, sender, words),
            Target::Node | Target::NodePostgres => {
                let said = json!({
                    "room": room.uuid,
                    "sender": sender.id.0.to_string(),
                    "message": words,
                    "timestamp": "2026-03-01T09:00:00.000Z",
                });
                format!("42{}", json!(["send_message", said]))
            }
            Target::Tertulia(wire) | Target::TertuliaPostgres(wire) => {
                wire.message(room, sender, words)
            }
        }
    }

    /// Whether frames say whose message they are and which.
    pub(crate) fn is_telling(self) -> bool {
        self.0 != Target::Limit
    }
}

/// For servers that know no accounts.
fn stand_ins(rooms: usize, members: usize) -> World {
    let room = |number: usize| Room {
        id: RoomId(number as i64 + 1),
        uuid: format!("00000000-0000-4000-8000-{number:012}"),
        members: (number * members..(number + 1) * members).collect(),
    };
    World {
        people: world::strangers(rooms * members),
        rooms: (0..rooms).map(room).collect(),
    }
}
