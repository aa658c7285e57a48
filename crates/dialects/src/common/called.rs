//! At which address a client called, for absolute addresses in answers: as
//! somebody said (`TERTULIA_PUBLIC_URL`), as a trusted proxy says, else as the
//! request itself does.

use http::request::Parts;
use http::{HeaderMap, HeaderName, header};

use super::Context;
use super::client::{self, Network};
use super::files::PublicAddress;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Scheme, host and perhaps a port, without a slash at the end; none when the
/// request names no host.
#[must_use]
pub fn called_at(context: &Context, request: &Parts) -> Option<String> {
    let trusted = &context.settings.trusted_proxies;
    by(context.files.address(), trusted, request)
}

fn by(own: &PublicAddress, trusted: &[Network], request: &Parts) -> Option<String> {
    if own.is_certain {
        return Some(own.base.clone());
    }
    let by_proxy = client::is_from_proxy(&request.extensions, trusted);
    let forwarded = |named, parameter| {
        let headers = by_proxy.then_some(&request.headers)?;
        forwarded(headers, named, parameter)
    };
    let scheme = forwarded(X_FORWARDED_PROTO, "proto")
        .map(str::to_ascii_lowercase)
        .filter(|scheme| matches!(&**scheme, "http" | "https"));
    let own_scheme = own.base.split_once("://").map(|(scheme, _)| scheme);
    let scheme = scheme.as_deref().or(own_scheme).unwrap_or("http");
    let host =
        forwarded(X_FORWARDED_HOST, "host").or_else(|| last(&request.headers, header::HOST))?;
    Some(format!("{scheme}://{host}"))
}

/// What the nearest proxy says of the call that it got, in a header of its own or
/// in `Forwarded` (RFC 7239). Where both are there and differ, one of them came
/// from the client: neither is taken.
fn forwarded<'h>(headers: &'h HeaderMap, named: HeaderName, parameter: &str) -> Option<&'h str> {
    let by_name = last(headers, named);
    let by_rfc = last(headers, header::FORWARDED)
        .and_then(|element| client::parameter(element, parameter))
        .filter(|value| !value.is_empty());
    match (by_name, by_rfc) {
        (Some(one), Some(other)) if !one.eq_ignore_ascii_case(other) => None,
        (said, None) | (_, said) => said,
    }
}

/// The last entry of a list header: what the nearest proxy wrote.
fn last(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let entry = client::entries(headers, name).next()??.trim();
    (!entry.is_empty()).then_some(entry)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::Request;

    use super::*;
    use crate::common::client::PeerAddress;

    fn called(own: &str, is_certain: bool, headers: &[(&str, &str)]) -> Option<String> {
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("the test's request is well formed");
        let (mut parts, ()) = request.into_parts();
        let peer: SocketAddr = "10.0.0.1:5000".parse().expect("an address");
        parts.extensions.insert(PeerAddress(peer));
        let own = PublicAddress {
            base: own.to_owned(),
            is_certain,
        };
        let proxies = ["10.0.0.0/8".parse().expect("a network")];
        by(&own, &proxies, &parts)
    }

    #[test]
    fn what_somebody_said_holds() {
        let headers = [("host", "evil.test")];
        let called = called("https://chat.example.org", true, &headers);
        assert_eq!(called.as_deref(), Some("https://chat.example.org"));
    }

    #[test]
    fn else_it_is_as_the_client_called() {
        let plain = "http://127.0.0.1:8000";
        for (own, headers, expected) in [
            (
                plain,
                vec![("host", "liga.test:8000")],
                Some("http://liga.test:8000"),
            ),
            (
                "https://127.0.0.1:8443",
                vec![("host", "liga.test")],
                Some("https://liga.test"),
            ),
            (
                plain,
                vec![("host", "inner"), ("x-forwarded-proto", "https")],
                Some("https://inner"),
            ),
            (
                plain,
                vec![
                    ("host", "inner"),
                    ("x-forwarded-proto", "http, https"),
                    ("x-forwarded-host", "evil.test, liga.test"),
                ],
                Some("https://liga.test"),
            ),
            (
                plain,
                vec![("host", "inner"), ("x-forwarded-proto", "javascript")],
                Some("http://inner"),
            ),
            (
                plain,
                vec![
                    ("host", "inner"),
                    (
                        "forwarded",
                        "host=evil.test, Proto=HTTPS;host=\"liga.test:8443\"",
                    ),
                ],
                Some("https://liga.test:8443"),
            ),
            (
                plain,
                vec![("host", "inner"), ("forwarded", "for=10.0.0.9;proto=ftp")],
                Some("http://inner"),
            ),
            (
                plain,
                vec![
                    ("host", "inner"),
                    ("x-forwarded-host", "liga.test"),
                    ("forwarded", "host=liga.test;proto=https"),
                ],
                Some("https://liga.test"),
            ),
            (
                plain,
                vec![
                    ("host", "inner"),
                    ("x-forwarded-host", "liga.test"),
                    ("forwarded", "host=evil.test"),
                ],
                Some("http://inner"),
            ),
            (plain, vec![], None),
        ] {
            assert_eq!(
                called(own, false, &headers).as_deref(),
                expected,
                "{headers:?}"
            );
        }
    }

    #[test]
    fn who_is_no_proxy_says_nothing_of_the_address() {
        let request = Request::builder()
            .header("host", "liga.test")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "evil.test")
            .header("forwarded", "host=evil.test;proto=https")
            .body(())
            .expect("the test's request is well formed");
        let (mut parts, ()) = request.into_parts();
        let peer: SocketAddr = "10.0.0.1:5000".parse().expect("an address");
        parts.extensions.insert(PeerAddress(peer));
        let own = PublicAddress {
            base: "http://127.0.0.1:8000".to_owned(),
            is_certain: false,
        };
        assert_eq!(by(&own, &[], &parts).as_deref(), Some("http://liga.test"));
    }
}
