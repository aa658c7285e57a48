//! Messages of one room that come together go out as one piece, and nobody can tell.

use tertulia_domain::{Message, MessageId, MessageKind, Metadata};

use super::*;
use crate::Released;

/// A message of a room, at `seq.0`.
fn message(number: i64, seq: i64) -> Event {
    let message = Message {
        id: MessageId(seq),
        uuid: Uuid::from_u128(seq as u128),
        room: RoomId(number),
        seq: Seq(seq),
        sender: Some(UserId(1)),
        client_id: None,
        kind: MessageKind::Text,
        text: "hi".to_owned(),
        reply_to: None,
        metadata: Metadata::default(),
        files: Vec::new(),
        reactions: Vec::new(),
        created_at: NOW,
        edited_at: None,
        deleted_at: None,
        revision: Revision::ZERO,
    };
    let sender = Some(profile(1));
    let message = Arc::new(message);
    stored(
        number,
        position(seq, 0),
        Change::Message { message, sender },
    )
}

/// Frames that lie in the reader's lanes, apart.
fn items(reader: &mut Reader) -> usize {
    reader.link.outbox().take(&mut reader.lanes);
    let mut slices = [IoSlice::new(&[]); 8];
    reader.lanes.gather(&mut slices)
}

#[test]
fn a_run_of_messages_is_one_piece_for_each_reader() {
    let world = World::new();
    let mut reader = world.reader(1, &[7]);
    let mut late = world.reader(2, &[7]);
    world.deliver([message(7, 1)]);
    world.deliver([message(7, 2), message(7, 3), message(7, 4)]);
    assert_eq!(items(&mut reader), 2);
    let all = [
        "7: message 1.0",
        "7: message 2.0",
        "7: message 3.0",
        "7: message 4.0",
    ];
    reader.expect(all);
    late.expect(all);
    assert_eq!(world.words.asked.load(Ordering::Relaxed), 4);
    assert_eq!(world.hub.figures().deliveries, 8);
}

#[test]
fn what_a_reader_has_had_is_passed_over_in_a_run_too() {
    let world = World::new();
    let mut knows = world.reader(1, &[7]);
    world.deliver([message(7, 1), message(7, 2)]);
    let mut new = world.reader(2, &[7]);
    world.deliver([message(7, 1), message(7, 2), message(7, 3)]);
    world.deliver([message(7, 2), message(7, 3)]);
    let all = ["7: message 1.0", "7: message 2.0", "7: message 3.0"];
    knows.expect(all);
    new.expect(all);
}

#[test]
fn rooms_and_other_events_keep_their_order_among_messages() {
    let world = World::new();
    let mut reader = world.reader(1, &[7, 8]);
    world.deliver([
        message(7, 1),
        message(7, 2),
        message(8, 1),
        typing(8, 2),
        message(8, 2),
        message(7, 3),
        message(7, 4),
    ]);
    reader.expect([
        "7: message 1.0",
        "7: message 2.0",
        "8: message 1.0",
        "8: 2 is typing",
        "8: message 2.0",
        "7: message 3.0",
        "7: message 4.0",
    ]);
}

#[test]
fn a_closed_gate_holds_each_message_of_a_run() {
    let world = World::new();
    let mut reader = world.reader(1, &[7]);
    assert!(reader.link.hold(RoomId(7)));
    world.deliver([message(7, 1), message(7, 2), message(7, 3)]);
    reader.expect([]);
    let released = reader.link.release(RoomId(7), position(2, 0));
    assert_eq!(released, Released::Live);
    reader.expect(["7: message 3.0"]);
}

#[test]
fn readers_of_other_wires_get_a_run_in_their_form() {
    let world = World::new();
    let attached = |attachment| {
        let reader = world.link();
        reader.link.attach(attachment).expect("there is room");
        reader.go_live(&[7]);
        reader
    };
    let mut small = attached(Attachment {
        deflate: true,
        ..world.attachment(1)
    });
    let mut rendering = attached(Attachment {
        codec: world.other,
        ..world.attachment(2)
    });
    world.deliver([message(7, 1), message(7, 2)]);
    small.expect(["7: message 1.0", "7: message 2.0"]);
    rendering.expect(["<7: message 1.0>", "<7: message 2.0>"]);
}
