//! Ops of `/v1/ws`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| drop(tertulia_dialects::decoders::v1_socket(data)));
