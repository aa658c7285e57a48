use super::*;
use proptest::prelude::*;
use serde_json::json;

const LIMITS: Limits = Limits {
    json: Bounds {
        depth: 6,
        members: 8,
        values: 100,
    },
    attachments: 10,
    bytes: 1000,
};

fn read(text: &str) -> Result<Option<Packet>, Invalid> {
    Decoder::new(LIMITS).text(text)
}

fn packet(namespace: &str, body: Body) -> Packet {
    Packet {
        namespace: namespace.to_owned().into(),
        body,
    }
}

fn event(id: Option<u64>, values: Value) -> Body {
    let Value::Array(values) = values else {
        panic!("the test's arguments are an array")
    };
    Body::Event {
        id,
        arguments: values.into(),
    }
}

/// The examples of the protocol document, and what else is on the wire.
#[test]
fn packets_are_read_as_they_are_written() {
    let auth = json!({"token": "123"}).as_object().cloned();
    let error = Body::ConnectError(json!({"message": "Not authorized"}));
    let ack = Body::Ack {
        id: 456,
        arguments: vec![json!("bar")].into(),
    };
    for (wire, expected) in [
        ("0", packet("/", Body::Connect(None))),
        (
            r#"0{"token":"123"}"#,
            packet("/", Body::Connect(auth.clone())),
        ),
        ("0/admin,", packet("/admin", Body::Connect(None))),
        (
            r#"0/admin,{"token":"123"}"#,
            packet("/admin", Body::Connect(auth)),
        ),
        ("1/admin,", packet("/admin", Body::Disconnect)),
        ("1", packet("/", Body::Disconnect)),
        (r#"2["foo"]"#, packet("/", event(None, json!(["foo"])))),
        (
            r#"2/admin,["bar"]"#,
            packet("/admin", event(None, json!(["bar"]))),
        ),
        (
            r#"212["foo",1]"#,
            packet("/", event(Some(12), json!(["foo", 1]))),
        ),
        (
            r#"2[7,{"a":[1.5]}]"#,
            packet("/", event(None, json!([7, {"a": [1.5]}]))),
        ),
        (r#"3/admin,456["bar"]"#, packet("/admin", ack)),
        (r#"4{"message":"Not authorized"}"#, packet("/", error)),
    ] {
        assert_eq!(read(wire), Ok(Some(expected.clone())), "{wire}");
        assert_eq!(expected.text(), wire);
    }
}

#[test]
fn a_namespace_may_end_with_the_packet() {
    let connect = packet("/admin", Body::Connect(None));
    assert_eq!(read("0/admin"), Ok(Some(connect)));
    let disconnect = packet("/custom", Body::Disconnect);
    assert_eq!(read("1/custom"), Ok(Some(disconnect)));
}

#[test]
fn what_breaks_the_protocol_is_invalid() {
    for wire in [
        "",
        "abc",
        "7",
        "9[]",
        "ñ",
        "0[]",
        r#"0"text""#,
        "0{",
        "1{}",
        "1[]",
        "2",
        "2{}",
        "2[]",
        "2[null]",
        "2[{}]",
        r#"2["connect"]"#,
        r#"2["disconnecting"]"#,
        r#"2["newListener",1]"#,
        r#"2abc["foo"]"#,
        r#"2 1["foo"]"#,
        r#"2-1["foo"]"#,
        r#"299999999999999999999["foo"]"#,
        r#"2["foo"] ["bar"]"#,
        "3",
        "3[]",
        "31{}",
        "4",
        "4[]",
        "5",
        "5-",
        r#"5-["foo"]"#,
        r#"5["foo"]"#,
        r#"5+1-["foo"]"#,
        r#"51.5-["foo"]"#,
        r#"5999999999999999999999-["foo"]"#,
        "51-{}",
        "61-[]",
    ] {
        assert!(read(wire).is_err(), "{wire:?}");
    }
}

#[test]
fn a_payload_has_bounds() {
    let deep = format!("2[\"foo\",{}{}]", "[".repeat(6), "]".repeat(6));
    assert_eq!(read(&deep), Err(Invalid("too complex a payload")));
    let long = format!("2[\"{}\"]", "a".repeat(1000));
    assert_eq!(read(&long), Err(Invalid("too large a packet")));
}

#[test]
fn attachments_follow_their_text() {
    let text =
        r#"52-/a,7["foo",{"_placeholder":true,"num":1},{"b":{"_placeholder":true,"num":0}}]"#;
    let mut decoder = Decoder::new(LIMITS);
    assert_eq!(decoder.text(text), Ok(None));
    assert_eq!(decoder.binary(&[1, 2]), Ok(None));
    let whole = decoder
        .binary(&[])
        .expect("it is valid")
        .expect("it is whole");
    assert_eq!(
        whole.attachments(),
        [Bytes::from_static(&[1, 2]), Bytes::new()]
    );
    assert_eq!(whole.text(), text);
    let mut frames = Vec::from(frame::text(&format!("4{text}")));
    frames.extend_from_slice(&frame::binary(&[1, 2]));
    frames.extend_from_slice(&frame::binary(&[]));
    assert_eq!(whole.frames(), frames);
    assert_eq!(decoder.text("1"), Ok(Some(packet("/", Body::Disconnect))));
}

#[test]
fn an_answer_may_carry_attachments() {
    let mut decoder = Decoder::new(LIMITS);
    let text = r#"61-789[{"_placeholder":true,"num":0}]"#;
    assert_eq!(decoder.text(text), Ok(None));
    let whole = decoder
        .binary(&[3])
        .expect("it is valid")
        .expect("it is whole");
    assert_eq!(whole.text(), text);
}

#[test]
fn a_binary_packet_without_attachments_is_whole() {
    let expected = packet("/", event(None, json!(["foo"])));
    assert_eq!(read(r#"50-["foo"]"#), Ok(Some(expected)));
}

#[test]
fn attachments_have_bounds() {
    assert!(read(r#"511-["foo"]"#).is_err(), "eleven");
    assert_eq!(read(r#"510-["foo"]"#), Ok(None), "ten");

    let mut decoder = Decoder::new(LIMITS);
    assert_eq!(decoder.text(r#"52-["foo"]"#), Ok(None));
    assert_eq!(decoder.binary(&[0; 500]), Ok(None));
    assert!(decoder.binary(&[0; 500]).is_err(), "together too large");
}

#[test]
fn a_placeholder_names_an_attachment_that_is_there() {
    for num in ["1", "-1", "0.5", "\"0\"", "null", "1e99"] {
        let wire = format!(r#"51-["foo",{{"_placeholder":true,"num":{num}}}]"#);
        assert!(read(&wire).is_err(), "{num}");
    }
    assert!(read(r#"51-["foo",[{"a":{"_placeholder":true}}]]"#).is_err());
    let plain = r#"2["foo",{"_placeholder":true,"num":5}]"#;
    assert!(
        read(plain).is_ok(),
        "without attachments it is an object like any"
    );
}

#[test]
fn text_and_bytes_come_where_they_belong() {
    assert!(Decoder::new(LIMITS).binary(&[1]).is_err());
    let mut decoder = Decoder::new(LIMITS);
    assert_eq!(decoder.text(r#"51-["foo"]"#), Ok(None));
    assert!(decoder.text("1").is_err());
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zñ\"\\\\,/]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec(("[a-z]{0,3}", inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_event() -> impl Strategy<Value = Packet> {
    let namespace = prop_oneof![Just("/".to_owned()), "/[a-z0-9?=&]{1,8}"];
    let id = prop::option::of(any::<u64>());
    let values = prop::collection::vec(any_value(), 0..3);
    let attachments = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..4);
    (namespace, id, values, attachments).prop_map(|(namespace, id, mut values, attachments)| {
        values.insert(0, "name".into());
        for number in 0..attachments.len() {
            values.push(json!({"_placeholder": true, "num": number}));
        }
        let attachments = attachments.into_iter().map(Bytes::from).collect();
        let arguments = Arguments {
            values,
            attachments,
        };
        packet(&namespace, Body::Event { id, arguments })
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(packet in any_event()) {
        let mut decoder = Decoder::new(LIMITS);
        let mut read = decoder.text(&packet.text()).expect("the text is valid");
        for attachment in packet.attachments() {
            prop_assert_eq!(read, None);
            read = decoder.binary(attachment).expect("it is due");
        }
        prop_assert_eq!(read, Some(packet));
    }

    /// A packet that was cut off, anywhere, is another one or invalid.
    #[test]
    fn every_cut_is_read_or_refused(packet in any_event()) {
        let text = packet.text();
        for cut in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            if let Ok(Some(read)) = read(&text[..cut]) {
                prop_assert_ne!(read, packet.clone());
            }
        }
    }

    #[test]
    fn no_text_is_too_strange(text in "[0-9][0-9/,\\-]{0,4}[\\[\\]{}\":,a0_/\\-]{0,20}|.{0,30}") {
        let mut decoder = Decoder::new(LIMITS);
        let _ = decoder.text(&text);
        let _ = decoder.binary(text.as_bytes());
    }
}
