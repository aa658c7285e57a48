//! What is taken, what is refused, and what is left of it.

use insta::assert_snapshot;
use serde_json::json;

use crate::storage::{Storage, on_every_storage};
use crate::{form, part_of_upload, person, refusal, text};
use tertulia_testkit::{PDF, PNG};

on_every_storage!(
    a_file_is_taken_shown_listed_and_removed,
    hostile_names_are_cleaned,
    wrong_types_are_refused_and_leave_nothing,
    what_is_no_form_or_no_single_file_is_refused,
    a_file_has_a_bound,
    a_quota_holds_in_a_race,
    a_cut_upload_leaves_nothing,
);

async fn a_file_is_taken_shown_listed_and_removed(storage: Storage) {
    let server = storage.server().spawn().await;
    let ines = person(server.http(), "ines").await;
    let mut file = ines.upload("Mi foto ñ.png", PNG).await;
    let (path, id) = (
        format!("/v1/files/{}", text(&file["id"])),
        file["id"].clone(),
    );
    assert_eq!(ines.http.get(&path).await.json(), file);
    let second = ines.upload("apuntes.pdf", PDF).await;
    let listed: Vec<_> = ines
        .list()
        .await
        .iter()
        .map(|file| file["id"].clone())
        .collect();
    assert_eq!(listed, [second["id"].clone(), id], "the newest first");
    assert_eq!(storage.stored().await.len(), 3, "two files and a thumbnail");

    for link in ["url", "thumbnail_url"] {
        let url = text(&file[link]);
        file[link] = json!(url.split('?').next());
    }
    insta::allow_duplicates! {
        assert_snapshot!(file, @r#"{"id":"1","name":"Mi foto ñ.png","content_type":"image/png","size":70,"width":1,"height":1,"url":"/v1/files/1/content","thumbnail_url":"/v1/files/1/thumbnail","created_at":"2026-02-18T07:33:20.123Z"}"#);
    }

    assert_eq!(ines.http.delete(&path).await.status, 204);
    assert_eq!(refusal(&ines.http.get(&path).await), "404 file_not_found");
    assert_eq!(
        refusal(&ines.http.delete(&path).await),
        "404 file_not_found"
    );
    let second = format!("/v1/files/{}", text(&second["id"]));
    assert_eq!(ines.http.delete(&second).await.status, 204);
    storage.until_empty().await;
    server.shutdown().await;
}

/// S13: a name is data. What it could do as a path or in a header, it does not.
async fn hostile_names_are_cleaned(storage: Storage) {
    let server = storage.server().spawn().await;
    let ines = person(server.http(), "ines").await;
    for (name, kept) in [
        ("../../../etc/passwd.png", Some("passwd.png")),
        ("C:\\Windows\\a.png", None),
        ("..%2f..%2fa.png", Some("%2f..%2fa.png")),
        ("a\u{202e}gnp.png", Some("agnp.png")),
        (
            "<img src=x onerror=alert(1)>.png",
            Some("img src=x onerror=alert(1).png"),
        ),
        ("%22; attachment; filename=%22b.png", None),
        (".png", Some("png")),
        (&format!("{}.png", "ñ".repeat(400)), None),
    ] {
        let file = ines.upload(name, PNG).await;
        let shown = text(&file["name"]);
        assert!(kept.is_none_or(|kept| kept == shown), "{name}: {shown}");
        let harmful = |c: char| c.is_control() || "/\\<>\"\u{202e}".contains(c);
        assert!(!shown.contains(harmful) && shown.len() <= 200, "{shown}");
        let content = server.http().get(&text(&file["url"])).await;
        assert_eq!(&*content.body, PNG, "{name}");
        let disposition = content.header("content-disposition");
        assert!(
            disposition.starts_with("inline; filename=\""),
            "{disposition}"
        );
        assert_eq!(disposition.matches('"').count(), 2, "{disposition}");
    }
    for key in storage.stored().await {
        let made_here = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase() || "/-.".contains(c);
        assert!(key.chars().all(made_here) && !key.contains(".."), "{key}");
    }
    server.shutdown().await;
}

/// S14: by content, against the list; the ending must agree.
async fn wrong_types_are_refused_and_leave_nothing(storage: Storage) {
    let server = storage.server().spawn().await;
    let ines = person(server.http(), "ines").await;
    for (name, content) in [
        ("virus.exe", &b"MZ\x90\x00\x03\x00\x00\x00"[..]),
        ("virus.png", b"MZ\x90\x00\x03\x00\x00\x00"),
        ("pagina.html", b"<!doctype html><script>alert(1)</script>"),
        ("foto.pdf", PNG),
        ("foto.png", PDF),
        ("apuntes.docx", PDF),
        ("vacio.txt", b""),
        ("guion.sh", b"#!/bin/sh\nrm -rf /\n"),
        ("binario.txt", b"\x7fELF\x02\x01\x01\x00"),
    ] {
        let answer = ines.try_upload(name, content).await;
        let expected = if content.is_empty() { 422 } else { 415 };
        assert_eq!(answer.status, expected, "{name}: {}", answer.text());
    }
    let mismatch = ines.try_upload("foto.pdf", PNG).await;
    assert_eq!(refusal(&mismatch), "415 file_type_mismatch");
    let program = ines.try_upload("virus.exe", b"MZ").await;
    assert_eq!(refusal(&program), "415 file_type_not_allowed");
    assert!(ines.list().await.is_empty());
    storage.until_empty().await;
    server.shutdown().await;
}

async fn what_is_no_form_or_no_single_file_is_refused(storage: Storage) {
    let server = storage.server().spawn().await;
    let ines = person(server.http(), "ines").await;
    let no_form = ines.http.post("/v1/files", &json!({})).await;
    assert_eq!(refusal(&no_form), "415 unsupported_media_type");
    let two = form(&[("file", "a.png", PNG), ("file", "b.png", PNG)]);
    assert_eq!(refusal(&ines.send_form(two).await), "422 invalid_field");
    let cut = form(&[("file", "a.png", PNG)])[..190].to_vec();
    assert_eq!(refusal(&ines.send_form(cut).await), "400 malformed_form");
    let other = form(&[("foto", "a.txt", b"hola")]);
    assert_eq!(refusal(&ines.send_form(other).await), "422 invalid_field");
    let nobody = server.http().post("/v1/files", &json!({})).await;
    assert_eq!(refusal(&nobody), "401 unauthenticated");
    assert!(ines.list().await.is_empty());
    storage.until_empty().await;
    server.shutdown().await;
}

/// S15: a file that is too large is refused on the way, and nothing is left.
async fn a_file_has_a_bound(storage: Storage) {
    let server = storage
        .server()
        .variable("TERTULIA_LIMIT_FILE_BYTES", "64KiB")
        .spawn()
        .await;
    let ines = person(server.http(), "ines").await;
    let most = vec![b'a'; 64 * 1024];
    assert_eq!(ines.try_upload("justo.txt", &most).await.status, 201);
    let more = vec![b'a'; 64 * 1024 + 1];
    assert_eq!(
        refusal(&ines.try_upload("mas.txt", &more).await),
        "413 file_too_large"
    );
    let far_more = vec![b'a'; 1024 * 1024];
    assert_eq!(
        refusal(&ines.try_upload("mas.txt", &far_more).await),
        "413 file_too_large"
    );
    let [only] = &ines.list().await[..] else {
        panic!("one file is there");
    };
    let path = format!("/v1/files/{}", text(&only["id"]));
    assert_eq!(ines.http.delete(&path).await.status, 204);
    storage.until_empty().await;
    server.shutdown().await;
}

/// S15: uploads at the same time cannot pass the quota together.
async fn a_quota_holds_in_a_race(storage: Storage) {
    let server = storage
        .server()
        .variable("TERTULIA_LIMIT_FILE_QUOTA_BYTES", "100KiB")
        .spawn()
        .await;
    let ines = person(server.http(), "ines").await;
    let content = vec![b'a'; 40 * 1024];
    let tries = (0..5).map(|_| ines.try_upload("nota.txt", &content));
    let mut answers: Vec<_> = futures_util::future::join_all(tries)
        .await
        .iter()
        .map(|response| match response.status.as_u16() {
            201 => "201".to_owned(),
            _ => refusal(response),
        })
        .collect();
    answers.sort_unstable();
    let full = "413 quota_exceeded";
    assert_eq!(answers, ["201", "201", full, full, full]);

    // What is deleted makes room again.
    let first = text(&ines.list().await[0]["id"]);
    ines.http.delete(&format!("/v1/files/{first}")).await;
    assert_eq!(ines.try_upload("nota.txt", &content).await.status, 201);
    server.shutdown().await;
}

/// S15, criterion 2: an upload that is cut leaves neither row nor object.
async fn a_cut_upload_leaves_nothing(storage: Storage) {
    let server = storage
        .server()
        .variable("TERTULIA_LIMIT_UPLOADS_PER_USER", "1")
        .spawn()
        .await;
    let account = server.http().v1_register("ines").await;
    let cut = part_of_upload(server.address(), &account.token).await;
    storage.until(|stored| !stored.is_empty()).await;
    drop(cut);
    storage.until_empty().await;
    let ines = crate::Person {
        id: account.id,
        http: server.http().bearer(&account.token),
    };
    assert!(ines.list().await.is_empty());
    // The one upload that may be under way is free again.
    ines.upload("nota.txt", b"hola").await;
    server.shutdown().await;
}
