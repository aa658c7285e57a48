//! Refuses requests whose length can be read in two ways (RFC 9112 §6.3), by
//! which one request is smuggled inside another past a proxy.
//!
//! hyper lets `Transfer-Encoding` win over `Content-Length` and says nothing of
//! the second, so the heads are looked at before hyper sees them. Where one is
//! ambiguous, the line break that ends it is spoiled: hyper cannot parse such a
//! head, answers 400 and closes.
//!
//! Only as much is followed as is needed to find the next head: a body of
//! announced length. After a chunked body or an upgrade nothing is looked at any
//! more; the connection must then end after its response, which
//! [`ends_connection`] tells the service.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::admission::Place;
use super::passage::Passage;
use super::stall::Stall;

/// Stands in for the line break that ends an ambiguous head. No head may
/// contain it (RFC 9112 §2.2, RFC 9110 §5.5).
const SPOILED: u8 = 0;

/// Whether the connection must end after the response to this request, since
/// its next head would not be looked at.
pub(crate) fn ends_connection(request: &HeaderMap, response: StatusCode) -> bool {
    let upgraded = response == StatusCode::SWITCHING_PROTOCOLS;
    let blind =
        request.contains_key(header::TRANSFER_ENCODING) || request.contains_key(header::UPGRADE);
    blind && !upgraded
}

/// A socket whose request heads are looked at, and whose client must read.
#[derive(Debug)]
pub(crate) struct StrictHeads<IO> {
    io: IO,
    scanner: Scanner,
    stall: Stall,
    passage: Arc<Passage>,
    /// Held as long as the socket is open, also after an upgrade.
    _place: Option<Place>,
}

impl<IO> StrictHeads<IO> {
    /// `stall_timeout` is how long the client may read nothing until the
    /// `passage` is through.
    pub(crate) fn new(
        io: IO,
        place: Option<Place>,
        passage: Arc<Passage>,
        stall_timeout: Duration,
    ) -> Self {
        Self {
            io,
            scanner: Scanner::default(),
            stall: Stall::new(stall_timeout),
            passage,
            _place: place,
        }
    }

    /// What came of an attempt to write. Whoever took over the socket looks
    /// after itself.
    fn written<T>(
        &mut self,
        context: &mut Context<'_>,
        attempt: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.passage.is_through() {
            return attempt;
        }
        self.stall.watch(context, attempt)
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for StrictHeads<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(context, buffer))?;
        self.scanner.scan(&mut buffer.filled_mut()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for StrictHeads<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.io).poll_write(context, bytes);
        self.written(context, attempt)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.io).poll_write_vectored(context, buffers);
        self.written(context, attempt)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let attempt = Pin::new(&mut self.io).poll_flush(context);
        self.written(context, attempt)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let attempt = Pin::new(&mut self.io).poll_shutdown(context);
        self.written(context, attempt)
    }
}

/// Where in the stream of requests the next byte stands.
#[derive(Debug)]
enum Scanner {
    Head(Head),
    /// So many bytes of a body are still to come.
    Body(u64),
    /// Nothing is looked at any more.
    Blind,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::Head(Head::default())
    }
}

impl Scanner {
    fn scan(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            match self {
                Self::Blind => return,
                Self::Body(left) => {
                    let passed = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(bytes.len() - at);
                    at += passed;
                    *left -= passed as u64;
                    if *left == 0 {
                        *self = Self::default();
                    }
                }
                Self::Head(head) => {
                    if let Some(next) = head.byte(&mut bytes[at]) {
                        *self = next;
                    }
                    at += 1;
                }
            }
        }
    }
}

/// What is known of a head so far.
#[derive(Debug, Default)]
struct Head {
    line: Line,
    /// Whether anything but empty lines has come: those before a request count
    /// for nothing (RFC 9112 §2.2).
    begun: bool,
    length: Option<u64>,
    codings: u8,
    upgrade: bool,
    ambiguous: bool,
}

impl Head {
    /// Takes in a byte; at the end of the head tells what follows it.
    fn byte(&mut self, byte: &mut u8) -> Option<Scanner> {
        if *byte != b'\n' {
            self.line.push(*byte);
            return None;
        }
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.header(&line);
            self.begun = true;
            return None;
        }
        if !self.begun {
            return None;
        }
        if self.ambiguous || (self.codings > 0 && self.length.is_some()) {
            *byte = SPOILED;
            return Some(Scanner::Blind);
        }
        Some(self.what_follows())
    }

    fn header(&mut self, line: &Line) {
        if line.has_name("content-length") {
            let length = line.value().and_then(|digits| digits.parse().ok());
            let differs = self.length.is_some() && self.length != length;
            self.ambiguous |= length.is_none() || differs;
            self.length = length;
        } else if line.has_name("transfer-encoding") {
            let chunked = line
                .value()
                .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
            self.codings += 1;
            self.ambiguous |= !chunked || self.codings > 1;
        } else if line.has_name("upgrade") {
            self.upgrade = true;
        }
    }

    fn what_follows(&self) -> Scanner {
        if self.codings > 0 || self.upgrade {
            return Scanner::Blind;
        }
        match self.length {
            None | Some(0) => Scanner::default(),
            Some(length) => Scanner::Body(length),
        }
    }
}

/// The beginning of a line, which is all that is needed of it: the longest
/// header of interest is `Transfer-Encoding` with a short value.
#[derive(Debug)]
struct Line {
    bytes: [u8; Line::KEPT],
    length: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            bytes: [0; Self::KEPT],
            length: 0,
        }
    }
}

impl Line {
    const KEPT: usize = 64;

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
        }
        self.length = self.length.saturating_add(1);
    }

    fn is_empty(&self) -> bool {
        self.length == 0 || (self.length == 1 && self.bytes[0] == b'\r')
    }

    fn kept(&self) -> &[u8] {
        &self.bytes[..self.length.min(Self::KEPT)]
    }

    /// A name with white space before its colon is none; hyper refuses it.
    fn has_name(&self, name: &str) -> bool {
        self.kept()
            .split_at_checked(name.len())
            .is_some_and(|(start, rest)| {
                start.eq_ignore_ascii_case(name.as_bytes()) && rest.first() == Some(&b':')
            })
    }

    /// What stands after the colon; none when it is too long to be of interest,
    /// or no text.
    fn value(&self) -> Option<&str> {
        if self.length > Self::KEPT {
            return None;
        }
        let (_, value) = std::str::from_utf8(self.kept()).ok()?.split_once(':')?;
        Some(value.trim_matches([' ', '\t', '\r']))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes the text through, in pieces of every size, and tells whether it
    /// was spoiled.
    fn is_spoiled(text: &str) -> bool {
        let spoiled = |size: usize| {
            let mut scanner = Scanner::default();
            let mut bytes = text.as_bytes().to_vec();
            for piece in bytes.chunks_mut(size) {
                scanner.scan(piece);
            }
            bytes != text.as_bytes()
        };
        let whole = spoiled(text.len());
        for size in 1..text.len() {
            assert_eq!(spoiled(size), whole, "in pieces of {size}: {text:?}");
        }
        whole
    }

    fn request(headers: &[&str]) -> String {
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
    }

    #[test]
    fn two_lengths_are_one_too_many() {
        for headers in [
            &["Content-Length: 3", "Transfer-Encoding: chunked"][..],
            &["transfer-encoding: chunked", "CONTENT-LENGTH: 3"],
            &["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
            &["Transfer-Encoding: gzip, chunked"],
            &["Transfer-Encoding: chunked, chunked"],
            &["Transfer-Encoding: identity"],
            &["Transfer-Encoding: \u{b}chunked"],
            &["Content-Length: 3", "Content-Length: 4"],
            &["Content-Length: 3, 3"],
            &["Content-Length: -3"],
            &["Content-Length: 0x3"],
            &["Content-Length:"],
        ] {
            assert!(is_spoiled(&request(headers)), "{headers:?}");
        }
    }

    #[test]
    fn what_is_clear_passes() {
        for headers in [
            &[][..],
            &["Content-Length: 0"],
            &["Content-Length:  3  "],
            &["Content-Length: 3", "Content-Length: 3"],
            &["Transfer-Encoding: Chunked"],
            &["X-Content-Length: 3", "Transfer-Encoding: chunked"],
        ] {
            assert!(!is_spoiled(&request(headers)), "{headers:?}");
        }
    }

    #[test]
    fn the_next_head_is_found_after_a_body() {
        let first = format!("{}{}", request(&["Content-Length: 4"]), "\n\n\n\n");
        let bad = request(&["Content-Length: 3", "Transfer-Encoding: chunked"]);
        assert!(!is_spoiled(&format!("{first}{}", request(&[]))));
        assert!(is_spoiled(&format!("{first}{bad}")));
        assert!(is_spoiled(&format!("\r\n{bad}")), "empty lines first");
        assert!(is_spoiled(&bad.replace("\r\n", "\n")), "bare line feeds");
    }

    #[test]
    fn what_looks_like_a_head_in_a_body_is_none() {
        let bad = request(&["Content-Length: 3", "Transfer-Encoding: chunked"]);
        let body = format!("Content-Length: {}", bad.len());
        assert!(!is_spoiled(&format!("{}{bad}", request(&[&body]))));
        let chunked = request(&["Transfer-Encoding: chunked"]);
        assert!(!is_spoiled(&format!("{chunked}{bad}")));
        let upgrade = request(&["Connection: Upgrade", "Upgrade: websocket"]);
        assert!(!is_spoiled(&format!("{upgrade}{bad}")));
    }

    #[test]
    fn connections_end_where_heads_are_no_longer_seen() {
        let mut headers = HeaderMap::new();
        assert!(!ends_connection(&headers, StatusCode::OK));
        headers.insert(header::UPGRADE, http::HeaderValue::from_static("websocket"));
        assert!(ends_connection(&headers, StatusCode::BAD_REQUEST));
        assert!(!ends_connection(&headers, StatusCode::SWITCHING_PROTOCOLS));
    }
}
