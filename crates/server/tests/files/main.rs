//! Files against a whole server: issue 4, criteria 2 and 3; S13 to S16 of
//! `reliability.md`.

mod asking;
mod attaching;
mod hostile;
mod links;
mod process;
mod resuming;
mod serving;
mod storage;
mod uploading;

use std::net::SocketAddr;

use http::{HeaderName, Method, header};
use serde_json::{Value, json};
use tertulia_testkit::{HttpClient, HttpResponse};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const BOUNDARY: &str = "----tertulia-test";

/// Somebody with an account.
struct Person {
    id: String,
    http: HttpClient,
}

/// A form of these files: field, name, content.
fn form(files: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, name, content) in files {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; \
             filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

async fn person(http: HttpClient, name: &str) -> Person {
    let account = http.v1_register(name).await;
    Person {
        http: http.bearer(&account.token),
        id: account.id,
    }
}

impl Person {
    async fn send_form(&self, body: Vec<u8>) -> HttpResponse {
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        self.http
            .request(Method::POST, "/v1/files")
            .header(header::CONTENT_TYPE, &content_type)
            .body(body)
            .send()
            .await
    }

    async fn try_upload(&self, name: &str, content: &[u8]) -> HttpResponse {
        self.send_form(form(&[("file", name, content)])).await
    }

    /// Uploads; the file.
    async fn upload(&self, name: &str, content: &[u8]) -> Value {
        let response = self.try_upload(name, content).await;
        assert_eq!(response.status, 201, "{name}: {}", response.text());
        response.json()
    }

    async fn group(&self, members: &[&Person]) -> String {
        let members: Vec<_> = members.iter().map(|member| member.id.as_str()).collect();
        let body = json!({"kind": "group", "title": "Cafetal", "members": members});
        text(&self.http.post("/v1/rooms", &body).await.json()["id"])
    }

    async fn say(&self, room: &str, body: Value) -> HttpResponse {
        self.http
            .post(&format!("/v1/rooms/{room}/messages"), &body)
            .await
    }

    async fn list(&self) -> Vec<Value> {
        let page = self.http.get("/v1/files").await.json();
        page["items"].as_array().cloned().unwrap_or_default()
    }

    async fn get_with(&self, path: &str, name: HeaderName, value: &str) -> HttpResponse {
        let request = self.http.request(Method::GET, path);
        request.header(name, value).send().await
    }
}

fn text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => panic!("{value} is no text"),
    }
}

/// Status and code of a refusal.
fn refusal(response: &HttpResponse) -> String {
    let code = text(&response.json()["code"]);
    format!("{} {code}", response.status.as_u16())
}

/// Sends the first half of a file as a form, more than goes to any storage at
/// once; the connection, which waits for the rest.
async fn part_of_upload(address: SocketAddr, token: &str) -> TcpStream {
    let whole = form(&[("file", "nota.txt", &vec![b'a'; 14 * 1024 * 1024])]);
    let head = format!(
        "POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {}\r\n\r\n",
        whole.len()
    );
    part_of_request(address, &head, &whole[..whole.len() / 2]).await
}

/// Sends a request as far as it goes, and leaves the connection open.
async fn part_of_request(address: SocketAddr, head: &str, body: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.expect("connected");
    socket.write_all(head.as_bytes()).await.expect("sent");
    socket.write_all(body).await.expect("sent");
    socket
}
