//! The documentation pages (`web-and-ops.md` §4): embedded, offline, and shown
//! by a real browser without anything that their policy forbids.

#![cfg(feature = "docs")]

mod browser;

use browser::Browser;
use http::{Method, StatusCode, header};
use tertulia_testkit::{HttpClient, TestServer};

const PAGES: [&str; 3] = ["/docs", "/redoc", "/docs/events"];

#[tokio::test]
async fn the_pages_load_nothing_from_elsewhere() {
    let server = TestServer::spawn().await;
    let http = server.http();
    for path in PAGES {
        let page = http.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        for weakness in ["http:", "https:", "unsafe", "*"] {
            assert!(!policy.contains(weakness), "{path}: {policy}");
        }
        let html = page.text();
        for (at, _) in html
            .match_indices("src=\"")
            .chain(html.match_indices("stylesheet\" href=\""))
        {
            let start = at + html[at..].find("=\"/").expect("an address of this server") + 2;
            let address = html[start..].split('"').next().unwrap_or_default();
            let asset = http.get(address).await;
            assert_eq!(asset.status, StatusCode::OK, "{address}");
            assert_eq!(asset.header("x-content-type-options"), "nosniff");
        }
        assert!(!html.contains("<script>"), "{path} has inline script");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_slash_at_the_end_leads_to_the_page() {
    let server = TestServer::spawn().await;
    for path in ["/docs", "/redoc", "/docs/events"] {
        let answer = server.http().get(&format!("{path}/")).await;
        assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT);
        assert_eq!(answer.header("location"), path);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn an_asset_is_compressed_where_that_is_taken_and_sent_once() {
    const PATH: &str = "/docs/assets/swagger-ui.css";
    let server = TestServer::spawn().await;
    let http = server.http();
    let plain = http.get(PATH).await;
    assert_eq!(plain.header("content-encoding"), "");
    assert_eq!(plain.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(plain.header("vary"), "accept-encoding");

    let gzip = with(&http, PATH, header::ACCEPT_ENCODING, "gzip, br").await;
    assert_eq!(gzip.header("content-encoding"), "gzip");
    assert!(gzip.body.len() * 4 < plain.body.len());
    assert_ne!(gzip.header("etag"), plain.header("etag"));

    let known = with(&http, PATH, header::IF_NONE_MATCH, plain.header("etag")).await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);
    assert!(known.body.is_empty());

    let licences = http.get("/docs/assets/licences.txt").await;
    for name in ["swagger-ui-dist", "redoc"] {
        assert!(licences.text().contains(name), "{name}");
    }
    assert_eq!(http.get("/docs/assets/other.js").await.status, 404);
    server.shutdown().await;
}

async fn with(
    http: &HttpClient,
    path: &str,
    name: header::HeaderName,
    value: &str,
) -> tertulia_testkit::HttpResponse {
    http.request(Method::GET, path)
        .header(name, value)
        .send()
        .await
}

/// ReDoc asks for it from elsewhere; the policy refuses it, and the page hides it.
const REDOC_LOGO: &str = "/redoc/logo-mini.svg'";

/// `cargo xtask test` sets it, see `xtask/src/tools.rs`.
const CHROMIUM: &str = "TERTULIA_TEST_CHROMIUM";

/// A page, and what it shows once it has read its document.
const SHOWN: [(&str, &str, &str); 3] = [
    (
        "/docs",
        "#swagger-ui .opblock-summary-path",
        "/v1/auth/login",
    ),
    ("/redoc", "#redoc h2", "Logs in with a username"),
    ("/docs/events", "#document section", "message.edited"),
];

#[tokio::test]
async fn a_browser_shows_the_pages() {
    #[expect(clippy::disallowed_methods, reason = "the tool's path comes this way")]
    let Some(program) = std::env::var_os(CHROMIUM) else {
        eprintln!("skipped: {CHROMIUM} is not set; `cargo xtask test` sets it");
        return;
    };
    let server = TestServer::spawn().await;
    let mut browser = Browser::start(&program).await;
    for (path, selector, text) in SHOWN {
        let address = format!("http://{}{path}", server.address());
        browser.open(&address).await;
        browser.wait_for(selector, text).await;
        let mut complaints = browser.complaints();
        complaints.retain(|complaint| !complaint.contains(REDOC_LOGO));
        assert!(complaints.is_empty(), "{path}: {complaints:#?}");
    }
    let own = format!("http://{}/", server.address());
    for address in browser.requests() {
        let is_local = [own.as_str(), "blob:", "data:"]
            .iter()
            .any(|start| address.starts_with(start));
        assert!(is_local || address.ends_with(".svg"), "{address}");
    }
    browser.quit().await;
    server.shutdown().await;
}
