//! Addresses to listen on, as they stand in settings.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Where to listen: a name or an IP address, and a port. The name is looked up
/// when the listener opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// A name or an IP address, IPv6 without its brackets.
    pub host: String,
    /// 0 is any free port.
    pub port: u16,
}

/// No listen address can be read from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAddress;

impl FromStr for ListenAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or(NotAnAddress)?;
        let bracketed = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let host = match bracketed {
            Some(address) if address.parse::<IpAddr>().is_ok() => address,
            None if is_host(host) => host,
            _ => return Err(NotAnAddress),
        };
        Ok(Self {
            host: host.to_owned(),
            port: port.parse().map_err(|_| NotAnAddress)?,
        })
    }
}

fn is_host(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses_are_read_and_shown() {
        for text in [
            "127.0.0.1:8000",
            "localhost:0",
            "[::]:8765",
            "chat.example.org:443",
        ] {
            let address: ListenAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        for text in [
            "",
            "8000",
            ":8000",
            "localhost",
            "localhost:",
            "localhost:70000",
            "::1:8000",
            "http://localhost:8000",
            "[localhost]:1",
            "a b:1",
        ] {
            assert_eq!(text.parse::<ListenAddress>(), Err(NotAnAddress), "{text}");
        }
    }
}
