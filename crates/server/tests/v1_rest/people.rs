//! Finding people.

use insta::assert_snapshot;
use serde_json::{Value, json};
use tertulia_testkit::TestServer;

use crate::{Person, person, refusal, seen, text};

async fn names(ines: &Person, path: &str) -> Vec<String> {
    let page = ines.api.get(path).await.json();
    let items = page["items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|user| text(&user["username"])).collect()
}

#[tokio::test]
async fn users_are_found_by_how_their_names_begin() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    person(&server, "toño").await;
    let name = json!({"display_name": "Inocencio"});
    tomas.api.patch("/v1/me", name).await;

    let found = ines.api.get("/v1/users?query=tom").await;
    assert_snapshot!(seen(&found), @r#"
    200 OK
    {
      "items": [
        {
          "id": "2",
          "uuid": "4687e965-68c4-4210-9c44-2a5c3c97d714",
          "username": "tomas",
          "display_name": "Inocencio",
          "avatar_url": null,
          "status": "offline",
          "last_seen_at": null
        }
      ],
      "next_cursor": null
    }
    "#);
    for (query, expected) in [
        ("?query=%20to%20", vec!["tomas", "toño"]),
        ("?query=TO", vec!["tomas", "toño"]),
        ("?query=to%C3%B1o", vec!["toño"]),
        ("?query=In", vec!["ines", "tomas"]),
        ("?query=%25", vec![]),
        ("?query=_", vec![]),
        ("?query=omas", vec![]),
    ] {
        let path = format!("/v1/users{query}");
        assert_eq!(names(&ines, &path).await, expected, "{query}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn users_come_in_pages() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    for name in ["a1", "a2", "a3", "a4", "a5"] {
        person(&server, name).await;
    }
    let mut path = "/v1/users?query=a&limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = ines.api.get(&path).await.json();
        let items = page["items"].as_array().cloned().unwrap_or_default();
        seen.push(
            items
                .iter()
                .map(|user| text(&user["username"]))
                .collect::<Vec<_>>(),
        );
        match &page["next_cursor"] {
            Value::Null => break,
            cursor => path = format!("/v1/users?query=a&limit=2&cursor={}", text(cursor)),
        }
    }
    assert_eq!(seen, [vec!["a1", "a2"], vec!["a3", "a4"], vec!["a5"]]);
    server.shutdown().await;
}

#[tokio::test]
async fn a_user_is_shown_with_presence() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let path = format!("/v1/users/{}", tomas.id);
    assert_snapshot!(seen(&ines.api.get(&path).await), @r#"
    200 OK
    {
      "id": "2",
      "uuid": "4687e965-68c4-4210-9c44-2a5c3c97d714",
      "username": "tomas",
      "display_name": "tomas",
      "avatar_url": null,
      "status": "offline",
      "last_seen_at": null
    }
    "#);
    server.shutdown().await;
}

#[tokio::test]
async fn what_names_no_user_is_not_found() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    for id in ["99", "0", "01", "-1", "x", "9007199254740993", "1e3", "%00"] {
        let refused = ines.api.get(&format!("/v1/users/{id}")).await;
        assert_eq!(refusal(&refused), "404 user_not_found", "{id}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_search_names_the_wrong_parameter() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let long = "x".repeat(101);
    let mut refusals = Vec::new();
    for query in [
        format!("query={long}"),
        // Nobody is given everyone.
        String::new(),
        "query=".to_owned(),
        "query=%20%09".to_owned(),
        "query=a&limit=0".to_owned(),
        "query=a&limit=101".to_owned(),
        "query=a&limit=-1".to_owned(),
        "query=a&limit=%2B5".to_owned(),
        "query=a&limit=".to_owned(),
        "query=a&limit=ten".to_owned(),
        "query=a&cursor=nonsense".to_owned(),
        "query=a&cursor=".to_owned(),
    ] {
        let refused = ines.api.get(&format!("/v1/users?{query}")).await;
        let query = query.replace(&long, "x…").replace("query=a&", "");
        refusals.push(format!("{query}: {}", refusal(&refused)));
    }
    assert_snapshot!(refusals.join("\n"), @r"
    query=x…: 422 invalid_field /query too_long max 100
    : 422 invalid_field /query missing
    query=: 422 invalid_field /query empty
    query=%20%09: 422 invalid_field /query empty
    limit=0: 422 invalid_field /limit malformed
    limit=101: 422 invalid_field /limit malformed
    limit=-1: 422 invalid_field /limit malformed
    limit=%2B5: 422 invalid_field /limit malformed
    limit=: 422 invalid_field /limit malformed
    limit=ten: 422 invalid_field /limit malformed
    cursor=nonsense: 422 invalid_field /cursor malformed
    cursor=: 422 invalid_field /cursor malformed
    ");
    server.shutdown().await;
}
