//! Holds the document against the rules that its readers rely on.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

fn document() -> Value {
    let (_, document) = crate::v1::rest::calls().split_for_parts();
    serde_json::to_value(document).expect("the document is JSON")
}

struct Operation<'a> {
    name: String,
    body: &'a Map<String, Value>,
}

impl Operation<'_> {
    fn statuses(&self) -> BTreeSet<&str> {
        let responses = self.body["responses"].as_object();
        responses
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect()
    }

    fn needs_token(&self) -> bool {
        self.body.contains_key("security")
    }
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().expect("there are paths");
    let mut found = Vec::new();
    for (path, item) in paths {
        for (method, body) in item.as_object().expect("a path has calls") {
            found.push(Operation {
                name: format!("{} {path}", method.to_uppercase()),
                body: body.as_object().expect("a call is an object"),
            });
        }
    }
    found
}

#[test]
fn every_call_and_what_it_answers() {
    let document = document();
    let calls: Vec<String> = operations(&document)
        .iter()
        .map(|call| {
            let statuses: Vec<&str> = call.statuses().into_iter().collect();
            format!("{}: {}", call.name, statuses.join(" "))
        })
        .collect();
    insta::assert_snapshot!(calls.join("\n"), @r"
    POST /v1/auth/login: 200 400 401 408 413 415 422 429 500 503
    POST /v1/auth/logout: 204 400 401 408 413 415 422 500 503
    POST /v1/auth/refresh: 200 400 401 408 413 415 422 500 503
    POST /v1/auth/register: 201 400 408 409 413 415 422 429 500 503
    GET /v1/files: 200 401 422 500 503
    POST /v1/files: 201 400 401 408 413 415 422 429 500 503
    POST /v1/files/tus: 201 401 412 413 415 422 429 500 503
    DELETE /v1/files/tus/{file_id}: 204 401 404 412 423 500 503
    HEAD /v1/files/tus/{file_id}: 200 401 404 412 415 423 500 503
    PATCH /v1/files/tus/{file_id}: 204 400 401 404 408 409 412 413 415 422 423 500 503
    GET /v1/files/{file_id}: 200 401 404 500 503
    DELETE /v1/files/{file_id}: 204 401 403 404 429 500 503
    GET /v1/files/{file_id}/content: 200 206 304 401 404 412 416 500 503
    GET /v1/files/{file_id}/thumbnail: 200 206 304 401 404 412 416 500 503
    POST /v1/invites/{code}: 200 401 403 404 409 429 500 503
    GET /v1/me: 200 401 500 503
    PATCH /v1/me: 200 400 401 408 409 413 415 422 429 500 503
    PUT /v1/me/password: 204 400 401 408 413 415 422 429 500 503
    GET /v1/rooms: 200 401 422 500 503
    POST /v1/rooms: 200 201 400 401 404 408 409 413 415 422 429 500 503
    GET /v1/rooms/public: 200 401 422 500 503
    GET /v1/rooms/{room_id}: 200 401 403 404 500 503
    DELETE /v1/rooms/{room_id}: 204 401 403 404 429 500 503
    PATCH /v1/rooms/{room_id}: 200 400 401 403 404 408 413 415 422 429 500 503
    POST /v1/rooms/{room_id}/invites: 201 400 401 403 404 408 413 415 422 429 500 503
    POST /v1/rooms/{room_id}/join: 200 401 403 404 409 429 500 503
    POST /v1/rooms/{room_id}/leave: 204 401 403 404 429 500 503
    GET /v1/rooms/{room_id}/members: 200 401 403 404 422 500 503
    PUT /v1/rooms/{room_id}/members/{user_id}: 200 400 401 403 404 408 413 415 422 429 500 503
    DELETE /v1/rooms/{room_id}/members/{user_id}: 204 401 403 404 422 429 500 503
    GET /v1/rooms/{room_id}/messages: 200 401 403 404 422 500 503
    POST /v1/rooms/{room_id}/messages: 200 201 400 401 403 404 408 409 413 415 422 429 500 503
    DELETE /v1/rooms/{room_id}/messages/{message_id}: 204 401 403 404 422 429 500 503
    PATCH /v1/rooms/{room_id}/messages/{message_id}: 200 400 401 403 404 408 409 413 415 422 429 500 503
    PUT /v1/rooms/{room_id}/messages/{message_id}/reactions/{emoji}: 204 401 403 404 409 422 429 500 503
    DELETE /v1/rooms/{room_id}/messages/{message_id}/reactions/{emoji}: 204 401 403 404 409 422 429 500 503
    GET /v1/rooms/{room_id}/messages/{message_id}/receipts: 200 401 403 404 422 500 503
    PUT /v1/rooms/{room_id}/receipts: 204 400 401 403 404 408 413 415 422 429 500 503
    GET /v1/sessions: 200 401 500 503
    DELETE /v1/sessions/{session_id}: 204 401 404 429 500 503
    GET /v1/users: 200 401 422 429 500 503
    GET /v1/users/{user_id}: 200 401 404 500 503
    ");
}

#[test]
fn what_many_calls_share_is_said_of_each() {
    let document = document();
    for call in operations(&document) {
        let statuses = call.statuses();
        let mut expected = vec!["500", "503"];
        if call.needs_token() {
            expected.push("401");
        }
        if call.body.contains_key("requestBody") {
            expected.extend(["400", "408", "413", "415", "422"]);
        }
        if call.name.contains('{') {
            expected.push("404");
        }
        for status in expected {
            assert!(statuses.contains(status), "{} lacks {status}", call.name);
        }
        assert!(call.body["summary"].is_string(), "{}", call.name);
        assert_eq!(call.body["tags"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn every_answer_with_a_body_has_a_shape() {
    let document = document();
    for call in operations(&document) {
        let responses = call.body["responses"].as_object().expect("it answers");
        for (status, response) in responses {
            let response = match response["$ref"].as_str() {
                Some(reference) => at(&document, reference).expect("the reference leads somewhere"),
                None => response,
            };
            let shapes = response["content"].as_object().map_or(0, Map::len);
            let is_headers = call.name.contains("/v1/files/tus") && status.starts_with('2');
            let is_empty = is_headers || ["204", "304"].contains(&status.as_str());
            let expected = usize::from(!is_empty);
            assert_eq!(shapes, expected, "{} {status}", call.name);
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, document: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    assert!(at(document, reference).is_some(), "{reference}");
                }
                members.values().for_each(|value| walk(value, document));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, document)),
            _ => {}
        }
    }
    let document = document();
    walk(&document, &document);
}

#[test]
fn operations_have_names_of_their_own() {
    let document = document();
    let operations = operations(&document);
    let names: BTreeSet<&str> = operations
        .iter()
        .filter_map(|call| call.body["operationId"].as_str())
        .collect();
    assert_eq!(names.len(), operations.len());
}

#[test]
fn what_is_answered_has_no_optional_members() {
    let document = document();
    let schemas = document["components"]["schemas"]
        .as_object()
        .expect("there are schemas");
    let requests = requests(&document);
    for (name, schema) in schemas {
        let may_lack = ["FieldProblem"].contains(&name.as_str()) || requests.contains(name);
        let Some(properties) = schema["properties"].as_object().filter(|_| !may_lack) else {
            continue;
        };
        let required = schema["required"].as_array().map_or(0, Vec::len);
        assert_eq!(required, properties.len(), "{name}");
    }
}

/// The schemas of request bodies.
fn requests(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for call in operations(document) {
        let Some(body) = call.body.get("requestBody") else {
            continue;
        };
        let text = body.to_string();
        let names = text.split("#/components/schemas/").skip(1);
        found.extend(
            names
                .filter_map(|rest| rest.split('"').next())
                .map(str::to_owned),
        );
    }
    found
}

fn at<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    document.pointer(reference.strip_prefix('#')?)
}
