//! Health, metrics and the page at `/`.

use http::{Method, StatusCode, header};
use serde_json::json;
use tertulia_testkit::{HttpResponse, ServerProcess, TestServer};

#[tokio::test]
async fn a_ready_server_says_so() {
    let server = TestServer::spawn().await;
    let http = server.http();
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(http.get(path).await.status, StatusCode::OK, "{path}");
    }
    server.shutdown().await;
}

/// Nothing can be uploaded or read then.
#[tokio::test]
async fn a_server_without_its_files_is_not_ready() {
    let server = TestServer::spawn().await;
    let files = server.data_dir().join("files");
    let elsewhere = server.data_dir().join("elsewhere");
    std::fs::rename(&files, &elsewhere).unwrap();
    let http = server.http();
    let away = http.get("/health/ready").await;
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(http.get("/health/live").await.status, StatusCode::OK);
    std::fs::rename(&elsewhere, &files).unwrap();
    assert_eq!(http.get("/health/ready").await.status, StatusCode::OK);
    server.shutdown().await;
}

/// `cargo xtask test` starts both.
#[tokio::test]
async fn a_server_with_files_in_a_bucket_is_ready() {
    for (url, variable) in [
        ("s3://tertulia/ready", "TERTULIA_TEST_S3"),
        ("gs://tertulia/ready", "TERTULIA_TEST_GCS"),
    ] {
        #[expect(clippy::disallowed_methods, reason = "the address comes this way")]
        let Ok(endpoint) = std::env::var(variable) else {
            eprintln!("skipped: {variable} is not set; `cargo xtask test` sets it");
            continue;
        };
        let server = TestServer::builder()
            .variable("TERTULIA_FILES_URL", url)
            .variable("TERTULIA_FILES_ENDPOINT", &endpoint)
            .variable("TERTULIA_FILES_ACCESS_KEY", "any")
            .variable("TERTULIA_FILES_SECRET_KEY", "any")
            .spawn()
            .await;
        let ready = server.http().get("/health/ready").await;
        assert_eq!(ready.status, StatusCode::OK, "{url}");
        server.shutdown().await;
    }
}

/// `contracts/README.md`, "GET /health": one document for IzpoChat and SOS.
#[tokio::test]
async fn the_health_document_serves_izpochat_and_sos() {
    let server = TestServer::spawn().await;
    for path in ["/health", "/health/"] {
        let response = server.http().get(path).await;
        assert_eq!(response.status, StatusCode::OK);
        let expected = json!({
            "status": "healthy",
            "service": "IzpoChat API",
            "message": "Tertulia is running",
        });
        assert_eq!(response.json(), expected, "{path}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn metrics_are_text_and_name_routes_not_paths() {
    let server = TestServer::spawn().await;
    let http = server.http();
    http.get("/health/live?token=secreto").await;
    http.get("/no/such/secreto").await;
    let metrics = http.get("/metrics").await;
    assert_eq!(metrics.status, StatusCode::OK);
    let live = r#"tertulia_http_requests_total{method="GET",route="/health/live",status="200"}"#;
    let other = r#"tertulia_http_requests_total{method="GET",route="other",status="404"}"#;
    for line in [live, other] {
        assert!(
            metrics.text().contains(line),
            "{line} in {}",
            metrics.text()
        );
    }
    assert!(!metrics.text().contains("secreto"));
    server.shutdown().await;
}

/// S11, S18: whoever reads the log must not be able to use an invitation.
#[tokio::test]
async fn the_log_names_routes_not_paths() {
    let folder = tempfile::tempdir().unwrap();
    let binary = env!("CARGO_BIN_EXE_tertulia");
    let mut server = ServerProcess::builder(binary, folder.path().join("data"))
        .variable("TERTULIA_LOG", "debug")
        .spawn()
        .await;
    let path = "/v1/invites/codigosecreto?token=otrosecreto";
    server.http().post(path, &json!({})).await;
    server.http().get("/no/such/secreto").await;
    server.wait_for_log("/v1/invites/{code}").await;
    server.wait_for_log("other").await;
    server.stop().await;
    assert!(!server.stderr().contains("secreto"), "{}", server.stderr());
}

/// In a process of its own: the figures of one process are together.
#[tokio::test]
async fn metrics_tell_of_connections_commits_and_refused_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let binary = env!("CARGO_BIN_EXE_tertulia");
    let mut server = ServerProcess::builder(binary, folder.path().join("data"))
        .spawn()
        .await;
    let http = server.http();
    let ines = http.v1_register("ines").await;
    let login = json!({ "login": "ines", "password": "otra cosa" });
    http.post("/v1/auth/login", &login).await;
    let room = json!({ "kind": "group", "title": "Cafetal" });
    let room = http.bearer(&ines.token).post("/v1/rooms", &room).await;
    let mut socket = server.v1_socket("A", &ines.token).await;
    let message = json!({ "room_id": room.json()["id"], "text": "hola" });
    socket.request("send", &message).await;
    socket.recv().await;
    socket.recv().await;

    let metrics = http.get("/metrics").await.text();
    for line in [
        r#"tertulia_signed_in_connections{dialect="v1"} 1"#,
        r#"tertulia_signed_in_connections{dialect="kaapehchat"} 0"#,
        "tertulia_connections 1",
        "tertulia_users_present 1",
        "tertulia_messages_appended_total 1",
        "tertulia_passwords_wrong_total 1",
        "tertulia_commit_batch_size_count 2",
        "tertulia_commit_seconds_count 2",
    ] {
        assert!(
            metrics.lines().any(|it| it == line),
            "{line} is not in {metrics}"
        );
    }
    socket.finish().await;
    server.kill().await;
}

#[tokio::test]
async fn metrics_with_an_address_of_their_own_are_only_there() {
    let server = TestServer::builder()
        .variable("TERTULIA_METRICS_LISTEN", "127.0.0.1:0")
        .spawn()
        .await;
    assert_eq!(server.http().get("/metrics").await.status, 404);
    let internal = server.server().metrics_address().expect("it was asked for");
    let http = tertulia_testkit::HttpClient::new(internal);
    assert_eq!(http.get("/metrics").await.status, 200);
    assert_eq!(http.get("/health/ready").await.status, 200);
    assert_eq!(http.get("/").await.status, 404);
    server.shutdown().await;
}

async fn page(server: &TestServer, accept: &str, language: &str) -> HttpResponse {
    server
        .http()
        .request(Method::GET, "/")
        .header(header::ACCEPT, accept)
        .header(header::ACCEPT_LANGUAGE, language)
        .send()
        .await
}

#[tokio::test]
async fn a_browser_gets_a_page_in_its_language() {
    let server = TestServer::spawn().await;
    let html = "text/html,application/xhtml+xml,*/*;q=0.8";
    for (language, word) in [
        ("es-MX", "En marcha"),
        ("en-GB", "Running"),
        ("fr", "En marcha"),
    ] {
        let response = page(&server, html, language).await;
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!(response.header("content-type"), "text/html; charset=utf-8");
        assert!(response.text().contains(word), "{language}");
        let socket = format!("<code>ws://{}/</code>", server.address());
        assert!(response.text().contains(&socket), "{}", response.text());
    }
    server.shutdown().await;
}

/// The page admits its own style sheet by its hash, and nothing else.
#[tokio::test]
async fn the_page_is_strict_about_what_it_loads() {
    let server = TestServer::spawn().await;
    let response = page(&server, "text/html", "en").await;
    let policy = response.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    for loading in ["<script", "src=", "@import", "url(", "style=\"", "onclick"] {
        assert!(!response.text().contains(loading), "{loading}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn every_answer_forbids_guessing_its_type() {
    let server = TestServer::spawn().await;
    for path in ["/", "/health", "/metrics", "/api/nothing", "/v1/nothing"] {
        let response = server.http().get(path).await;
        assert_eq!(
            response.header("x-content-type-options"),
            "nosniff",
            "{path}"
        );
        assert!(!response.header("content-type").is_empty(), "{path}");
        assert_eq!(response.header("server"), "", "{path}");
    }
    server.shutdown().await;
}

/// `design.md` §4: never the page for people.
#[tokio::test]
async fn an_unknown_path_of_an_api_is_a_404_in_json() {
    let server = TestServer::spawn().await;
    for path in ["/api/nothing", "/v1/nothing", "/nothing"] {
        let request = server.http().request(Method::GET, path);
        let response = request.header(header::ACCEPT, "text/html").send().await;
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{path}");
        let content_type = response.header("content-type");
        assert!(content_type.ends_with("json"), "{path}: {content_type}");
    }
    server.shutdown().await;
}
