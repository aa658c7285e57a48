//! Uploads by the tus protocol 1.0: interrupted, resumed, given up.

use std::time::Duration;

use http::{HeaderName, Method};
use insta::assert_snapshot;
use tertulia_testkit::{HttpResponse, TestServer};

use crate::storage::{Storage, on_every_storage};
use crate::{Person, person, refusal, text};

on_every_storage!(
    an_upload_goes_on_after_a_restart,
    what_does_not_fit_the_protocol_or_the_limits_is_refused,
    an_upload_is_given_up_by_its_owner_or_by_time,
    a_client_learns_what_is_spoken_here,
);

/// "nota.txt".
const METADATA: &str = "filename bm90YS50eHQ=";

impl Person {
    pub(crate) async fn tus(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &[u8],
    ) -> HttpResponse {
        let mut request = self.http.request(method, path);
        let version = [("tus-resumable", "1.0.0")];
        for (name, value) in version.iter().chain(headers) {
            request = request.header(HeaderName::from_static(name), value);
        }
        request.body(body.to_vec()).send().await
    }

    /// Begins an upload; its address.
    pub(crate) async fn begin(&self, length: usize) -> String {
        let length = length.to_string();
        let headers = [("upload-length", &*length), ("upload-metadata", METADATA)];
        let made = self.tus(Method::POST, "/v1/files/tus", &headers, b"").await;
        assert_eq!(made.status, 201, "{}", made.text());
        assert_eq!(made.header("tus-resumable"), "1.0.0");
        assert!(made.header("upload-expires").ends_with(" GMT"));
        made.header("location").to_owned()
    }

    pub(crate) async fn offset(&self, path: &str) -> HttpResponse {
        self.tus(Method::HEAD, path, &[], b"").await
    }

    pub(crate) async fn go_on(&self, path: &str, offset: usize, bytes: &[u8]) -> HttpResponse {
        let offset = offset.to_string();
        let headers = [
            ("upload-offset", &*offset),
            ("content-type", "application/offset+octet-stream"),
        ];
        self.tus(Method::PATCH, path, &headers, bytes).await
    }
}

/// `/openapi.json` names every header by which tus speaks.
#[tokio::test]
async fn the_headers_of_every_answer_are_described() {
    let server = TestServer::spawn().await;
    let ines = person(server.http(), "ines").await;
    let document = server.http().get("/openapi.json").await.json();
    let begun = [("upload-length", "8"), ("upload-metadata", METADATA)];
    let begun = ines.tus(Method::POST, "/v1/files/tus", &begun, b"").await;
    let path = begun.header("location").to_owned();
    let given_up = ines.begin(8).await;
    let stale = ines.http.request(Method::DELETE, &path).send().await;
    let one = "/v1/files/tus/{file_id}";
    for (place, method, answer) in [
        ("/v1/files/tus", "post", begun),
        (one, "head", ines.offset(&path).await),
        (one, "patch", ines.go_on(&path, 0, b"hola").await),
        (one, "patch", ines.go_on(&path, 4, b"hola").await),
        (one, "head", ines.offset(&path).await),
        (
            one,
            "delete",
            ines.tus(Method::DELETE, &given_up, &[], b"").await,
        ),
        (one, "delete", stale),
    ] {
        let responses = &document["paths"][place][method]["responses"];
        let described = match &responses[answer.status.as_str()] {
            shared if shared["$ref"].is_string() => {
                &document["components"]["responses"]["OtherVersion"]
            }
            own => own,
        };
        let described = described["headers"].as_object().expect("headers");
        let described = described.keys().map(|name| name.to_lowercase());
        let described: Vec<_> = described.collect();
        for name in answer.headers.keys().map(HeaderName::as_str) {
            let speaks = name.starts_with("upload-") || ["location", "tus-version"].contains(&name);
            if speaks {
                assert!(described.iter().any(|it| it == name), "{method}: {name}");
            }
        }
    }
    server.shutdown().await;
}

/// More than one part of the storage, so that parts are joined.
fn long_text() -> Vec<u8> {
    (0..5_000_000_u32)
        .map(|number| b'a' + (number % 23) as u8)
        .collect()
}

async fn an_upload_goes_on_after_a_restart(storage: Storage) {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let content = long_text();
    let server = storage.server().data_dir(&data_dir).spawn().await;
    let account = server.http().v1_register("ines").await;
    let here = |server: &TestServer| Person {
        http: server.http().bearer(&account.token),
        id: account.id.clone(),
    };
    let ines = here(&server);
    let path = ines.begin(content.len()).await;
    let half = ines.go_on(&path, 0, &content[..2_000_000]).await;
    assert_eq!(
        (half.status.as_u16(), half.header("upload-offset")),
        (204, "2000000")
    );
    server.shutdown().await;

    let server = storage.server().data_dir(&data_dir).seed(2).spawn().await;
    let ines = here(&server);
    let stands = ines.offset(&path).await;
    assert_eq!(stands.status, 200);
    assert_eq!(stands.header("upload-offset"), "2000000");
    assert_eq!(stands.header("upload-length"), "5000000");
    assert_eq!(stands.header("upload-metadata"), METADATA);
    assert_eq!(stands.header("cache-control"), "no-store");
    let rest = ines.go_on(&path, 2_000_000, &content[2_000_000..]).await;
    assert_eq!(
        (rest.status.as_u16(), rest.header("upload-offset")),
        (204, "5000000")
    );
    let stands = ines.offset(&path).await;
    assert_eq!(
        stands.header("upload-offset"),
        "5000000",
        "also once it is a file"
    );

    let id = path.rsplit('/').next().expect("an id");
    let file = ines.http.get(&format!("/v1/files/{id}")).await.json();
    assert_eq!(
        (&*text(&file["name"]), &file["size"]),
        ("nota.txt", &5_000_000.into())
    );
    let bytes = ines.http.get(&text(&file["url"])).await;
    assert!(bytes.body == content, "byte for byte");
    storage.until(|stored| stored.len() == 1).await;
    server.shutdown().await;
}

async fn what_does_not_fit_the_protocol_or_the_limits_is_refused(storage: Storage) {
    let server = storage
        .server()
        .variable("TERTULIA_LIMIT_FILE_BYTES", "64KiB")
        .variable("TERTULIA_LIMIT_FILE_QUOTA_BYTES", "100KiB")
        .spawn()
        .await;
    let ines = person(server.http(), "ines").await;
    let eva = person(server.http(), "eva").await;
    let mut seen = Vec::new();
    let bare = ines
        .http
        .request(Method::POST, "/v1/files/tus")
        .send()
        .await;
    seen.push(format!(
        "no version: {} {}",
        refusal(&bare),
        bare.header("tus-version")
    ));
    for (what, length, metadata) in [
        ("no length", "", METADATA),
        ("no number", "-1", METADATA),
        ("nothing", "0", METADATA),
        ("too much", "65537", METADATA),
        ("a program", "10", "filename YS5leGU="),
        ("broken", "10", "filename ???"),
    ] {
        let mut headers = vec![("upload-metadata", metadata)];
        if !length.is_empty() {
            headers.push(("upload-length", length));
        }
        let answer = ines.tus(Method::POST, "/v1/files/tus", &headers, b"").await;
        seen.push(format!("{what}: {}", refusal(&answer)));
    }
    let path = ines.begin(60_000).await;
    let headers = [("upload-length", "60000"), ("upload-metadata", METADATA)];
    let full = ines.tus(Method::POST, "/v1/files/tus", &headers, b"").await;
    seen.push(format!("announced bytes count: {}", refusal(&full)));
    seen.push(format!(
        "elsewhere: {}",
        refusal(&ines.go_on(&path, 7, b"hola").await)
    ));
    let plain = ines
        .tus(Method::PATCH, &path, &[("upload-offset", "0")], b"hola")
        .await;
    seen.push(format!("no type: {}", refusal(&plain)));
    let short = ines.begin(100).await;
    let more = ines.go_on(&short, 0, &[b'a'; 101]).await;
    seen.push(format!("more than announced: {}", refusal(&more)));
    seen.push(format!(
        "another's: {}",
        refusal(&eva.go_on(&path, 0, b"hola").await)
    ));
    seen.push(format!(
        "another's: {}",
        eva.offset(&path).await.status.as_u16()
    ));
    insta::allow_duplicates! {
        assert_snapshot!(seen.join("\n"), @r"
    no version: 412 wrong_tus_version 1.0.0
    no length: 422 invalid_field
    no number: 422 invalid_field
    nothing: 422 file_empty
    too much: 413 file_too_large
    a program: 415 file_type_not_allowed
    broken: 422 invalid_field
    announced bytes count: 413 quota_exceeded
    elsewhere: 409 wrong_offset
    no type: 415 unsupported_media_type
    more than announced: 413 file_too_large
    another's: 404 file_not_found
    another's: 404
    ");
    }
    assert_eq!(ines.offset(&path).await.header("upload-offset"), "0");

    // What is no text after all is refused at the end, and leaves nothing.
    let mut binary = vec![b'a'; 60_000];
    binary[..4].copy_from_slice(b"\x00\x01\x02\x03");
    let refused = ines.go_on(&path, 0, &binary).await;
    assert_eq!(refused.status, 415, "{}", refused.text());
    assert_eq!(ines.offset(&path).await.status, 404);
    storage.until_empty().await;
    ines.begin(60_000).await;
    server.shutdown().await;
}

async fn an_upload_is_given_up_by_its_owner_or_by_time(storage: Storage) {
    let server = storage.server().spawn().await;
    let ines = person(server.http(), "ines").await;
    let path = ines.begin(10).await;
    ines.go_on(&path, 0, b"hola").await;
    let ended = ines.tus(Method::DELETE, &path, &[], b"").await;
    assert_eq!(ended.status, 204);
    assert_eq!(ines.offset(&path).await.status, 404);
    storage.until_empty().await;

    let path = ines.begin(10).await;
    ines.go_on(&path, 0, b"hola").await;
    server.advance(Duration::from_secs(25 * 60 * 60));
    server.chat().sweep_files().await.expect("swept");
    assert!(storage.stored().await.is_empty());
    server.shutdown().await;
}

async fn a_client_learns_what_is_spoken_here(storage: Storage) {
    let server = storage.server().spawn().await;
    let answer = server
        .http()
        .request(Method::OPTIONS, "/v1/files/tus")
        .send()
        .await;
    assert!(answer.status.is_success());
    assert_eq!(answer.header("tus-version"), "1.0.0");
    assert_eq!(
        answer.header("tus-extension"),
        "creation,expiration,termination"
    );
    assert_eq!(answer.header("tus-max-size"), "52428800");
    server.shutdown().await;
}
