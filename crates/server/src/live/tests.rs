//! What must run for as long as the server does, and what comes of it when it
//! does not.

use std::num::NonZeroUsize;

use async_trait::async_trait;
use parking_lot::Mutex;
use tempfile::TempDir;
use tertulia_auth::{Argon2Passwords, HashCost, JwtTokens, PoolSize, SigningSecret, TokenKeys};
use tertulia_blob::{FileMedia, LocalBlobs};
use tertulia_bus::MemoryBus;
use tertulia_domain::chat::{NewAccount, Ports, RoomDraft};
use tertulia_domain::command::{Command, Outcome, StoreError};
use tertulia_domain::ports::WriteStore;
use tertulia_domain::{
    Error, Event, Limits, PresenceCause, Profile, Result, RoomKind, Status, Visibility,
};
use tertulia_hub::{Attachment, Codec, Encoded, Follow};
use tertulia_store::{Options, SqlStore};
use tertulia_testkit::SqlClient;

use super::*;
use crate::config::OutboxSettings;
use crate::http::Readiness;
use crate::stop::{self, StopOrder};
use crate::world::{SystemClock, SystemRandom};

/// A wire form that cannot say anything.
struct Speechless;

impl Codec for Speechless {
    fn encode(&self, event: &Event) -> Encoded {
        panic!("there is no word for {event:?}");
    }
}

/// Storage that loses its mind at the first write.
struct Broken;

#[async_trait]
impl WriteStore for Broken {
    async fn commit(
        &self,
        commands: Arc<Vec<Command>>,
        _: tokio::time::Instant,
    ) -> Vec<Result<Outcome, StoreError>> {
        panic!("{} commands are too many", commands.len());
    }
}

/// Storage that takes no message "uno" for as long as it has an answer to it.
struct Faltering {
    store: Arc<SqlStore>,
    answer: Mutex<Option<fn() -> StoreError>>,
}

#[async_trait]
impl WriteStore for Faltering {
    async fn commit(
        &self,
        commands: Arc<Vec<Command>>,
        begin_by: tokio::time::Instant,
    ) -> Vec<Result<Outcome, StoreError>> {
        let is_uno = |command: &Command| matches!(command, Command::Append { message, .. } if message.draft.text == "uno");
        let answer = *self.answer.lock();
        match answer {
            Some(answer) if commands.iter().any(is_uno) => {
                commands.iter().map(|_| Err(answer())).collect()
            }
            _ => self.store.commit(commands, begin_by).await,
        }
    }
}

struct World {
    live: Live,
    chat: Arc<Chat>,
    user: Arc<Profile>,
    bus: Arc<MemoryBus>,
    codec: tertulia_hub::CodecId,
    readiness: Readiness,
    _order: StopOrder,
    folder: TempDir,
}

impl World {
    async fn start(writes: impl FnOnce(Arc<SqlStore>) -> Arc<dyn WriteStore>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let random = Arc::new(SystemRandom);
        let store = SqlStore::open(Options::new(folder.path().join("chat.db")), &*random).await;
        let store = Arc::new(store.unwrap());
        let cost = HashCost {
            memory_kib: 8,
            passes: 1,
        };
        let passwords = Argon2Passwords::new(cost, PoolSize::default(), random.clone()).unwrap();
        let keys = TokenKeys {
            current: SigningSecret::generate(&*random),
            previous: None,
            kaapehchat: None,
        };
        let bus = Arc::new(MemoryBus::new(NonZeroUsize::new(8).unwrap()));
        let writes = writes(store.clone());
        let tokens = Arc::new(JwtTokens::new(&keys, random.clone()));
        let blobs = LocalBlobs::open(folder.path().join("files")).unwrap();
        let ports = Ports {
            blobs: Arc::new(blobs),
            media: Arc::new(FileMedia::default()),
            links: tokens.clone(),
            store,
            writes,
            bus: bus.clone(),
            clock: Arc::new(SystemClock::default()),
            random,
            passwords: Arc::new(passwords),
            tokens,
        };
        let events = tertulia_domain::Bus::subscribe(&*bus);
        let chat = Chat::start(ports, Limits::default());
        let ines = NewAccount {
            username: "ines".to_owned(),
            password: "una clave bastante larga".to_owned(),
            ..NewAccount::default()
        };
        let user = Arc::new(chat.create_account(ines).await.unwrap().profile);
        let mut codecs = Codecs::default();
        let codec = codecs.add(Speechless);
        let live = Live::start(
            HubSettings::default(),
            codecs,
            OutboxSettings {
                poll_interval: Duration::ZERO,
                ..OutboxSettings::default()
            },
            &chat,
            events,
        );
        let (order, stop) = stop::channel();
        let readiness = Readiness {
            chat: Arc::clone(&chat),
            stop,
            vitals: live.vitals.clone(),
            name: "IzpoChat API".into(),
        };
        Self {
            live,
            chat,
            user,
            bus,
            codec,
            readiness,
            _order: order,
            folder,
        }
    }

    /// Waits until the server knows that it cannot go on.
    async fn fails(self) {
        self.live.vitals.failure().await;
        assert!(!self.readiness.is_ready().await);
    }
}

#[tokio::test]
async fn a_delivery_that_panics_ends_the_server() {
    let world = World::start(|store| store).await;
    assert!(world.readiness.is_ready().await);
    let link = world.live.hub.link().unwrap();
    let attachment = Attachment {
        user: Arc::clone(&world.user),
        session: None,
        codec: world.codec,
        deflate: false,
        follow: Follow::AllRooms,
    };
    link.attach(attachment).unwrap();
    assert!(link.go_live(&[], &[]).is_empty());
    let event = Event::Presence {
        user: Arc::clone(&world.user),
        status: Status::Busy,
        cause: PresenceCause::Chosen,
    };
    tertulia_domain::Bus::publish(&*world.bus, vec![Arc::new(event)]).await;
    world.fails().await;
}

fn group() -> RoomDraft {
    RoomDraft {
        kind: RoomKind::Group,
        title: "Cafetal".to_owned(),
        description: None,
        visibility: Visibility::Private,
        open: false,
        members: Vec::new(),
    }
}

#[tokio::test]
async fn a_writer_that_panics_ends_the_server() {
    let world = World::start(|_| Arc::new(Broken)).await;
    assert!(world.chat.create_room(&world.user, group()).await.is_err());
    world.fails().await;
}

/// `docs/reference/outbox.md`, Order. The row in between lets the first one be
/// waited for before the last one is looked at.
#[tokio::test]
async fn what_an_app_asked_for_later_does_not_overtake_what_failed_for_the_moment() {
    let answers: [fn() -> StoreError; 2] =
        [|| Error::unavailable("away").into(), || StoreError::Stale];
    for answer in answers {
        let mut faltering = None;
        let world = World::start(|store| {
            let answer = Mutex::default();
            Arc::clone(faltering.insert(Arc::new(Faltering { store, answer }))) as _
        });
        let world = world.await;
        let faltering = faltering.expect("the world has started");
        let room = world.chat.create_room(&world.user, group()).await.unwrap();
        let mut app = SqlClient::of_file(&world.folder.path().join("chat.db"));
        let (user, room) = (world.user.id, room.id);
        app.run(&format!(
            "INSERT INTO outbox (action, sender_id, room_id, target_id, text)
             VALUES ('send', {user}, {room}, NULL, 'uno'), ('read', {user}, NULL, 99, NULL),
             ('send', {user}, {room}, NULL, 'dos')"
        ))
        .await;
        *faltering.answer.lock() = Some(answer);
        let away = world.chat.relay_outbox().await;
        assert!(matches!(away, Err(Error::Unavailable(_))), "{away:?}");
        assert_eq!(app.value("SELECT COUNT(*) FROM messages").await, "0");
        *faltering.answer.lock() = None;
        let seen_to = world.chat.relay_outbox().await;
        assert!(matches!(seen_to, Ok(Relayed::All)), "{seen_to:?}");
        let texts = app.rows("SELECT text FROM messages ORDER BY seq").await;
        let texts: Vec<_> = texts.into_iter().flatten().flatten().collect();
        assert_eq!(texts, ["uno", "dos"]);
    }
}

#[tokio::test]
async fn a_chat_that_is_stopped_has_lost_nothing() {
    let world = World::start(|store| store).await;
    world.chat.shutdown().await;
    assert!(!world.chat.has_lost_writer());
    assert!(!world.live.vitals.have_failed());
}
