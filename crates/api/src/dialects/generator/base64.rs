//! Base64 as generator's clients send it: of either alphabet, with its padding or without, and
//! with a space where a plus stood in an address that nobody escaped.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use slipway_domain::FieldError;

use super::field;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        // What some encoders leave in the last character says nothing.
        .with_decode_allow_trailing_bits(true),
);

/// The text behind a parameter.
///
/// # Errors
/// When it is no base64, or not of a text.
pub(super) fn text(name: &str, value: &str) -> Result<String, FieldError> {
    let standard: String = value
        .chars()
        // base64(1) breaks its lines.
        .filter(|c| !matches!(c, '\n' | '\r'))
        .map(|c| match c {
            ' ' | '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    let bytes = LENIENT.decode(standard).map_err(|_| field(name, "is not base64"))?;
    String::from_utf8(bytes).map_err(|_| field(name, "is no text in UTF-8 behind its base64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_one_text() {
        // 0xfb 0xff are + and / in the one alphabet, - and _ in the other.
        let text_of = |value: &str| text("dockerfile", value).unwrap();
        for spelling in
            ["Pj4+Pz8/fg==", "Pj4-Pz8_fg", "Pj4 Pz8/fg", "Pj4+\r\nPz8/fg==\n", "Pj4 Pz8_fg=="]
        {
            assert_eq!(text_of(spelling), ">>>???~", "{spelling}");
        }
        for bad in ["FROM scratch!", "a", "====", "//79"] {
            let error = text("context", bad).unwrap_err();
            assert_eq!(error.field, "context", "{bad}");
        }
    }
}
