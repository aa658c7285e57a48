//! How bytes are served (S14): harmless in every browser, whole or in ranges.

use http::{Method, header};
use insta::assert_snapshot;
use tertulia_testkit::{HttpResponse, PDF, PNG};

use crate::storage::{Storage, on_every_storage};
use crate::{person, text};

on_every_storage!(
    only_what_cannot_act_is_shown_in_place,
    ranges_conditions_and_head_work,
    an_image_has_a_thumbnail_of_the_servers_own_making,
);

const SVG: &[u8] =
    b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(document.domain)</script></svg>";

fn manner(response: &HttpResponse) -> String {
    let disposition = response.header("content-disposition");
    let manner = disposition.split(';').next().unwrap_or_default();
    format!("{} {manner}", response.header("content-type"))
}

async fn only_what_cannot_act_is_shown_in_place(storage: Storage) {
    let server = storage.server().spawn().await;
    let ines = person(server.http(), "ines").await;
    let mut polyglot = PNG.to_vec();
    polyglot.extend_from_slice(b"<html><script>alert(1)</script>");
    let mut seen = Vec::new();
    for (name, content) in [
        ("foto.png", PNG),
        ("poliglota.png", &polyglot),
        ("dibujo.svg", SVG),
        ("apuntes.pdf", PDF),
        ("nota.txt", "¿<b>hola</b>?".as_bytes()),
    ] {
        let file = ines.upload(name, content).await;
        let response = server.http().get(&text(&file["url"])).await;
        assert_eq!(response.status, 200, "{name}");
        assert_eq!(&*response.body, content, "{name}");
        assert_eq!(response.header("x-content-type-options"), "nosniff");
        assert_eq!(
            response.header("content-security-policy"),
            "sandbox; default-src 'none'"
        );
        seen.push(format!("{name}: {}", manner(&response)));
    }
    insta::allow_duplicates! {
        assert_snapshot!(seen.join("\n"), @r"
    foto.png: image/png inline
    poliglota.png: image/png inline
    dibujo.svg: image/svg+xml attachment
    apuntes.pdf: application/pdf attachment
    nota.txt: text/plain; charset=utf-8 attachment
    ");
    }
    server.shutdown().await;
}

async fn ranges_conditions_and_head_work(storage: Storage) {
    let server = storage.server().spawn().await;
    let ines = person(server.http(), "ines").await;
    let file = ines.upload("nota.txt", b"0123456789").await;
    let url = text(&file["url"]);
    let mut seen = Vec::new();
    for range in [
        "bytes=2-4",
        "bytes=-3",
        "bytes=7-",
        "bytes=20-",
        "bytes=1-2,4-5",
    ] {
        let response = ines.get_with(&url, header::RANGE, range).await;
        let (status, covered) = (response.status.as_u16(), response.header("content-range"));
        seen.push(format!("{range}: {status} {covered} {}", response.text()));
    }
    insta::allow_duplicates! {
        assert_snapshot!(seen.join("\n"), @r"
    bytes=2-4: 206 bytes 2-4/10 234
    bytes=-3: 206 bytes 7-9/10 789
    bytes=7-: 206 bytes 7-9/10 789
    bytes=20-: 416 bytes */10 
    bytes=1-2,4-5: 200  0123456789
    ");
    }
    let whole = ines.http.get(&url).await;
    let etag = whole.header("etag").to_owned();
    let known = ines.get_with(&url, header::IF_NONE_MATCH, &etag).await;
    assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
    let head = ines.http.request(Method::HEAD, &url).send().await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), "10");
    assert_eq!(whole.header("cache-control"), "private, max-age=3600");
    server.shutdown().await;
}

async fn an_image_has_a_thumbnail_of_the_servers_own_making(storage: Storage) {
    let server = storage.server().spawn().await;
    let ines = person(server.http(), "ines").await;
    let mut marked = PNG.to_vec();
    marked.extend_from_slice(b"secreto");
    let file = ines.upload("foto.png", &marked).await;
    let small = server.http().get(&text(&file["thumbnail_url"])).await;
    assert_eq!(small.status, 200);
    assert!(small.header("content-type").starts_with("image/"));
    assert!(!small.body.windows(7).any(|bytes| bytes == b"secreto"));
    let first = ines
        .get_with(&text(&file["thumbnail_url"]), header::RANGE, "bytes=1-3")
        .await;
    assert_eq!(first.body, small.body[1..4]);

    let none = ines.upload("nota.txt", b"hola").await;
    assert!(none["thumbnail_url"].is_null());
    let path = format!("/v1/files/{}/thumbnail", text(&none["id"]));
    assert_eq!(ines.http.get(&path).await.status, 404);
    server.shutdown().await;
}
