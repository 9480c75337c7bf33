//! Takes secret values out of text.
//!
//! Text is masked by whole lines: what an output has not ended yet is held back until it does,
//! or until its step ends, so that a value cannot hide across the border of two chunks. A value
//! of several lines is masked line by line. Whatever is the same as a value goes, a common word
//! too: nobody here can know whether it was meant.
//!
//! A search finds every beginning of a form at once, in one pass over the text; from there on
//! as much goes as agrees with the form. So the automaton stays small whatever the size of the
//! secrets, and a line that was cut within a value shows nothing of it.

mod forms;
mod signed;
mod urls;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use slipway_domain::{Secret, Secrets};

use forms::SHORTEST;

const STARS: &str = "***";
/// How much of a form has to be there before the text is taken for it.
const HEAD: usize = 32;
/// Values of so many bytes together are looked for in all forms, the shortest ones first; the rest
/// as they are, and in no other form. A form is about as long as its value, and there are some forty.
const ALL_FORMS: usize = 64 * 1024;
/// And of so many in the lines that base64 may be broken into, of which there are as many as bytes.
const IN_LINES: usize = 8 * 1024;

/// What must not surface. Has no `Debug` that shows it. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Mask {
    needles: Option<Arc<Needles>>,
    /// Places of addresses whose queries must not surface.
    signed: Arc<[String]>,
}

struct Needles {
    heads: AhoCorasick,
    /// The heads by their number, sorted.
    beginnings: Vec<String>,
    /// What follows each head in the forms that begin with it, sorted.
    tails: Vec<Vec<String>>,
}

impl Mask {
    /// A mask for the secrets of a build and for `others`, as they are and in the forms in
    /// which they travel.
    #[must_use]
    pub(crate) fn new<'a>(secrets: &'a Secrets, others: impl IntoIterator<Item = &'a str>) -> Self {
        let mut values: Vec<&str> = secrets.values().map(Secret::expose).chain(others).collect();
        let address = secrets.source.url.as_ref().map_or("", Secret::expose);
        let signed_values = signed::values(address);
        values.extend(signed_values.iter().map(AsRef::<str>::as_ref));
        // As in `https://TOKEN@host/`.
        let named = secrets.source.login.iter().filter(|login| login.password.expose().is_empty());
        values.extend(named.map(|login| login.username.as_str()));
        values.retain(|value| value.len() >= SHORTEST);
        values.sort_unstable_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        values.dedup();
        let mut forms = Vec::new();
        let mut so_far = 0;
        for value in values {
            so_far += value.len();
            if so_far <= ALL_FORMS {
                forms.extend(forms::of(value));
            } else {
                forms.extend(value.lines().map(|line| line.trim().to_owned()));
            }
            if so_far <= IN_LINES {
                forms.extend(forms::in_lines(value));
            }
        }
        for login in secrets.registry_auth.values().chain(&secrets.source.login) {
            let pair = format!("{}:{}", login.username, login.password.expose());
            forms.extend([STANDARD.encode(&pair), URL_SAFE.encode(&pair)]);
        }
        forms.retain(|form| form.chars().count() >= SHORTEST);
        Self {
            needles: Needles::new(forms).map(Arc::new),
            signed: signed::place(address).map(str::to_owned).into_iter().collect(),
        }
    }

    /// The text without the values, and without logins in addresses. Of the source's own address
    /// the place stays, and its query goes.
    #[must_use]
    pub(crate) fn apply(&self, text: String) -> String {
        self.masked(text, Goes::Whole)
    }

    /// [`Mask::apply`] for a text that goes on where nobody sees it: without the beginning of a
    /// value at its end, either.
    #[must_use]
    pub(crate) fn apply_cut(&self, text: &str) -> String {
        self.masked(text.to_owned(), Goes::On)
    }

    fn masked(&self, text: String, goes: Goes) -> String {
        let text = match &self.needles {
            Some(needles) => needles.masked(text, goes),
            None => text,
        };
        urls::scrub(text, &self.signed)
    }
}

/// Whether a text ends where it ends, or was cut there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goes {
    Whole,
    On,
}

impl Needles {
    /// `None` where there is nothing to look for.
    fn new(forms: Vec<String>) -> Option<Self> {
        let mut by_head: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for form in forms {
            let (head, tail) = form.split_at(form.floor_char_boundary(HEAD));
            by_head.entry(head.to_owned()).or_default().insert(tail.to_owned());
        }
        let (beginnings, tails): (Vec<_>, Vec<_>) = by_head.into_iter().unzip();
        // All that are there, also those within each other: a value within another one must
        // not hide the end of it. Plain tables would take longer to build than to use.
        let heads = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&beginnings)
            .ok()
            .filter(|_| !beginnings.is_empty())?;
        let tails = tails.into_iter().map(|of_one| of_one.into_iter().collect()).collect();
        Some(Self { heads, beginnings, tails })
    }

    /// Where a value may begin that the text has not enough of, because it was cut.
    fn beginning(&self, text: &str) -> Option<usize> {
        let starts = text.len().saturating_sub(HEAD)..=text.len().saturating_sub(SHORTEST);
        starts.into_iter().find(|start| {
            let end = text.get(*start..).filter(|end| !end.is_empty());
            end.is_some_and(|end| {
                // Sorted: what begins with it comes next after it.
                let next = self.beginnings.partition_point(|head| head.as_str() < end);
                self.beginnings.get(next).is_some_and(|head| head.starts_with(end))
            })
        })
    }

    fn masked(&self, text: String, goes: Goes) -> String {
        let mut out = String::new();
        // Up to where the text is written, and where the stars end that are under way.
        let mut written = 0;
        let mut stars: Option<(usize, usize)> = None;
        for (start, end) in self.found(&text, goes) {
            stars = match stars {
                Some((from, to)) if start <= to => Some((from, to.max(end))),
                other => {
                    flush(&text, other, &mut written, &mut out);
                    Some((start, end))
                }
            };
        }
        if stars.is_none() {
            return text;
        }
        flush(&text, stars, &mut written, &mut out);
        out.push_str(text.get(written..).unwrap_or_default());
        out
    }

    /// Where the values are, by where they begin.
    fn found(&self, text: &str, goes: Goes) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for head in self.heads.find_overlapping_iter(text) {
            let tails = self.tails.get(head.pattern().as_usize()).map(Vec::as_slice);
            let rest = text.get(head.end()..).unwrap_or_default();
            let end = head.end() + longest_common(rest, tails.unwrap_or_default());
            found.push((head.start(), text.floor_char_boundary(end)));
        }
        for end in cuts(text, goes) {
            let before = text.get(..end).unwrap_or_default();
            found.extend(self.beginning(before).map(|start| (start, end)));
        }
        found.sort_unstable();
        found
    }
}

/// Where a text may be cut within a value: at its end, where it goes on elsewhere; where somebody
/// left out the rest; at the end of a line of many.
fn cuts(text: &str, goes: Goes) -> impl Iterator<Item = usize> {
    let end = (goes == Goes::On).then_some(text.len());
    let left_out = text.match_indices('…').map(|(at, _)| at);
    // Also such as JSON or a shell shows.
    let line_ends =
        ["\r\n", "\n", "\\r", "\\n"].into_iter().flat_map(|end| text.match_indices(end));
    let line_ends = line_ends.map(|(at, _)| at).chain([text.len()]);
    let line_ends = line_ends.filter(|at| text.get(..*at).is_some_and(forms::ends_with_full_line));
    end.into_iter().chain(left_out).chain(line_ends)
}

/// How many bytes of `rest` one of the tails, which are sorted, begins with: the one that
/// agrees most is a neighbour of where it would stand among them.
fn longest_common(rest: &str, tails: &[String]) -> usize {
    let place = tails.partition_point(|tail| tail.as_str() <= rest);
    let neighbours = [place.checked_sub(1).and_then(|before| tails.get(before)), tails.get(place)];
    let agrees = neighbours.into_iter().flatten().map(|tail| common(rest, tail));
    agrees.max().unwrap_or_default()
}

/// Writes what is before the stars, and the stars.
fn flush(text: &str, stars: Option<(usize, usize)>, written: &mut usize, out: &mut String) {
    let Some((from, to)) = stars else { return };
    out.push_str(text.get(*written..from).unwrap_or_default());
    out.push_str(STARS);
    *written = to;
}

/// The length in bytes of what both begin with. By pieces: a value that repeats itself is
/// compared from each of its periods on.
fn common(a: &str, b: &str) -> usize {
    const PIECE: usize = 256;
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let pieces = a.chunks(PIECE).zip(b.chunks(PIECE));
    let same = PIECE * pieces.take_while(|(a, b)| a.len() == PIECE && a == b).count();
    let rest = a.iter().skip(same).zip(b.iter().skip(same));
    same + rest.take_while(|(a, b)| a == b).count()
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.needles.as_ref().map_or(0, |needles| needles.tails.len());
        write!(f, "Mask({count} forms)")
    }
}

#[cfg(test)]
mod tests;
