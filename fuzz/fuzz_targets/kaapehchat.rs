//! Frames of KaapehChat.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| drop(tertulia_dialects::decoders::kaapehchat(data)));
