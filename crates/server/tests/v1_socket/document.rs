//! `/asyncapi.json` and `/openapi.json` as documents.

use serde_json::{Value, json};
use tertulia_testkit::TestServer;

use crate::world::World;

#[tokio::test]
async fn the_document_names_what_the_design_names() {
    let world = World::new().await;
    assert_eq!(
        world.contract.names("receive"),
        [
            "auth", "delete", "edit", "ping", "presence", "react", "reauth", "receipt", "resume",
            "send", "signal", "typing"
        ]
    );
    assert_eq!(
        world.contract.names("send"),
        [
            "bye",
            "error",
            "live",
            "member",
            "message",
            "message.deleted",
            "message.edited",
            "ok",
            "presence",
            "reaction",
            "ready",
            "receipt",
            "resync",
            "room",
            "signal",
            "typing"
        ]
    );
    world.end([]).await;
}

#[tokio::test]
async fn every_example_is_as_its_schema_says() {
    let world = World::new().await;
    let messages = world.contract.0["components"]["messages"].as_object();
    for (key, message) in messages.expect("there are messages") {
        let examples = message["examples"]
            .as_array()
            .expect("there is a list of examples");
        assert!(!examples.is_empty(), "{key} has no example");
        for example in examples {
            let payload = &example["payload"];
            let faults = match payload.get("op") {
                Some(_) => world.contract.faults_of_op(payload),
                None => world.contract.faults_of_event(payload),
            };
            assert!(faults.is_empty(), "{key}: {faults:?}");
        }
    }
    world.end([]).await;
}

#[tokio::test]
async fn every_op_says_what_answers_it() {
    let world = World::new().await;
    let contract = &world.contract;
    for operation in contract.0["operations"]
        .as_object()
        .expect("there are operations")
        .values()
    {
        if operation["action"] != "receive" {
            assert!(operation.get("reply").is_none(), "{operation}");
            continue;
        }
        let answers = operation["reply"]["messages"]
            .as_array()
            .expect("it is answered");
        let names: Vec<_> = answers
            .iter()
            .map(|answer| contract.resolve(answer)["name"].clone())
            .collect();
        let first = if operation["title"] == "auth" {
            "ready"
        } else {
            "ok"
        };
        assert_eq!(names, [json!(first), json!("error")]);
    }
    world.end([]).await;
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_no_schema_is_left_over() {
    let world = World::new().await;
    let mut references = Vec::new();
    collect(&world.contract.0, "$ref", &mut references);
    assert!(references.len() > 100);
    for reference in &references {
        world.contract.resolve(&json!({"$ref": reference}));
    }
    let schemas = world.contract.0["components"]["schemas"].as_object();
    for name in schemas.expect("there are schemas").keys() {
        let reference = json!(format!("#/components/schemas/{name}"));
        assert!(references.contains(&reference), "nothing refers to {name}");
    }
    world.end([]).await;
}

#[tokio::test]
async fn both_documents_share_their_schemas() {
    let server = TestServer::spawn().await;
    let document = async |path: &str| server.http().get(path).await.json();
    let (calls, socket) = (
        document("/openapi.json").await,
        document("/asyncapi.json").await,
    );
    let ours = socket["components"]["schemas"]
        .as_object()
        .expect("there are schemas");
    for (name, schema) in ours {
        assert_eq!(calls["components"]["schemas"][name], *schema, "{name}");
    }
    server.shutdown().await;
}

/// Generators of types replace a constant by the schema's name where a
/// discriminator has no mapping.
#[tokio::test]
async fn a_discriminator_maps_every_word_to_its_schema() {
    let server = TestServer::spawn().await;
    let document = server.http().get("/openapi.json").await.json();
    let mut discriminators = Vec::new();
    collect(&document, "discriminator", &mut discriminators);
    assert_eq!(discriminators.len(), 2);
    for (union, property) in [("ClientFrame", "op"), ("ServerFrame", "ev")] {
        let union = &document["components"]["schemas"][union];
        assert_eq!(union["discriminator"]["propertyName"], property);
        let mapping = union["discriminator"]["mapping"]
            .as_object()
            .expect("it maps");
        assert_eq!(mapping.len(), union["oneOf"].as_array().map_or(0, Vec::len));
        for (word, reference) in mapping {
            let pointer = reference
                .as_str()
                .unwrap_or_default()
                .trim_start_matches('#');
            let schema = document.pointer(pointer).expect("it leads somewhere");
            assert_eq!(schema["properties"][property]["enum"], json!([word]));
            assert!(
                union["oneOf"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|item| { item["$ref"] == *reference })
            );
        }
    }
    server.shutdown().await;
}

/// Every value under this key, anywhere.
fn collect(value: &Value, key: &str, found: &mut Vec<Value>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if name == key {
                    found.push(member.clone());
                }
                collect(member, key, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, key, found)),
        _ => {}
    }
}
