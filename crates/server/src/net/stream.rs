//! An accepted socket, whose fan-out others than its task may write.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use rustix::net::{Shutdown, shutdown};
use tertulia_hub::DirectSocket;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// A socket in two halves: the task reads, and whoever holds the other half may
/// write.
#[derive(Debug)]
pub(crate) struct SharedStream {
    reading: OwnedReadHalf,
    writing: Arc<Writing>,
}

/// The half that may be shared.
#[derive(Debug)]
struct Writing(OwnedWriteHalf);

impl SharedStream {
    pub(crate) fn new(stream: TcpStream) -> Self {
        let (reading, writing) = stream.into_split();
        Self {
            reading,
            writing: Arc::new(Writing(writing)),
        }
    }

    /// For others to write to it, as long as it is open.
    pub(crate) fn shared(&self) -> Weak<dyn DirectSocket> {
        let shared: Weak<Writing> = Arc::downgrade(&self.writing);
        shared
    }

    /// Tries until the socket takes something, or is known to take nothing.
    fn write_when_ready(
        &self,
        context: &mut Context<'_>,
        attempt: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let socket: &TcpStream = self.reading.as_ref();
        loop {
            ready!(socket.poll_write_ready(context))?;
            match attempt(socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

impl DirectSocket for Writing {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }
}

impl AsyncRead for SharedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reading).poll_read(context, buffer)
    }
}

impl AsyncWrite for SharedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write_when_ready(context, |socket| socket.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write_when_ready(context, |socket| socket.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket: &TcpStream = self.reading.as_ref();
        Poll::Ready(shutdown(socket, Shutdown::Write).map_err(io::Error::from))
    }
}
