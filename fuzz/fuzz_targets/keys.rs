#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| privet_fuzz::keys(bytes));
