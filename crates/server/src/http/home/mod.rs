//! What people see who open the server in a browser, until the web client takes
//! its place.
//!
//! The page is one file without scripts, and loads nothing from anywhere: its
//! policy admits exactly its own style sheet.

use std::sync::{Arc, LazyLock};

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use sha2::{Digest, Sha256};
use tertulia_dialects::HomePage;

use super::reply;
use crate::config::NetworkSettings;

const CSS: &str = include_str!("page.css");
const HTML: &str = include_str!("page.html");
/// The links to pages that not every build has.
const DOCS: &str = if cfg!(feature = "docs") {
    include_str!("docs.html")
} else {
    ""
};

/// The page of a server with these settings, for [`tertulia_dialects::router`].
pub(crate) fn page(settings: &NetworkSettings) -> HomePage {
    let public_url = settings.public_url.clone();
    let tls = settings.tls.files().is_some();
    Arc::new(move |headers| {
        let url = match &public_url {
            Some(url) => url.clone(),
            None => url_as_asked(headers, tls),
        };
        render(headers, &url)
    })
}

/// Scheme, host and port under which the browser knows this server.
fn url_as_asked(headers: &HeaderMap, tls: bool) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{host}")
}

fn render(headers: &HeaderMap, url: &str) -> Response<Body> {
    let texts = if prefers_english(headers) { EN } else { ES };
    let html = fill(texts, url);
    let mut response = reply::text(StatusCode::OK, "text/html; charset=utf-8", html);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    let vary = HeaderValue::from_static("accept-language");
    headers.insert(header::VARY, vary);
    response
}

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(CSS));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("Base64 and the rest are visible ASCII")
});

/// Whether English stands before Spanish among the languages asked for (RFC
/// 9110 §12.5.4). Without either it is Spanish.
fn prefers_english(headers: &HeaderMap) -> bool {
    let weight = |language: &str| {
        texts(headers, header::ACCEPT_LANGUAGE)
            .flat_map(|list| list.split(','))
            .filter_map(|item| weight_of(item, language))
            .fold(0.0, f32::max)
    };
    weight("en") > weight("es")
}

fn weight_of(item: &str, language: &str) -> Option<f32> {
    let mut parts = item.split(';').map(str::trim);
    let (tag, _) = split_tag(parts.next()?);
    if !tag.eq_ignore_ascii_case(language) {
        return None;
    }
    let weight = parts.find_map(|part| part.strip_prefix("q="));
    weight.map_or(Some(1.0), |weight| weight.parse().ok())
}

fn split_tag(tag: &str) -> (&str, &str) {
    tag.split_once('-').unwrap_or((tag, ""))
}

fn texts(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
}

fn fill(texts: &[(&str, &str)], http: &str) -> String {
    let ws = http.replacen("http", "ws", 1);
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    let mut page = HTML
        .replace("{css}", CSS)
        .replace("{docs}", DOCS)
        .replace("{version}", version);
    for (name, text) in texts {
        page = page.replace(&format!("{{{name}}}"), text);
    }
    page.replace("{http}", &escape(http))
        .replace("{ws}", &escape(&ws))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

const ES: &[(&str, &str)] = &[
    ("lang", "es"),
    ("running", "En marcha"),
    (
        "purpose",
        "Este es un servidor de chat. Conecta tu aplicación a una de estas direcciones.",
    ),
    ("connect", "Cómo conectarse"),
    (
        "kaapehchat",
        "KaapehChat: en el cliente web, la variable VITE_WS_URL",
    ),
    ("own_api", "API propia, versión 1"),
    ("own_socket", "Su WebSocket, uno para todas las salas"),
    ("documents", "Documentos"),
    ("pages", "la API, para leer y probar"),
    ("events", "los mensajes del WebSocket, para leer"),
    ("openapi", "la API, llamada por llamada (OpenAPI 3.1)"),
    ("asyncapi", "los mensajes del WebSocket (AsyncAPI 3)"),
    ("health", "si el servidor está listo"),
];

const EN: &[(&str, &str)] = &[
    ("lang", "en"),
    ("running", "Running"),
    (
        "purpose",
        "This is a chat server. Connect your app to one of these addresses.",
    ),
    ("connect", "How to connect"),
    (
        "kaapehchat",
        "KaapehChat: in the web client, the variable VITE_WS_URL",
    ),
    ("own_api", "Own API, version 1"),
    ("own_socket", "Its WebSocket, one for all rooms"),
    ("documents", "Documents"),
    ("pages", "the API, to read and to try"),
    ("events", "the messages of the WebSocket, to read"),
    ("openapi", "the API, call by call (OpenAPI 3.1)"),
    ("asyncapi", "the messages of the WebSocket (AsyncAPI 3)"),
    ("health", "whether the server is ready"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn language(header: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(header));
        prefers_english(&headers)
    }

    #[test]
    fn spanish_unless_english_is_preferred() {
        assert!(!prefers_english(&HeaderMap::new()));
        assert!(!language("fr"));
        assert!(!language("es-MX,es;q=0.9,en;q=0.8"));
        assert!(!language("en;q=0.5, es;q=0.7"));
        assert!(!language("en;q=x"));
        assert!(language("en-US,en;q=0.9"));
        assert!(language("en, es;q=0.9"));
    }

    #[test]
    fn both_languages_fill_every_place() {
        for texts in [ES, EN] {
            let page = fill(texts, "http://localhost:8000");
            let style_end = page.find("</style>").unwrap();
            assert!(!page[style_end..].contains('{'), "{page}");
            assert!(page.contains("<code>ws://localhost:8000/v1/ws</code>"));
        }
    }

    #[test]
    fn an_odd_host_stays_text() {
        let page = fill(EN, "http://\"><script>alert(1)</script>");
        assert!(!page.contains("<script"), "{page}");
    }
}
