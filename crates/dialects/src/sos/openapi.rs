//! This dialect's part of `/openapi.json`: its calls as a table, since a body may
//! be JSON or a form and most answers are objects of a few keys. The contract
//! (docs/protocols/sos.md) says what stands in them.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

/// The dialect's mark: tag, security scheme, and what its components' names
/// begin with.
const NAME: &str = "sos";

/// A call.
struct Call {
    method: &'static str,
    path: &'static str,
    says: &'static str,
    needs_token: bool,
    /// Its fields, and which of them are files.
    body: &'static [(&'static str, Kind)],
    /// Status and schema of its success.
    success: &'static [(&'static str, &'static str)],
}

/// What a field of a body holds.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Switch,
    Ids,
    File,
}

use Kind::{File, Ids, Number, Switch, Text};

const OBJECT: &str = "Object";

const CALLS: &[Call] = &[
    Call {
        method: "post",
        path: "/api/auth/login/",
        says: "Logs in by username or e-mail address.",
        needs_token: false,
        body: &[("login", Text), ("password", Text)],
        success: &[("200", OBJECT)],
    },
    Call {
        method: "post",
        path: "/api/auth/register/",
        says: "Makes an account and logs it in.",
        needs_token: false,
        body: &[
            ("email", Text),
            ("username", Text),
            ("display_name", Text),
            ("password", Text),
            ("password_confirm", Text),
        ],
        success: &[("201", OBJECT)],
    },
    Call {
        method: "post",
        path: "/api/auth/refresh/",
        says: "Exchanges a refresh token, once, for a new pair.",
        needs_token: false,
        body: &[("refresh", Text)],
        success: &[("200", OBJECT)],
    },
    Call {
        method: "post",
        path: "/api/auth/logout/",
        says: "Ends the login of a refresh token, and the caller's own.",
        needs_token: false,
        body: &[("refresh_token", Text), ("refresh", Text)],
        success: &[("200", OBJECT)],
    },
    Call {
        method: "get",
        path: "/api/auth/verify/",
        says: "Whether the token is good, and whose it is.",
        needs_token: true,
        body: &[],
        success: &[("200", OBJECT)],
    },
    Call {
        method: "get",
        path: "/api/auth/profile/",
        says: "One's own profile.",
        needs_token: true,
        body: &[],
        success: &[("200", "Profile")],
    },
    Call {
        method: "patch",
        path: "/api/auth/profile/",
        says: "Changes names and address of one's own profile.",
        needs_token: true,
        body: &[("username", Text), ("display_name", Text), ("email", Text)],
        success: &[("200", "Profile")],
    },
    Call {
        method: "post",
        path: "/api/users/chat/{username}/",
        says: "The private chat with somebody, made where there is none.",
        needs_token: true,
        body: &[],
        success: &[("200", OBJECT), ("201", OBJECT)],
    },
    Call {
        method: "get",
        path: "/api/users/friends/",
        says: "Those with whom one has a private chat.",
        needs_token: true,
        body: &[],
        success: &[("200", "Profiles")],
    },
    Call {
        method: "get",
        path: "/api/messaging/chats/",
        says: "One's chats, the one with the newest message first, 20 to a page.",
        needs_token: true,
        body: &[],
        success: &[("200", "Page")],
    },
    Call {
        method: "post",
        path: "/api/messaging/chats/",
        says: "Makes a chat with these participants.",
        needs_token: true,
        body: &[
            ("name", Text),
            ("chat_type", Text),
            ("description", Text),
            ("participant_ids", Ids),
        ],
        success: &[("201", "ChatRoom")],
    },
    Call {
        method: "get",
        path: "/api/messaging/chats/{chat}/",
        says: "A chat as its reader sees it.",
        needs_token: true,
        body: &[],
        success: &[("200", "ChatRoom")],
    },
    Call {
        method: "get",
        path: "/api/messaging/chats/{chat}/messages/",
        says: "The history, newest first, 20 to a page.",
        needs_token: true,
        body: &[],
        success: &[("200", "Page")],
    },
    Call {
        method: "post",
        path: "/api/messaging/chats/{chat}/send_message/",
        says: "Says something, with pictures, films and recordings or without. The same text \
               said on the socket within 10 s is the same message.",
        needs_token: true,
        body: &[
            ("content", Text),
            ("message_type", Text),
            ("image", File),
            ("video", File),
            ("audio", File),
            ("file_url", Text),
            ("file_name", Text),
            ("file_size", Number),
            ("reply_to", Text),
            ("story_id", Text),
        ],
        success: &[("201", "Message")],
    },
    Call {
        method: "post",
        path: "/api/messaging/chats/{chat}/mark_as_read/",
        says: "Marks all of a chat as read.",
        needs_token: true,
        body: &[],
        success: &[("200", OBJECT)],
    },
    Call {
        method: "patch",
        path: "/api/messaging/chats/{chat}/chat-settings/",
        says: "Changes what one keeps for oneself about a chat.",
        needs_token: true,
        body: &[
            ("other_user_nickname", Text),
            ("chat_background", Text),
            ("chat_color", Text),
            ("other_message_color", Text),
            ("notifications_enabled", Switch),
            ("sound_enabled", Switch),
        ],
        success: &[("200", OBJECT)],
    },
    Call {
        method: "post",
        path: "/api/messaging/chats/{chat}/add_participant/",
        says: "Adds somebody to a group.",
        needs_token: true,
        body: &[("user_id", Text)],
        success: &[("200", OBJECT)],
    },
    Call {
        method: "post",
        path: "/api/messaging/chats/{chat}/leave/",
        says: "Leaves a group. What its owner had passes on.",
        needs_token: true,
        body: &[],
        success: &[("200", OBJECT)],
    },
    Call {
        method: "post",
        path: "/api/messaging/messages/{message}/react/",
        says: "Sets one of the eight reactions, or takes it back.",
        needs_token: true,
        body: &[("reaction_type", Text)],
        success: &[("200", OBJECT)],
    },
    Call {
        method: "patch",
        path: "/api/messaging/messages/{message}/",
        says: "Changes the words of one's own text.",
        needs_token: true,
        body: &[("content", Text)],
        success: &[("200", "Message")],
    },
    Call {
        method: "delete",
        path: "/api/messaging/messages/{message}/",
        says: "Takes a message back.",
        needs_token: true,
        body: &[],
        success: &[("200", OBJECT)],
    },
];

/// Further paths, and those whose calls they have.
const ALIASES: [(&str, &str); 3] = [
    (
        "/api/messaging/chats/{chat}/settings/",
        "/api/messaging/chats/{chat}/chat-settings/",
    ),
    (
        "/api/messaging/chats/{chat}/messages/{message}/",
        "/api/messaging/messages/{message}/",
    ),
    (
        "/api/messaging/chats/{chat}/messages/{message}/react/",
        "/api/messaging/messages/{message}/react/",
    ),
];

/// What any call may answer besides its success.
const REFUSALS: [(&str, &str); 11] = [
    (
        "400",
        "Fields are wrong, or it cannot be done as things are.",
    ),
    ("401", "There is no token, or a bad one."),
    ("403", "The caller may not."),
    ("404", "There is no such thing."),
    ("408", "The body did not arrive in time."),
    ("409", "It collides with what there is."),
    (
        "413",
        "The body is larger than allowed, or there is no room left for files.",
    ),
    ("415", "The body is of another type than the call reads."),
    ("429", "Too many attempts."),
    ("500", "A fault of the server."),
    (
        "503",
        "Storage is away and nothing was done. A retry may succeed.",
    ),
];

/// Each call under each of its paths.
fn described() -> impl Iterator<Item = (&'static str, &'static Call)> {
    let aliases = ALIASES.into_iter().flat_map(|(alias, path)| {
        let same = CALLS.iter().filter(move |call| call.path == path);
        same.map(move |call| (alias, call))
    });
    CALLS.iter().map(|call| (call.path, call)).chain(aliases)
}

/// The calls as OpenAPI says them, each with its final slash.
pub(super) fn document() -> OpenApi {
    let mut paths: Map<String, Value> = Map::new();
    for (path, call) in described() {
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[call.method] = describe(path, call);
    }
    let responses = REFUSALS.map(|(status, says)| {
        let content = json!({ "application/json": { "schema": schema(OBJECT) } });
        let mut response = json!({ "description": says, "content": content });
        if let Some((name, kind)) = header(status) {
            response["headers"] = json!({ name: { "schema": { "type": kind } } });
        }
        (format!("{NAME}.{status}"), response)
    });
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "SOS-Habilidoso", "version": "1" },
        "tags": [{
            "name": NAME,
            "description": "SOS-Habilidoso's own calls, for its web client. Live messages come \
                over `/ws/chat/{chat}/?token=`. Each path is served without its final slash too.",
        }],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "responses": Map::from_iter(responses),
            "securitySchemes": { NAME: {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "An access token from `/api/auth/login/`, or from any other login here.",
            } },
        },
    });
    serde_json::from_value(document).expect("the table is a document")
}

/// A header that a refusal carries.
fn header(status: &str) -> Option<(&'static str, &'static str)> {
    match status {
        "401" => Some(("WWW-Authenticate", "string")),
        "429" | "503" => Some(("Retry-After", "integer")),
        _ => None,
    }
}

fn describe(path: &str, call: &Call) -> Value {
    let mut responses = Map::new();
    for (status, name) in call.success {
        let content = json!({ "application/json": { "schema": schema(name) } });
        let response = json!({ "description": "It is done.", "content": content });
        responses.insert((*status).to_owned(), response);
    }
    for (status, _) in REFUSALS {
        let response = format!("#/components/responses/{NAME}.{status}");
        responses.insert(status.to_owned(), json!({ "$ref": response }));
    }
    let mut described = json!({
        "tags": [NAME],
        "summary": call.says,
        "operationId": operation_id(path, call),
        "parameters": parameters(path, call),
        "responses": responses,
    });
    if call.needs_token {
        described["security"] = json!([{ NAME: [] }]);
    }
    if !call.body.is_empty() {
        described["requestBody"] = json!({ "content": body(call.body) });
    }
    described
}

fn operation_id(path: &str, call: &Call) -> String {
    let words = path.split(['/', '{', '}', '-']);
    let words = words.filter(|word| !word.is_empty() && *word != "api");
    let words: Vec<_> = [NAME, call.method].into_iter().chain(words).collect();
    words.join("_")
}

fn parameters(path: &str, call: &Call) -> Vec<Value> {
    let in_path = path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        let schema = match name {
            "username" => json!({ "type": "string", "minLength": 1 }),
            _ => json!({ "type": "string", "format": "uuid" }),
        };
        Some(json!({ "name": name, "in": "path", "required": true, "schema": schema }))
    });
    let page = call.success.iter().any(|(_, name)| *name == "Page");
    let page = page.then(|| {
        let schema = json!({ "type": "integer", "minimum": 1 });
        json!({ "name": "page", "in": "query", "required": false, "schema": schema })
    });
    in_path.chain(page).collect()
}

/// JSON; and a form where files may come along.
fn body(fields: &[(&str, Kind)]) -> Value {
    let properties = |in_form: bool| {
        let fields = fields.iter();
        let fields = fields.filter(|(_, kind)| in_form || !matches!(kind, File));
        let fields = fields.map(|(name, kind)| ((*name).to_owned(), field(*kind)));
        json!({ "schema": { "type": "object", "properties": Map::from_iter(fields) } })
    };
    let mut content = json!({ "application/json": properties(false) });
    if fields.iter().any(|(_, kind)| matches!(kind, File)) {
        content["multipart/form-data"] = properties(true);
    }
    content
}

fn field(kind: Kind) -> Value {
    match kind {
        Text => json!({ "type": "string" }),
        Number => json!({ "type": "integer" }),
        Switch => json!({ "type": "boolean" }),
        Ids => json!({ "type": "array", "items": { "type": "string", "format": "uuid" } }),
        File => json!({ "type": "string", "format": "binary" }),
    }
}

fn schema(name: &str) -> Value {
    match name {
        OBJECT => json!({ "type": "object" }),
        "Profiles" => json!({ "type": "array", "items": schema("Profile") }),
        name => json!({ "$ref": format!("#/components/schemas/{NAME}.{name}") }),
    }
}

/// The objects that several calls answer, with all their keys.
fn schemas() -> Value {
    let text = || json!({ "type": "string" });
    let maybe = || json!({ "type": ["string", "null"] });
    let number = || json!({ "type": "integer" });
    let flag = || json!({ "type": "boolean" });
    let list = || json!({ "type": "array", "items": { "type": "object" } });
    let texts = || json!({ "type": "array", "items": text() });
    let some = || json!({ "type": "object" });
    let perhaps = || json!({ "type": ["object", "null"] });
    let object = |properties: Value| {
        let required: Vec<_> = properties
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .collect();
        json!({ "type": "object", "required": required, "properties": properties })
    };
    json!({
        format!("{NAME}.Profile"): object(json!({
            "id": text(), "username": text(), "display_name": text(), "avatar_url": maybe(),
            "email": maybe(), "full_name": text(), "avatar": maybe(), "cover_photo": maybe(),
            "cover_photo_url": maybe(), "bio": text(), "position": text(), "team": text(),
            "contact_number": text(), "interests": texts(), "social_links": some(),
            "followers_count": number(), "following_count": number(), "posts_count": number(),
            "is_verified": flag(), "is_private": flag(), "show_email": flag(),
            "show_phone": flag(), "created_at": maybe(), "last_active": maybe(),
            "account_type": maybe(), "company_name": text(), "industry": text(),
            "website": text(),
        })),
        format!("{NAME}.Message"): object(json!({
            "id": text(), "chat_room": text(), "sender": perhaps(), "content": text(),
            "message_type": text(), "image": maybe(), "video": maybe(), "audio": maybe(),
            "file_url": text(), "file_name": text(),
            "file_size": { "type": ["integer", "null"] }, "reply_to": perhaps(),
            "is_edited": flag(), "is_deleted": flag(), "is_reply": flag(),
            "created_at": text(), "updated_at": text(), "reactions": list(),
            "user_reaction": maybe(), "is_read": flag(), "read_by_count": number(),
            "story_id": maybe(), "story_preview": maybe(),
        })),
        format!("{NAME}.ChatRoom"): object(json!({
            "id": text(), "name": text(), "chat_type": text(), "description": text(),
            "avatar": maybe(), "is_active": flag(), "created_at": text(), "updated_at": text(),
            "last_activity": text(), "participants": list(), "last_message": perhaps(),
            "unread_count": number(), "other_user": perhaps(), "display_name": text(),
            "user_settings": some(),
        })),
        format!("{NAME}.Page"): object(json!({
            "count": number(), "next": maybe(), "previous": maybe(), "results": list(),
        })),
    })
}

#[cfg(test)]
mod tests {
    use axum::routing::MethodFilter;

    use super::*;
    use crate::sos::rest;

    fn filter(method: &str) -> MethodFilter {
        match method {
            "delete" => MethodFilter::DELETE,
            "get" => MethodFilter::GET,
            "patch" => MethodFilter::PATCH,
            "post" => MethodFilter::POST,
            other => panic!("{other} is called nowhere"),
        }
    }

    /// Neither does more than the other.
    #[test]
    fn what_is_described_is_what_is_answered() {
        let answered: Vec<_> = rest::calls()
            .iter()
            .map(|call| (call.method, format!("{}/", call.path)))
            .collect();
        let described: Vec<_> = described()
            .map(|(path, call)| (filter(call.method), path.to_owned()))
            .collect();
        for call in &described {
            assert!(answered.contains(call), "{call:?} is only described");
        }
        for call in &answered {
            assert!(described.contains(call), "{call:?} is not described");
        }
    }

    #[test]
    fn every_call_is_described_under_its_mark() {
        let document = serde_json::to_value(document()).expect("a document is JSON");
        let mut ids = Vec::new();
        for (path, call) in described() {
            let described = &document["paths"][path][call.method];
            assert_eq!(described["tags"], json!([NAME]), "{path}");
            assert!(described["responses"]["404"]["$ref"].is_string());
            ids.push(described["operationId"].to_string());
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "each has a name of its own");
        let schemas = document["components"]["schemas"]
            .as_object()
            .expect("schemas");
        assert!(schemas.keys().all(|name| name.starts_with("sos.")));
    }
}
