//! Section 3, REST, `/api/rooms/…`.

use serde_json::{Value, json};
use tertulia_testkit::{HttpResponse, TestServer};

use crate::{Person, check, check_detail, check_fields, number, person, room};

const NOTHING: Value = Value::Null;

async fn joins(person: &Person, room: i64) -> HttpResponse {
    person
        .post(&format!("/api/rooms/{room}/join"), &NOTHING)
        .await
}

async fn leaves(person: &Person, room: i64) -> HttpResponse {
    person
        .post(&format!("/api/rooms/{room}/leave"), &NOTHING)
        .await
}

async fn invites(person: &Person, room: i64, invited: &Person) -> HttpResponse {
    let body = json!({ "user_id": invited.id });
    person
        .post(&format!("/api/rooms/{room}/invite"), &body)
        .await
}

/// GET `/api/rooms/`: `skip`=0, `limit`=100, no auth, public only, with owner and
/// members.
#[tokio::test]
async fn the_public_rooms() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let first = room(&lidia, "Ensayo", false).await;
    room(&lidia, "Plan", true).await;
    let last = room(&lidia, "Función", false).await;
    let ids = async |query: &str| {
        let found = server.http().get(&format!("/api/rooms/{query}")).await;
        assert_eq!(found.status, 200);
        let found = found.json();
        let found = found.as_array().unwrap();
        found
            .iter()
            .map(|room| number(&room["id"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [first, last]);
    assert_eq!(ids("?skip=1").await, [last]);
    assert_eq!(ids("?limit=1").await, [first]);
    let all = server.http().get("/api/rooms").await.json();
    assert_eq!(all[0]["owner"]["username"], "lidia");
    assert_eq!(all[0]["members"][0]["id"], lidia.id);
    let wrong = server.http().get("/api/rooms/?skip=x&limit=1.5").await;
    check_fields(
        &wrong,
        &[
            ("query.skip", "int_parsing"),
            ("query.limit", "int_parsing"),
        ],
    );
    server.shutdown().await;
}

/// POST `/api/rooms/`: `name`, `description?`, `is_private`=false; 201, creator is
/// owner and member; 422.
#[tokio::test]
async fn making_a_room() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let asked = json!({"name": " Ensayo ", "description": "los martes"});
    let made = lidia.post("/api/rooms", &asked).await;
    assert_eq!(made.status, 201);
    let made = made.json();
    assert_eq!(made["name"], "Ensayo");
    assert_eq!(made["description"], "los martes");
    assert_eq!(made["is_private"], false);
    assert_eq!(made["owner_id"], lidia.id);
    assert_eq!(made["members"][0]["id"], lidia.id);
    for (asked, field, kind) in [
        (json!({}), "body.name", "missing"),
        (json!({"name": 7}), "body.name", "string_type"),
        (json!({"name": ""}), "body.name", "string_too_short"),
        (
            json!({"name": "x".repeat(101)}),
            "body.name",
            "string_too_long",
        ),
        (
            json!({"name": "x", "is_private": "quizás"}),
            "body.is_private",
            "bool_type",
        ),
    ] {
        let refused = lidia.post("/api/rooms/", &asked).await;
        check_fields(&refused, &[(field, kind)]);
    }
    let list = lidia.post("/api/rooms/", &json!([])).await;
    check_fields(&list, &[("body", "model_attributes_type")]);
    server.shutdown().await;
}

/// GET `/api/rooms/{id}` and `…/members`: 403 `Access denied to this room` (private,
/// not member); 404.
#[tokio::test]
async fn looking_at_a_room() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let public = room(&lidia, "Ensayo", false).await;
    let private = room(&lidia, "Plan", true).await;
    for part in ["", "/members", "/messages"] {
        let seen = bruno.get(&format!("/api/rooms/{public}{part}")).await;
        assert_eq!(seen.status, 200, "{part}");
        let hidden = bruno.get(&format!("/api/rooms/{private}{part}")).await;
        check_detail(&hidden, 403, "Access denied to this room");
        let missing = bruno.get(&format!("/api/rooms/777{part}")).await;
        check_detail(&missing, 404, "Room not found");
        let odd = bruno.get(&format!("/api/rooms/x{part}")).await;
        check_fields(&odd, &[("path.room_id", "int_parsing")]);
    }
    joins(&bruno, public).await;
    let members = lidia
        .get(&format!("/api/rooms/{public}/members"))
        .await
        .json();
    let ids: Vec<_> = members
        .as_array()
        .unwrap()
        .iter()
        .map(|user| number(&user["id"]))
        .collect();
    assert_eq!(ids, [lidia.id, bruno.id]);
    server.shutdown().await;
}

/// PUT `/api/rooms/{id}`: any of `name`, `description`, `is_private`; 403 `Only room
/// owner can perform this action`; 404.
#[tokio::test]
async fn changing_a_room() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let id = room(&lidia, "Ensayo", false).await;
    let path = format!("/api/rooms/{id}");
    joins(&bruno, id).await;
    server.advance(std::time::Duration::from_secs(60));
    let changes = json!({"name": "Plan", "description": "x", "is_private": true});
    let changed = lidia.put(&path, &changes).await;
    assert_eq!(changed.status, 200);
    let changed = changed.json();
    assert_eq!(changed["name"], "Plan");
    assert_eq!(changed["is_private"], true);
    assert_ne!(changed["updated_at"], Value::Null);
    assert_eq!(lidia.get(&path).await.json(), changed);
    let kept = lidia
        .put(&path, &json!({"name": null, "description": null}))
        .await;
    assert_eq!(kept.json()["name"], "Plan");
    assert_eq!(kept.json()["description"], Value::Null);

    let carla = person(&server, "carla").await;
    let owner_only = "Only room owner can perform this action";
    for other in [&bruno, &carla] {
        let refused = other.put(&path, &json!({"name": "Mío"})).await;
        check_detail(&refused, 403, owner_only);
    }
    let missing = lidia.put("/api/rooms/777", &json!({"name": "x"})).await;
    check_detail(&missing, 404, "Room not found");

    // Public again, it is open again.
    let opened = lidia.put(&path, &json!({"is_private": false})).await;
    assert_eq!(opened.json()["is_private"], false);
    assert_eq!(carla.get(&format!("{path}/messages")).await.status, 200);
    server.shutdown().await;
}

/// POST `…/join`: 200 `{message, room_id}`; 400 `User is already in this room`; 404.
/// POST `…/leave`: 400 `User is not in this room`, `Room owner cannot leave their own
/// room`; 404. Bodies are ignored.
#[tokio::test]
async fn joining_and_leaving() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let id = room(&lidia, "Ensayo", false).await;
    check_detail(&leaves(&bruno, id).await, 400, "User is not in this room");
    let joined = json!({"message": "Successfully joined room", "room_id": id});
    check(&joins(&bruno, id).await, 200, &joined);
    check_detail(
        &joins(&bruno, id).await,
        400,
        "User is already in this room",
    );
    check_detail(
        &joins(&lidia, id).await,
        400,
        "User is already in this room",
    );
    let left = json!({"message": "Successfully left room", "room_id": id});
    check(&leaves(&bruno, id).await, 200, &left);
    check_detail(&leaves(&bruno, id).await, 400, "User is not in this room");
    let stays = "Room owner cannot leave their own room";
    check_detail(&leaves(&lidia, id).await, 400, stays);
    check_detail(&joins(&bruno, 777).await, 404, "Room not found");
    check_detail(&leaves(&bruno, 777).await, 404, "Room not found");
    let private = room(&lidia, "Plan", true).await;
    check_detail(
        &leaves(&bruno, private).await,
        400,
        "User is not in this room",
    );
    let request = bruno
        .http
        .request(http::Method::POST, &format!("/api/rooms/{id}/join/"));
    let odd = request.body("no es json").send().await;
    check(&odd, 200, &joined);
    server.shutdown().await;
}

/// Section 6: anyone may join a private room by its number → 403 `Access denied to
/// this room` unless invited; the owner can invite.
#[tokio::test]
async fn a_private_room_takes_an_invitation() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let carla = person(&server, "carla").await;
    let id = room(&lidia, "Plan", true).await;
    check_detail(&joins(&bruno, id).await, 403, "Access denied to this room");
    let denied = invites(&bruno, id, &carla).await;
    check_detail(&denied, 403, "Access denied to this room");

    let invited = json!({
        "message": "Successfully invited user", "room_id": id, "user_id": bruno.id,
    });
    check(&invites(&lidia, id, &bruno).await, 200, &invited);
    check(&invites(&lidia, id, &bruno).await, 200, &invited);
    let outside = bruno.get(&format!("/api/rooms/{id}")).await;
    check_detail(&outside, 403, "Access denied to this room");
    assert_eq!(joins(&bruno, id).await.status, 200);
    assert_eq!(bruno.get(&format!("/api/rooms/{id}")).await.status, 200);
    let already = invites(&lidia, id, &bruno).await;
    check_detail(&already, 400, "User is already in this room");

    let path = format!("/api/rooms/{id}/invite");
    let by_name = lidia.post(&path, &json!({"username": "carla"})).await;
    assert_eq!(by_name.json()["user_id"], carla.id);
    for nobody in [json!({"username": "nadie"}), json!({"user_id": 99})] {
        let nobody = lidia.post(&path, &nobody).await;
        check_detail(&nobody, 404, "User not found");
    }
    check_fields(
        &lidia.post(&path, &json!({})).await,
        &[("body.user_id", "missing")],
    );
    let missing = invites(&lidia, 777, &carla).await;
    check_detail(&missing, 404, "Room not found");
    server.shutdown().await;
}

/// Section 6: "let a setting restore the old way".
#[tokio::test]
async fn the_old_way_into_private_rooms() {
    let server = TestServer::builder()
        .variable("TERTULIA_JOIN_BY_NUMBER", "true")
        .spawn()
        .await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let id = room(&lidia, "Plan", true).await;
    assert_eq!(joins(&bruno, id).await.status, 200);
    assert_eq!(
        bruno.get(&format!("/api/rooms/{id}/messages")).await.status,
        200
    );
    server.shutdown().await;
}
