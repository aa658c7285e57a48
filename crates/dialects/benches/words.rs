//! What a message costs between the socket and the store: unwrapping its frame, decoding it (and of
//! that, reading its JSON), asking whether its sender may speak, and saying it once for all readers
//! of a wire form.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tertulia_dialects::common::files::{FileLinks, PublicAddress};
use tertulia_dialects::common::json::{self, Bounds};
use tertulia_dialects::decoders;
use tertulia_dialects::izpochat::IzpoCodec;
use tertulia_dialects::kaapehchat::KaapehCodec;
use tertulia_dialects::socketio::SocketIoCodec;
use tertulia_dialects::sos::SosCodec;
use tertulia_dialects::v1::V1Codec;
use tertulia_domain::policy::{self, Authority};
use tertulia_domain::ports::{Clock, LinkSigner};
use tertulia_domain::{
    Change, Event, Membership, MembershipState, Message, MessageId, MessageKind, Metadata,
    Position, Profile, Revision, Role, Room, RoomEvent, RoomId, RoomKind, Seq, Timestamp, UserId,
    Visibility,
};
use tertulia_hub::ws::Decoder;
use tertulia_hub::{Codec, Encoded};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A message of 100 characters, as the clients of each dialect send it.
const SENT: &str = r#"{"type":"message:send","data":{"chatId":"6f1f7c3e-6a53-4b58-9a0c-0d3d0e6f8a11","kind":"text","content":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}}"#;
const SENT_UPRED: &str = r#"42["send_message",{"sala_uuid":"6f1f7c3e-6a53-4b58-9a0c-0d3d0e6f8a11","sender_id":"12","type":"grupal","timestamp":"2027-01-15T08:00:00.000Z","message":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}]"#;
const SENT_SOS: &str = r#"{"type":"chat_message","message_type":"text","content":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#;
const SENT_V1: &str = r#"{"op":"send","ref":"4","room_id":"12","client_id":"c-81","text":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#;

/// Signs links, of which these messages have none, and tells their time.
struct Unasked;

impl LinkSigner for Unasked {
    fn sign(&self, _text: &str) -> [u8; 32] {
        [0; 32]
    }

    fn is_signed(&self, _text: &str, _signature: &[u8]) -> bool {
        false
    }
}

impl Clock for Unasked {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

fn links() -> Arc<FileLinks> {
    let address = PublicAddress {
        base: "https://chat.example.org".to_owned(),
        is_certain: true,
    };
    let day = Duration::from_secs(24 * 60 * 60);
    Arc::new(FileLinks::new(
        Arc::new(Unasked),
        Arc::new(Unasked),
        address,
        day,
    ))
}

fn room() -> Arc<Room> {
    Arc::new(Room {
        id: RoomId(1),
        uuid: Uuid::from_u128(1),
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

fn event() -> Event {
    let message = Message {
        id: MessageId(1),
        uuid: Uuid::from_u128(2),
        room: RoomId(1),
        seq: Seq(1),
        sender: Some(UserId(1)),
        client_id: None,
        kind: MessageKind::Text,
        text: "x".repeat(100),
        reply_to: None,
        metadata: Metadata::default(),
        files: Vec::new(),
        reactions: Vec::new(),
        created_at: NOW,
        edited_at: None,
        deleted_at: None,
        revision: Revision::ZERO,
    };
    let sender = Profile {
        id: UserId(1),
        uuid: Uuid::from_u128(3),
        username: "ann".to_owned(),
        handle: "1".to_owned(),
        display_name: "Ann".to_owned(),
        avatar_url: None,
    };
    Event::Room(RoomEvent {
        room: room(),
        at: Position {
            seq: Seq(1),
            revision: Revision(1),
        },
        members_version: Revision(1),
        change: Change::Message {
            message: Arc::new(message),
            sender: Some(Arc::new(sender)),
        },
    })
}

fn authority() -> Authority {
    Authority {
        room: room(),
        version: Revision(1),
        membership: Some(Membership {
            room: RoomId(1),
            user: UserId(1),
            role: Role::Member,
            state: MembershipState::Active,
            joined_at: NOW,
            since: Seq::ZERO,
            until: None,
            delivered_seq: Seq::ZERO,
            read_seq: Seq::ZERO,
            revision: Revision(1),
        }),
    }
}

/// A frame of a client with this text.
fn client_frame(text: &str) -> Vec<u8> {
    let mask = [7, 1, 9, 4];
    let length = u16::try_from(text.len()).expect("a short text");
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend(length.to_be_bytes());
    frame.extend(mask);
    frame.extend(
        text.bytes()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

fn words(criterion: &mut Criterion) {
    let event = event();
    let wires: [(&str, Box<dyn Codec>); 5] = [
        ("KaapehChat", Box::new(KaapehCodec::new(links()))),
        ("Socket.IO", Box::new(SocketIoCodec::new(links()))),
        ("SOS-Habilidoso", Box::new(SosCodec::new(links()))),
        ("IzpoChat", Box::new(IzpoCodec::new(links()))),
        ("/v1", Box::new(V1Codec::new(links()))),
    ];
    for (wire, codec) in &wires {
        // Whose readers have the room open.
        let facet = codec.facets() - 1;
        assert!(matches!(
            codec.encode_facet(&event, facet),
            Encoded::Text(_)
        ));
        criterion.bench_function(&format!("encode, {wire}"), |bench| {
            bench.iter(|| codec.encode_facet(black_box(&event), facet));
        });
    }
    let frame = client_frame(SENT);
    criterion.bench_function("unwrap a frame", |bench| {
        let mut decoder = Decoder::new(1 << 20, false);
        bench.iter_batched_ref(
            || frame.clone(),
            |frame| {
                let mut at = 0;
                decoder
                    .next(black_box(frame), &mut at)
                    .map(|frame| frame.is_some())
            },
            BatchSize::SmallInput,
        );
    });
    let bounds = Bounds {
        depth: 32,
        members: 256,
        values: 65_536,
    };
    criterion.bench_function("read JSON", |bench| {
        bench.iter(|| json::parse(black_box(SENT.as_bytes()), bounds).is_ok());
    });
    decode(criterion, "KaapehChat", SENT, decoders::kaapehchat);
    decode(criterion, "UPRed", SENT_UPRED, decoders::socketio);
    decode(criterion, "SOS-Habilidoso", SENT_SOS, decoders::sos);
    decode(criterion, "/v1", SENT_V1, decoders::v1_socket);
    let authority = authority();
    criterion.bench_function("may speak", |bench| {
        bench.iter(|| policy::may_speak(black_box(&authority), UserId(1)).is_ok());
    });
}

/// Reads a message's text up to what it asks for, its JSON included.
fn decode<T>(
    criterion: &mut Criterion,
    wire: &str,
    sent: &'static str,
    decode: fn(&'static [u8]) -> Option<T>,
) {
    assert!(decode(sent.as_bytes()).is_some(), "{wire}");
    criterion.bench_function(&format!("decode, {wire}"), |bench| {
        bench.iter(|| decode(black_box(sent.as_bytes())));
    });
}

criterion_group!(benches, words);
criterion_main!(benches);
