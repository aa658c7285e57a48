use std::sync::Arc;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;
use tertulia_domain::event::{EndedSessions, SessionsEnded, Signal};
use tertulia_domain::file::{BlobKey, Dimensions, FileType, StoredThumbnail};
use tertulia_domain::room::Member;
use tertulia_domain::{
    Change, ClientId, Event, File, FileId, Membership, MembershipState, Message, MessageId,
    MessageKind, Metadata, Position, PresenceCause, Profile, Reaction, ReceiptKind, Revision, Role,
    Room, RoomEvent, RoomId, RoomKind, Seq, SessionId, Status, Stretch, Timestamp, UserId,
    Visibility,
};
use tertulia_hub::{Codec, Encoded};
use uuid::Uuid;

use crate::common::files::tests::links_at;
use crate::v1::socket::V1Codec;

const NOW: Timestamp = Timestamp::from_millis(1_771_400_000_123);

fn codec() -> V1Codec {
    V1Codec::new(Arc::new(links_at("https://chat.test", true, 1_771_400_000)))
}

fn encode(event: &Event) -> String {
    match codec().encode(event) {
        Encoded::Text(text) => text,
        other => panic!("a text was expected: {other:?}"),
    }
}

fn told(change: Change) -> String {
    encode(&Event::Room(RoomEvent {
        room: room(),
        at: Position {
            seq: Seq(342),
            revision: Revision(19),
        },
        members_version: Revision(1),
        change,
    }))
}

fn room() -> Arc<Room> {
    Arc::new(Room {
        id: RoomId(12),
        uuid: Uuid::from_u128(12),
        kind: RoomKind::Group,
        visibility: Visibility::Private,
        open: false,
        title: Some("Cafetal".to_owned()),
        description: None,
        external_id: None,
        created_by: Some(UserId(2)),
        created_at: NOW,
        updated_at: NOW,
    })
}

fn ines() -> Arc<Profile> {
    Arc::new(Profile {
        id: UserId(2),
        uuid: Uuid::from_u128(2),
        username: "ines".to_owned(),
        handle: "2".to_owned(),
        display_name: "Inés".to_owned(),
        avatar_url: None,
    })
}

fn message() -> Message {
    Message {
        id: MessageId(907),
        uuid: Uuid::from_u128(907),
        room: RoomId(12),
        seq: Seq(342),
        sender: Some(UserId(2)),
        client_id: ClientId::new("c-81".to_owned()).ok(),
        kind: MessageKind::Text,
        text: "¿café \"solo\"?\n".to_owned(),
        reply_to: Some(MessageId(906)),
        metadata: Metadata::default(),
        files: Vec::new(),
        reactions: Vec::new(),
        created_at: NOW,
        edited_at: None,
        deleted_at: None,
        revision: Revision(0),
    }
}

fn member(state: MembershipState) -> Member {
    Member {
        membership: Membership {
            room: RoomId(12),
            user: UserId(2),
            role: Role::Admin,
            state,
            joined_at: NOW,
            since: Seq(0),
            until: None,
            delivered_seq: Seq(3),
            read_seq: Seq(2),
            revision: Revision(19),
        },
        profile: ines(),
    }
}

#[test]
fn a_message() {
    let change = Change::Message {
        message: Arc::new(message()),
        sender: Some(ines()),
    };
    assert_snapshot!(told(change), @r#"{"ev":"message","room_id":"12","seq":342,"revision":19,"message":{"id":"907","uuid":"00000000-0000-0000-0000-00000000038b","room_id":"12","seq":342,"client_id":"c-81","sender":{"id":"2","uuid":"00000000-0000-0000-0000-000000000002","username":"ines","display_name":"Inés","avatar_url":null},"kind":"text","text":"¿café \"solo\"?\n","reply_to":"906","files":[],"reactions":[],"edited_at":null,"deleted_at":null,"created_at":"2026-02-18T07:33:20.123Z"}}"#);
}

#[test]
fn a_message_of_the_server() {
    let change = Change::Message {
        message: Arc::new(Message {
            kind: MessageKind::System,
            sender: None,
            client_id: None,
            reply_to: None,
            ..message()
        }),
        sender: None,
    };
    assert_snapshot!(told(change), @r#"{"ev":"message","room_id":"12","seq":342,"revision":19,"message":{"id":"907","uuid":"00000000-0000-0000-0000-00000000038b","room_id":"12","seq":342,"client_id":null,"sender":null,"kind":"system","text":"¿café \"solo\"?\n","reply_to":null,"files":[],"reactions":[],"edited_at":null,"deleted_at":null,"created_at":"2026-02-18T07:33:20.123Z"}}"#);
}

#[test]
fn a_message_with_a_file_that_has_links_of_its_own() {
    let file = File {
        id: FileId(7),
        uuid: Uuid::from_u128(7),
        owner: UserId(2),
        name: "plano ñ.png".to_owned(),
        content_type: FileType::Png,
        size: 5_120,
        dimensions: Some(Dimensions {
            width: 640,
            height: 480,
        }),
        thumbnail: Some(StoredThumbnail {
            kind: FileType::Jpeg,
            size: 900,
        }),
        key: BlobKey::new(NOW, Uuid::from_u128(7), FileType::Png),
        created_at: NOW,
    };
    let change = Change::Message {
        message: Arc::new(Message {
            kind: MessageKind::Image,
            files: vec![Arc::new(file)],
            ..message()
        }),
        sender: None,
    };
    let told: serde_json::Value = serde_json::from_str(&told(change)).expect("JSON");
    assert_snapshot!(told["message"]["files"], @r#"[{"id":"7","name":"plano ñ.png","content_type":"image/png","size":5120,"width":640,"height":480,"url":"https://chat.test/v1/files/7/content?expires=1771502400&signature=P0JFPggQCDxIR00-R00IChAQCg4JCw0JCQcHBwcHBwc","thumbnail_url":"https://chat.test/v1/files/7/thumbnail?expires=1771502400&signature=P0JFPggQCE1BTkY7RzpCRQgKEBAKDgkLDQkJBwcHBwc","created_at":"2026-02-18T07:33:20.123Z"}]"#);
}

#[test]
fn an_edit() {
    let change = Change::Edited {
        message: Arc::new(Message {
            edited_at: Some(NOW),
            reactions: vec![Reaction {
                user: UserId(3),
                emoji: "👍".to_owned(),
                created_at: NOW,
            }],
            ..message()
        }),
        sender: Some(ines()),
    };
    assert_snapshot!(told(change), @r#"{"ev":"message.edited","room_id":"12","seq":342,"revision":19,"message":{"id":"907","uuid":"00000000-0000-0000-0000-00000000038b","room_id":"12","seq":342,"client_id":"c-81","sender":{"id":"2","uuid":"00000000-0000-0000-0000-000000000002","username":"ines","display_name":"Inés","avatar_url":null},"kind":"text","text":"¿café \"solo\"?\n","reply_to":"906","files":[],"reactions":[{"emoji":"👍","count":1,"user_ids":["3"]}],"edited_at":"2026-02-18T07:33:20.123Z","deleted_at":null,"created_at":"2026-02-18T07:33:20.123Z"}}"#);
}

#[test]
fn deletions() {
    let everyone = Change::Deleted {
        message: Arc::new(Message {
            text: String::new(),
            deleted_at: Some(NOW),
            ..message()
        }),
        by: ines(),
    };
    assert_snapshot!(told(everyone), @r#"{"ev":"message.deleted","room_id":"12","seq":342,"revision":19,"id":"907","message_seq":342,"for":"everyone","by":"2","deleted_at":"2026-02-18T07:33:20.123Z"}"#);
    let me = Change::Hidden {
        message: MessageId(907),
        seq: Seq(342),
        user: UserId(2),
    };
    assert_snapshot!(told(me), @r#"{"ev":"message.deleted","room_id":"12","seq":342,"revision":19,"id":"907","message_seq":342,"for":"me","by":"2","deleted_at":null}"#);
}

#[test]
fn a_reaction() {
    let change = Change::Reaction {
        message: MessageId(907),
        uuid: uuid::Uuid::nil(),
        seq: Seq(342),
        user: ines(),
        emoji: "👍".to_owned(),
        on: true,
        at: NOW,
    };
    assert_snapshot!(told(change), @r#"{"ev":"reaction","room_id":"12","seq":342,"revision":19,"id":"907","message_seq":342,"user_id":"2","emoji":"👍","on":true,"at":"2026-02-18T07:33:20.123Z"}"#);
}

#[test]
fn a_receipt() {
    let stretch = |kind, from, to| Stretch {
        kind,
        from: Seq(from),
        to: Seq(to),
        at: NOW,
    };
    let change = Change::Receipt {
        user: ines(),
        stretches: vec![
            stretch(ReceiptKind::Delivered, 340, 342),
            stretch(ReceiptKind::Read, 342, 342),
        ],
    };
    assert_snapshot!(told(change), @r#"{"ev":"receipt","room_id":"12","seq":342,"revision":19,"user_id":"2","marks":[{"kind":"delivered","from":340,"to":342,"at":"2026-02-18T07:33:20.123Z"},{"kind":"read","from":342,"to":342,"at":"2026-02-18T07:33:20.123Z"}]}"#);
}

#[test]
fn a_member() {
    let change = Change::Member {
        member: member(MembershipState::Left),
        by: UserId(1),
    };
    assert_snapshot!(told(change), @r#"{"ev":"member","room_id":"12","seq":342,"revision":19,"member":{"user":{"id":"2","uuid":"00000000-0000-0000-0000-000000000002","username":"ines","display_name":"Inés","avatar_url":null},"role":"admin","state":"left","joined_at":"2026-02-18T07:33:20.123Z","delivered_seq":3,"read_seq":2},"by":"1"}"#);
}

#[test]
fn a_room() {
    let created = Change::Created {
        members: vec![member(MembershipState::Active)],
        by: UserId(2),
    };
    assert_snapshot!(told(created), @r#"{"ev":"room","room_id":"12","seq":342,"revision":19,"change":"created","room":{"id":"12","uuid":"00000000-0000-0000-0000-00000000000c","kind":"group","title":"Cafetal","description":null,"visibility":"private","open":false,"created_at":"2026-02-18T07:33:20.123Z","updated_at":"2026-02-18T07:33:20.123Z"},"members":[{"user":{"id":"2","uuid":"00000000-0000-0000-0000-000000000002","username":"ines","display_name":"Inés","avatar_url":null},"role":"admin","state":"active","joined_at":"2026-02-18T07:33:20.123Z","delivered_seq":3,"read_seq":2}],"by":"2"}"#);
    assert_snapshot!(told(Change::Updated { by: UserId(2) }), @r#"{"ev":"room","room_id":"12","seq":342,"revision":19,"change":"updated","room":{"id":"12","uuid":"00000000-0000-0000-0000-00000000000c","kind":"group","title":"Cafetal","description":null,"visibility":"private","open":false,"created_at":"2026-02-18T07:33:20.123Z","updated_at":"2026-02-18T07:33:20.123Z"},"by":"2"}"#);
    assert_snapshot!(told(Change::Closed { by: UserId(2) }), @r#"{"ev":"room","room_id":"12","seq":342,"revision":19,"change":"closed","room":{"id":"12","uuid":"00000000-0000-0000-0000-00000000000c","kind":"group","title":"Cafetal","description":null,"visibility":"private","open":false,"created_at":"2026-02-18T07:33:20.123Z","updated_at":"2026-02-18T07:33:20.123Z"},"by":"2"}"#);
}

#[test]
fn what_is_told_now_or_never() {
    let typing = Event::Typing {
        room: room(),
        user: ines(),
        on: true,
        at: Timestamp::from_secs(0),
    };
    assert_snapshot!(encode(&typing), @r#"{"ev":"typing","room_id":"12","user_id":"2","on":true}"#);
    let presence = Event::Presence {
        user: ines(),
        status: Status::Busy,
        cause: PresenceCause::Chosen,
    };
    assert_snapshot!(encode(&presence), @r#"{"ev":"presence","user_id":"2","status":"busy"}"#);
    let signal = Event::Signal(Signal {
        room: room(),
        from: ines(),
        to: None,
        kind: "ice".to_owned(),
        payload: json!({"b": 1, "a": [1.5, null]}),
        mode: None,
    });
    assert_snapshot!(encode(&signal), @r#"{"ev":"signal","room_id":"12","from":"2","to":null,"type":"ice","payload":{"b":1,"a":[1.5,null]},"mode":null}"#);
}

#[test]
fn what_has_no_frame_for_all() {
    let ended = Event::SessionsEnded(SessionsEnded {
        user: UserId(2),
        which: EndedSessions::One(SessionId(1)),
    });
    assert_eq!(codec().encode(&ended), Encoded::PerReader);
    assert_eq!(
        codec().encode(&Event::ProfileChanged(ines())),
        Encoded::Skip
    );
}

#[test]
fn the_farewell_says_when_to_come_back() {
    let farewell = codec().farewell(Duration::from_millis(1_840));
    let frame = farewell.frame.expect("there is a last word");
    assert_eq!(
        &frame[2..],
        br#"{"ev":"bye","reason":"restarting","retry_in_ms":1840}"#
    );
    assert_eq!(
        (farewell.close.code(), farewell.close.reason()),
        (1012, "restarting")
    );
}
