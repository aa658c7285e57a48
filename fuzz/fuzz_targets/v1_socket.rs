//! Ops of `/v1/ws`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| tertulia_dialects::fuzzing::v1_socket(data));
