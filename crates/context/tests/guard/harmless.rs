//! What must hold for any bytes at all. The fuzzer's target is this too.

use std::io::Cursor;

use slipway_context::{ContextError, ContextLimits, ContextOptions, Strip, copy_guarded};

use crate::model::assert_stays_inside;

/// Small, so that a bomb is large.
const LIMITS: ContextLimits = ContextLimits { bytes: 4 << 20, entries: 500, ratio: 200 };

/// Guards `archive` with everything asked for and with nothing, and panics when what comes
/// out is more than the limit, no clean tar, or leads anywhere outside. Tells whether
/// anything passed.
pub(crate) fn assert_harmless(archive: &[u8]) -> bool {
    let plain = ContextOptions { limits: LIMITS, ..ContextOptions::default() };
    let all = ContextOptions { strip: Strip::SingleTopFolder, ignore: true, ..plain.clone() };
    let mut passed = false;
    for options in [&plain, &all] {
        let mut clean = Vec::new();
        let result = copy_guarded(Cursor::new(archive), options, &mut clean);
        // A name that is written in another form may take two blocks more.
        assert!(clean.len() as u64 <= 2 * LIMITS.bytes, "{} bytes came out", clean.len());
        match result {
            Ok(summary) => {
                passed = true;
                assert_eq!(summary.bytes, clean.len() as u64);
                assert_stays_inside(&clean);
                let mut again = Vec::new();
                copy_guarded(Cursor::new(&clean), &plain, &mut again).unwrap();
                assert!(again == clean, "a clean tar is not clean");
            }
            Err(ContextError::Refused(failure)) => {
                assert!(!failure.message.contains(char::is_control), "{failure:?}");
                assert!(failure.message.chars().count() < 800, "{failure:?}");
                assert_ne!(failure.reason, slipway_domain::Reason::Internal, "{failure:?}");
            }
            Err(ContextError::ReceiverGone) => panic!("a vector does not hang up"),
        }
    }
    passed
}
