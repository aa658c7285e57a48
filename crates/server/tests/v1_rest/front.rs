//! Who answers what on the one port (`design.md` §4).

use http::{Method, header};
use tertulia_testkit::{HttpResponse, TestServer};

async fn get_root(server: &TestServer, accept: &str) -> HttpResponse {
    let request = server.http().request(Method::GET, "/");
    request.header(header::ACCEPT, accept).send().await
}

/// contracts/upred.md: `GET /`; contracts/izpochat.md §2: `GET /`, whose keys stand
/// beside the others (contracts/README.md, "One port").
#[tokio::test]
async fn programs_get_the_status_document_and_browsers_a_page() {
    let server = TestServer::spawn().await;
    for accept in ["*/*", "application/json", ""] {
        let document = get_root(&server, accept).await;
        assert_eq!(
            document.text(),
            r#"{"status":"ok","service":"websocket_upred","database":"MySQL","connected_users":0,"message":"¡Bienvenido a IzpoChat API!","version":"1.0.0","docs":"/docs"}"#
        );
        assert_eq!(document.header("content-type"), "application/json");
    }
    let page = get_root(&server, "text/html,application/xhtml+xml,*/*;q=0.8").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    server.shutdown().await;
}

#[tokio::test]
async fn connected_users_are_counted() {
    let server = TestServer::spawn().await;
    let mut ines = server.kaapehchat("A").await;
    ines.register("ines").await;
    let document = get_root(&server, "*/*").await.json();
    assert_eq!(document["connected_users"], 1);
    server.shutdown().await;
}

/// `design.md` §4: never a page.
#[tokio::test]
async fn unknown_paths_answer_in_json() {
    let server = TestServer::spawn().await;
    for (path, body) in [
        (
            "/api/nothing",
            r#"{"error":"Endpoint no encontrado","status_code":404}"#,
        ),
        (
            "/api/",
            r#"{"error":"Endpoint no encontrado","status_code":404}"#,
        ),
    ] {
        let answer = server.http().get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.text(), body, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    for path in [
        "/nothing",
        "/v1/nothing",
        "/ws/nothing",
        "/socket.io/nothing",
    ] {
        let answer = server.http().get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{path}"
        );
    }
    server.shutdown().await;
}
