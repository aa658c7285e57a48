//! The socket that a connection of the hub sees while its client polls, and the
//! WebSocket in its place after an upgrade.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Phase, Polling, Socket, State, frames, keep_waker};

/// Messages that may wait to be fetched, in bytes; the last one may go beyond.
/// Then the connection has to wait, as for a socket that takes no more.
pub(super) const WAITING_BYTES: usize = 256 * 1024;

/// One session's wire. Dropping it ends the session.
pub(crate) struct Wire {
    polling: Arc<Polling>,
    socket: Option<Socket>,
}

impl Wire {
    /// The wire of a session that has just begun.
    pub(crate) fn new(polling: Arc<Polling>) -> Self {
        Self {
            polling,
            socket: None,
        }
    }

    /// The WebSocket, once there is one and everything from before has been
    /// read.
    fn socket(&mut self, state: &mut State) -> Option<Pin<&mut Socket>> {
        if let Phase::Moved(socket) = &mut state.phase
            && let Some(socket) = socket.take()
        {
            self.socket = Some(socket);
        }
        self.socket.as_mut().map(Pin::new)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polling = Arc::clone(&this.polling);
        let mut state = polling.state.lock();
        if !state.incoming.is_empty() {
            let count = buffer.remaining().min(state.incoming.len());
            buffer.put_slice(&state.incoming[..count]);
            state.incoming.advance(count);
            if state.incoming.is_empty() {
                state.incoming = bytes::Bytes::new();
                polling.changed.notify_waiters();
            }
            return Poll::Ready(Ok(()));
        }
        if let Some(socket) = this.socket(&mut state) {
            drop(state);
            return socket.poll_read(context, buffer);
        }
        if matches!(state.phase, Phase::Over) {
            return Poll::Ready(Ok(()));
        }
        keep_waker(&mut state.reader, context);
        Poll::Pending
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(socket) = &mut this.socket {
            return Pin::new(socket).poll_write_vectored(context, slices);
        }
        let polling = Arc::clone(&this.polling);
        let mut state = polling.state.lock();
        if let Some(socket) = this.socket(&mut state) {
            drop(state);
            return socket.poll_write_vectored(context, slices);
        }
        let written = state.take_frames(slices, context);
        drop(state);
        polling.changed.notify_waiters();
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().socket {
            Some(socket) => Pin::new(socket).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().socket {
            Some(socket) => Pin::new(socket).poll_shutdown(context),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl State {
    /// Takes frames of the connection. Each slice holds whole frames: none was
    /// ever taken in part.
    fn take_frames(
        &mut self,
        slices: &[io::IoSlice<'_>],
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut taken = 0;
        for slice in slices {
            match self.phase {
                Phase::Moving | Phase::Moved(_) => break,
                // Nobody hears what is said after the last word; the connection
                // ends when it has read what came before.
                Phase::Closing(_) | Phase::Over => {}
                Phase::Polling | Phase::Probing { .. }
                    if self.outgoing.len() >= WAITING_BYTES && !frames::is_close(slice) =>
                {
                    break;
                }
                Phase::Polling | Phase::Probing { .. } => {
                    let noted = frames::take_server_frames(slice, &mut self.outgoing);
                    self.note(noted);
                }
            }
            taken += slice.len();
        }
        if taken > 0 || slices.iter().all(|slice| slice.is_empty()) {
            return Poll::Ready(Ok(taken));
        }
        keep_waker(&mut self.writer, context);
        Poll::Pending
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.polling.state.lock().phase = Phase::Over;
        self.polling.changed.notify_waiters();
    }
}
