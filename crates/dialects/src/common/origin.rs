//! Which web pages may call us (`reliability.md` S10). Origins are compared as a
//! whole, never in part.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, HeaderValue, header};

/// Who may call from a browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Nothing is configured. Calls and sockets that prove who they are by a
    /// token, or in-band, come from anywhere: old clients live on other ports
    /// and have no such setting.
    #[default]
    Unset,
    /// `*`: any origin, never with credentials.
    Any,
    /// Exactly these.
    List(BTreeSet<String>),
}

impl AllowedOrigins {
    /// From the entries of a setting: `*` anywhere means any. Entries are
    /// brought to the form that browsers send: lower case, no final slash.
    pub fn from_entries<'a>(entries: impl IntoIterator<Item = &'a str>) -> Self {
        let list: BTreeSet<String> = entries
            .into_iter()
            .map(|entry| entry.trim().trim_end_matches('/').to_ascii_lowercase())
            .filter(|entry| !entry.is_empty())
            .collect();
        if list.is_empty() {
            return Self::Unset;
        }
        if list.contains("*") {
            return Self::Any;
        }
        Self::List(list)
    }

    /// May a request with this `Origin`, or with none, be served, when it
    /// proves who it is by a token or in-band? Only browsers send an origin;
    /// one that is no text is never allowed.
    #[must_use]
    pub fn permit(&self, origin: Option<&HeaderValue>) -> bool {
        match (self, origin) {
            (Self::Unset | Self::Any, _) | (Self::List(_), None) => true,
            (Self::List(list), Some(origin)) => {
                origin.to_str().is_ok_and(|origin| list.contains(origin))
            }
        }
    }

    /// May a request with this `Origin`, or with none, be served, when nothing
    /// proves who it is? Without a list, no page but those of this machine: any
    /// other could speak as anybody.
    #[must_use]
    pub fn permit_unproved(&self, origin: Option<&HeaderValue>) -> bool {
        match (self, origin) {
            (Self::Unset, Some(origin)) => origin.to_str().is_ok_and(is_loopback),
            _ => self.permit(origin),
        }
    }

    /// As [`permit`](Self::permit); a refusal says in the log what would admit
    /// the page (`web-and-ops.md` §4).
    #[must_use]
    pub fn permit_or_note(&self, origin: Option<&HeaderValue>) -> bool {
        let permitted = self.permit(origin);
        if let Some(origin) = origin.filter(|_| !permitted) {
            tracing::warn!(
                origin = ?String::from_utf8_lossy(origin.as_bytes()),
                "a web page was refused; to admit it, add its origin to TERTULIA_ALLOWED_ORIGINS"
            );
        }
        permitted
    }

    /// As [`permit_or_note`](Self::permit_or_note), by a request's headers.
    /// Several `Origin` headers are one too many.
    #[must_use]
    pub fn permit_headers(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let origin = origins.next();
        origins.next().is_none() && self.permit_or_note(origin)
    }
}

/// Hosts whose pages may open sockets, whatever their scheme and port: what
/// Django's `ALLOWED_HOSTS` says of them. Only SOS-Habilidoso's sockets go by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts(BTreeSet<String>);

impl AllowedHosts {
    /// From the entries of a setting: a host, `.host` for it and all below it, or
    /// `*` for any. An entry with a port stands for that port alone. None when an
    /// entry is no host.
    #[must_use]
    pub fn from_entries<'a>(entries: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let is_host = |entry: &str| {
            let bytes = entry.bytes();
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
            entry == "*" || (!entry.is_empty() && bytes.into_iter().all(allowed))
        };
        let entries = entries
            .into_iter()
            .map(|entry| match entry.trim().parse::<Ipv6Addr>() {
                // As an origin writes it.
                Ok(address) => format!("[{address}]"),
                Err(_) => entry.trim().to_ascii_lowercase(),
            });
        let hosts = entries.map(|entry| is_host(&entry).then_some(entry));
        hosts.collect::<Option<_>>().map(Self)
    }

    /// The entries.
    pub fn entries(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// May a page with this request's `Origin` open a socket, when it is on this
    /// list or on that of `origins`? Who sends no origin is no page; several are
    /// one too many.
    #[must_use]
    pub fn permit_headers(&self, origins: &AllowedOrigins, headers: &HeaderMap) -> bool {
        let mut sent = headers.get_all(header::ORIGIN).iter();
        let (Some(origin), None) = (sent.next(), sent.next()) else {
            return origins.permit_headers(headers);
        };
        if origin.to_str().is_ok_and(|origin| self.has(origin)) {
            return true;
        }
        if self.0.is_empty() || *origins != AllowedOrigins::Unset {
            return origins.permit_headers(headers);
        }
        tracing::warn!(
            origin = ?String::from_utf8_lossy(origin.as_bytes()),
            "a web page was refused; to admit it, add its host to \
             TERTULIA_SOS_ALLOWED_HOSTS or its origin to TERTULIA_ALLOWED_ORIGINS"
        );
        false
    }

    fn has(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        let Some(host) = host(&origin) else {
            return false;
        };
        self.0.contains("*") || self.names(host) || self.names(&with_port(&origin, host))
    }

    /// Whether an entry is this host, or has it below it.
    fn names(&self, host: &str) -> bool {
        self.0.contains(host)
            || self.0.contains(&format!(".{host}"))
            || host
                .match_indices('.')
                .any(|(dot, _)| self.0.contains(&host[dot..]))
    }
}

/// The host of an origin, `scheme://host[:port]`.
fn host(origin: &str) -> Option<&str> {
    let (_, authority) = origin.split_once("://")?;
    Some(match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    })
}

/// The host of an origin with its port, which browsers leave out where it is its
/// scheme's own.
fn with_port(origin: &str, host: &str) -> String {
    match origin.split_once("://") {
        Some(("http", authority)) if authority == host => format!("{host}:80"),
        Some(("https", authority)) if authority == host => format!("{host}:443"),
        Some((_, authority)) => authority.to_owned(),
        None => String::new(),
    }
}

/// Whether the host of an origin is this machine.
fn is_loopback(origin: &str) -> bool {
    let Some(host) = host(origin) else {
        return false;
    };
    let v6 = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost")
        || v6.is_some_and(|v6| v6.parse().is_ok_and(|ip: Ipv6Addr| ip.is_loopback()))
        || host.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permitted(allowed: &AllowedOrigins, origin: &str) -> bool {
        let origin = HeaderValue::from_str(origin).expect("the test's origin is a header");
        allowed.permit(Some(&origin))
    }

    #[test]
    fn a_list_is_exact() {
        let allowed =
            AllowedOrigins::from_entries(["https://app.example/", " HTTP://localhost:5173"]);
        for (origin, expected) in [
            ("https://app.example", true),
            ("http://localhost:5173", true),
            ("https://app.example.evil.test", false),
            ("https://evil.test/https://app.example", false),
            ("http://app.example", false),
            ("https://app.example:8443", false),
            ("http://localhost", false),
            ("null", false),
        ] {
            assert_eq!(permitted(&allowed, origin), expected, "{origin}");
        }
        assert!(allowed.permit(None), "no browser");
    }

    #[test]
    fn without_a_list_and_with_a_star_all_may_come() {
        for entries in [vec![], vec![""], vec!["https://a.test", "*"]] {
            let allowed = AllowedOrigins::from_entries(entries);
            assert!(permitted(&allowed, "https://any.test"));
            assert!(allowed.permit(None));
        }
    }

    /// S10: whoever proves nothing comes from this machine, unless a list says
    /// else.
    #[test]
    fn without_a_proof_only_pages_of_this_machine_may_come() {
        let permitted = |allowed: &AllowedOrigins, origin: &str| {
            let origin = HeaderValue::from_str(origin).expect("the test's origin is a header");
            allowed.permit_unproved(Some(&origin))
        };
        for (origin, expected) in [
            ("http://localhost", true),
            ("http://localhost:5173", true),
            ("https://LOCALHOST:443", true),
            ("capacitor://localhost", true),
            ("http://127.0.0.1:8080", true),
            ("http://127.1.2.3", true),
            ("http://[::1]", true),
            ("http://[::1]:3000", true),
            ("http://localhost.evil.test", false),
            ("http://evil.test", false),
            ("http://evil.test:80", false),
            ("http://127.0.0.1.evil.test", false),
            ("http://10.0.2.2:5000", false),
            ("http://[2001:db8::1]:3000", false),
            ("http://localhost:1@evil.test", false),
            ("localhost", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(
                permitted(&AllowedOrigins::Unset, origin),
                expected,
                "{origin}"
            );
        }
        assert!(AllowedOrigins::Unset.permit_unproved(None), "no browser");
        assert!(permitted(&AllowedOrigins::Any, "https://any.test"));
        let list = AllowedOrigins::from_entries(["https://app.example"]);
        assert!(permitted(&list, "https://app.example"));
        assert!(!permitted(&list, "http://localhost"));
    }

    #[test]
    fn a_host_stands_for_all_its_schemes_and_ports() {
        let hosts = AllowedHosts::from_entries([" Liga.test", ".club.test", "[::1]"]);
        let hosts = hosts.expect("hosts");
        let permitted = |hosts: &AllowedHosts, origins: &AllowedOrigins, origin: &str| {
            let mut headers = HeaderMap::new();
            let origin = HeaderValue::from_str(origin).expect("the test's origin is a header");
            headers.insert(header::ORIGIN, origin);
            hosts.permit_headers(origins, &headers)
        };
        let list = AllowedOrigins::from_entries(["https://app.example"]);
        for (origin, alone, beside) in [
            ("http://liga.test", true, true),
            ("https://LIGA.test:4000", true, true),
            ("capacitor://liga.test", true, true),
            ("https://club.test", true, true),
            ("https://app.club.test", true, true),
            ("http://[::1]:4000", true, true),
            ("https://app.example", false, true),
            ("https://app.liga.test", false, false),
            ("https://evilclub.test", false, false),
            ("https://liga.test.evil.test", false, false),
            ("https://liga.test:1@evil.test", false, false),
            ("https://evil.test/liga.test", false, false),
            ("null", false, false),
        ] {
            assert_eq!(
                permitted(&hosts, &AllowedOrigins::Unset, origin),
                alone,
                "{origin}"
            );
            assert_eq!(permitted(&hosts, &list, origin), beside, "{origin}");
        }
        let any = AllowedHosts::from_entries(["*"]).expect("any");
        assert!(permitted(&any, &AllowedOrigins::Unset, "https://evil.test"));
        let none = AllowedHosts::default();
        assert!(permitted(&none, &AllowedOrigins::Unset, "https://any.test"));
        assert!(!permitted(&none, &list, "https://any.test"));
        assert!(hosts.permit_headers(&list, &HeaderMap::new()), "no browser");
        for wrong in ["", "a b", "http://liga.test", "liga.test/chat"] {
            assert_eq!(AllowedHosts::from_entries([wrong]), None, "{wrong}");
        }
    }

    #[test]
    fn a_host_may_be_listed_with_a_port_and_an_address_without_brackets() {
        let entries = [
            "liga.test:4000",
            ".club.test:443",
            "::1",
            "fd00::0:7",
            "[::2]:80",
        ];
        let hosts = AllowedHosts::from_entries(entries).expect("hosts");
        for (origin, expected) in [
            ("http://liga.test:4000", true),
            ("http://liga.test:4001", false),
            ("http://liga.test", false),
            ("https://club.test", true),
            ("https://app.club.test", true),
            ("https://app.club.test:4000", false),
            ("http://app.club.test", false),
            ("http://[::1]:4000", true),
            ("http://[fd00::7]", true),
            ("http://[::2]", true),
            ("https://[::2]", false),
            ("http://[::3]", false),
        ] {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_str(origin).expect("the test's origin is a header");
            headers.insert(header::ORIGIN, value);
            let permitted = hosts.permit_headers(&AllowedOrigins::Unset, &headers);
            assert_eq!(permitted, expected, "{origin}");
        }
    }

    #[test]
    fn two_origins_are_one_too_many() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::ORIGIN,
            HeaderValue::from_static("https://app.example"),
        );
        let allowed = AllowedOrigins::from_entries(["https://app.example"]);
        assert!(allowed.permit_headers(&headers));
        headers.append(
            header::ORIGIN,
            HeaderValue::from_static("https://app.example"),
        );
        assert!(!allowed.permit_headers(&headers));
    }
}
