//! One room, one member on each dialect and on `/v1`: what one does, all others
//! hear of once, in one order, in the form that their contract has for it, or not
//! at all where it has none.
//!
//! A further dialect is a file with a [`Member`] and a line in [`members`].

mod izpochat;
mod kaapehchat;
mod socketio;
mod sos;
mod v1;

use std::collections::HashMap;

use async_trait::async_trait;
use futures_util::future::join_all;
use http::Method;
use serde_json::Value;
use tertulia_dialects::common::settings::TrustUserId;
use tertulia_domain::chat::RoomDraft;
use tertulia_domain::ports::UserKey;
use tertulia_domain::{RoomKind, Visibility};
use tertulia_testkit::{Form, HttpClient, PNG, TestServer};

/// The last words of the matrix, by which each member knows that nothing else is
/// to come.
const END: &str = "fin";

/// What happens in the room, in words of no dialect. Messages are known by the
/// words with which they were first said, people by their usernames.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Said {
        by: String,
        text: String,
    },
    /// Said with a picture.
    Shared {
        by: String,
        text: String,
    },
    Edited {
        text: String,
        now: String,
    },
    Reacted {
        by: String,
        text: String,
        word: String,
    },
    Read {
        by: String,
        text: String,
    },
    Deleted {
        text: String,
    },
}

impl Event {
    fn sort(&self) -> Sort {
        match self {
            Self::Said { .. } => Sort::Said,
            Self::Shared { .. } => Sort::Shared,
            Self::Edited { .. } => Sort::Edited,
            Self::Reacted { .. } => Sort::Reacted,
            Self::Read { .. } => Sort::Read,
            Self::Deleted { .. } => Sort::Deleted,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Said,
    Shared,
    Edited,
    Reacted,
    Read,
    Deleted,
}

/// Somebody in the room, on one dialect. Its username is the dialect's name.
#[async_trait]
trait Member: Send {
    fn name(&self) -> &'static str;

    /// What its contract has a form for, to be told.
    fn hears(&self) -> &'static [Sort];

    /// What its contract has a form for, to be done.
    fn does(&self) -> &'static [Sort];

    /// Whether what it is told of a picture with these words leads to it; else it
    /// hears the words alone.
    fn shows_pictures(&self, _words: &str) -> bool {
        true
    }

    /// Does something; `message` is its own id of the message, where it is
    /// about one.
    async fn act(&mut self, event: &Event, message: Option<String>);

    /// The next that it is told of the room, with its own id of the message;
    /// what is no event of the room is passed over.
    async fn next(&mut self, names: &Names) -> (Told, String);

    /// The words that its history shows, oldest first; none where it has no
    /// history.
    async fn history(&mut self) -> Option<Vec<String>>;

    async fn finish(self: Box<Self>);
}

/// An event as a member was told it: the message is known by the member's own id.
#[derive(Debug)]
enum Told {
    Said {
        by: String,
        text: String,
    },
    /// With the path of the picture.
    Shared {
        by: String,
        text: String,
        path: String,
    },
    Edited {
        now: String,
    },
    Reacted {
        by: String,
        word: String,
    },
    Read {
        by: String,
    },
    Deleted,
}

/// By which names each dialect knows people, and who they are.
struct Names(HashMap<String, String>);

impl Names {
    fn of(&self, name: &Value) -> String {
        let name = match name {
            Value::String(name) => name.clone(),
            other => other.to_string(),
        };
        let known = self.0.get(&name);
        known.unwrap_or_else(|| panic!("who is {name}?")).clone()
    }
}

/// The room, as members need to know it.
struct Place {
    id: String,
    uuid: String,
}

/// One row for each dialect.
async fn members(
    server: &TestServer,
    tokens: &HashMap<&str, String>,
    place: &Place,
) -> Vec<Box<dyn Member>> {
    vec![
        Box::new(kaapehchat::Kaapeh::open(server, &tokens["kaapeh"], place).await),
        Box::new(socketio::SocketIo::upred(server, &tokens["upred"], place).await),
        Box::new(socketio::SocketIo::redup(server, &tokens["redup"], place).await),
        Box::new(izpochat::Izpo::open(server, &tokens["izpo"], place).await),
        Box::new(sos::Sos::open(server, &tokens["sos"], place).await),
        Box::new(v1::V1::open(server, &tokens["v1"], place).await),
    ]
}

const NAMES: [&str; 6] = ["kaapeh", "upred", "redup", "izpo", "sos", "v1"];

/// A member with what it knows: its own id of each message.
struct Reader {
    member: Box<dyn Member>,
    ids: HashMap<String, String>,
    /// Asks without a token, as an `<img>` does.
    http: HttpClient,
}

impl Reader {
    /// What it is told next, in common words.
    async fn hear(&mut self, names: &Names) -> Event {
        let (told, id) = self.member.next(names).await;
        if let Told::Said { text, .. } | Told::Shared { text, .. } = &told {
            self.ids.insert(text.clone(), id.clone());
        }
        let known = self.ids.iter().find(|(_, known)| **known == id);
        let name = self.member.name();
        let text = match known {
            Some((text, _)) => text.clone(),
            None => panic!("{name} never heard of message {id}: {told:?}"),
        };
        match told {
            Told::Said { by, text } => Event::Said { by, text },
            Told::Shared { by, text, path } => {
                let shown = self.http.get(&path).await;
                assert_eq!((shown.status.as_u16(), &*shown.body), (200, PNG), "{name}");
                Event::Shared { by, text }
            }
            Told::Edited { now } => Event::Edited { text, now },
            Told::Reacted { by, word } => Event::Reacted { by, text, word },
            Told::Read { by } => Event::Read { by, text },
            Told::Deleted => Event::Deleted { text },
        }
    }
}

/// What each member does in its turn, as far as its contract goes.
fn turn(name: &str, first: &str) -> [Event; 6] {
    let (by, own) = (name.to_owned(), format!("hola de {name}"));
    let text = first.to_owned();
    [
        Event::Said {
            by: by.clone(),
            text: own.clone(),
        },
        Event::Shared {
            by: by.clone(),
            text: picture_of(name),
        },
        Event::Edited {
            text: own.clone(),
            now: format!("adiós de {name}"),
        },
        Event::Reacted {
            by: by.clone(),
            text: text.clone(),
            word: "golazo".to_owned(),
        },
        Event::Read { by, text },
        Event::Deleted { text: own },
    ]
}

fn picture_of(name: &str) -> String {
    format!("foto de {name}")
}

#[tokio::test]
async fn what_one_does_all_others_hear_of_once_and_in_order() {
    let (server, names, mut readers) = gather().await;

    // A message that stays, so that others have something to react to and read.
    let first = "hola a todos";
    let opening = Event::Said {
        by: NAMES[0].to_owned(),
        text: first.to_owned(),
    };
    happens(&mut readers, &names, 0, &opening).await;
    let mut left = vec![first.to_owned()];
    for actor in 0..readers.len() {
        let (name, does) = (readers[actor].member.name(), readers[actor].member.does());
        for event in turn(name, first) {
            if does.contains(&event.sort()) {
                happens(&mut readers, &names, actor, &event).await;
            }
        }
        if !does.contains(&Sort::Deleted) {
            left.push(format!("hola de {name}"));
        }
        if does.contains(&Sort::Shared) {
            left.push(picture_of(name));
        }
    }
    left.push(an_app_inserts(&server, &mut readers, &names).await);
    for reader in &mut readers {
        if let Some(shown) = reader.member.history().await {
            assert_eq!(shown, left, "the history of {}", reader.member.name());
        }
    }
    // A picture without words, by those whose contract has such a thing.
    for actor in ["izpo", "sos", "v1"] {
        let by = NAMES.iter().position(|name| *name == actor);
        let bare = Event::Shared {
            by: actor.to_owned(),
            text: String::new(),
        };
        happens(&mut readers, &names, by.expect("a member"), &bare).await;
    }
    let end = Event::Said {
        by: NAMES[0].to_owned(),
        text: END.to_owned(),
    };
    happens(&mut readers, &names, 0, &end).await;
    for reader in readers {
        reader.member.finish().await;
    }
    server.shutdown().await;
}

/// One does it, and all whose contract has a form for it hear of it next.
async fn happens(readers: &mut [Reader], names: &Names, actor: usize, event: &Event) {
    let about = match event {
        Event::Said { .. } | Event::Shared { .. } => None,
        Event::Edited { text, .. }
        | Event::Reacted { text, .. }
        | Event::Read { text, .. }
        | Event::Deleted { text } => Some(readers[actor].ids[text].clone()),
    };
    readers[actor].member.act(event, about).await;
    for reader in readers {
        if reader.member.hears().contains(&event.sort()) {
            let heard = reader.hear(names).await;
            let told = match event {
                Event::Shared { by, text } if !reader.member.shows_pictures(text) => Event::Said {
                    by: by.clone(),
                    text: text.clone(),
                },
                event => event.clone(),
            };
            assert_eq!(heard, told, "{}", reader.member.name());
        }
    }
}

/// All say something at once, again and again: each hears all of it once, in one
/// order for all.
#[tokio::test]
async fn what_all_say_at_once_has_one_order() {
    const EACH: usize = 8;
    let (server, names, mut readers) = gather().await;
    let said = |reader: &Reader, number: usize| {
        let by = reader.member.name().to_owned();
        let text = format!("{number} de {by}");
        Event::Said { by, text }
    };
    for number in 0..EACH {
        let saying = readers.iter_mut().map(|reader| {
            let event = said(reader, number);
            async move { reader.member.act(&event, None).await }
        });
        join_all(saying).await;
    }
    let mut orders = Vec::new();
    for reader in &mut readers {
        let mut heard = Vec::new();
        for _ in 0..EACH * NAMES.len() {
            heard.push(reader.hear(&names).await);
        }
        for name in NAMES {
            let own = heard
                .iter()
                .filter(|event| matches!(event, Event::Said { by, .. } if by == name));
            let own: Vec<_> = own.cloned().collect();
            let by = name.to_owned();
            let expected = (0..EACH).map(|number| Event::Said {
                by: by.clone(),
                text: format!("{number} de {by}"),
            });
            assert_eq!(
                own,
                expected.collect::<Vec<_>>(),
                "{}",
                reader.member.name()
            );
        }
        orders.push(heard);
    }
    for order in &orders {
        assert_eq!(order, &orders[0]);
    }
    let end = Event::Said {
        by: NAMES[0].to_owned(),
        text: END.to_owned(),
    };
    happens(&mut readers, &names, 0, &end).await;
    for reader in readers {
        reader.member.finish().await;
    }
    server.shutdown().await;
}

/// A server, and somebody on each dialect, in one room.
async fn gather() -> (TestServer, Names, Vec<Reader>) {
    let server = TestServer::builder()
        .settings(|settings| {
            settings.transport.trust_user_id = TrustUserId::OnLoopback;
            // Whoever is in must have given its turn back, whatever it speaks.
            settings.transport.entering_at_once = 1;
        })
        .spawn()
        .await;
    let (tokens, names, place) = prepare(&server).await;
    let members = members(&server, &tokens, &place).await.into_iter();
    let readers = members.map(|member| Reader {
        member,
        ids: HashMap::new(),
        http: server.http(),
    });
    let readers = readers.collect();
    (server, names, readers)
}

/// Uploads the picture, where a dialect has no way of its own; `/v1`'s file.
async fn upload(http: &HttpClient) -> Value {
    let form = Form::default().file("file", "foto.png", PNG);
    let request = http.request(Method::POST, "/v1/files").form(form);
    let made = request.send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

/// An app says something in its own transaction, with SQL and in the name of a
/// member: it goes out live on every dialect.
async fn an_app_inserts(server: &TestServer, readers: &mut [Reader], names: &Names) -> String {
    let (by, text) = ("v1".to_owned(), "hola de una base de datos".to_owned());
    let insert = format!(
        "INSERT INTO outbox (sender_id, room_id, text) SELECT u.id, r.id, '{text}'
         FROM users u, rooms r WHERE u.username_key = '{by}' AND r.title = 'Matriz'"
    );
    server.sql().await.run(&insert).await;
    let event = Event::Said {
        by,
        text: text.clone(),
    };
    for reader in readers {
        let heard = reader.hear(names).await;
        assert_eq!(heard, event, "{}", reader.member.name());
    }
    text
}

/// Accounts, by `/v1`, whose tokens every dialect takes; and the room.
async fn prepare(server: &TestServer) -> (HashMap<&'static str, String>, Names, Place) {
    let mut tokens = HashMap::new();
    let mut names = HashMap::new();
    let mut people = Vec::new();
    for name in NAMES {
        let account = server.http().v1_register(name).await;
        tokens.insert(name, account.token);
        let found = server.chat().find_user(UserKey::Username(name.to_owned()));
        let profile = found.await.unwrap().unwrap();
        for known in [
            name.to_owned(),
            profile.id.to_string(),
            profile.uuid.to_string(),
        ] {
            names.insert(known, name.to_owned());
        }
        people.push(profile);
    }
    let draft = RoomDraft {
        kind: RoomKind::Group,
        title: "Matriz".to_owned(),
        description: None,
        visibility: Visibility::Private,
        open: false,
        members: people[1..].iter().map(|person| person.id).collect(),
    };
    let room = server.chat().create_room(&people[0], draft).await.unwrap();
    let place = Place {
        id: room.id.to_string(),
        uuid: room.uuid.to_string(),
    };
    (tokens, Names(names), place)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => panic!("a string was expected, not {other}"),
    }
}

/// The words of a list of objects, oldest first.
fn words(list: &Value, key: &str) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|message| text(&message[key])).collect()
}
