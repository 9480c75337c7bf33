//! What the library says of JSON that does not fit, in the words of those who wrote the JSON.
//!
//! It speaks of Rust's types and of its own steps, and quotes values. Its texts are no contract:
//! one that is not known here goes on as it is where it quotes nothing.

/// What the library says of text that is no JSON, for those who wrote the text.
pub(super) fn misspelt(text: &str) -> &str {
    match text {
        text if text.starts_with("EOF while parsing") => "it ends before its end",
        "expected value" | "expected ident" => {
            "here should be a value: an object, a list, a text in double quotes, a number, true, \
             false or null"
        }
        "expected `:`" => "here should be a colon, after the name of a field",
        "expected `,` or `}`" => "here should be a comma, or the end of the object: }",
        "expected `,` or `]`" => "here should be a comma, or the end of the list: ]",
        "key must be a string" => "here should be the name of a field, in double quotes",
        "trailing comma" => "there is a comma before this, and nothing after it",
        "trailing characters" => "here it should be over",
        "invalid escape" => "a backslash stands before what it cannot stand before",
        "invalid number" | "number out of range" => "this is no number",
        "recursion limit exceeded" => "it is nested too deeply",
        text if text.starts_with("control character") => {
            "a control character stands in a text as it is: write \\n for a line break"
        }
        text if text.contains("hex escape") || text.contains("code point") => {
            "an escape such as \\u00e9 is no character"
        }
        other => other,
    }
}

/// What stands where an object should: `invalid type: null, expected struct SubmitBuild at …`.
pub(super) fn other_than_object(text: &str) -> String {
    let found = text.strip_prefix("invalid type: ").unwrap_or_default();
    let found = match found.split([' ', ',']).next().unwrap_or_default() {
        "null" => "null",
        "string" => "a text",
        "boolean" => "true or false",
        "integer" | "floating" => "a number",
        "sequence" => "a list",
        _ => "something else",
    };
    format!("it is {found}, where an object {{…}} is wanted")
}

const A_TIME: &str = "a time such as 2026-01-31T12:00:00Z";

/// What the library of times says of texts that are none.
const IS_NO_TIME: [&str; 5] = [
    "premature end of input",
    "input contains invalid characters",
    "input is out of range",
    "trailing input",
    "input is not enough for unique date and time",
];

/// `invalid type: integer `5`, expected a string` as `must be a string, not an integer`.
pub(super) fn misfit(text: &str) -> String {
    let Some((found, expected)) = text.rsplit_once(", expected ") else {
        // A refusal in a type's own words, such as that of a UUID: what follows a colon
        // may quote the value.
        let words = text.split(':').next().unwrap_or(text);
        return match words {
            "UUID parsing failed" => "must be a UUID".to_owned(),
            words if IS_NO_TIME.contains(&words) => format!("must be {A_TIME}"),
            words => format!("cannot be read: {words}"),
        };
    };
    let expected = wanted(expected);
    // A value of the right kind that is out of bounds is told by the bounds alone.
    let kind = found.strip_prefix("invalid type: ").unwrap_or_default();
    let kind = kind.split(['`', '"']).next().unwrap_or_default().trim();
    match kind {
        "" => format!("must be {expected}"),
        "null" => format!("must be {expected}, not null"),
        "integer" => format!("must be {expected}, not an integer"),
        "map" => format!("must be {expected}, not an object"),
        "sequence" => format!("must be {expected}, not a list"),
        "floating point" => format!("must be {expected}, not a fraction"),
        kind => format!("must be {expected}, not a {kind}"),
    }
}

/// What a type expects, in the words of people who do not know the type.
fn wanted(expected: &str) -> &str {
    match expected {
        "a map" => "an object",
        "a sequence" => "a list",
        "a UUID string" | "a formatted UUID string" => "a UUID",
        "an RFC 3339 formatted date and time string" => A_TIME,
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" | "u128" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" | "i128" => "a whole number",
        "f32" | "f64" => "a number",
        other if other.starts_with("struct ") => "an object",
        other if other.starts_with("a tuple ") || other.starts_with("tuple ") => "a list",
        other if other.starts_with("enum ") || other.starts_with("variant ") => "a word",
        other => other,
    }
}

/// ``one of `a`, `b` `` and `` `a` or `b` `` as `a, b`.
pub(super) fn listed(names: &str) -> String {
    names.strip_prefix("one of ").unwrap_or(names).replace(" or ", ", ").replace('`', "")
}
