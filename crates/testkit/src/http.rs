//! A small HTTP client: one connection for each request.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::inbox::within_patience;

/// Talks to one server.
#[derive(Clone, Debug)]
pub struct HttpClient {
    address: SocketAddr,
    bearer: Option<String>,
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl HttpClient {
    /// A client of the server at this address.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            bearer: None,
        }
    }

    /// The same client, with an access token.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Self {
        Self {
            address: self.address,
            bearer: Some(token.to_owned()),
        }
    }

    /// Asks with GET.
    pub async fn get(&self, path: &str) -> HttpResponse {
        self.request(Method::GET, path).send().await
    }

    /// Asks with POST and a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> HttpResponse {
        self.request(Method::POST, path).json(body).send().await
    }

    /// Asks with PUT and a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> HttpResponse {
        self.request(Method::PUT, path).json(body).send().await
    }

    /// Asks with PATCH and a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> HttpResponse {
        self.request(Method::PATCH, path).json(body).send().await
    }

    /// Asks with DELETE.
    pub async fn delete(&self, path: &str) -> HttpResponse {
        self.request(Method::DELETE, path).send().await
    }

    /// A request to be completed.
    #[must_use]
    pub fn request(&self, method: Method, path: &str) -> HttpRequest {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, value(&self.address.to_string()));
        if let Some(token) = &self.bearer {
            headers.insert(header::AUTHORIZATION, value(&format!("Bearer {token}")));
        }
        HttpRequest {
            address: self.address,
            method,
            path: path.to_owned(),
            headers,
            body: Bytes::new(),
        }
    }
}

/// A request about to be sent.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    address: SocketAddr,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl HttpRequest {
    /// With a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, text: &str) -> Self {
        self.headers.insert(name, value(text));
        self
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string())
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it and reads the whole answer.
    ///
    /// # Panics
    /// When the server does not answer in HTTP, or not in time.
    pub async fn send(self) -> HttpResponse {
        let path = self.path.clone();
        match within_patience("an HTTP answer", self.exchange()).await {
            Ok(response) => response,
            Err(error) => panic!("{path}: {error}"),
        }
    }

    async fn exchange(self) -> Result<HttpResponse, Box<dyn std::error::Error>> {
        let mut request = Request::builder().method(self.method).uri(self.path);
        if let Some(headers) = request.headers_mut() {
            *headers = self.headers;
        }
        let request = request.body(Full::new(self.body))?;
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        connection.abort();
        Ok(HttpResponse {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }
}

impl HttpResponse {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{} is no JSON ({error}): {}", self.status, self.text()),
        }
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header that stands exactly once; empty when it does not.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().unwrap_or_default(),
            _ => "",
        }
    }
}

/// What stands after the server's address in an absolute link.
///
/// # Panics
/// When the link is not absolute.
#[must_use]
#[track_caller]
pub fn path_of(link: &str) -> &str {
    let scheme = ["http://", "https://"].into_iter();
    let after = scheme.filter_map(|it| link.strip_prefix(it)).next();
    let slash = after.and_then(|after| Some((after, after.find('/').filter(|at| *at > 0)?)));
    match slash {
        Some((after, slash)) => &after[slash..],
        None => panic!("{link} is no absolute link"),
    }
}

fn value(text: &str) -> HeaderValue {
    match HeaderValue::from_str(text) {
        Ok(value) => value,
        Err(error) => panic!("{text:?} is no header value: {error}"),
    }
}
