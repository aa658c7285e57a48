use std::sync::Arc;

use serde_json::json;
use tertulia_domain::{
    Membership, MembershipState, MessageId, MessageKind, Metadata, Revision, Role, RoomId, Seq,
    Timestamp, UserId, Visibility,
};

use super::*;
use crate::common::files::tests::links_at;

fn links() -> FileLinks {
    links_at("https://chat.example.org", true, 1_771_400_000)
}

fn uuid(last: u128) -> Uuid {
    Uuid::from_u128(0x0f6c_f6a1_3b0a_4c57_8b2e_0000_0000_0000 + last)
}

fn profile(id: i64, username: &str, display_name: &str) -> Profile {
    Profile {
        id: UserId(id),
        uuid: uuid(id.unsigned_abs().into()),
        username: username.to_owned(),
        handle: id.to_string(),
        display_name: display_name.to_owned(),
        avatar_url: None,
    }
}

fn room(kind: RoomKind) -> Room {
    Room {
        id: RoomId(1),
        uuid: uuid(0xc1),
        kind,
        visibility: Visibility::Private,
        open: false,
        title: None,
        description: None,
        external_id: None,
        created_by: None,
        created_at: Timestamp::from_micros(0),
        updated_at: Timestamp::from_micros(0),
    }
}

fn message(text: &str, kind: Option<&str>) -> Message {
    let metadata = match kind {
        Some(kind) => Metadata::default().with(KIND_KEY, kind),
        None => Metadata::default(),
    };
    Message {
        id: MessageId(1),
        uuid: uuid(0xa1),
        room: RoomId(1),
        seq: Seq(1),
        sender: Some(UserId(1)),
        client_id: None,
        kind: MessageKind::Text,
        text: text.to_owned(),
        reply_to: None,
        metadata,
        files: Vec::new(),
        reactions: Vec::new(),
        created_at: Timestamp::from_micros(1_771_400_000_123_999),
        edited_at: None,
        deleted_at: None,
        revision: Revision::ZERO,
    }
}

fn member(profile: Profile) -> Member {
    Member {
        membership: Membership {
            room: RoomId(1),
            user: profile.id,
            role: Role::Member,
            state: MembershipState::Active,
            joined_at: Timestamp::from_micros(0),
            since: Seq::ZERO,
            until: None,
            delivered_seq: Seq::ZERO,
            read_seq: Seq::ZERO,
            revision: Revision::ZERO,
        },
        profile: Arc::new(profile),
    }
}

/// Contract §2, "encoding": UTF-8, non-ASCII characters are not escaped.
#[test]
fn a_message_has_its_keys_in_order() {
    let message = message("¿café \"a\" las 5?\n☕", None);
    let frame = Frame::Message(MessageObject::new(&message, uuid(0xc1), uuid(1), &links()));
    insta::assert_snapshot!(frame.json(), @r#"{"type":"message:receive","data":{"id":"0f6cf6a1-3b0a-4c57-8b2e-0000000000a1","chatId":"0f6cf6a1-3b0a-4c57-8b2e-0000000000c1","senderId":"0f6cf6a1-3b0a-4c57-8b2e-000000000001","kind":"text","content":"¿café \"a\" las 5?\n☕","createdAt":1771400000123}}"#);
}

#[test]
fn only_the_kinds_of_this_wire_are_shown() {
    for (kept, shown) in [
        (None, "text"),
        (Some("text"), "text"),
        (Some("emoji"), "emoji"),
        (Some("object"), "object"),
        (Some("video"), "text"),
    ] {
        assert_eq!(kind_word(&message("a", kept)), shown);
    }
}

/// Contract §3, `Chat`: `lastMessage` is absent, not null, in an empty chat; a
/// direct chat bears the other's name.
#[test]
fn chats() {
    let (ines, tomas) = (
        profile(1, "ines", "Inés Mora"),
        profile(2, "Tomas", "Tomás"),
    );
    let members = [member(ines.clone()), member(tomas.clone())];
    let status = |who: &Profile| match who.id {
        UserId(1) => Status::Busy,
        _ => Status::Offline,
    };
    let direct = room(RoomKind::Direct);
    let frame = Frame::ChatCreated {
        chat: ChatObject::new(&direct, Some(&tomas), &members, None, status, &links()),
        auto_select: true,
    };
    insta::assert_snapshot!(frame.json(), @r#"{"type":"chat:created","data":{"chat":{"id":"0f6cf6a1-3b0a-4c57-8b2e-0000000000c1","type":"direct","title":"Tomás","description":null,"members":[{"id":"0f6cf6a1-3b0a-4c57-8b2e-000000000001","username":"ines","displayName":"Inés Mora","avatarUrl":null,"status":"busy"},{"id":"0f6cf6a1-3b0a-4c57-8b2e-000000000002","username":"tomas","displayName":"Tomás","avatarUrl":null,"status":"offline"}]},"autoSelect":true}}"#);

    let mut group = room(RoomKind::Group);
    group.title = Some("Cafetal".to_owned());
    group.description = Some("turno tarde".to_owned());
    let last = message("🙂", Some("emoji"));
    let last = MessageObject::new(&last, group.uuid, tomas.uuid, &links());
    let frame = Frame::Chats {
        chats: vec![ChatObject::new(
            &group,
            None,
            &[],
            Some(last),
            status,
            &links(),
        )],
    };
    insta::assert_snapshot!(frame.json(), @r#"{"type":"chat:list:ok","data":{"chats":[{"id":"0f6cf6a1-3b0a-4c57-8b2e-0000000000c1","type":"group","title":"Cafetal","description":"turno tarde","members":[],"lastMessage":{"id":"0f6cf6a1-3b0a-4c57-8b2e-0000000000a1","chatId":"0f6cf6a1-3b0a-4c57-8b2e-0000000000c1","senderId":"0f6cf6a1-3b0a-4c57-8b2e-000000000002","kind":"emoji","content":"🙂","createdAt":1771400000123}}]}}"#);
}

#[test]
fn a_direct_chat_without_a_display_name_bears_the_username() {
    let nameless = profile(2, "tomas", "");
    assert_eq!(title(&room(RoomKind::Direct), Some(&nameless)), "tomas");
}

/// Contract §3, `rtc:signal`: all six keys, null when not given.
#[test]
fn signals_always_have_six_keys() {
    let payload = json!({"type": "offer", "sdp": "v=0", "candidates": [1, 1.5, {"z": 0, "a": 0}]});
    let frame = Frame::Signal {
        r#type: "offer",
        chat_id: Id(uuid(0xc1)),
        from_user_id: Id(uuid(1)),
        to_user_id: Some(Id(uuid(2))),
        payload: &payload,
        mode: Some("video"),
    };
    insta::assert_snapshot!(frame.json(), @r#"{"type":"rtc:signal","data":{"type":"offer","chatId":"0f6cf6a1-3b0a-4c57-8b2e-0000000000c1","fromUserId":"0f6cf6a1-3b0a-4c57-8b2e-000000000001","toUserId":"0f6cf6a1-3b0a-4c57-8b2e-000000000002","payload":{"type":"offer","sdp":"v=0","candidates":[1,1.5,{"z":0,"a":0}]},"mode":"video"}}"#);
    let frame = Frame::Signal {
        r#type: "end",
        chat_id: Id(uuid(0xc1)),
        from_user_id: Id(uuid(2)),
        to_user_id: None,
        payload: &Value::Null,
        mode: None,
    };
    insta::assert_snapshot!(frame.json(), @r#"{"type":"rtc:signal","data":{"type":"end","chatId":"0f6cf6a1-3b0a-4c57-8b2e-0000000000c1","fromUserId":"0f6cf6a1-3b0a-4c57-8b2e-000000000002","toUserId":null,"payload":null,"mode":null}}"#);
}

#[test]
fn usernames_are_lower_case_here() {
    assert_eq!(lower_case("ines_2.ñ"), Cow::<str>::Borrowed("ines_2.ñ"));
    assert_eq!(lower_case("InÉs"), "inés");
    assert_eq!(lower_case("名前"), "名前");
}
