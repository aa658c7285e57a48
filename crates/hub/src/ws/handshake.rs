//! The opening handshake (RFC 6455 §4.2) and the negotiation of permessage-deflate (RFC 7692 §5).

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header, request};
use sha1::{Digest, Sha1};

/// RFC 6455 §1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What is always answered: each message is compressed alone, in both directions.
const DEFLATE_ANSWER: HeaderValue = HeaderValue::from_static(
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
);

/// A request that may become a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    accept: HeaderValue,
    deflate: bool,
}

/// Why a request cannot become a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not a GET of HTTP/1.1, or does not ask for an upgrade: 426.
    #[error("this address speaks WebSocket")]
    NotWebSocket,
    /// It asks for another version of the protocol: 426 with the version that is spoken.
    #[error("WebSocket version 13 is needed")]
    Version,
    /// Its key is missing, doubled or not 16 bytes in base64: 400.
    #[error("Sec-WebSocket-Key is not valid")]
    Key,
}

/// Checks an upgrade request. `deflate` is the setting that allows compression; it is used when
/// the client also offers it. A subprotocol is never chosen.
///
/// # Errors
///
/// What is wrong with the request; [`Refusal::response`] says it to the client.
pub fn check(request: &request::Parts, deflate: bool) -> Result<Handshake, Refusal> {
    if !is_upgrade(request) {
        return Err(Refusal::NotWebSocket);
    }
    if single(&request.headers, &header::SEC_WEBSOCKET_VERSION) != Some(b"13") {
        return Err(Refusal::Version);
    }
    let key = single(&request.headers, &header::SEC_WEBSOCKET_KEY).ok_or(Refusal::Key)?;
    if STANDARD.decode(key).map_or(true, |bytes| bytes.len() != 16) {
        return Err(Refusal::Key);
    }
    let accept = accept_value(key).ok_or(Refusal::Key)?;
    Ok(Handshake {
        accept,
        deflate: deflate && offers_deflate(&request.headers),
    })
}

/// Whether a request asks for a WebSocket at all, so that a router can tell it from a page view.
#[must_use]
pub fn is_upgrade(request: &request::Parts) -> bool {
    request.method == Method::GET
        && request.version == Version::HTTP_11
        && has_token(&request.headers, &header::CONNECTION, "upgrade")
        && has_token(&request.headers, &header::UPGRADE, "websocket")
}

impl Handshake {
    /// Whether permessage-deflate was negotiated.
    #[must_use]
    pub fn deflate(&self) -> bool {
        self.deflate
    }

    /// The answer 101 that makes the connection a WebSocket.
    #[must_use]
    pub fn response(&self) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept.clone());
        if self.deflate {
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, DEFLATE_ANSWER);
        }
        response
    }
}

impl Refusal {
    /// The answer to the client, without a body.
    #[must_use]
    pub fn response(self) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = match self {
            Self::NotWebSocket | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Key => StatusCode::BAD_REQUEST,
        };
        let headers = response.headers_mut();
        if response_needs_upgrade(self) {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(
                header::SEC_WEBSOCKET_VERSION,
                HeaderValue::from_static("13"),
            );
        }
        response
    }
}

/// RFC 9110 §15.5.22: 426 names what to upgrade to.
fn response_needs_upgrade(refusal: Refusal) -> bool {
    match refusal {
        Refusal::NotWebSocket | Refusal::Version => true,
        Refusal::Key => false,
    }
}

fn accept_value(key: &[u8]) -> Option<HeaderValue> {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    HeaderValue::from_str(&STANDARD.encode(digest)).ok()
}

/// The value of a header that must stand exactly once.
fn single<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.as_bytes().trim_ascii()),
        _ => None,
    }
}

fn has_token(headers: &HeaderMap, name: &header::HeaderName, token: &str) -> bool {
    texts(headers, name)
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// Whether one of the client's offers can be taken. Offers that demand a smaller window of the
/// server are passed over, since the compressor has only the full one.
fn offers_deflate(headers: &HeaderMap) -> bool {
    texts(headers, &header::SEC_WEBSOCKET_EXTENSIONS)
        .flat_map(|value| value.split(','))
        .any(is_good_offer)
}

fn is_good_offer(offer: &str) -> bool {
    let mut parts = offer.split(';').map(str::trim);
    if parts.next() != Some("permessage-deflate") {
        return false;
    }
    let mut seen = Vec::new();
    parts.all(|parameter| {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
            None => (parameter, None),
        };
        let repeated = seen.contains(&name);
        seen.push(name);
        !repeated && is_good_parameter(name, value)
    })
}

/// RFC 7692 §7.1: unknown, repeated or malformed parameters decline the offer.
fn is_good_parameter(name: &str, value: Option<&str>) -> bool {
    match (name, value) {
        (
            "server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits",
            None,
        )
        | ("server_max_window_bits", Some("15")) => true,
        ("client_max_window_bits", Some(bits)) => {
            matches!(bits, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")
        }
        _ => false,
    }
}

fn texts<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(changes: &[(&str, Option<&str>)]) -> request::Parts {
        let mut builder = http::Request::builder().uri("/v1/ws");
        let mut fields = vec![
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        fields.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        fields.extend(
            changes
                .iter()
                .filter_map(|&(name, value)| Some((name, value?))),
        );
        for (name, value) in fields {
            builder = builder.header(name, value);
        }
        builder
            .body(())
            .expect("the test's request is well formed")
            .into_parts()
            .0
    }

    fn header<'a>(response: &'a Response<()>, name: &str) -> Option<&'a str> {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    }

    /// RFC 6455 §1.3.
    #[test]
    fn the_example_of_the_rfc() {
        let handshake = check(&request(&[]), true).expect("the request is good");
        let response = handshake.response();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(
            header(&response, "sec-websocket-accept"),
            Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        );
        assert_eq!(header(&response, "upgrade"), Some("websocket"));
        assert_eq!(header(&response, "connection"), Some("Upgrade"));
        assert_eq!(header(&response, "sec-websocket-extensions"), None);
    }

    #[test]
    fn no_subprotocol_is_chosen() {
        let asked = request(&[("sec-websocket-protocol", Some("chat, superchat"))]);
        let response = check(&asked, false)
            .expect("the request is good")
            .response();
        assert_eq!(header(&response, "sec-websocket-protocol"), None);
    }

    #[test]
    fn what_is_no_upgrade_is_told_so() {
        let mut post = request(&[]);
        post.method = Method::POST;
        let mut old = request(&[]);
        old.version = Version::HTTP_10;
        let no_connection = request(&[("connection", Some("keep-alive"))]);
        let no_upgrade = request(&[("upgrade", None)]);
        for parts in [post, old, no_connection, no_upgrade] {
            assert!(!is_upgrade(&parts));
            let refusal = check(&parts, false).expect_err("this is no upgrade");
            assert_eq!(refusal, Refusal::NotWebSocket);
            assert_eq!(refusal.response().status(), StatusCode::UPGRADE_REQUIRED);
        }
    }

    #[test]
    fn another_version_is_told_the_right_one() {
        for version in [None, Some("8"), Some("13, 8"), Some("")] {
            let parts = request(&[("sec-websocket-version", version)]);
            let refusal = check(&parts, false).expect_err("the version is wrong");
            assert_eq!(refusal, Refusal::Version, "{version:?}");
            assert_eq!(refusal.response().status(), StatusCode::UPGRADE_REQUIRED);
            assert_eq!(
                header(&refusal.response(), "sec-websocket-version"),
                Some("13")
            );
        }
    }

    #[test]
    fn a_bad_key_is_refused() {
        let doubled = request(&[
            ("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZQ==")),
            ("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZQ==")),
        ]);
        let mut bad: Vec<_> = [
            "",
            "short",
            "dGhlIHNhbXBsZSBub25jZQ",
            "AAAAAAAAAAAAAAAAAAAAAAAA",
        ]
        .map(|key| request(&[("sec-websocket-key", Some(key))]))
        .into();
        bad.push(request(&[("sec-websocket-key", None)]));
        bad.push(doubled);
        for parts in bad {
            let refusal = check(&parts, false).expect_err("the key is bad");
            assert_eq!(
                refusal,
                Refusal::Key,
                "{:?}",
                parts.headers.get("sec-websocket-key")
            );
            assert_eq!(refusal.response().status(), StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn deflate_needs_the_setting_and_an_offer_that_can_be_taken() {
        let deflate = |offer: &str, setting: bool| {
            let parts = request(&[("sec-websocket-extensions", Some(offer))]);
            check(&parts, setting)
                .expect("the request is good")
                .deflate()
        };
        assert!(!deflate("permessage-deflate", false));
        for good in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits=10; server_no_context_takeover",
            "x-webkit-deflate-frame, permessage-deflate",
            "permessage-deflate; server_max_window_bits=9, permessage-deflate",
            "permessage-deflate; server_max_window_bits=\"15\"",
        ] {
            assert!(deflate(good, true), "{good}");
        }
        for bad in [
            "",
            "x-webkit-deflate-frame",
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; unknown",
        ] {
            assert!(!deflate(bad, true), "{bad}");
        }
    }

    #[test]
    fn the_answer_keeps_no_context() {
        let parts = request(&[("sec-websocket-extensions", Some("permessage-deflate"))]);
        let response = check(&parts, true).expect("the request is good").response();
        assert_eq!(
            header(&response, "sec-websocket-extensions"),
            Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover")
        );
    }
}
