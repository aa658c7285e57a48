//! permessage-deflate (RFC 7692) without context takeover in either direction.
//!
//! No connection keeps a compressor: each message stands alone, so one that many connections share
//! is compressed once, and an idle connection holds no window. The machines (some hundred KiB) are
//! one per worker thread, made at first use.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::decode::Violation;

/// What a sync flush leaves at the end of a message; it does not travel (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Payloads below this many bytes are not worth a compressor's work.
pub const MIN_COMPRESSED: usize = 128;

/// The first step of an inflated buffer; it then doubles, and never passes the limit by more than
/// one byte.
const FIRST_STEP: usize = 1024;

thread_local! {
    static INFLATER: RefCell<Decompress> = RefCell::new(Decompress::new(false));
    static DEFLATER: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

/// Compresses the payload of a message, for a frame of [`super::frame::compressed`]. `None` when
/// it is too short or does not get smaller: then it is sent as it is.
#[must_use]
pub fn compress(payload: &[u8]) -> Option<Vec<u8>> {
    if payload.len() < MIN_COMPRESSED {
        return None;
    }
    let mut output = Vec::with_capacity(payload.len());
    DEFLATER.with_borrow_mut(|deflater| {
        deflater.reset();
        // A full buffer means that nothing was gained.
        deflater
            .compress_vec(payload, &mut output, FlushCompress::Sync)
            .ok()
    })?;
    let whole = output.ends_with(&TAIL) && output.len() < output.capacity();
    output.truncate(output.len().saturating_sub(TAIL.len()));
    whole.then_some(output)
}

/// Inflates the payload of a message.
///
/// # Errors
///
/// [`Violation::TooBig`] as soon as it passes `limit` bytes, without holding more than that;
/// [`Violation::Deflate`] when the data is broken.
pub fn inflate(payload: &[u8], limit: usize) -> Result<Vec<u8>, Violation> {
    let mut output = Vec::new();
    INFLATER.with_borrow_mut(|inflater| {
        inflater.reset(false);
        inflate_part(inflater, payload, &mut output, limit)?;
        inflate_part(inflater, &TAIL, &mut output, limit)
    })?;
    Ok(output)
}

fn inflate_part(
    inflater: &mut Decompress,
    mut input: &[u8],
    output: &mut Vec<u8>,
    limit: usize,
) -> Result<(), Violation> {
    loop {
        make_room(output, limit);
        let (taken, given) = (inflater.total_in(), inflater.total_out());
        let status = inflater
            .decompress_vec(input, output, FlushDecompress::None)
            .map_err(|_| Violation::Deflate)?;
        if output.len() > limit {
            return Err(Violation::TooBig);
        }
        let consumed = usize::try_from(inflater.total_in() - taken).unwrap_or(usize::MAX);
        let produced = inflater.total_out() - given;
        input = input.get(consumed..).unwrap_or_default();
        if status == Status::StreamEnd {
            // A block marked as the last ends the stream, not the message (RFC 7692 §7.2.3.4).
            inflater.reset(false);
        } else if consumed == 0 && produced == 0 {
            // With room to write and nothing left to say, all is done; else the data is stuck.
            return if input.is_empty() {
                Ok(())
            } else {
                Err(Violation::Deflate)
            };
        }
        if input.is_empty() && output.len() < output.capacity() {
            return Ok(());
        }
    }
}

/// Makes room for more output, in doubling steps up to one byte past the limit: that byte shows
/// that the message is too big.
fn make_room(output: &mut Vec<u8>, limit: usize) {
    if output.len() == output.capacity() {
        let step = output.capacity().max(FIRST_STEP);
        let most = limit.saturating_add(1) - output.len();
        output.reserve_exact(step.min(most));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_and_what_it_saves() {
        let text = "¿Quedamos para el café a las cinco? ".repeat(20);
        let small = compress(text.as_bytes()).expect("this text gets smaller");
        assert!(
            small.len() < text.len() / 4,
            "{} of {}",
            small.len(),
            text.len()
        );
        assert_eq!(inflate(&small, text.len()), Ok(text.into_bytes()));
    }

    #[test]
    fn short_and_random_payloads_stay_as_they_are() {
        assert_eq!(compress(&[b'a'; MIN_COMPRESSED - 1]), None);
        let mut state = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(400)
        .collect();
        assert_eq!(compress(&noise), None);
    }

    /// RFC 7692 §7.2.3.1, .3 and .4: one block, no compression, and a block marked as the last.
    #[test]
    fn the_examples_of_the_rfc() {
        let one_block = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let stored = [
            0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
        ];
        let marked_last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        let two_blocks = [
            0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
        ];
        for example in [&one_block[..], &stored, &marked_last, &two_blocks] {
            assert_eq!(inflate(example, 5), Ok(b"Hello".to_vec()), "{example:02x?}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let mut compressor = Compress::new(Compression::best(), false);
        let mut bomb = Vec::with_capacity(64 * 1024);
        compressor
            .compress_vec(&vec![0; 16 << 20], &mut bomb, FlushCompress::Sync)
            .expect("zeros compress");
        assert!(bomb.len() < 20_000);
        assert_eq!(inflate(&bomb, 1 << 20), Err(Violation::TooBig));
        assert_eq!(inflate(&bomb, 0), Err(Violation::TooBig));
    }

    #[test]
    fn room_is_made_in_steps_and_never_far_past_the_limit() {
        let mut output = Vec::new();
        while output.len() <= 5000 {
            make_room(&mut output, 5000);
            assert!(output.capacity() <= 5001);
            output.resize(output.capacity(), 0);
        }
    }

    #[test]
    fn exactly_the_limit_is_allowed() {
        for length in [FIRST_STEP - 1, FIRST_STEP, FIRST_STEP + 1, 10 * FIRST_STEP] {
            let payload = vec![b'x'; length];
            let small = compress(&payload).expect("x compresses");
            assert_eq!(inflate(&small, length), Ok(payload));
            assert_eq!(inflate(&small, length - 1), Err(Violation::TooBig));
        }
    }

    #[test]
    fn broken_data_is_refused() {
        assert_eq!(inflate(&[0xff, 0xff, 0xff], 100), Err(Violation::Deflate));
        assert_eq!(inflate(&[0x06], 100), Err(Violation::Deflate));
    }
}
