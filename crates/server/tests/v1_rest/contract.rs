//! Holds an answer against `/openapi.json`. Knows as much of JSON Schema as the
//! document uses, and is stricter in one thing: an answer may have no member
//! that is not documented.

use http::Method;
use serde_json::{Map, Value};
use tertulia_testkit::HttpResponse;

/// # Panics
/// When the call, its status or its shape is not documented.
pub(crate) fn check(document: &Value, method: &Method, path: &str, response: &HttpResponse) {
    let path = path.split('?').next().unwrap_or_default();
    let Some(call) = operation(document, method, path) else {
        assert_eq!(response.status, 404, "{method} {path} is not documented");
        return;
    };
    let status = response.status.as_str();
    let documented = resolve(document, &call["responses"][status]);
    assert!(
        documented.is_object(),
        "{method} {path} answers {status}, which is not documented: {}",
        response.text()
    );
    let Some((content_type, content)) = documented["content"].as_object().and_then(first) else {
        assert!(response.body.is_empty(), "{method} {path} {status}");
        return;
    };
    assert_eq!(response.header("content-type"), content_type);
    let place = format!("{method} {path} {status}: ");
    matches(document, &content["schema"], &response.json(), &place);
}

fn first(content: &Map<String, Value>) -> Option<(&String, &Value)> {
    content.iter().next()
}

/// A path in the document that fits, a literal one rather than one with gaps.
fn operation<'a>(document: &'a Value, method: &Method, path: &str) -> Option<&'a Value> {
    let paths = document["paths"].as_object()?;
    let method = method.as_str().to_lowercase();
    paths
        .iter()
        .filter(|(template, _)| fits(template, path))
        .filter_map(|(template, item)| Some((template.matches('{').count(), item.get(&method)?)))
        .min_by_key(|(gaps, _)| *gaps)
        .map(|(_, call)| call)
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) =
        (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(wanted, given)| wanted.starts_with('{') && !given.is_empty() || wanted == given)
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or(&Value::Null),
        None => value,
    }
}

fn matches(document: &Value, schema: &Value, value: &Value, place: &str) {
    let schema = resolve(document, schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        let (null, other): (Vec<_>, Vec<_>) =
            choices.iter().partition(|choice| choice["type"] == "null");
        assert!(
            null.len() == 1 && other.len() == 1,
            "{place}only nullable is known"
        );
        if !value.is_null() {
            matches(document, other[0], value, place);
        }
        return;
    }
    let kind = kind(value);
    let allowed = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|allowed| allowed == kind),
        allowed => allowed == kind,
    };
    assert!(allowed, "{place}{value} is no {}", schema["type"]);
    match value {
        Value::Object(members) => object(document, schema, members, place),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                matches(
                    document,
                    &schema["items"],
                    item,
                    &format!("{place}/{index}"),
                );
            }
        }
        Value::String(word) => string(schema, word, place),
        Value::Number(number) => {
            let number = number.as_i64().expect("a whole number");
            let bound = |name: &str| schema[name].as_i64();
            assert!(
                bound("minimum").is_none_or(|least| number >= least),
                "{place}"
            );
            assert!(
                bound("maximum").is_none_or(|most| number <= most),
                "{place}"
            );
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn object(document: &Value, schema: &Value, members: &Map<String, Value>, place: &str) {
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().expect("a name is a string");
        assert!(members.contains_key(name), "{place}{name} is missing");
    }
    for (name, value) in members {
        let property = &schema["properties"][name];
        assert!(property.is_object(), "{place}{name} is not documented");
        matches(document, property, value, &format!("{place}/{name}"));
    }
}

fn string(schema: &Value, word: &str, place: &str) {
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.iter().any(|known| known == word), "{place}{word}");
    }
    let parts = |separators: &[char]| word.split(separators).map(str::len).collect::<Vec<_>>();
    match schema["format"].as_str() {
        Some("uuid") => assert_eq!(parts(&['-']), [8, 4, 4, 4, 12], "{place}{word}"),
        Some("date-time") => {
            let times = parts(&['-', 'T', ':', '.']);
            assert_eq!(times, [4, 2, 2, 2, 2, 2, 4], "{place}{word}");
        }
        _ => {}
    }
    if schema["pattern"] == "^[1-9][0-9]{0,15}$" {
        let digits = word.bytes().all(|byte| byte.is_ascii_digit());
        assert!(digits && !word.starts_with('0'), "{place}{word}");
    }
}
