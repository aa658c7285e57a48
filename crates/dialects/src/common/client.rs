//! Who is calling, as far as a request itself says: address, device, token.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use http::{Extensions, HeaderMap, HeaderName, header};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Addresses that a request may have passed; what stands further left is not
/// looked at.
const MOST_PROXIES: usize = 16;

/// The address at the other end of the socket. `server` puts it into every
/// request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// A block of addresses, as in `10.0.0.0/8` or `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: u128,
    mask: u128,
}

impl Network {
    /// Whether the address lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        as_number(address) & self.mask == self.first
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first = Ipv6Addr::from_bits(self.first);
        let bits = self.mask.leading_ones();
        match first.to_canonical() {
            IpAddr::V4(first) if bits >= 96 => write!(f, "{first}/{}", bits - 96),
            _ => write!(f, "{first}/{bits}"),
        }
    }
}

/// Both families in one number: IPv4 as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2).
fn as_number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// A text that names no block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANetwork;

impl std::fmt::Display for NotANetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not an address or a block such as 10.0.0.0/8")
    }
}

impl std::error::Error for NotANetwork {}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let (offset, width) = if address.is_ipv4() {
            (96, 32)
        } else {
            (0, 128)
        };
        let bits: u32 = match bits {
            Some(bits) => bits.parse().map_err(|_| NotANetwork)?,
            None => width,
        };
        if bits > width {
            return Err(NotANetwork);
        }
        let mask = u128::MAX.checked_shl(128 - offset - bits).unwrap_or(0);
        Ok(Self {
            first: as_number(address) & mask,
            mask,
        })
    }
}

/// The client's address: the peer's, unless the peer is a trusted proxy that
/// names another (S19).
///
/// Proxies append to `X-Forwarded-For` or `Forwarded` (RFC 7239); the list is
/// read from its end, as far as trusted proxies wrote it. Where both headers
/// are there and differ, one of them came from the client: neither is taken.
#[must_use]
pub fn address(
    extensions: &Extensions,
    headers: &HeaderMap,
    trusted: &[Network],
) -> Option<IpAddr> {
    let peer = peer(extensions)?;
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(peer) {
        return Some(peer);
    }
    let by_name = headers
        .contains_key(X_FORWARDED_FOR)
        .then(|| walk(peer, x_forwarded_for(headers), is_trusted));
    let by_rfc = headers
        .contains_key(header::FORWARDED)
        .then(|| walk(peer, forwarded(headers), is_trusted));
    Some(match (by_name, by_rfc) {
        (Some(one), Some(other)) if one != other => peer,
        (Some(client), _) | (None, Some(client)) => client,
        (None, None) => peer,
    })
}

/// Whether the request comes from a proxy whose word is taken (S19).
#[must_use]
pub fn is_from_proxy(extensions: &Extensions, trusted: &[Network]) -> bool {
    peer(extensions).is_some_and(|peer| trusted.iter().any(|network| network.contains(peer)))
}

/// The address at the other end of the socket.
fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let peer = extensions.get::<PeerAddress>()?;
    Some(peer.0.ip().to_canonical())
}

/// Goes from proxy to proxy while each is trusted, and stops before what is no
/// address.
fn walk(
    peer: IpAddr,
    hops: impl Iterator<Item = Option<IpAddr>>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let mut client = peer;
    for hop in hops.take(MOST_PROXIES) {
        let Some(hop) = hop else { break };
        client = hop;
        if !is_trusted(hop) {
            break;
        }
    }
    client
}

/// The addresses in `X-Forwarded-For`, the nearest first.
fn x_forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    entries(headers, X_FORWARDED_FOR).map(|entry| entry.and_then(node_address))
}

/// The `for=` addresses in `Forwarded`, the nearest first.
fn forwarded(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    entries(headers, header::FORWARDED)
        .map(|element| parameter(element?, "for").and_then(node_address))
}

/// What an element of `Forwarded` says under a name (RFC 7239 §4). Nothing that
/// is asked for here needs a quoted pair or a comma.
pub(crate) fn parameter<'h>(element: &'h str, name: &str) -> Option<&'h str> {
    let mut pairs = element
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"'))
}

/// The entries of a list header, the last first. A value that is no text is an
/// entry that says nothing.
pub(crate) fn entries(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Option<&str>> {
    let values: Vec<_> = headers.get_all(name).iter().collect();
    values.into_iter().rev().flat_map(|value| {
        let text = value.to_str().ok();
        let none = text.is_none().then_some(None);
        none.into_iter()
            .chain(text.into_iter().flat_map(|text| text.rsplit(',').map(Some)))
    })
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `"[2001:db8::1]:80"`.
fn node_address(node: &str) -> Option<IpAddr> {
    let node = node.trim().trim_matches('"');
    let address = match node.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None if node.matches(':').count() == 1 => node.split(':').next()?,
        None => node,
    };
    address.parse().ok().map(|ip: IpAddr| ip.to_canonical())
}

/// What the client calls itself, for its owner's list of sessions: the
/// `User-Agent` without control characters, or nothing.
#[must_use]
pub fn device_name(headers: &HeaderMap) -> String {
    const MOST: usize = 200;
    headers
        .get(header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control())
        .take(MOST)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// The token of `Authorization: Bearer` (RFC 6750 §2.1). Several headers are
/// one too many.
#[must_use]
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn client(peer: &str, trusted: &[&str], given: &[(&'static str, &str)]) -> String {
        let mut extensions = Extensions::new();
        let peer: IpAddr = peer.parse().expect("the test's peer is an address");
        extensions.insert(PeerAddress(SocketAddr::new(peer, 40_000)));
        let trusted: Vec<Network> = trusted
            .iter()
            .map(|network| network.parse().expect("the test's network is one"))
            .collect();
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(
                *name,
                HeaderValue::from_str(value).expect("the test's header is one"),
            );
        }
        address(&extensions, &headers, &trusted)
            .expect("the peer is known")
            .to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let spoofed = [("x-forwarded-for", "203.0.113.9")];
        assert_eq!(client("198.51.100.1", &[], &spoofed), "198.51.100.1");
        assert_eq!(
            client("198.51.100.1", &["10.0.0.0/8"], &spoofed),
            "198.51.100.1"
        );
        assert_eq!(client("10.1.2.3", &["10.0.0.0/8"], &spoofed), "203.0.113.9");
        assert_eq!(
            client("::ffff:10.1.2.3", &["10.0.0.0/8"], &spoofed),
            "203.0.113.9"
        );
    }

    #[test]
    fn what_the_client_wrote_itself_is_passed_over() {
        let trusted = ["10.0.0.0/8", "::1"];
        for (name, value, expected) in [
            ("x-forwarded-for", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
            (
                "x-forwarded-for",
                "1.2.3.4, 203.0.113.9, 10.9.9.9",
                "203.0.113.9",
            ),
            ("x-forwarded-for", "1.2.3.4, nonsense", "10.1.1.1"),
            ("x-forwarded-for", "203.0.113.9:4711", "203.0.113.9"),
            ("x-forwarded-for", "2001:db8::7", "2001:db8::7"),
            (
                "forwarded",
                "for=1.2.3.4, For=\"[2001:db8::7]:80\";proto=https",
                "2001:db8::7",
            ),
            ("forwarded", "for=unknown", "10.1.1.1"),
            ("forwarded", "proto=https", "10.1.1.1"),
        ] {
            assert_eq!(
                client("10.1.1.1", &trusted, &[(name, value)]),
                expected,
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn several_header_lines_are_one_list() {
        let given = [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-for", "203.0.113.9"),
        ];
        assert_eq!(client("::1", &["::1"], &given), "203.0.113.9");
    }

    #[test]
    fn two_headers_that_differ_are_not_believed() {
        let both = |forwarded| [("x-forwarded-for", "203.0.113.9"), ("forwarded", forwarded)];
        let trusted = ["10.0.0.0/8"];
        assert_eq!(
            client("10.1.1.1", &trusted, &both("for=203.0.113.9")),
            "203.0.113.9"
        );
        assert_eq!(
            client("10.1.1.1", &trusted, &both("for=1.2.3.4")),
            "10.1.1.1"
        );
    }

    #[test]
    fn networks() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("fd00::/8", "fd12::1", true),
        ] {
            let network: Network = network.parse().expect("the test's network is one");
            let address: IpAddr = address.parse().expect("the test's address is one");
            assert_eq!(network.contains(address), inside, "{address}");
            assert_eq!(network.to_string().parse(), Ok(network));
        }
        for odd in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "host"] {
            assert_eq!(odd.parse::<Network>(), Err(NotANetwork), "{odd}");
        }
    }

    #[test]
    fn tokens_come_in_one_header_of_one_form() {
        let mut headers = HeaderMap::new();
        assert_eq!(bearer_token(&headers), None);
        for (value, token) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic abc", None),
            ("Bearer", None),
            ("Bearer ", None),
        ] {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            assert_eq!(bearer_token(&headers), token, "{value}");
        }
        headers.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert_eq!(bearer_token(&headers), None);
    }

    #[test]
    fn device_names_are_clean_and_short() {
        let mut headers = HeaderMap::new();
        assert_eq!(device_name(&headers), "");
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_bytes(&[b"Caf\xc3\xa9\t/1 " as &[u8], &[b'x'; 400]].concat())
                .expect("the test's header is one"),
        );
        let name = device_name(&headers);
        assert!(name.starts_with("Café/1 x"), "{name}");
        assert_eq!(name.chars().count(), 200);
    }
}
