//! A WebSocket client that costs the load's core as little as it can: it reads
//! into one shared buffer and looks into frames only for the sender's count.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::limit::payload_length;

/// How long an answer may take while a scene is set up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sockets that come from one address before the next one is taken.
const FROM_ONE_ADDRESS: usize = 1_000;

/// A connected socket.
pub(crate) struct Client {
    socket: Rc<TcpStream>,
    partial: Vec<u8>,
}

/// The half of a client that sends.
#[derive(Clone)]
pub(crate) struct Mouth(Rc<TcpStream>);

impl Client {
    /// Connects and shakes hands at a path.
    pub(crate) async fn connect(address: &str, path: &str) -> Result<Self> {
        timeout(PATIENCE, Self::shake_hands(address, path))
            .await
            .context("the handshake takes too long")?
    }

    async fn shake_hands(address: &str, path: &str) -> Result<Self> {
        let socket = reach(address)
            .await
            .with_context(|| format!("cannot reach {address}"))?;
        socket.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        write_all(&socket, request.as_bytes()).await?;
        let mut partial = Vec::new();
        let head = loop {
            socket.readable().await?;
            match socket.try_read_buf(&mut partial) {
                Ok(0) => bail!("closed during the handshake"),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(end) = memchr::memmem::find(&partial, b"\r\n\r\n") {
                break partial.drain(..end + 4).collect::<Vec<_>>();
            }
        };
        if !head.starts_with(b"HTTP/1.1 101") {
            let head = String::from_utf8_lossy(&head);
            bail!("refused: {}", head.lines().next().unwrap_or_default());
        }
        Ok(Self {
            socket: Rc::new(socket),
            partial: partial.as_slice().to_vec(),
        })
    }

    /// Sends one text frame.
    pub(crate) async fn send(&self, text: &str) -> Result<()> {
        send(&self.socket, text).await
    }

    /// Sends a pong that nobody asked for, which means nothing (RFC 6455 §5.5.3).
    pub(crate) async fn send_pong(&self) -> Result<()> {
        write_all(&self.socket, &[0x8a, 0x80, 0, 0, 0, 0]).await
    }

    /// The half that sends.
    pub(crate) fn mouth(&self) -> Mouth {
        Mouth(Rc::clone(&self.socket))
    }

    /// Waits for frames and hands over each payload. Pings are answered, those of
    /// Engine.IO too.
    pub(crate) async fn receive(
        &mut self,
        buffer: &mut [u8],
        mut each: impl FnMut(&[u8]),
    ) -> Result<()> {
        let (mut pings, mut engine_pings) = (0, 0);
        let mut each = |payload: &[u8]| match payload {
            b"2" => engine_pings += 1,
            payload => each(payload),
        };
        if self.partial.is_empty() {
            let read = self.read(buffer).await?;
            let used = frames(&buffer[..read], &mut each, &mut pings)?;
            self.partial = buffer[used..read].to_vec();
        } else {
            let mut used = frames(&self.partial, &mut each, &mut pings)?;
            if used == 0 {
                let read = self.read(buffer).await?;
                self.partial.extend_from_slice(&buffer[..read]);
                used = frames(&self.partial, &mut each, &mut pings)?;
            }
            self.partial = self.partial[used..].to_vec();
        }
        for _ in 0..pings {
            self.send_pong().await?;
        }
        for _ in 0..engine_pings {
            self.send("3").await?;
        }
        Ok(())
    }

    async fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            self.socket.readable().await?;
            match self.socket.try_read(buffer) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for the next frame that has `mark` in it, and gives it as text.
    pub(crate) async fn expect(&mut self, mark: &str) -> Result<String> {
        timeout(PATIENCE, self.wait_for(mark))
            .await
            .map_err(anyhow::Error::from)
            .and_then(|found| found)
            .with_context(|| format!("while waiting for {mark}"))
    }

    async fn wait_for(&mut self, mark: &str) -> Result<String> {
        let mut buffer = vec![0; 16 * 1024];
        let mut found = None;
        while found.is_none() {
            self.receive(&mut buffer, |payload| {
                if found.is_none() && memchr::memmem::find(payload, mark.as_bytes()).is_some() {
                    found = Some(String::from_utf8_lossy(payload).into_owned());
                }
            })
            .await?;
        }
        found.context("checked above")
    }
}

impl Mouth {
    /// Sends one text frame.
    pub(crate) async fn send(&self, text: &str) -> Result<()> {
        send(&self.0, text).await
    }
}

/// Connects from one of many addresses: with ten thousand sockets on one, the
/// kernel looks longer for a free port than the server works.
async fn reach(address: &str) -> std::io::Result<TcpStream> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed) / FROM_ONE_ADDRESS;
    let Ok(SocketAddr::V4(server)) = address.parse() else {
        return TcpStream::connect(address).await;
    };
    let socket = TcpSocket::new_v4()?;
    if server.ip().is_loopback() {
        let last = u8::try_from(number % 250).unwrap_or_default() + 1;
        socket.bind((Ipv4Addr::new(127, 0, 1, last), 0).into())?;
    }
    socket.connect(server.into()).await
}

/// The mask is all zeros: masking is for proxies.
async fn send(socket: &TcpStream, text: &str) -> Result<()> {
    let mut frame = vec![0x81];
    match u16::try_from(text.len())? {
        short @ 0..126 => frame.push(0x80 | u8::try_from(short)?),
        long => {
            frame.push(0x80 | 126);
            frame.extend(long.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    write_all(socket, &frame).await
}

/// Hands over the payload of each whole frame; how many bytes they took.
fn frames(bytes: &[u8], each: &mut impl FnMut(&[u8]), pings: &mut usize) -> Result<usize> {
    let mut used = 0;
    while let Some(length) = payload_length(&bytes[used..]) {
        let frame = &bytes[used..];
        let header = match frame[1] & 0x7f {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        let Some(payload) = frame.get(header..header + length) else {
            break;
        };
        match frame[0] & 0x0f {
            0x8 => bail!(
                "the server closed the connection: {}",
                String::from_utf8_lossy(payload)
            ),
            0x9 => *pings += 1,
            0xa => {}
            _ => each(payload),
        }
        used += header + length;
    }
    Ok(used)
}

async fn write_all(socket: &TcpStream, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match socket.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => socket.writable().await?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
