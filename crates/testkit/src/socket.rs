//! A WebSocket client that speaks JSON, over a strict and independent
//! implementation. It reads all the time, so that the server never waits for a
//! test, and fails the test when it ends with something unread.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use http::Request;
use http::header::{HeaderName, HeaderValue};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::inbox::{Inbox, within_patience};
use crate::{Closed, Frame, Transcript};

type Stream = WebSocketStream<TcpStream>;

/// One connection of a test.
#[derive(Debug)]
pub struct Socket {
    name: String,
    transcript: Transcript,
    writer: SplitSink<Stream, Message>,
    inbox: Arc<Inbox>,
    reader: JoinHandle<()>,
}

impl Socket {
    /// Connects to `path` and upgrades, with further `headers`.
    ///
    /// # Panics
    /// When the server does not take it.
    pub async fn connect(
        name: &str,
        address: SocketAddr,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        transcript: Transcript,
    ) -> Self {
        match Self::try_connect(name, address, path, headers, transcript).await {
            Ok(socket) => socket,
            Err(error) => panic!("{name} could not connect to {path}: {error}"),
        }
    }

    /// As [`connect`](Self::connect), and gives what went wrong; an HTTP answer
    /// is [`Error::Http`].
    ///
    /// # Errors
    /// What the server answered.
    pub async fn try_connect(
        name: &str,
        address: SocketAddr,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        transcript: Transcript,
    ) -> Result<Self, Error> {
        let connect = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            client_async(upgrade(address, path, headers)?, stream).await
        };
        let (stream, _) = within_patience("a connection", connect).await?;
        let (writer, reader) = stream.split();
        let inbox = Arc::new(Inbox::default());
        let reader = tokio::spawn(read(reader, Arc::clone(&inbox)));
        Ok(Self {
            name: name.to_owned(),
            transcript,
            writer,
            inbox,
            reader,
        })
    }

    /// What it is called in the transcript.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends a JSON value as a text frame.
    pub async fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// Sends a text frame as it is.
    pub async fn send_text(&mut self, frame: &str) {
        self.transcript.sent(&self.name, frame);
        self.put(Message::text(frame)).await;
    }

    /// Sends a binary frame; the transcript shows it as text.
    pub async fn send_binary(&mut self, frame: &[u8]) {
        self.transcript
            .sent(&self.name, &String::from_utf8_lossy(frame));
        self.put(Message::binary(frame.to_vec())).await;
    }

    async fn put(&mut self, message: Message) {
        let sent = within_patience("the server to read", self.writer.send(message)).await;
        if let Err(error) = sent {
            panic!("{} could not send: {error}", self.name);
        }
    }

    /// The next frame, as JSON.
    ///
    /// # Panics
    /// When none comes in time, the connection ends, or it is not JSON.
    pub async fn recv(&mut self) -> Value {
        let text = self.recv_text().await;
        match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(error) => panic!("{} received no JSON ({error}): {text}", self.name),
        }
    }

    /// The next frame, as it is.
    ///
    /// # Panics
    /// When none comes in time, the connection ends, or it is not text.
    pub async fn recv_text(&mut self) -> String {
        match self.inbox.next().await {
            Ok(Frame::Text(text)) => {
                self.transcript.received(&self.name, &text);
                text
            }
            Ok(Frame::Binary(bytes)) => panic!("{} received bytes: {bytes:?}", self.name),
            Err(closed) => panic!("{} waits for a frame and got {closed:?}", self.name),
        }
    }

    /// The next text frame, or how the connection ended before one came. For
    /// tests in which the server may go at any moment.
    ///
    /// # Errors
    /// How the connection ended.
    ///
    /// # Panics
    /// When nothing happens in time, and for bytes.
    pub async fn try_recv_text(&mut self) -> Result<String, Closed> {
        match self.inbox.next().await? {
            Frame::Text(text) => Ok(text),
            Frame::Binary(bytes) => panic!("{} received bytes: {bytes:?}", self.name),
        }
    }

    /// Sends a text frame, unless the server is gone. Nothing of it stands in
    /// the transcript.
    ///
    /// # Errors
    /// When the server is gone.
    pub async fn try_send_text(&mut self, frame: &str) -> Result<(), Error> {
        let send = self.writer.send(Message::text(frame));
        within_patience("the server to read", send).await
    }

    /// What the server says next of how far this Socket.IO client is. It is no
    /// frame to be read: it comes at moments of its own.
    ///
    /// # Panics
    /// When none comes in time.
    pub async fn recv_offset(&mut self) -> String {
        self.inbox.offset().await
    }

    /// How the server ended the connection.
    ///
    /// # Panics
    /// When a frame comes first, or neither comes in time.
    pub async fn recv_close(&mut self) -> Closed {
        match self.inbox.next().await {
            Ok(frame) => panic!("{} waits for the close and got {frame:?}", self.name),
            Err(closed) => {
                self.transcript.received(&self.name, &format!("{closed:?}"));
                closed
            }
        }
    }

    /// Closes from this side, with 1000, and waits for the server's answer. What
    /// the server had not sent by then it does not send any more.
    ///
    /// # Panics
    /// When something was left unread.
    pub async fn finish(mut self) {
        let close = CloseFrame {
            code: 1000.into(),
            reason: "".into(),
        };
        // The server may have closed already.
        let _ = self.writer.send(Message::Close(Some(close))).await;
        self.inbox.closed().await;
        refuse_unread(&self.name, &self.inbox);
    }

    /// Drops the connection without a word, and whatever is unread with it.
    pub fn vanish(self) {
        self.reader.abort();
        self.inbox.take_unread();
    }

    /// Whatever is unread now is of no interest.
    pub fn forget_unread(&mut self) {
        self.inbox.take_unread();
    }

    /// This socket's part of the transcript.
    #[must_use]
    pub fn transcript(&self) -> String {
        self.transcript.text_of(&self.name)
    }

    pub(crate) fn watch(&self) -> WatchedSocket {
        WatchedSocket {
            name: self.name.clone(),
            inbox: Arc::downgrade(&self.inbox),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.reader.abort();
        if !std::thread::panicking() {
            refuse_unread(&self.name, &self.inbox);
        }
    }
}

/// A socket that its server looks at when it ends.
#[derive(Debug)]
pub(crate) struct WatchedSocket {
    name: String,
    inbox: Weak<Inbox>,
}

impl WatchedSocket {
    /// Waits until the server has closed the connection, and fails the test if
    /// anything came that the test did not look at.
    pub(crate) async fn refuse_unread_at_end(&self) {
        let Some(inbox) = self.inbox.upgrade() else {
            return;
        };
        inbox.closed().await;
        inbox.forget(is_farewell);
        refuse_unread(&self.name, &inbox);
    }
}

/// What everybody may be told when the server stops: by `/v1/ws` just that, by
/// IzpoChat that others have gone.
fn is_farewell(frame: &Frame) -> bool {
    let farewells = [r#"{"ev":"bye""#, r#"{"type":"user_left""#];
    let Frame::Text(text) = frame else {
        return false;
    };
    farewells.iter().any(|farewell| text.starts_with(farewell))
}

fn refuse_unread(name: &str, inbox: &Inbox) {
    let unread = inbox.take_unread();
    assert!(unread.is_empty(), "{name} left unread: {unread:#?}");
}

async fn read(mut stream: SplitStream<Stream>, inbox: Arc<Inbox>) {
    while let Some(message) = stream.next().await {
        match message {
            Ok(Message::Text(text)) => inbox.push(Frame::Text(text.as_str().to_owned())),
            Ok(Message::Binary(bytes)) => inbox.push(Frame::Binary(bytes.to_vec())),
            Ok(Message::Close(None)) => inbox.close(Closed::Frame(1005, String::new())),
            Ok(Message::Close(Some(close))) => inbox.close(Closed::Frame(
                close.code.into(),
                close.reason.as_str().to_owned(),
            )),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
            Err(error) => inbox.close(Closed::Lost(error.to_string())),
        }
    }
    inbox.close(Closed::Lost("end of stream".to_owned()));
}

fn upgrade(
    address: SocketAddr,
    path: &str,
    headers: &[(HeaderName, HeaderValue)],
) -> Result<Request<()>, Error> {
    let mut request = format!("ws://{address}{path}").into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(name, value.clone());
    }
    Ok(request)
}
