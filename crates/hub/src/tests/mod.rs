//! The hub without sockets: links, events, and what reaches which outbox.

mod attendance;
mod facets;
mod fan_out;
mod gates;
mod membership;
mod presence;
mod together;

use std::{
    io::IoSlice,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tertulia_domain::{
    Change, Event, Membership, MembershipState, Position, Profile, Revision, Role, Room, RoomEvent,
    RoomId, RoomKind, Seq, SessionId, Status, Timestamp, UserId, Visibility, room::Member,
};
use uuid::Uuid;

use crate::{
    Attachment, Codec, CodecId, Codecs, Encoded, Farewell, Follow, Hub, HubSettings, Link,
    outbox::Lanes,
    ws::{Close, code, frame},
};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A wire form for tests: says each event in a word, and counts how often it was asked.
#[derive(Clone, Default)]
struct Words {
    asked: Arc<AtomicUsize>,
    /// Call signals and messages depend on the reader in this form.
    per_reader: bool,
}

impl Codec for Words {
    fn encode(&self, event: &Event) -> Encoded {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match event {
            Event::Signal(_) | Event::SessionsEnded(_) if self.per_reader => Encoded::PerReader,
            Event::Room(event) if self.per_reader && is_message(event) => Encoded::PerReader,
            Event::SessionsEnded(_) => Encoded::Skip,
            event => Encoded::Text(word(event)),
        }
    }

    fn farewell(&self, retry_after: Duration) -> Farewell {
        let frame = Some(frame::text(&format!("bye {}", retry_after.as_millis())));
        Farewell {
            frame,
            close: Close::new(code::GOING_AWAY, ""),
        }
    }
}

fn word(event: &Event) -> String {
    match event {
        Event::Room(event) => {
            let what = match &event.change {
                Change::Message { .. } => "message".to_owned(),
                Change::Hidden { .. } => "hidden".to_owned(),
                Change::Member { member, .. } => {
                    format!("{:?} {}", member.membership.state, member.membership.user)
                }
                Change::Created { .. } => "created".to_owned(),
                Change::Closed { .. } => "closed".to_owned(),
                _ => "change".to_owned(),
            };
            format!(
                "{}: {what} {}.{}",
                event.room.id, event.at.seq, event.at.revision
            )
        }
        Event::Typing { room, user, .. } => format!("{}: {} is typing", room.id, user.id),
        Event::Visit(visit) => format!("{}: {} visits", visit.room.id, visit.user.id),
        Event::Attendance {
            room, user, here, ..
        } => {
            let what = if *here { "entered" } else { "left" };
            format!("{room}: {} {what}", user.id)
        }
        Event::Presence { user, status, .. } => format!("{} is {status:?}", user.id),
        Event::Signal(signal) => format!("{}: signal from {}", signal.room.id, signal.from.id),
        Event::SessionsEnded(_) => "ended".to_owned(),
        Event::ProfileChanged(user) => format!("{} changed", user.id),
    }
}

fn is_message(event: &RoomEvent) -> bool {
    matches!(event.change, Change::Message { .. })
}

struct World {
    hub: Arc<Hub>,
    words: Words,
    plain: CodecId,
    other: CodecId,
}

impl World {
    fn new() -> Self {
        Self::with(HubSettings::default())
    }

    fn with(settings: HubSettings) -> Self {
        let words = Words::default();
        let mut codecs = Codecs::default();
        let plain = codecs.add(words.clone());
        let other = codecs.add(Words {
            per_reader: true,
            ..Words::default()
        });
        Self {
            hub: Hub::new(settings, codecs),
            words,
            plain,
            other,
        }
    }

    fn link(&self) -> Reader {
        Reader {
            link: self.hub.link().expect("the hub runs"),
            lanes: Lanes::default(),
        }
    }

    fn attachment(&self, user: i64) -> Attachment {
        Attachment {
            user: profile(user),
            session: Some(SessionId(user * 10)),
            codec: self.plain,
            deflate: false,
            follow: Follow::AllRooms,
        }
    }

    /// A connection of the user that listens to the rooms from their beginning.
    fn reader(&self, user: i64, rooms: &[i64]) -> Reader {
        let reader = self.link();
        reader
            .link
            .attach(self.attachment(user))
            .expect("there is room for this connection");
        reader.go_live(rooms);
        reader
    }

    fn deliver(&self, events: impl IntoIterator<Item = Event>) {
        let events: Vec<_> = events.into_iter().map(Arc::new).collect();
        self.hub.deliver(&events);
    }
}

/// A link, and what its connection would write.
struct Reader {
    link: Link,
    lanes: Lanes,
}

impl Reader {
    fn go_live(&self, rooms: &[i64]) {
        let heads: Vec<_> = rooms
            .iter()
            .map(|room| (RoomId(*room), Position::START))
            .collect();
        for (room, _) in &heads {
            self.link
                .subscribe(*room)
                .expect("there is room for this room");
        }
        assert_eq!(self.link.go_live(&heads, &[]), []);
    }

    /// Takes everything that waits: the texts of frames, and `<word>` for an event to be rendered.
    fn read(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        loop {
            let taken = self.link.outbox().take(&mut self.lanes);
            if let Some(order) = taken.order {
                words.push(format!(
                    "close {} {}",
                    order.close.code(),
                    order.close.reason()
                ));
            }
            if self.lanes.is_empty() {
                return words;
            }
            self.write(&mut words);
        }
    }

    fn write(&mut self, words: &mut Vec<String>) {
        while self.lanes.can_write() {
            let mut slices = [IoSlice::new(&[]); 8];
            let count = self.lanes.gather(&mut slices);
            words.extend(slices[..count].iter().flat_map(|slice| payloads(slice)));
            let bytes = slices[..count].iter().map(|slice| slice.len()).sum();
            self.lanes.advance(bytes);
        }
        if let Some(event) = self.lanes.take_event() {
            words.push(format!("<{}>", word(&event)));
            self.lanes.rendered();
        }
    }

    #[track_caller]
    fn expect<const N: usize>(&mut self, words: [&str; N]) {
        assert_eq!(self.read(), words);
    }
}

/// The texts of unmasked frames of less than 64 KiB, one after the other.
fn payloads(mut frames: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while !frames.is_empty() {
        let (header, length) = match frames[1] {
            126 => (4, usize::from(u16::from_be_bytes([frames[2], frames[3]]))),
            short => (2, usize::from(short)),
        };
        let (frame, rest) = frames.split_at(header + length);
        texts.push(payload(frame, header));
        frames = rest;
    }
    texts
}

fn payload(frame: &[u8], header: usize) -> String {
    let payload = &frame[header..];
    let text = if frame[0] == 0xc1 {
        Bytes::from(crate::ws::deflate::inflate(payload, 1 << 20).expect("it inflates"))
    } else {
        assert_eq!(frame[0], 0x81, "a text frame");
        Bytes::copy_from_slice(payload)
    };
    String::from_utf8(text.to_vec()).expect("texts are UTF-8")
}

fn profile(user: i64) -> Arc<Profile> {
    Arc::new(Profile {
        id: UserId(user),
        uuid: Uuid::from_u128(user as u128),
        username: format!("user{user}"),
        handle: user.to_string(),
        display_name: format!("User {user}"),
        avatar_url: None,
    })
}

fn room(room: i64) -> Arc<Room> {
    Arc::new(Room {
        id: RoomId(room),
        uuid: Uuid::from_u128(room as u128),
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

fn position(seq: i64, revision: i64) -> Position {
    Position {
        seq: Seq(seq),
        revision: Revision(revision),
    }
}

fn stored(number: i64, at: Position, change: Change) -> Event {
    Event::Room(RoomEvent {
        room: room(number),
        at,
        members_version: at.revision,
        change,
    })
}

/// A change of a room that concerns no membership, at `0.revision`.
fn change(room: i64, revision: i64) -> Event {
    stored(
        room,
        position(0, revision),
        Change::Updated { by: UserId(1) },
    )
}

fn member(room: i64, user: i64, state: MembershipState, revision: i64) -> Member {
    let membership = Membership {
        room: RoomId(room),
        user: UserId(user),
        role: Role::Member,
        state,
        joined_at: NOW,
        since: Seq::ZERO,
        until: None,
        delivered_seq: Seq::ZERO,
        read_seq: Seq::ZERO,
        revision: Revision(revision),
    };
    Member {
        membership,
        profile: profile(user),
    }
}

/// A user's membership changes, at `0.revision`.
fn membership(room: i64, user: i64, state: MembershipState, revision: i64) -> Event {
    let member = member(room, user, state, revision);
    stored(
        room,
        position(0, revision),
        Change::Member {
            member,
            by: UserId(1),
        },
    )
}

fn typing(number: i64, user: i64) -> Event {
    Event::Typing {
        room: room(number),
        user: profile(user),
        on: true,
        at: NOW,
    }
}

fn presence(user: i64, status: Status, cause: tertulia_domain::PresenceCause) -> Event {
    Event::Presence {
        user: profile(user),
        status,
        cause,
    }
}
