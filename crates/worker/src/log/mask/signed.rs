//! Addresses with a query, which is how signed links and some tokens travel.
//!
//! Where such an address surfaces, people are to see which one it is: its place stays, and the
//! whole of its query goes. What the query holds goes as well where it surfaces alone.

use percent_encoding::percent_decode_str;

/// Parameters whose values are no secrets: the open half of signatures (AWS's version 4 and
/// Google's), and what says which file is meant. Without `host` and `main` no log can be read.
const OPEN: [&str; 15] = [
    "x-amz-algorithm",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-signedheaders",
    "x-goog-algorithm",
    "x-goog-date",
    "x-goog-expires",
    "x-goog-signedheaders",
    "x-id",
    "versionid",
    "response-content-type",
    "ref",
    "branch",
    "tag",
    "format",
];
/// The same of Azure's shared access signatures, which have `sv` and `sig` beside them: `spr` is
/// `https`.
const OPEN_AT_AZURE: [&str; 14] =
    ["sv", "ss", "srt", "sr", "sp", "st", "se", "spr", "skt", "ske", "sks", "skv", "rsct", "sdd"];

/// What of an address may be seen, up to its question mark and without its scheme; `None` where
/// it has no query.
pub(super) fn place(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    rest.split_once('?').and_then(|(place, _)| rest.get(..=place.len()))
}

/// What may not: the query, and what stands in it, as it is written and as it is meant.
pub(super) fn values(address: &str) -> Vec<String> {
    let Some((_, query)) = address.split_once('?') else { return Vec::new() };
    let pairs: Vec<(&str, &str)> =
        query.split(['&', ';']).map(|pair| pair.split_once('=').unwrap_or(("", pair))).collect();
    let has = |name: &str| pairs.iter().any(|(known, _)| *known == name);
    let is_azure = has("sv") && has("sig");
    let is_open = |name: &str| {
        let name = name.to_ascii_lowercase();
        OPEN.contains(&name.as_str()) || is_azure && OPEN_AT_AZURE.contains(&name.as_str())
    };
    let closed = pairs.iter().filter(|(name, _)| !is_open(name));
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let each = closed.flat_map(|(_, value)| {
        // A plus is itself to some and a blank to others.
        [(*value).to_owned(), decoded(value), decoded(&value.replace('+', "%20"))]
    });
    [query.to_owned()].into_iter().chain(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_all_up_to_the_question_mark() {
        assert_eq!(place("https://h.example:81/a/b.tgz?x=1?2"), Some("h.example:81/a/b.tgz?"));
        assert_eq!(place("https://h.example/a"), None);
    }

    #[test]
    fn each_value_as_written_and_as_meant() {
        let all = values("https://h/a?sig=a%2Bb+c&X-Amz-SignedHeaders=host&t0ken&ref=main&spr=x");
        for value in ["a%2Bb+c", "a+b+c", "a+b c", "t0ken", "x"] {
            assert!(all.iter().any(|known| known == value), "{value} is not in {all:?}");
        }
        for word in ["host", "main"] {
            assert!(!all.iter().any(|known| known == word), "{word} is in {all:?}");
        }
        let azure = values("https://h/a?sv=2024-11-04&spr=https&sp=r&sig=abcd");
        assert!(!azure.iter().any(|known| known == "https"), "{azure:?}");
        assert!(azure.iter().any(|known| known == "abcd"), "{azure:?}");
    }
}
