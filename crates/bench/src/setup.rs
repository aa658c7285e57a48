//! Brings people to a fresh server, through its own API.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Client;
use crate::wire::Wire;

/// Somebody with an account.
pub(crate) struct Person {
    /// The user's number.
    pub(crate) id: String,
    token: String,
}

/// A room with everybody in it.
pub(crate) struct Room {
    /// The room's UUID.
    pub(crate) uuid: String,
    /// Its members, and a socket of each that has the room open.
    pub(crate) members: Vec<(Person, Client)>,
}

/// Registers `count` people.
pub(crate) async fn people(address: &str, count: usize) -> Result<Vec<Person>> {
    let mut people = Vec::with_capacity(count);
    for person in 0..count {
        let account =
            json!({"username": format!("person{person}"), "password": "correct horse battery"});
        let signed_in = post(address, "/v1/auth/register", None, &account).await?;
        people.push(Person {
            id: text(&signed_in, "/user/id")?,
            token: text(&signed_in, "/access_token")?,
        });
    }
    Ok(people)
}

/// Registers people, makes a room with all of them and connects each.
pub(crate) async fn room(address: &str, wire: Wire, count: usize) -> Result<Room> {
    let people = people(address, count).await?;
    let (owner, others) = people.split_first().context("a room needs people")?;
    let others: Vec<_> = others.iter().map(|person| &person.id).collect();
    let draft = json!({"kind": "group", "title": "bench", "members": others});
    let room = post(address, "/v1/rooms", Some(&owner.token), &draft).await?;
    let mut members = Vec::with_capacity(count);
    for person in people {
        let mut client = sign_in(address, wire, &person).await?;
        if wire == Wire::SocketIo {
            let join = json!(["join_group", {"group_id": text(&room, "/id")?}]);
            client.send(&format!("42{join}")).await?;
            client.expect("group_joined").await?;
        }
        members.push((person, client));
    }
    Ok(Room {
        uuid: text(&room, "/uuid")?,
        members,
    })
}

/// A socket that speaks for this person.
pub(crate) async fn sign_in(address: &str, wire: Wire, person: &Person) -> Result<Client> {
    let mut client = Client::connect(address, wire.path()).await?;
    let token = &person.token;
    match wire {
        Wire::KaapehChat => {
            let hello = json!({"type": "hello", "data": {"token": token}});
            client.send(&hello.to_string()).await?;
            client.expect("hello:ok").await?;
        }
        Wire::SocketIo => {
            client
                .send(&format!("40{}", json!({"token": token})))
                .await?;
            client.expect("\"connected\"").await?;
        }
    }
    Ok(client)
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
