//! Writing: everything that waits, in as few system calls as the socket allows.

use std::{
    io::IoSlice,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::Connection;
use crate::{
    scratch::{JOINED_BYTES, join, with_scratch},
    session::Session,
};

/// Frames of one vectored write.
const MAX_SLICES: usize = 64;

impl<IO, S> Connection<IO, S>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send,
    S: Session,
{
    /// Writes until nothing can be written or the socket takes no more.
    pub(super) fn write(&mut self, context: &mut Context<'_>, now: Instant) {
        while self.lanes.can_write() {
            match self.poll_write(context) {
                Poll::Ready(Some(bytes)) => {
                    self.lanes.advance(bytes);
                    self.timers.wrote();
                    self.unflushed = true;
                }
                Poll::Ready(None) => return self.gone(now),
                Poll::Pending => return self.write_is_blocked(now),
            }
        }
        if self.unflushed {
            match self.poll_flush(context) {
                Poll::Ready(true) => {
                    self.unflushed = false;
                    self.timers.wrote();
                }
                Poll::Ready(false) => self.gone(now),
                Poll::Pending => self.write_is_blocked(now),
            }
        }
    }

    fn write_is_blocked(&mut self, now: Instant) {
        self.write_blocked = true;
        self.timers.could_not_write(now);
    }

    /// Writes once; `None` when the socket is broken.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Option<usize>> {
        let Some(io) = &mut self.io else {
            return Poll::Ready(None);
        };
        let io = Pin::new(io);
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let count = self.lanes.gather(&mut slices);
        let written = match &slices[..count] {
            [single] => io.poll_write(context, single),
            several if length(several) <= JOINED_BYTES => with_scratch(|scratch| {
                let joined = join(several.iter().map(|slice| &**slice), scratch);
                io.poll_write(context, joined)
            }),
            several => io.poll_write_vectored(context, several),
        };
        written.map(|result| result.ok().filter(|bytes| *bytes > 0))
    }

    /// Flushes; false when the socket is broken.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let Some(io) = &mut self.io else {
            return Poll::Ready(false);
        };
        Pin::new(io)
            .poll_flush(context)
            .map(|result| result.is_ok())
    }

    /// Shuts the socket's sending side; true when that is done, one way or the other.
    pub(super) fn shut_socket(&mut self, context: &mut Context<'_>) -> bool {
        let Some(io) = &mut self.io else { return true };
        Pin::new(io).poll_shutdown(context).is_ready()
    }
}

fn length(slices: &[IoSlice<'_>]) -> usize {
    slices.iter().map(|slice| slice.len()).sum()
}
