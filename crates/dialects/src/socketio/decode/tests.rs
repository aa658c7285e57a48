use serde_json::json;

use super::*;

fn action(name: &str, body: Value) -> Action {
    let request = decode(name, Some(body), Spoken::Nothing).expect("the event is known");
    request.action.expect("the event is taken")
}

#[test]
fn an_id_is_a_string_or_a_number() {
    for (id, text) in [
        (json!(" 31 "), "31"),
        (json!(31), "31"),
        (json!(31.0), "31"),
        (json!(-4), "-4"),
        (json!(1.5), "1.5"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!(1e300), &json!(1e300).to_string()),
        (json!([31]), ""),
        (json!(true), ""),
    ] {
        let expected = Action::JoinDirect {
            other: text.to_owned(),
        };
        let body = json!({ "other_user_id": id });
        assert_eq!(action("join_direct_chat", body), expected);
    }
}

#[test]
fn what_is_falsy_is_missing() {
    for value in [
        json!(null),
        json!(false),
        json!(0),
        json!(0.0),
        json!(-0.0),
        json!(""),
        json!([]),
        json!({}),
    ] {
        assert!(is_falsy(&value), "{value}");
    }
    for value in [
        json!(" "),
        json!("0"),
        json!(1),
        json!([0]),
        json!({ "a": 0 }),
    ] {
        assert!(!is_falsy(&value), "{value}");
    }
}

#[test]
fn a_message_is_named_by_digits() {
    let mark = |message: Value| Mark {
        kind: ReceiptKind::Read,
        message,
        user: json!("31"),
    };
    for (message, id) in [
        (json!("90"), Some(90)),
        (json!(90), Some(90)),
        (json!("9e1"), None),
        (json!(9.5), None),
        (json!("99999999999999999999"), None),
        (json!([90]), None),
    ] {
        assert_eq!(mark(message).message(), id.map(MessageId));
    }
}

#[test]
fn a_history_is_bounded() {
    for (limit, expected) in [
        (json!(null), 50),
        (json!(1), 1),
        (json!(200), 200),
        (json!(201), 200),
        (json!(i64::MIN), 1),
        (json!(2.5), 50),
    ] {
        let body = json!({ "sala_uuid": "x", "limit": limit });
        let Action::History { room, limit } = action("load_message_history", body) else {
            panic!("a history");
        };
        assert_eq!((room, limit), (Uuid::nil(), expected));
    }
}

#[test]
fn an_unknown_event_is_none() {
    assert_eq!(decode("baila", Some(json!({})), Spoken::Nothing), None);
}

proptest::proptest! {
    /// Whatever comes is refused or taken, and never costs the task.
    #[test]
    fn nothing_panics(name in "[a-z_]{0,20}", text in r#"[\[\]{},:"a-z0-9.\-_ ]{0,60}"#) {
        const NAMES: [&str; 9] = [
            "join_direct_chat", "join_group", "leave_group", "send_message",
            "send_direct_message", "send_group_message", "mark_delivered", "mark_read",
            "load_message_history",
        ];
        let body: Option<Value> = serde_json::from_str(&text).ok();
        for name in NAMES.into_iter().chain([name.as_str()]) {
            let _ = decode(name, body.clone(), Spoken::Redup);
        }
    }
}
