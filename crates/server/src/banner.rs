//! What the program says on standard output when it starts.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

/// What is told at a start.
pub(crate) struct Started<'a> {
    pub(crate) addresses: &'a [SocketAddr],
    pub(crate) tls: bool,
    pub(crate) data_dir: &'a Path,
    /// Whether this start made the data folder.
    pub(crate) first: bool,
}

impl Started<'_> {
    /// One line for each listener, as KaapehChat's original prints it: scripts
    /// may wait for it.
    pub(crate) fn lines(&self) -> String {
        let scheme = if self.tls { "wss" } else { "ws" };
        self.addresses
            .iter()
            .fold(String::new(), |mut lines, address| {
                // Writing to a string cannot fail.
                let _ = writeln!(lines, "WS server: {scheme}://{address}");
                lines
            })
    }

    /// The welcome, in Spanish and English.
    pub(crate) fn welcome(&self) -> String {
        let Some(first) = self.addresses.first() else {
            return String::new();
        };
        let scheme = if self.tls { "https" } else { "http" };
        let port = first.port();
        let web = format!("{scheme}://{}", browsable(*first));
        let emulator = format!("{scheme}://10.0.2.2:{port}");
        let open = format!("TERTULIA_LISTEN=0.0.0.0:{port}");
        let data = std::path::absolute(self.data_dir);
        let data = data.as_deref().unwrap_or(self.data_dir).display();
        let docs = format!("{web}/openapi.json");
        let (made_es, made_en) = if self.first {
            (" (recién creada)", " (just made)")
        } else {
            ("", "")
        };
        let open_es = self.local(&open, "Red local", "arranca con");
        let open_en = self.local(&open, "Local network", "start with");
        format!(
            "
  Tertulia {version}

  Web:                {web}
  Emulador Android:   {emulator}{open_es}
  Datos:              {data}{made_es}
  API:                {docs}

  Web:                {web}
  Android emulator:   {emulator}{open_en}
  Data:               {data}{made_en}
  API:                {docs}

",
            version = env!("CARGO_PKG_VERSION"),
        )
    }

    /// How to open the server to other devices, unless it is open.
    fn local(&self, setting: &str, label: &str, advice: &str) -> String {
        if self
            .addresses
            .iter()
            .all(|address| address.ip().is_loopback())
        {
            let label = format!("{label}:");
            format!("\n  {label:<20}{advice} {setting}")
        } else {
            String::new()
        }
    }
}

/// An address that a browser on this machine can open.
fn browsable(address: SocketAddr) -> String {
    if address.ip().is_unspecified() || address.ip().is_loopback() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(addresses: &[&str]) -> (String, String) {
        let addresses: Vec<SocketAddr> = addresses.iter().map(|it| it.parse().unwrap()).collect();
        let started = Started {
            addresses: &addresses,
            tls: false,
            data_dir: Path::new("/srv/chat"),
            first: true,
        };
        (started.lines(), started.welcome())
    }

    #[test]
    fn every_listener_has_its_line() {
        let (lines, _) = started(&["0.0.0.0:8765", "[::1]:8000"]);
        assert_eq!(
            lines,
            "WS server: ws://0.0.0.0:8765\nWS server: ws://[::1]:8000\n"
        );
    }

    #[test]
    fn a_closed_server_says_how_to_open_it() {
        let (_, welcome) = started(&["127.0.0.1:8000"]);
        for text in [
            "http://localhost:8000",
            "http://10.0.2.2:8000",
            "Red local:          arranca con TERTULIA_LISTEN=0.0.0.0:8000",
            "Local network:      start with TERTULIA_LISTEN=0.0.0.0:8000",
            "/srv/chat (recién creada)",
        ] {
            assert!(welcome.contains(text), "{text} is not in {welcome}");
        }
    }

    #[test]
    fn an_open_server_does_not() {
        let (_, welcome) = started(&["0.0.0.0:8000"]);
        assert!(!welcome.contains("TERTULIA_LISTEN"), "{welcome}");
        assert!(welcome.contains("http://localhost:8000"));
    }
}
