//! Nothing that a reader alone is shown makes an event be encoded for each
//! reader: 1,000 of them, and one encoding.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tertulia_domain::{
    Change, Event, Message, MessageId, MessageKind, Metadata, Position, Profile, ReceiptKind,
    Revision, Room, RoomEvent, RoomId, RoomKind, Seq, Stretch, Timestamp, UserId, Visibility,
};
use tertulia_hub::codec::{Codec, Encoded};
use tertulia_hub::{Attachment, Codecs, Follow, Hub, HubSettings};
use uuid::Uuid;

use super::SosCodec;
use crate::common::files::tests::links_at;
use crate::common::rendered::Rendered;

const READERS: usize = 1_000;
const NOW: Timestamp = Timestamp::from_millis(1_771_400_000_123);
const ROOM: RoomId = RoomId(12);

/// The dialect's form, and how often it was asked for.
struct Counted {
    asked: Arc<AtomicUsize>,
    codec: SosCodec,
}

impl Codec for Counted {
    fn encode(&self, event: &Event) -> Encoded {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.codec.encode(event)
    }
}

fn profile(id: i64) -> Arc<Profile> {
    Arc::new(Profile {
        id: UserId(id),
        uuid: Uuid::from_u128(id.unsigned_abs().into()),
        username: format!("user{id}"),
        handle: format!("user{id}"),
        display_name: format!("User {id}"),
        avatar_url: None,
    })
}

fn room() -> Arc<Room> {
    Arc::new(Room {
        id: ROOM,
        uuid: Uuid::from_u128(12),
        kind: RoomKind::Group,
        visibility: Visibility::Private,
        open: false,
        title: None,
        description: None,
        external_id: None,
        created_by: None,
        created_at: NOW,
        updated_at: NOW,
    })
}

fn message(seq: i64) -> Arc<Message> {
    Arc::new(Message {
        id: MessageId(seq),
        uuid: Uuid::from_u128(seq.unsigned_abs().into()),
        room: ROOM,
        seq: Seq(seq),
        sender: Some(UserId(1)),
        client_id: None,
        kind: MessageKind::Text,
        text: "¡Gol!".to_owned(),
        reply_to: None,
        metadata: Metadata::default(),
        files: Vec::new(),
        reactions: Vec::new(),
        created_at: NOW,
        edited_at: None,
        deleted_at: None,
        revision: Revision::ZERO,
    })
}

fn event(seq: i64, revision: i64, change: Change) -> RoomEvent {
    let at = Position {
        seq: Seq(seq),
        revision: Revision(revision),
    };
    RoomEvent {
        room: room(),
        at,
        members_version: Revision(1),
        change,
    }
}

/// Each sort of event that many readers get, in its order in the room.
fn events() -> Vec<RoomEvent> {
    let answer = Message {
        reply_to: Some(MessageId(1)),
        ..Message::clone(&message(2))
    };
    let (sender, by) = (Some(profile(1)), profile(1));
    let stretch = Stretch {
        kind: ReceiptKind::Read,
        from: Seq(1),
        to: Seq(2),
        at: NOW,
    };
    let changes = [
        Change::Message {
            message: message(1),
            sender: sender.clone(),
        },
        Change::Message {
            message: Arc::new(answer),
            sender: sender.clone(),
        },
        Change::Edited {
            message: message(1),
            sender,
        },
        Change::Reaction {
            message: MessageId(1),
            uuid: Uuid::from_u128(1),
            seq: Seq(1),
            user: Arc::clone(&by),
            emoji: "golazo".to_owned(),
            on: true,
            at: NOW,
        },
        Change::Receipt {
            user: Arc::clone(&by),
            stretches: vec![stretch],
        },
        Change::Deleted {
            message: message(1),
            by,
        },
    ];
    let places = [(1, 1), (2, 1), (2, 2), (2, 3), (2, 4), (2, 5)];
    let events = places.into_iter().zip(changes);
    events
        .map(|((seq, revision), change)| event(seq, revision, change))
        .collect()
}

#[tokio::test]
async fn a_thousand_readers_cost_one_encoding() {
    let asked = Arc::new(AtomicUsize::new(0));
    let mut codecs = Codecs::default();
    let links = links_at("https://chat.example.org", true, NOW.as_secs());
    let codec = codecs.add(Counted {
        asked: Arc::clone(&asked),
        codec: SosCodec::new(Arc::new(links)),
    });
    let hub = Hub::new(HubSettings::default(), codecs);
    let start = Position {
        seq: Seq(0),
        revision: Revision(1),
    };
    let mut links = Vec::new();
    for number in 0..READERS {
        let link = hub.link().expect("the hub takes connections");
        link.attach(Attachment {
            user: profile(i64::try_from(number).unwrap_or(0) + 1),
            session: None,
            codec,
            deflate: false,
            follow: Follow::Chosen,
        })
        .expect("the user has few connections");
        link.subscribe(ROOM).expect("the first room");
        assert_eq!(link.go_live(&[(ROOM, start)], &[]), []);
        links.push(link);
    }
    let events = events();
    let count = events.len();
    let events: Vec<_> = events.into_iter().map(Event::Room).map(Arc::new).collect();
    hub.deliver(&events);
    assert_eq!(asked.load(Ordering::Relaxed), count);
    assert_eq!(hub.figures().deliveries, (count * READERS) as u64);
}

/// What must be completed from the store is read and made once, however many ask
/// at the same moment; a failure is not kept.
#[tokio::test]
async fn a_thousand_readers_cost_one_rendering() {
    let rendered = Rendered::<usize>::default();
    let event = &events()[1];
    let made = &AtomicUsize::new(0);
    let failure = rendered.get(event, async { Err("away") });
    assert_eq!(failure.await, Err("away"));
    let readers = (0..READERS).map(|_| {
        rendered.get(event, async {
            // Others come while it is being made.
            tokio::task::yield_now().await;
            Ok::<_, &str>(made.fetch_add(1, Ordering::Relaxed))
        })
    });
    let told = join_all(readers).await;
    assert_eq!(told, vec![Ok(0); READERS]);
    assert_eq!(made.load(Ordering::Relaxed), 1);
}
