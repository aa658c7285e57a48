//! One buffer per worker thread, lent to whichever connection reads or writes, so that an idle
//! connection holds none.

use std::cell::Cell;

/// Bytes read at once. A read that fills it is followed by another.
const SCRATCH_BYTES: usize = 64 << 10;

thread_local! {
    static SCRATCH: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Runs `work` with the thread's buffer. Should it be lent already, `work` gets a fresh one.
pub(crate) fn with_scratch<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut scratch = SCRATCH
        .take()
        .unwrap_or_else(|| vec![0; SCRATCH_BYTES].into_boxed_slice());
    let result = work(&mut scratch);
    SCRATCH.set(Some(scratch));
    result
}

/// Frames that are no longer together are copied into one: the kernel takes one
/// piece sooner than it finds its way through several.
pub(crate) const JOINED_BYTES: usize = 4 << 10;

/// The pieces one after the other, in a buffer that has room for them.
pub(crate) fn join<P: AsRef<[u8]>>(
    pieces: impl IntoIterator<Item = P>,
    buffer: &mut [u8],
) -> &[u8] {
    let mut end = 0;
    for piece in pieces {
        let piece = piece.as_ref();
        let begin = end;
        end += piece.len();
        buffer[begin..end].copy_from_slice(piece);
    }
    &buffer[..end]
}
