//! A WebSocket client that costs the load's core as little as it can: it reads
//! into one shared buffer and looks into frames only for the sender's count.

use std::io::ErrorKind;

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;

use crate::limit::payload_length;

/// A connected socket.
pub(crate) struct Client {
    socket: TcpStream,
    partial: Vec<u8>,
}

impl Client {
    /// Connects and shakes hands at a path.
    pub(crate) async fn connect(address: &str, path: &str) -> Result<Self> {
        let socket = TcpStream::connect(address)
            .await
            .with_context(|| format!("cannot reach {address}"))?;
        socket.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        write_all(&socket, request.as_bytes()).await?;
        let mut head = Vec::new();
        let mut byte = [0; 1];
        while !head.ends_with(b"\r\n\r\n") {
            socket.readable().await?;
            match socket.try_read(&mut byte) {
                Ok(0) => bail!("closed during the handshake"),
                Ok(_) => head.push(byte[0]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !head.starts_with(b"HTTP/1.1 101") {
            bail!(
                "refused: {}",
                String::from_utf8_lossy(&head)
                    .lines()
                    .next()
                    .unwrap_or_default()
            );
        }
        Ok(Self {
            socket,
            partial: Vec::new(),
        })
    }

    /// Sends one text frame. The mask is all zeros: masking is for proxies.
    pub(crate) async fn send(&self, text: &str) -> Result<()> {
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
        write_all(&self.socket, &frame).await
    }

    /// Waits for frames and hands over each payload. Pings are answered, those of
    /// Engine.IO too.
    pub(crate) async fn receive(
        &mut self,
        buffer: &mut [u8],
        mut each: impl FnMut(&[u8]),
    ) -> Result<()> {
        let read = loop {
            self.socket.readable().await?;
            match self.socket.try_read(buffer) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(read) => break read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        };
        let (mut pings, mut engine_pings) = (0, 0);
        let mut each = |payload: &[u8]| match payload {
            b"2" => engine_pings += 1,
            payload => each(payload),
        };
        let rest = if self.partial.is_empty() {
            let used = frames(&buffer[..read], &mut each, &mut pings)?;
            buffer[used..read].to_vec()
        } else {
            self.partial.extend_from_slice(&buffer[..read]);
            let used = frames(&self.partial, &mut each, &mut pings)?;
            self.partial[used..].to_vec()
        };
        self.partial = rest;
        for _ in 0..pings {
            write_all(&self.socket, &[0x8a, 0x80, 0, 0, 0, 0]).await?;
        }
        for _ in 0..engine_pings {
            self.send("3").await?;
        }
        Ok(())
    }

    /// Waits for the next frame that has `mark` in it, and gives it as text.
    pub(crate) async fn expect(&mut self, mark: &str) -> Result<String> {
        let mut buffer = vec![0; 64 * 1024];
        let mut found = None;
        while found.is_none() {
            self.receive(&mut buffer, |payload| {
                let text = String::from_utf8_lossy(payload);
                if found.is_none() && text.contains(mark) {
                    found = Some(text.into_owned());
                }
            })
            .await
            .with_context(|| format!("while waiting for {mark}"))?;
        }
        found.context("checked above")
    }
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
