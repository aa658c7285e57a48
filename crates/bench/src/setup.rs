//! Brings people into one room of a fresh server, through its own API.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Client;

/// A room with everybody in it, as KaapehChat clients know it.
pub(crate) struct Room {
    /// The room's UUID.
    pub(crate) uuid: String,
    /// Its members' sockets, said hello.
    pub(crate) clients: Vec<Client>,
}

/// Registers `people`, makes a room with all of them and connects each.
pub(crate) async fn room(address: &str, people: usize) -> Result<Room> {
    let mut tokens = Vec::with_capacity(people);
    let mut members = Vec::with_capacity(people);
    for person in 0..people {
        let account =
            json!({"username": format!("person{person}"), "password": "correct horse battery"});
        let signed_in = post(address, "/v1/auth/register", None, &account).await?;
        tokens.push(text(&signed_in, "/access_token")?);
        members.push(text(&signed_in, "/user/id")?);
    }
    let owner = tokens.first().context("a room needs people")?;
    let draft = json!({"kind": "group", "title": "bench", "members": &members[1..]});
    let room = post(address, "/v1/rooms", Some(owner), &draft).await?;
    let mut clients = Vec::with_capacity(people);
    for token in &tokens {
        let mut client = Client::connect(address).await?;
        client
            .send(&json!({"type": "hello", "data": {"token": token}}).to_string())
            .await?;
        client.expect("hello:ok").await?;
        clients.push(client);
    }
    Ok(Room {
        uuid: text(&room, "/uuid")?,
        clients,
    })
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    Ok(found
        .with_context(|| format!("no {pointer} in {value}"))?
        .to_owned())
}

async fn post(address: &str, path: &str, token: Option<&str>, body: &Value) -> Result<Value> {
    let body = body.to_string();
    let authorization = token
        .map(|token| format!("Authorization: Bearer {token}\r\n"))
        .unwrap_or_default();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         {authorization}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an odd answer")?;
    if !head.starts_with("HTTP/1.1 2") {
        bail!("POST {path}: {answer}");
    }
    Ok(serde_json::from_str(body)?)
}
