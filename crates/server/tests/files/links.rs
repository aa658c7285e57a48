//! Links (S16): whoever has one reads, until it ends; nobody makes one up.

use std::time::Duration;

use crate::storage::{Storage, on_every_storage};
use crate::{person, refusal, text};
use tertulia_testkit::PDF;

on_every_storage!(
    a_link_needs_no_token_and_ends,
    a_link_ends_with_its_file,
    links_are_absolute_where_the_server_knows_its_address,
);

async fn a_link_needs_no_token_and_ends(storage: Storage) {
    let server = storage.server().spawn().await;
    let ines = person(server.http(), "ines").await;
    let file = ines.upload("apuntes.pdf", PDF).await;
    let url = text(&file["url"]);
    let stranger = server.http();
    assert_eq!(stranger.get(&url).await.status, 200);
    let (path, query) = url.split_once('?').expect("a signed link");
    assert_eq!(refusal(&stranger.get(path).await), "401 unauthenticated");
    assert_eq!(ines.http.get(path).await.status, 200, "by the token");
    let other_file = url.replace("/files/1/", "/files/2/");
    let other_part = url.replace("/content?", "/thumbnail?");
    let longer = url.replace("expires=1", "expires=2");
    assert!(query.contains("signature="));
    for made_up in [other_file, other_part, longer] {
        assert_eq!(
            refusal(&stranger.get(&made_up).await),
            "404 file_not_found",
            "{made_up}"
        );
    }
    server.advance(Duration::from_secs(31 * 60 * 60));
    assert_eq!(refusal(&stranger.get(&url).await), "404 file_not_found");
    server.shutdown().await;
}

async fn a_link_ends_with_its_file(storage: Storage) {
    let server = storage.server().spawn().await;
    let ines = person(server.http(), "ines").await;
    let file = ines.upload("apuntes.pdf", PDF).await;
    ines.http.delete("/v1/files/1").await;
    let gone = server.http().get(&text(&file["url"])).await;
    assert_eq!(refusal(&gone), "404 file_not_found");
    server.shutdown().await;
}

async fn links_are_absolute_where_the_server_knows_its_address(storage: Storage) {
    let server = storage
        .server()
        .variable("BACKEND_URL", "https://chat.example.org")
        .spawn()
        .await;
    let ines = person(server.http(), "ines").await;
    let file = ines.upload("apuntes.pdf", PDF).await;
    let url = text(&file["url"]);
    let path = url
        .strip_prefix("https://chat.example.org")
        .expect("absolute");
    assert_eq!(server.http().get(path).await.status, 200);
    server.shutdown().await;
}
