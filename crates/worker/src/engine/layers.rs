//! Pulls and pushes as text: a line when a layer begins something, none for each tick.

use std::collections::HashMap;

use super::lines::Line;

/// States of a layer that are over in a moment or say nothing.
const UNTOLD: [&str; 5] =
    ["Preparing", "Waiting", "Pulling fs layer", "Verifying Checksum", "Download complete"];

/// What was last told of each layer.
#[derive(Debug, Default)]
pub(super) struct Layers {
    told: HashMap<String, String>,
}

impl Layers {
    /// The text for a status line, if it has news. Without newline.
    pub(super) fn tell(&mut self, line: &Line) -> Option<String> {
        let status = line.status.as_deref()?.trim();
        let Some(id) = line.id.as_deref() else {
            return (!status.is_empty()).then(|| status.to_owned());
        };
        // "Retrying in 5 seconds", in 4, in 3 …
        let state = if status.starts_with("Retrying") { "Retrying" } else { status };
        if UNTOLD.contains(&state) || self.told.get(id).is_some_and(|told| told == state) {
            return None;
        }
        self.told.insert(id.to_owned(), state.to_owned());
        Some(format!("{id}: {status}"))
    }
}

/// What BuildKit is doing, with its digests cut short and the bytes it comes to, if it says:
/// `extracting sha256:888ef4bed48c`, `sha256:888ef4bed48c 1.1 MB`.
pub(super) fn describe(id: &str, total: i64) -> String {
    let words = id.split(' ').map(|word| match word.split_once("sha256:") {
        Some((before, digits)) => {
            format!("{before}sha256:{}", digits.get(..12).unwrap_or(digits))
        }
        None => word.to_owned(),
    });
    let mut text = words.collect::<Vec<_>>().join(" ");
    if total > 0 {
        text.push_str(&format!(" {}", size(total)));
    }
    text
}

fn size(bytes: i64) -> String {
    match bytes {
        ..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_and_a_push() {
        let mut layers = Layers::default();
        let mut told = Vec::new();
        for (id, status) in [
            (Some("latest"), "Pulling from base/busybox"),
            (Some("a1"), "Pulling fs layer"),
            (Some("a1"), "Downloading"),
            (Some("a1"), "Downloading"),
            (Some("a1"), "Download complete"),
            (Some("a1"), "Extracting"),
            (Some("a1"), "Extracting"),
            (Some("a1"), "Pull complete"),
            (None, "Digest: sha256:1"),
            (Some("b2"), "Retrying in 5 seconds"),
            (Some("b2"), "Retrying in 4 seconds"),
            (Some("b2"), "Pushing"),
            (Some("b2"), "Retrying in 10 seconds"),
        ] {
            let line = Line {
                id: id.map(ToOwned::to_owned),
                status: Some(status.to_owned()),
                ..Line::default()
            };
            told.extend(layers.tell(&line));
        }
        assert_eq!(
            told,
            [
                "latest: Pulling from base/busybox",
                "a1: Downloading",
                "a1: Extracting",
                "a1: Pull complete",
                "Digest: sha256:1",
                "b2: Retrying in 5 seconds",
                "b2: Pushing",
                "b2: Retrying in 10 seconds",
            ]
        );
    }
}
