//! A chat's people and rooms, made in this process straight in the database
//! that a server then starts over. Passwords are hashed as cheaply as can be:
//! what an account costs is no matter of these benches.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use tertulia_auth::{Argon2Passwords, HashCost, JwtTokens, PoolSize, SigningSecret, TokenKeys};
use tertulia_blob::{FileMedia, LocalBlobs};
use tertulia_bus::MemoryBus;
use tertulia_domain::chat::{Chat, Device, NewAccount, Ports, RoomDraft};
use tertulia_domain::{
    Clock, Draft, Limits, Profile, Random, RoomId, RoomKind, Timestamp, UserId, Visibility,
};
use tertulia_store::{Database, Options, ServerAddress, SqlStore};

/// What a server is told to sign with, so that the tokens made here are its own.
pub(crate) const SECRET: &str = "a secret of benches, which nobody else has 0123456789";

/// Calls that are under way at once while a world is made.
const AT_ONCE: usize = 64;

/// Where a server keeps its data.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Its data folder.
    pub(crate) folder: PathBuf,
    /// A database elsewhere.
    pub(crate) database: Option<String>,
}

impl Place {
    /// SQLite, in this folder.
    pub(crate) fn folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
            database: None,
        }
    }

    fn database(&self) -> Result<Database> {
        Ok(match &self.database {
            Some(url) => Database::Server(ServerAddress::parse(url)?),
            None => Database::Sqlite(self.folder.join("tertulia.db")),
        })
    }
}

/// Somebody with an account, signed in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// The user's number.
    pub(crate) id: UserId,
    /// An access token.
    pub(crate) token: String,
}

/// A room.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    /// Its number.
    pub(crate) id: RoomId,
    /// Its UUID.
    pub(crate) uuid: String,
    /// Its members, by their place among the people; the first has made it.
    pub(crate) members: Vec<usize>,
}

/// People and rooms.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) people: Vec<Person>,
    pub(crate) rooms: Vec<Room>,
}

/// A chat in this process that makes them. End it with [`Maker::close`] before
/// a server starts.
pub(crate) struct Maker {
    chat: Arc<Chat>,
    world: World,
    profiles: Vec<Arc<Profile>>,
}

impl Maker {
    /// Opens the database, or makes it.
    pub(crate) async fn open(place: &Place) -> Result<Self> {
        Self::with_limits(place, Limits::default()).await
    }

    /// The same with a writer of other bounds.
    pub(crate) async fn with_limits(place: &Place, limits: Limits) -> Result<Self> {
        let random: Arc<dyn Random> = Arc::new(OsRandom);
        let store = SqlStore::open(Options::of(place.database()?), &*random).await?;
        let limits = Limits {
            initial_members: usize::MAX,
            registrations_per_address: u32::MAX,
            ..limits
        };
        Ok(Self {
            chat: Chat::start(ports(Arc::new(store), &place.folder, &random)?, limits),
            world: World::default(),
            profiles: Vec::new(),
        })
    }

    /// Makes people.
    pub(crate) async fn people(&mut self, count: usize) -> Result<()> {
        let device = Device {
            name: "bench".to_owned(),
            address: None,
            access_lifetime: Duration::from_secs(3600),
        };
        let first = self.world.people.len();
        let numbers: Vec<_> = (first..first + count).collect();
        for numbers in numbers.chunks(AT_ONCE) {
            let accounts = numbers.iter().map(|number| {
                let account = NewAccount {
                    username: format!("person{number}"),
                    password: "correct horse battery".to_owned(),
                    ..NewAccount::default()
                };
                self.chat.register(account, &device)
            });
            for signed_in in try_join_all(accounts).await? {
                self.world.people.push(Person {
                    id: signed_in.user.profile.id,
                    token: signed_in.access_token,
                });
                self.profiles.push(signed_in.identity.profile);
            }
        }
        Ok(())
    }

    /// Makes rooms with these members each.
    pub(crate) async fn rooms(&mut self, members: Vec<Vec<usize>>) -> Result<()> {
        for rooms in members.chunks(AT_ONCE) {
            let made = rooms.iter().map(|members| {
                let (owner, others) = members.split_first().expect("a room needs people");
                let id = |person: &usize| self.world.people[*person].id;
                let draft = RoomDraft {
                    kind: RoomKind::Group,
                    title: "bench".to_owned(),
                    description: None,
                    visibility: Visibility::Private,
                    open: false,
                    members: others.iter().map(id).collect(),
                };
                self.chat.create_room(&self.profiles[*owner], draft)
            });
            let made = try_join_all(made).await?;
            let made = made.iter().zip(rooms).map(|(room, members)| Room {
                id: room.id,
                uuid: room.uuid.to_string(),
                members: members.clone(),
            });
            self.world.rooms.extend(made);
        }
        Ok(())
    }

    /// Fills the room at this place with as many messages.
    pub(crate) async fn messages(&self, room: usize, count: usize) -> Result<()> {
        let room = &self.world.rooms[room];
        let author = &self.profiles[room.members[0]];
        let batch = self.chat.limits().writer_batch;
        let mut left = count;
        while left > 0 {
            let now = left.min(batch);
            let mut pending = Vec::with_capacity(now);
            for _ in 0..now {
                let draft = Draft::text("x".repeat(100));
                pending.push(self.chat.submit(author, room.id, draft).await?);
            }
            for message in pending {
                message.sent().await?;
            }
            left -= now;
        }
        Ok(())
    }

    /// How long each of `senders` waited for its messages, for this time.
    pub(crate) async fn append(&self, senders: usize, time: Duration) -> Result<Vec<Duration>> {
        let room = self.world.rooms.first().context("no room")?.id;
        let author = self.profiles.first().context("nobody")?;
        let deadline = Instant::now() + time;
        let tasks: Vec<_> = (0..senders)
            .map(|_| {
                let (chat, author) = (Arc::clone(&self.chat), Arc::clone(author));
                tokio::spawn(async move {
                    let mut waits = Vec::new();
                    while Instant::now() < deadline {
                        let began = Instant::now();
                        let draft = Draft::text("x".repeat(100));
                        chat.send(&author, room, draft).await?;
                        waits.push(began.elapsed());
                    }
                    anyhow::Ok(waits)
                })
            })
            .collect();
        let mut waits = Vec::new();
        for task in tasks {
            waits.append(&mut task.await??);
        }
        Ok(waits)
    }

    /// Ends the chat.
    pub(crate) async fn close(self) -> World {
        self.chat.shutdown().await;
        self.world
    }
}

/// A world of rooms with as many members each, everybody in one of them.
pub(crate) async fn of_rooms(place: &Place, rooms: usize, members: usize) -> Result<World> {
    let mut maker = Maker::open(place).await?;
    maker.people(rooms * members).await?;
    let members = (0..rooms).map(|room| (room * members..(room + 1) * members).collect());
    maker.rooms(members.collect()).await?;
    Ok(maker.close().await)
}

/// People without accounts, for servers that know none.
pub(crate) fn strangers(count: usize) -> Vec<Person> {
    let person = |number| Person {
        id: UserId(number),
        token: String::new(),
    };
    (1..).take(count).map(person).collect()
}

fn ports(store: Arc<SqlStore>, folder: &Path, random: &Arc<dyn Random>) -> Result<Ports> {
    let cost = HashCost {
        memory_kib: 8,
        passes: 1,
    };
    let keys = TokenKeys {
        current: SigningSecret::parse(SECRET)?,
        previous: None,
        kaapehchat: None,
    };
    let passwords =
        Argon2Passwords::new(cost, PoolSize::default(), Arc::clone(random)).context("hash cost")?;
    let tokens = Arc::new(JwtTokens::new(&keys, Arc::clone(random)));
    Ok(Ports {
        blobs: Arc::new(LocalBlobs::open(folder.join("files"))?),
        media: Arc::new(FileMedia::default()),
        links: Arc::clone(&tokens) as _,
        writes: Arc::clone(&store) as _,
        store,
        bus: Arc::new(MemoryBus::new(std::num::NonZeroUsize::MIN)),
        clock: Arc::new(SystemClock(Instant::now())),
        random: Arc::clone(random),
        passwords: Arc::new(passwords),
        tokens,
    })
}

struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the system has randomness");
    }
}

struct SystemClock(Instant);

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "tokens made here must hold by the server's clock"
    )]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp::from_secs(0).after(since.unwrap_or_default())
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}
