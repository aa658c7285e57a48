//! `/asyncapi.json`, as far as a test can hold the server to it: whether a frame
//! is what the document says.

use serde_json::{Map, Value};
use tertulia_testkit::HttpClient;

/// The document of a running server.
#[derive(Debug)]
pub(crate) struct Contract(pub(crate) Value);

impl Contract {
    pub(crate) async fn of(http: &HttpClient) -> Self {
        let response = http.get("/asyncapi.json").await;
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-type"), "application/json");
        Self(response.json())
    }

    /// The names of what clients send, or of what they are told.
    pub(crate) fn names(&self, action: &str) -> Vec<String> {
        let operations = self.0["operations"]
            .as_object()
            .expect("there are operations");
        let mut names: Vec<String> = operations
            .values()
            .filter(|operation| operation["action"] == action)
            .map(|operation| operation["title"].as_str().unwrap_or_default().to_owned())
            .collect();
        names.sort();
        names
    }

    /// What is wrong with a frame that the server sent; nothing when it is as
    /// the document says.
    pub(crate) fn faults_of_event(&self, frame: &Value) -> Vec<String> {
        self.faults("send", "ev", frame)
    }

    /// The same for a frame that clients send.
    pub(crate) fn faults_of_op(&self, frame: &Value) -> Vec<String> {
        self.faults("receive", "op", frame)
    }

    fn faults(&self, action: &str, property: &str, frame: &Value) -> Vec<String> {
        let operations = self.0["operations"]
            .as_object()
            .expect("there are operations");
        let operation = operations.values().find(|operation| {
            operation["action"] == action && operation["title"] == frame[property]
        });
        let Some(operation) = operation else {
            return vec![format!("not in the document: {frame}")];
        };
        let message = self.resolve(&operation["messages"][0]);
        let mut faults = Vec::new();
        self.compare(frame, &message["payload"], "", &mut faults);
        faults
    }

    /// Follows references to where they lead.
    pub(crate) fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            None => value,
            Some(reference) => {
                let pointer = reference.trim_start_matches('#');
                let target = self.0.pointer(pointer);
                self.resolve(target.unwrap_or_else(|| panic!("{reference} leads nowhere")))
            }
        }
    }

    /// Compares as JSON Schema does, as far as our schemas go; but members that
    /// no schema names are faults.
    fn compare(&self, value: &Value, schema: &Value, at: &str, faults: &mut Vec<String>) {
        let schema = self.resolve(schema);
        if let Some(choices) = schema["oneOf"].as_array() {
            let fits = |choice: &Value| {
                let mut faults = Vec::new();
                self.compare(value, choice, at, &mut faults);
                faults.is_empty()
            };
            if choices.iter().filter(|choice| fits(choice)).count() != 1 {
                faults.push(format!("{at}: {value} is not one of {choices:?}"));
            }
            return;
        }
        if !has_type(value, &schema["type"]) {
            faults.push(format!("{at}: {value} is no {}", schema["type"]));
            return;
        }
        if let Some(values) = schema["enum"].as_array()
            && !values.contains(value)
        {
            faults.push(format!("{at}: {value} is none of {values:?}"));
        }
        match value {
            Value::Object(members) => self.compare_object(members, schema, at, faults),
            Value::Array(items) => {
                bounds(items.len(), schema, ["minItems", "maxItems"], at, faults);
                for (index, item) in items.iter().enumerate() {
                    self.compare(item, &schema["items"], &format!("{at}/{index}"), faults);
                }
            }
            Value::String(text) => {
                bounds(
                    text.chars().count(),
                    schema,
                    ["minLength", "maxLength"],
                    at,
                    faults,
                );
            }
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or(f64::NAN);
                let least = schema["minimum"].as_f64().unwrap_or(f64::MIN);
                let most = schema["maximum"].as_f64().unwrap_or(f64::MAX);
                if !(least..=most).contains(&number) {
                    faults.push(format!("{at}: {number} is out of bounds"));
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn compare_object(
        &self,
        members: &Map<String, Value>,
        schema: &Value,
        at: &str,
        faults: &mut Vec<String>,
    ) {
        let required = schema["required"].as_array().into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if !members.contains_key(name) {
                faults.push(format!("{at}/{name}: is missing"));
            }
        }
        let is_free = schema.get("type").is_none();
        for (name, value) in members {
            let at = format!("{at}/{name}");
            let known = schema["properties"].get(name);
            match known.or_else(|| schema.get("additionalProperties")) {
                Some(member) => self.compare(value, member, &at, faults),
                None if is_free => {}
                None => faults.push(format!("{at}: is not in the document")),
            }
        }
    }
}

fn has_type(value: &Value, types: &Value) -> bool {
    let is = |name: &Value| match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    };
    match types {
        Value::Null => true,
        Value::Array(types) => types.iter().any(is),
        one => is(one),
    }
}

fn bounds(
    size: usize,
    schema: &Value,
    [least, most]: [&str; 2],
    at: &str,
    faults: &mut Vec<String>,
) {
    let size = size as u64;
    let least = schema[least].as_u64().unwrap_or(0);
    let most = schema[most].as_u64().unwrap_or(u64::MAX);
    if !(least..=most).contains(&size) {
        faults.push(format!("{at}: has {size}, not {least} to {most}"));
    }
}
