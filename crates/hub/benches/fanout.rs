//! What one delivery costs besides the system call: from an event to a written frame, for rooms of
//! in-memory connections whose sockets take everything. Both roads of ADR 19 are measured: that of
//! plain sockets, which the fan-out writes to, and that of sockets under TLS, each of which is
//! written to by its own task.
//!
//! The events of a burst are changes of the room itself, each a frame of its own: messages of one
//! commit would be joined into one.

use std::{
    hint::black_box,
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tertulia_domain::{
    Change, Event, Position, Profile, Revision, Room, RoomEvent, RoomId, RoomKind, Seq, Timestamp,
    UserId, Visibility,
};
use tertulia_hub::{
    Attachment, Codec, Codecs, DirectSocket, Encoded, Flow, Follow, Hub, HubSettings, Link,
    Message, Replies, Session,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::Runtime,
    task::yield_now,
};
use uuid::Uuid;

const ROOM: RoomId = RoomId(1);

/// A payload of 100 bytes, whatever the event.
struct Hundred;

impl Codec for Hundred {
    fn encode(&self, event: &Event) -> Encoded {
        black_box(event);
        Encoded::Text("x".repeat(100))
    }
}

/// A session that only listens.
struct Listener {
    _link: Link,
}

impl Session for Listener {
    type Request = ();

    fn decode(&mut self, _message: Message<'_>) {}

    async fn on_request(&mut self, (): (), _replies: &mut Replies) -> Flow {
        Flow::Continue
    }

    async fn on_event(&mut self, _event: Arc<Event>) -> Flow {
        Flow::Continue
    }
}

/// Who writes to the sockets.
#[derive(Clone, Copy)]
enum Road {
    FanOut,
    OwnTask,
}

impl Road {
    fn name(self) -> &'static str {
        match self {
            Self::FanOut => "written by the fan-out",
            Self::OwnTask => "written by its own task",
        }
    }
}

/// A socket that says nothing and takes everything; all of them count together.
#[derive(Clone, Debug)]
struct Sink(Arc<AtomicUsize>);

impl DirectSocket for Sink {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(bytes.len(), Ordering::Relaxed);
        Ok(bytes.len())
    }
}

impl AsyncRead for Sink {
    fn poll_read(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        _buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Sink {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.fetch_add(bytes.len(), Ordering::Relaxed);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = slices.iter().map(|slice| slice.len()).sum();
        self.0.fetch_add(count, Ordering::Relaxed);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn profile(user: i64) -> Arc<Profile> {
    Arc::new(Profile {
        id: UserId(user),
        uuid: Uuid::nil(),
        username: String::new(),
        handle: String::new(),
        display_name: String::new(),
        avatar_url: None,
    })
}

fn room() -> Arc<Room> {
    let now = Timestamp::from_secs(1_800_000_000);
    Arc::new(Room {
        id: ROOM,
        uuid: Uuid::nil(),
        kind: RoomKind::Group,
        visibility: Visibility::Private,
        open: false,
        title: None,
        description: None,
        external_id: None,
        created_by: None,
        created_at: now,
        updated_at: now,
    })
}

/// A room full of listeners, and the events to come.
struct World {
    hub: Arc<Hub>,
    room: Arc<Room>,
    written: Arc<AtomicUsize>,
    revision: i64,
    listeners: usize,
}

impl World {
    /// Must run within a runtime.
    fn new(road: Road, listeners: usize) -> Self {
        let mut codecs = Codecs::default();
        let codec = codecs.add(Hundred);
        let hub = Hub::new(HubSettings::default(), codecs);
        let written = Arc::<AtomicUsize>::default();
        for (user, _) in (1..).zip(0..listeners) {
            let link = hub.link().expect("the hub runs");
            let user = profile(user);
            let follow = Follow::AllRooms;
            link.attach(Attachment {
                user,
                session: None,
                codec,
                deflate: false,
                follow,
            })
            .expect("there is room for this connection");
            let still_held = link.go_live(&[(ROOM, Position::START)], &[]);
            assert!(still_held.is_empty());
            let outbox = Arc::clone(link.outbox());
            let (sink, session) = (Sink(Arc::clone(&written)), Listener { _link: link });
            if let Road::FanOut = road {
                outbox.set_socket(Arc::new(sink.clone()));
            }
            tokio::spawn(hub.connection(sink, &Bytes::new(), false, outbox, session));
        }
        let writing = Arc::clone(&hub);
        tokio::spawn(async move { writing.run_writing().await });
        Self {
            hub,
            room: room(),
            written,
            revision: 0,
            listeners,
        }
    }

    fn event(&mut self) -> Arc<Event> {
        self.revision += 1;
        let revision = Revision(self.revision);
        Arc::new(Event::Room(RoomEvent {
            room: Arc::clone(&self.room),
            at: Position {
                seq: Seq::ZERO,
                revision,
            },
            members_version: Revision::ZERO,
            change: Change::Updated { by: UserId(1) },
        }))
    }

    /// Delivers a burst and waits until every connection has written it.
    async fn deliver(&mut self, burst: usize) {
        let events: Vec<_> = std::iter::repeat_with(|| self.event())
            .take(burst)
            .collect();
        let expected = burst * self.listeners * 102;
        self.written.store(0, Ordering::Relaxed);
        self.hub.deliver(&events);
        while self.written.load(Ordering::Relaxed) < expected {
            yield_now().await;
        }
    }

    async fn time(&mut self, burst: usize, times: u64) -> Duration {
        let start = Instant::now();
        for _ in 0..times {
            self.deliver(burst).await;
        }
        start.elapsed()
    }
}

fn fan_out(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime can be built");
    for (road, burst) in [
        (Road::FanOut, 1),
        (Road::FanOut, 16),
        (Road::OwnTask, 1),
        (Road::OwnTask, 16),
    ] {
        let name = format!("burst of {burst}, {}", road.name());
        let mut group = criterion.benchmark_group(name);
        for listeners in [100, 1000] {
            group.throughput(Throughput::Elements((burst * listeners) as u64));
            bench_room(&mut group, &runtime, road, listeners, burst);
        }
    }
}

fn bench_room(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    runtime: &Runtime,
    road: Road,
    listeners: usize,
    burst: usize,
) {
    let mut world = runtime.block_on(async { World::new(road, listeners) });
    // The connections take their places before anything is measured.
    runtime.block_on(world.deliver(burst));
    group.bench_function(BenchmarkId::from_parameter(listeners), |bencher| {
        bencher.iter_custom(|times| runtime.block_on(world.time(burst, times)));
    });
}

criterion_group!(benches, fan_out);
criterion_main!(benches);
