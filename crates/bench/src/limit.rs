//! The limit server: what a fan-out costs when there is nothing but writing
//! pre-encoded frames. For each message from anybody it writes one frame to
//! everybody in the room, which the path of the handshake names; what one
//! wake-up brought together goes out in one write.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use tertulia_hub::ws::{frame, handshake};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// As large as KaapehChat's frame for a text of 100 bytes.
const PAYLOAD: usize = 330;

#[derive(Default)]
struct Room {
    sockets: RefCell<Vec<Rc<TcpStream>>>,
    waiting: Cell<usize>,
}

#[derive(Default)]
struct Rooms {
    by_path: RefCell<HashMap<String, Rc<Room>>>,
    /// Those in which something waits.
    waiting: RefCell<Vec<Rc<Room>>>,
    wake: Notify,
}

/// Serves until it is ended.
pub(crate) async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("WS server: ws://{}", listener.local_addr()?);
    let rooms = Rc::new(Rooms::default());
    tokio::task::spawn_local(write(Rc::clone(&rooms)));
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let rooms = Rc::clone(&rooms);
        tokio::task::spawn_local(async move {
            if let Err(error) = read(&rooms, socket).await {
                eprintln!("limit server: {error:#}");
            }
        });
    }
}

thread_local! {
    /// One for all sockets, so that an idle one holds none.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 * 1024]);
}

async fn read(rooms: &Rooms, socket: TcpStream) -> Result<()> {
    let path = greet(&socket).await?;
    let room = Rc::clone(rooms.by_path.borrow_mut().entry(path).or_default());
    let socket = Rc::new(socket);
    room.sockets.borrow_mut().push(Rc::clone(&socket));
    let mut frames = ClientFrames::default();
    loop {
        socket.readable().await?;
        let count = BUFFER.with_borrow_mut(|buffer| match socket.try_read(buffer) {
            Ok(0) => None,
            Ok(read) => Some(frames.count(&buffer[..read])),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Some(0),
            Err(_) => None,
        });
        let Some(count) = count else {
            let others = |other: &Rc<TcpStream>| !Rc::ptr_eq(other, &socket);
            room.sockets.borrow_mut().retain(others);
            return Ok(());
        };
        if count > 0 {
            if room.waiting.replace(room.waiting.get() + count) == 0 {
                rooms.waiting.borrow_mut().push(Rc::clone(&room));
            }
            rooms.wake.notify_one();
        }
    }
}

/// Shakes hands; the path that was asked for.
async fn greet(socket: &TcpStream) -> Result<String> {
    let mut buffer = vec![0; 4 * 1024];
    let mut filled = 0;
    while !buffer[..filled].ends_with(b"\r\n\r\n") {
        socket.readable().await?;
        match socket.try_read(&mut buffer[filled..]) {
            Ok(0) => bail!("closed before the handshake"),
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    let head = std::str::from_utf8(&buffer[..filled])?;
    let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
    let mut request = http::Request::builder().uri("/");
    for line in head.lines().skip(1) {
        if let Some((name, value)) = line.split_once(':') {
            request = request.header(name, value.trim());
        }
    }
    let (parts, ()) = request.body(())?.into_parts();
    let accepted = handshake::check(&parts, false)
        .ok()
        .context("not a WebSocket handshake")?
        .response();
    let mut answer = String::from("HTTP/1.1 101 Switching Protocols\r\n");
    for (name, value) in accepted.headers() {
        answer.push_str(&format!("{name}: {}\r\n", value.to_str()?));
    }
    answer.push_str("\r\n");
    write_all(socket, answer.as_bytes()).await?;
    Ok(path)
}

async fn write(rooms: Rc<Rooms>) {
    let one = frame::text(&"x".repeat(PAYLOAD));
    loop {
        rooms.wake.notified().await;
        let waiting = rooms.waiting.take();
        for room in waiting {
            let frames = one.repeat(room.waiting.take());
            let sockets: Vec<_> = room.sockets.borrow().clone();
            for socket in sockets {
                // A slow reader waits for itself only in the rare case that its buffer is full.
                if write_all(&socket, &frames).await.is_err() {
                    let others = |other: &Rc<TcpStream>| !Rc::ptr_eq(other, &socket);
                    room.sockets.borrow_mut().retain(others);
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

async fn write_all(socket: &TcpStream, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match socket.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                socket.writable().await?
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Counts the data frames in a client's stream without looking into them.
#[derive(Default)]
struct ClientFrames {
    header: Vec<u8>,
    skip: usize,
    data: bool,
}

impl ClientFrames {
    fn count(&mut self, mut bytes: &[u8]) -> usize {
        let mut count = 0;
        while !bytes.is_empty() {
            if self.skip > 0 {
                let step = self.skip.min(bytes.len());
                self.skip -= step;
                bytes = &bytes[step..];
            } else {
                self.header.push(bytes[0]);
                bytes = &bytes[1..];
                let Some(length) = payload_length(&self.header) else {
                    continue;
                };
                self.data = self.header[0] & 0x0f <= 2;
                self.skip = length + 4; // the mask
                self.header.clear();
            }
            if self.skip == 0 && self.header.is_empty() && self.data {
                self.data = false;
                count += 1;
            }
        }
        count
    }
}

/// The payload's length, once the header's length fields are there (RFC 6455 §5.2).
pub(crate) fn payload_length(header: &[u8]) -> Option<usize> {
    let short = usize::from(*header.get(1)? & 0x7f);
    let extended = match short {
        126 => header.get(2..4)?,
        127 => header.get(2..10)?,
        _ => return Some(short),
    };
    Some(
        extended
            .iter()
            .fold(0, |length, byte| (length << 8) | usize::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::ClientFrames;

    #[test]
    fn frames_are_counted_wherever_the_stream_is_cut() {
        let mut stream = Vec::new();
        for length in [0_usize, 1, 125, 126, 300] {
            stream.push(0x81);
            match u8::try_from(length) {
                Ok(short) if short < 126 => stream.push(0x80 | short),
                _ => stream.extend([0xfe, (length >> 8) as u8, length as u8]),
            }
            stream.extend(vec![b'x'; length + 4]);
        }
        stream.extend([0x8a, 0x80, 0, 0, 0, 0]); // a pong counts for nothing
        for cut in 0..stream.len() {
            let mut frames = ClientFrames::default();
            assert_eq!(
                frames.count(&stream[..cut]) + frames.count(&stream[cut..]),
                5,
                "cut at {cut}"
            );
        }
    }
}
