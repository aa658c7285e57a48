//! What a message costs in the store: commits of batches, as the domain's writer hands them over,
//! into a fresh SQLite file. The disk is part of it: a commit has returned when the disk has flushed
//! it (`synchronous=FULL`), which is most of the time of a batch of one. The file lies in the folder
//! for temporary files; where that is kept in memory, a flush costs nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;
use tertulia_domain::command::{Command, Outcome};
use tertulia_domain::message::NewMessage;
use tertulia_domain::policy::{self, MaySpeak};
use tertulia_domain::ports::{IdKind, RoomKey, Store};
use tertulia_domain::room::NewRoom;
use tertulia_domain::user::NewUser;
use tertulia_domain::{
    Draft, MessageId, Random, Role, Room, RoomId, RoomKind, Timestamp, UserId, Visibility,
};
use tertulia_store::{Options, SqlStore};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const ANN: UserId = UserId(1);
const ROOM: RoomId = RoomId(1);

/// More messages than are ever written here.
const IDS: i64 = 1 << 32;

/// Bytes that are the same at every run.
struct Seeded;

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn ann() -> NewUser {
    NewUser {
        id: ANN,
        uuid: Uuid::from_u128(1),
        username: "ann".to_owned(),
        handles: vec!["1".to_owned()],
        display_name: "Ann".to_owned(),
        email: None,
        external_id: None,
        password_hash: None,
        created_at: NOW,
    }
}

fn room() -> NewRoom {
    NewRoom {
        room: Room {
            id: ROOM,
            uuid: Uuid::from_u128(2),
            kind: RoomKind::Group,
            visibility: Visibility::Private,
            open: false,
            title: None,
            description: None,
            external_id: None,
            created_by: Some(ANN),
            created_at: NOW,
            updated_at: NOW,
        },
        members: vec![(ANN, Role::Owner)],
    }
}

/// A store over a fresh file, with a room in which one person speaks.
struct World {
    store: Arc<dyn Store>,
    permit: MaySpeak,
    next_id: i64,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = Options::new(folder.path().join("chat.db"));
        let store = SqlStore::open(options, &Seeded).await;
        let store: Arc<dyn Store> = Arc::new(store.expect("a fresh database opens"));
        store.create_user(ann()).await.expect("the user is made");
        let (room, by) = (room(), ANN);
        let create = Arc::new(vec![Command::CreateRoom { room, by }]);
        let made = store.commit(create, in_good_time()).await;
        assert!(matches!(made[..], [Ok(Outcome::Created { .. })]));
        let authority = store.authority(RoomKey::Id(ROOM), ANN).await;
        let authority = authority.expect("the store answers").expect("a room");
        let ids = store.reserve_ids(IdKind::Message, IDS).await;
        Self {
            permit: policy::may_speak(&authority, ANN).expect("the owner may speak"),
            next_id: ids.expect("ids are reserved").start,
            store,
            _folder: folder,
        }
    }

    fn append(&mut self) -> Command {
        let id = MessageId(self.next_id);
        self.next_id += 1;
        Command::Append {
            permit: self.permit.clone(),
            message: NewMessage {
                id,
                draft: Draft::text("x".repeat(100)),
                fingerprint: None,
                created_at: NOW,
                outbox: None,
            },
        }
    }

    /// Commits a batch; how long the store took.
    async fn commit(&mut self, batch: usize) -> Duration {
        let commands = (0..batch).map(|_| self.append()).collect();
        let commands = Arc::new(commands);
        let start = Instant::now();
        let outcomes = self.store.commit(commands, in_good_time()).await;
        let taken = start.elapsed();
        let appended = |outcome| matches!(outcome, Ok(Outcome::Appended { .. }));
        assert!(outcomes.into_iter().all(appended));
        taken
    }

    async fn time(&mut self, batch: usize, times: u64) -> Duration {
        let mut taken = Duration::ZERO;
        for _ in 0..times {
            taken += self.commit(batch).await;
        }
        taken
    }
}

/// By when a commit begins, or fails; it always does.
fn in_good_time() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_secs(60)
}

fn append(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime can be built");
    let mut group = criterion.benchmark_group("append, flush included");
    for batch in [1, 64] {
        let mut world = runtime.block_on(World::new());
        group.throughput(Throughput::Elements(batch as u64));
        let id = BenchmarkId::new("batch of", batch);
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|times| runtime.block_on(world.time(batch, times)));
        });
    }
}

criterion_group!(benches, append);
criterion_main!(benches);
