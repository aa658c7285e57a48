//! The IzpoChat contract, row by row: each test quotes the row that it holds.
//!
//! [`example`] is the contract's section 7, [`transport`] its section 2, [`users`],
//! [`rooms`], [`messages`], [`files`], [`attached`] and [`sockets`] its section 3,
//! [`settings`] its section 5, [`mended`] its section 6. [`other_dialects`] has what
//! happens elsewhere, [`programs`] other people's clients.

mod attached;
mod example;
mod files;
mod mended;
mod messages;
mod other_dialects;
mod programs;
mod rooms;
mod settings;
mod sockets;
mod transport;
mod users;

use http::Method;
use serde_json::{Value, json};
use tertulia_testkit::{Form, HttpClient, HttpResponse, PASSWORD, Socket, TestServer};

/// Somebody with an account, made by IzpoChat's own calls.
#[derive(Clone)]
struct Person {
    id: i64,
    name: String,
    token: String,
    http: HttpClient,
}

impl Person {
    async fn get(&self, path: &str) -> HttpResponse {
        self.http.get(path).await
    }

    async fn post(&self, path: &str, body: &Value) -> HttpResponse {
        self.http.post(path, body).await
    }

    async fn put(&self, path: &str, body: &Value) -> HttpResponse {
        self.http.put(path, body).await
    }
}

/// Registers and logs in.
async fn person(server: &TestServer, name: &str) -> Person {
    let account = json!({
        "username": name,
        "email": format!("{name}@mail.example.com"),
        "password": PASSWORD,
        "full_name": format!("{name} Ruiz"),
    });
    let made = server.http().post("/api/users/register", &account).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let login = json!({ "username": name, "password": PASSWORD });
    let login = server.http().post("/api/users/login", &login).await;
    assert_eq!(login.status, 200, "{}", login.text());
    let token = text(&login.json()["access_token"]);
    Person {
        id: number(&made.json()["id"]),
        name: name.to_owned(),
        http: server.http().bearer(&token),
        token,
    }
}

/// Makes a room and gives its number.
async fn room(owner: &Person, name: &str, is_private: bool) -> i64 {
    let asked = json!({ "name": name, "is_private": is_private });
    let made = owner.post("/api/rooms/", &asked).await;
    assert_eq!(made.status, 201, "{}", made.text());
    number(&made.json()["id"])
}

/// Opens a room in a socket, which has the person's name, and takes what it is told
/// first: who is there.
async fn enter(server: &TestServer, person: &Person, room: i64) -> (Socket, Vec<i64>) {
    enter_as(server, &person.name, person, room).await
}

/// The same under another name.
async fn enter_as(
    server: &TestServer,
    name: &str,
    person: &Person,
    room: i64,
) -> (Socket, Vec<i64>) {
    let path = format!("/api/ws/{room}?token={}", person.token);
    let mut socket = server.socket(name, &path, &[]).await;
    let welcome = expect(&mut socket, "welcome").await;
    assert_eq!(welcome["user_id"], person.id);
    let online = expect(&mut socket, "users_online").await;
    let users = online["users"].as_array().unwrap();
    assert_eq!(online["count"], users.len());
    let users = users.iter().map(number).collect();
    (socket, users)
}

/// The status of a socket that is refused before the upgrade.
async fn refused(server: &TestServer, path: &str) -> u16 {
    refused_with(server, path, &[]).await
}

async fn refused_with(
    server: &TestServer,
    path: &str,
    headers: &[(http::HeaderName, http::HeaderValue)],
) -> u16 {
    use tokio_tungstenite::tungstenite::Error;
    let transcript = server.transcript().clone();
    let tried = Socket::try_connect("refused", server.address(), path, headers, transcript).await;
    match tried {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{path}: {other}"),
        Ok(_) => panic!("{path} was opened"),
    }
}

/// The next frame, which must be of this type.
async fn expect(socket: &mut Socket, kind: &str) -> Value {
    let frame = socket.recv().await;
    assert_eq!(frame["type"], kind, "{} received {frame}", socket.name());
    frame
}

/// Proves that nothing else came: pings, and takes nothing but the answer.
async fn nothing_else(socket: &mut Socket) {
    socket.send(&json!({ "type": "ping" })).await;
    expect(socket, "pong").await;
}

async fn say(socket: &mut Socket, content: &str) {
    let message = json!({ "type": "message", "content": content, "file_id": null });
    socket.send(&message).await;
}

/// A part of a form: its field, the file's name, the type that is said of it, its
/// bytes.
type Part<'a> = (&'a str, &'a str, &'a str, &'a [u8]);

/// A form of these files, as browsers and `requests` make it.
fn form(parts: &[Part<'_>]) -> Form {
    let add = |form: Form, (field, name, said, content): &Part<'_>| {
        form.typed_file(field, name, said, content)
    };
    parts.iter().fold(Form::default(), add)
}

impl Person {
    async fn send_form(&self, path: &str, form: Form) -> HttpResponse {
        let request = self.http.request(Method::POST, path);
        request.form(form).send().await
    }

    async fn try_upload(&self, name: &str, said: &str, content: &[u8]) -> HttpResponse {
        let body = form(&[("file", name, said, content)]);
        self.send_form("/api/uploads/", body).await
    }

    /// Uploads; the file.
    async fn upload(&self, name: &str, said: &str, content: &[u8]) -> Value {
        let made = self.try_upload(name, said, content).await;
        assert_eq!(made.status, 201, "{name}: {}", made.text());
        made.json()
    }
}

const SVG: &[u8] =
    b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(document.domain)</script></svg>";

#[track_caller]
fn check(response: &HttpResponse, status: u16, body: &Value) {
    assert_eq!(response.status, status, "{}", response.text());
    assert_eq!(response.json(), *body);
}

#[track_caller]
fn check_detail(response: &HttpResponse, status: u16, detail: &str) {
    check(response, status, &json!({ "detail": detail }));
}

/// 422 in FastAPI's form: which fields, and what is wrong with each.
#[track_caller]
fn check_fields(response: &HttpResponse, expected: &[(&str, &str)]) {
    assert_eq!(response.status, 422, "{}", response.text());
    let body = response.json();
    let found: Vec<(String, String)> = body["detail"]
        .as_array()
        .unwrap()
        .iter()
        .map(|wrong| {
            let loc: Vec<_> = wrong["loc"].as_array().unwrap().iter().map(place).collect();
            assert!(wrong["msg"].is_string() && wrong.get("input").is_some());
            (loc.join("."), text(&wrong["type"]))
        })
        .collect();
    let found: Vec<_> = found
        .iter()
        .map(|(place, kind)| (place.as_str(), kind.as_str()))
        .collect();
    assert_eq!(found, expected);
}

fn place(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn number(value: &Value) -> i64 {
    value
        .as_i64()
        .unwrap_or_else(|| panic!("a number was expected, not {value}"))
}

fn text(value: &Value) -> String {
    let text = value.as_str();
    text.unwrap_or_else(|| panic!("a text was expected, not {value}"))
        .to_owned()
}

/// Asks with any method, without a body.
async fn ask(http: &HttpClient, method: Method, path: &str) -> HttpResponse {
    http.request(method, path).send().await
}
