use proptest::prelude::*;

use super::*;
use crate::common::settings::TransportSettings;

const ID: &str = "0f6cf6a1-3b0a-4c57-8b2e-6a1f0c9d7e55";

fn read(frame: &str) -> Request {
    let bounds = Bounds::from(&TransportSettings::default());
    decode(Message::Text(frame), bounds)
}

/// What a frame means, with `ID` written as itself.
fn check(name: &str, data: &str, expected: &str) {
    let data = data.replace("$ID", ID);
    let request = read(&format!(r#"{{"type":"{name}","data":{data}}}"#));
    let said = format!("{request:?}").replace(ID, "$ID");
    assert_eq!(said, expected, "{name} {data}");
}

fn refused(name: &str, data: &str, refusal: &Refusal) {
    let outer = match name {
        "auth:register" => "Register",
        "auth:login" => "Login",
        "hello" => "Hello",
        _ => "Action",
    };
    check(name, data, &format!("{outer}(Err({refusal:?}))"));
}

/// Contract, "Malformed input", row by row.
#[test]
fn malformed_input() {
    for (frame, refusal) in [
        ("nonsense", Refusal::INVALID_JSON),
        ("", Refusal::INVALID_JSON),
        (r#"{"type":"hello","data":{}"#, Refusal::INVALID_JSON),
        (r#"{"type":"hello","data":NaN}"#, Refusal::INVALID_JSON),
        (r#"{"type":"hello"}"#, Refusal::INVALID_FORMAT),
        (r#"{"data":{}}"#, Refusal::INVALID_FORMAT),
        ("{}", Refusal::INVALID_FORMAT),
        (r#"{"type":7,"data":{}}"#, Refusal::INVALID_FORMAT),
        ("7", Refusal::INVALID_FORMAT),
        ("null", Refusal::INVALID_FORMAT),
        (r#"["type","data"]"#, Refusal::INVALID_FORMAT),
        (r#""type data""#, Refusal::INVALID_FORMAT),
    ] {
        let Request::Malformed(said) = read(frame) else {
            panic!("{frame} was taken");
        };
        assert_eq!(said, refusal, "{frame}");
    }
    for data in ["null", "7", "[]", r#""chatId""#] {
        refused("message:send", data, &Refusal::MISSING_FIELDS);
    }
}

#[test]
fn a_frame_that_is_too_deep_is_refused() {
    let deep = "[".repeat(40) + &"]".repeat(40);
    let Request::Malformed(said) = read(&format!(r#"{{"type":"hello","data":{deep}}}"#)) else {
        panic!("it was taken");
    };
    assert_eq!(said, Refusal::COMPLEX_JSON);
}

/// Contract §2, "binary frames".
#[test]
fn binary_frames_are_read_like_text() {
    let bounds = Bounds::from(&TransportSettings::default());
    let json = br#"{"type":"chat:list","data":{}}"#;
    let request = decode(Message::Binary(json), bounds);
    assert_eq!(format!("{request:?}"), "Action(Ok(ListChats))");
    let request = decode(Message::Binary(b"\xff\xfe{}"), bounds);
    assert!(matches!(request, Request::Malformed(Refusal { .. })));
}

#[test]
fn unknown_fields_are_passed_over_and_the_last_of_two_counts() {
    let frame = format!(
        r#"{{"x":1,"type":"hello","type":"room:join","data":{{"chatId":"a","y":[],"chatId":"{ID}"}}}}"#
    );
    let request = format!("{:?}", read(&frame)).replace(ID, "$ID");
    assert_eq!(request, "Action(Ok(JoinRoom { chat: $ID }))");
}

#[test]
fn registering() {
    check(
        "auth:register",
        r#"{"displayName":" Inés Mora ","username":" INÉS ","email":" Ines@LAN.test ","password":" x "}"#,
        "Register(Ok(NewAccount { username: \"inés\", display_name: Some(\"Inés Mora\"), \
         email: Some(\"ines@lan.test\"), password: \" x \" }))",
    );
    for email in ["\"\"", "\"  \"", "null", "7"] {
        let data =
            format!(r#"{{"displayName":"a","username":"b","password":"c","email":{email}}}"#);
        check(
            "auth:register",
            &data,
            "Register(Ok(NewAccount { username: \"b\", display_name: Some(\"a\"), email: None, \
             password: \"c\" }))",
        );
    }
    for data in [
        "{}",
        r#"{"username":"b","password":"c"}"#,
        r#"{"displayName":"a","password":"c"}"#,
        r#"{"displayName":"a","username":"b"}"#,
        r#"{"displayName":" ","username":"b","password":"c"}"#,
        r#"{"displayName":"a","username":["b"],"password":"c"}"#,
        r#"{"displayName":"a","username":"b","password":""}"#,
    ] {
        refused("auth:register", data, &Refusal::MISSING_FIELDS);
    }
}

#[test]
fn logging_in() {
    check(
        "auth:login",
        r#"{"usernameOrEmail":" Ines@LAN.test ","password":" x "}"#,
        "Login(Ok(Login { account: \"ines@lan.test\", password: \" x \" }))",
    );
    for data in [
        "{}",
        r#"{"usernameOrEmail":"a"}"#,
        r#"{"password":"a"}"#,
        r#"{"usernameOrEmail":" ","password":"a"}"#,
        r#"{"usernameOrEmail":"a","password":7}"#,
    ] {
        refused("auth:login", data, &Refusal::MISSING_CREDENTIALS);
    }
    check("hello", r#"{"token":"t"}"#, "Hello(Ok(\"t\"))");
    for data in ["{}", r#"{"token":""}"#, r#"{"token":7}"#] {
        refused("hello", data, &Refusal::MISSING_TOKEN);
    }
}

#[test]
fn finding_a_user_always_asks_for_someone() {
    for (data, username) in [
        (r#"{"username":" TOMÁS "}"#, "tomás"),
        ("{}", ""),
        (r#"{"username":7}"#, ""),
    ] {
        let expected = format!("Action(Ok(FindUser {{ username: {username:?} }}))");
        check("user:findByUsername", data, &expected);
    }
}

#[test]
fn lists_have_a_limit() {
    for (limit, expected) in [
        ("20", 20),
        ("0", 1),
        ("-5", 1),
        ("1000", 150),
        ("18446744073709551615", 150),
        ("2.5", 150),
        ("null", 150),
        ("\"20\"", 150),
    ] {
        check(
            "message:list",
            &format!(r#"{{"chatId":"$ID","limit":{limit}}}"#),
            &format!("Action(Ok(ListMessages {{ chat: $ID, limit: {expected} }}))"),
        );
    }
    refused("message:list", "{}", &Refusal::MISSING_CHAT_ID);
    refused("room:join", r#"{"chatId":7}"#, &Refusal::MISSING_CHAT_ID);
}

#[test]
fn an_id_that_is_no_uuid_names_nobody() {
    check(
        "chat:createDirect",
        r#"{"userId":"tomas"}"#,
        "Action(Ok(CreateDirect { user: 00000000-0000-0000-0000-000000000000 }))",
    );
    refused("chat:createDirect", "{}", &Refusal::MISSING_USER_ID);
}

#[test]
fn groups() {
    check(
        "group:create",
        r#"{"title":" Cafetal ","description":null}"#,
        "Action(Ok(CreateGroup { title: \"Cafetal\", description: None }))",
    );
    refused("group:create", r#"{"title":"  "}"#, &Refusal::MISSING_TITLE);
    for data in ["{}", r#"{"groupId":"$ID"}"#, r#"{"userId":"$ID"}"#] {
        refused("group:invite", data, &Refusal::MISSING_FIELDS);
    }
}

#[test]
fn sending() {
    for (kind, expected) in [
        ("", "Text"),
        (r#","kind":null"#, "Text"),
        (r#","kind":"text""#, "Text"),
        (r#","kind":"emoji""#, "Emoji"),
        (r#","kind":"object""#, "Object"),
    ] {
        check(
            "message:send",
            &format!(r#"{{"chatId":"$ID","content":" a "{kind}}}"#),
            &format!("Action(Ok(Send(Send {{ chat: $ID, kind: {expected}, content: \" a \" }})))"),
        );
    }
    for kind in ["\"image\"", "7", "\"TEXT\""] {
        let data = format!(r#"{{"chatId":"$ID","content":"a","kind":{kind}}}"#);
        refused("message:send", &data, &Refusal::INVALID_KIND);
    }
    for data in [
        "{}",
        r#"{"chatId":"$ID"}"#,
        r#"{"chatId":"$ID","content":""}"#,
        r#"{"chatId":"$ID","content":["a"]}"#,
        r#"{"content":"a"}"#,
        r#"{"chatId":7,"content":"a"}"#,
    ] {
        refused("message:send", data, &Refusal::MISSING_FIELDS);
    }
}

#[test]
fn statuses() {
    for (status, expected) in [
        ("online", "Online"),
        (" BUSY ", "Busy"),
        ("offline", "Offline"),
    ] {
        check(
            "presence:update",
            &format!(r#"{{"status":"{status}"}}"#),
            &format!("Action(Ok(SetStatus({expected})))"),
        );
    }
    for data in ["{}", r#"{"status":"away"}"#, r#"{"status":1}"#] {
        refused("presence:update", data, &Refusal::INVALID_STATUS);
    }
}

#[test]
fn call_signals() {
    check(
        "rtc:signal",
        r#"{"type":"offer","chatId":"$ID","toUserId":"$ID","mode":"video","payload":{"b":1.50,"a":[null]}}"#,
        "Action(Ok(Signal(Signal { kind: \"offer\", chat: $ID, to: Some($ID), \
         payload: Object {\"b\": Number(1.5), \"a\": Array [Null]}, mode: Some(\"video\") })))",
    );
    for given in [
        "",
        r#","toUserId":null,"payload":null,"mode":null"#,
        r#","toUserId":"","mode":"hologram""#,
    ] {
        check(
            "rtc:signal",
            &format!(r#"{{"type":"end","chatId":"$ID"{given}}}"#),
            "Action(Ok(Signal(Signal { kind: \"end\", chat: $ID, to: None, payload: Null, \
             mode: None })))",
        );
    }
    for (data, refusal) in [
        ("{}", Refusal::INVALID_SIGNAL),
        (r#"{"type":"hang","chatId":"$ID"}"#, Refusal::INVALID_SIGNAL),
        (r#"{"type":"ice"}"#, Refusal::MISSING_CHAT_ID),
        (
            r#"{"type":"ice","chatId":"$ID","toUserId":7}"#,
            Refusal::INVALID_RECEIVER,
        ),
    ] {
        refused("rtc:signal", data, &refusal);
    }
}

/// Contract §3, "unknown type".
#[test]
fn what_is_unknown_is_named() {
    refused("chat:leave", "{}", &Refusal::unsupported("chat:leave"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from(ID)),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any_name(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "type", "data", "chatId", "userId", "groupId", "toUserId", "content", "kind", "title",
        "username", "limit", "status", "payload", "mode", "token", "x",
    ])
    .prop_map(str::to_owned)
}

fn any_event() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "auth:register",
        "auth:login",
        "hello",
        "chat:list",
        "message:list",
        "user:findByUsername",
        "chat:createDirect",
        "group:create",
        "group:invite",
        "room:join",
        "message:send",
        "presence:update",
        "rtc:signal",
        "x",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    /// `reliability.md` §3: no input may panic.
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bounds = Bounds::from(&TransportSettings::default());
        decode(Message::Binary(&bytes), bounds);
    }

    /// Any data in any event is understood or refused, and never a malformed
    /// frame.
    #[test]
    fn any_data_is_understood_or_refused(event in any_event(), data in any_json()) {
        let frame = serde_json::json!({ "type": event, "data": data });
        prop_assert!(!matches!(read(&frame.to_string()), Request::Malformed(_)));
    }
}
