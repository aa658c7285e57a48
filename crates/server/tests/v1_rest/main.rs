//! The calls of `/v1` against a whole server (`design.md` §7). Every answer in
//! every test is also held against `/openapi.json`: its status must be
//! documented, and its body must have the documented shape.

mod auth;
mod contract;
mod front;
mod fuzz;
mod invites;
mod me;
mod members;
mod messages;
mod people;
mod privacy;
mod rates;
mod reactions;
mod receipts;
mod requests;
mod rooms;

use http::Method;
use serde_json::{Value, json};
use tertulia_testkit::{HttpClient, HttpRequest, HttpResponse, TestServer};
use tokio::sync::OnceCell;

/// `/openapi.json`, which is the same on every server.
static DOCUMENT: OnceCell<Value> = OnceCell::const_new();

/// A caller of the calls of `/v1`.
struct Api {
    http: HttpClient,
}

/// Somebody with an account.
struct Person {
    id: String,
    refresh_token: String,
    api: Api,
}

impl Api {
    fn new(server: &TestServer) -> Self {
        Self {
            http: server.http(),
        }
    }

    fn with_token(&self, token: &str) -> Self {
        Self {
            http: self.http.bearer(token),
        }
    }

    async fn get(&self, path: &str) -> HttpResponse {
        self.call(Method::GET, path, None).await
    }

    async fn delete(&self, path: &str) -> HttpResponse {
        self.call(Method::DELETE, path, None).await
    }

    /// Without a body.
    async fn post_nothing(&self, path: &str) -> HttpResponse {
        self.call(Method::POST, path, None).await
    }

    /// Without a body.
    async fn put_nothing(&self, path: &str) -> HttpResponse {
        self.call(Method::PUT, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> HttpResponse {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn put(&self, path: &str, body: Value) -> HttpResponse {
        self.call(Method::PUT, path, Some(body)).await
    }

    async fn patch(&self, path: &str, body: Value) -> HttpResponse {
        self.call(Method::PATCH, path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> HttpResponse {
        let mut request = self.request(method.clone(), path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.send(&method, path, request).await
    }

    /// A request to be completed, and sent with [`send`](Self::send).
    fn request(&self, method: Method, path: &str) -> HttpRequest {
        self.http.request(method, path)
    }

    async fn send(&self, method: &Method, path: &str, request: HttpRequest) -> HttpResponse {
        let response = request.send().await;
        let document = DOCUMENT.get_or_init(async || self.http.get("/openapi.json").await.json());
        contract::check(document.await, method, path, &response);
        response
    }
}

/// An account of this name, logged in.
async fn person(server: &TestServer, name: &str) -> Person {
    let account = server.http().v1_register(name).await;
    Person {
        api: Api::new(server).with_token(&account.token),
        id: account.id,
        refresh_token: account.refresh_token,
    }
}

impl Person {
    /// A group with these members; its id.
    async fn group(&self, title: &str, members: &[&Person]) -> String {
        let members: Vec<&str> = members.iter().map(|member| member.id.as_str()).collect();
        let body = json!({"kind": "group", "title": title, "members": members});
        self.room(body).await
    }

    /// A room; its id.
    async fn room(&self, body: Value) -> String {
        let response = self.api.post("/v1/rooms", body).await;
        assert_eq!(response.status, 201, "{}", response.text());
        text(&response.json()["id"])
    }

    /// Says something; the message's id.
    async fn say(&self, room: &str, words: &str) -> String {
        let path = format!("/v1/rooms/{room}/messages");
        let response = self.api.post(&path, json!({"text": words})).await;
        assert_eq!(response.status, 201, "{}", response.text());
        text(&response.json()["id"])
    }
}

fn text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => panic!("{value} is no text"),
    }
}

/// An answer as a test shows it: status and body. Tokens and the request's id
/// are shown by name only.
fn seen(response: &HttpResponse) -> String {
    if response.body.is_empty() {
        return response.status.to_string();
    }
    let mut body = response.json();
    hide(&mut body);
    let body = serde_json::to_string_pretty(&body).expect("a value is JSON");
    format!("{}\n{body}", response.status)
}

/// The same in one line, for refusals of which only code and field matter.
fn refusal(response: &HttpResponse) -> String {
    let status = response.status.as_u16();
    if response.body.is_empty() {
        return status.to_string();
    }
    let body = response.json();
    let mut line = format!("{status} {}", body["code"].as_str().unwrap_or("-"));
    for error in body["errors"].as_array().into_iter().flatten() {
        let pointer = error["pointer"].as_str().unwrap_or_default();
        line.push_str(&format!(" {pointer} {}", text(&error["code"])));
        for bound in ["max", "min"] {
            if let Some(number) = error[bound].as_u64() {
                line.push_str(&format!(" {bound} {number}"));
            }
        }
    }
    line
}

fn hide(body: &mut Value) {
    for name in ["access_token", "refresh_token", "request_id"] {
        if let Some(value) = body.get_mut(name) {
            *value = json!(format!("[{name}]"));
        }
    }
}
