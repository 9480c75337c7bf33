//! Any bytes at all, under the rule that the tests hold too.
#![no_main]

#[path = "../../tests/guard/harmless.rs"]
mod harmless;
#[path = "../../tests/guard/model.rs"]
mod model;

libfuzzer_sys::fuzz_target!(|archive: &[u8]| {
    harmless::assert_harmless(archive);
});
