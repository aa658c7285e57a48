//! What the query of an Engine.IO request says.

use axum::extract::Query;
use http::Uri;

/// The parameters that the protocol knows. Of one that comes twice the first
/// counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    version: Option<String>,
    transport: Option<String>,
    pub(super) sid: Option<String>,
}

/// How packets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Polling,
    WebSocket,
}

impl Parameters {
    /// Reads a query. One that is none names nothing.
    pub(super) fn read(uri: &Uri) -> Self {
        let mut parameters = Self::default();
        let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
            return parameters;
        };
        for (name, value) in pairs {
            let place = match name.as_str() {
                "EIO" => &mut parameters.version,
                "transport" => &mut parameters.transport,
                "sid" => &mut parameters.sid,
                _ => continue,
            };
            place.get_or_insert(value);
        }
        parameters
    }

    /// Whether it is the version that is spoken here.
    pub(super) fn is_version_4(&self) -> bool {
        self.version.as_deref() == Some("4")
    }

    pub(super) fn transport(&self) -> Option<Transport> {
        match self.transport.as_deref()? {
            "polling" => Some(Transport::Polling),
            "websocket" => Some(Transport::WebSocket),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Parameters {
        let uri = format!("/socket.io/{query}");
        Parameters::read(&uri.parse().expect("the test's path is one"))
    }

    #[test]
    fn parameters_are_read_whatever_stands_beside_them() {
        let parameters = read("?user_id=31&EIO=4&transport=polling&t=abc&sid=a%2Bb&sid=c");
        assert!(parameters.is_version_4());
        assert_eq!(parameters.transport(), Some(Transport::Polling));
        assert_eq!(parameters.sid.as_deref(), Some("a+b"));
        for none in ["", "?", "?EIO=3&transport=abc", "?eio=4&Transport=polling"] {
            let parameters = read(none);
            assert!(!parameters.is_version_4(), "{none}");
            assert_eq!(parameters.transport(), None, "{none}");
            assert_eq!(parameters.sid, None, "{none}");
        }
    }
}
