//! A pattern with wildcards, as steps along a path.
//!
//! Docker makes a regular expression of it and tries that on a path and on every folder
//! above. Here the path is walked once, with all places of the pattern that can be reached
//! so far, and each slash on the way is the end of a folder above: what it costs is the
//! length of the path times that of the pattern, whatever either looks like.

use std::iter::Peekable;
use std::str::Chars;

/// A line that is no pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Char(char),
    /// `?`
    NoSlash,
    /// `*`
    Within,
    /// `**/`: nothing at all, or what [`Step::Folders`] takes.
    MaybeFolders,
    /// Anything that ends with a slash. It stands behind a [`Step::MaybeFolders`] only.
    Folders,
    /// `**` at the end.
    Rest,
    /// `[a-z]`
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// Reads a pattern that is cleaned.
pub(super) fn steps(pattern: &str) -> Result<Vec<Step>, Malformed> {
    let mut steps = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                if chars.peek().is_none() {
                    steps.push(Step::Rest);
                } else {
                    steps.extend([Step::MaybeFolders, Step::Folders]);
                }
            }
            '*' => steps.push(Step::Within),
            '?' => steps.push(Step::NoSlash),
            '[' => steps.push(class(&mut chars)?),
            '\\' => steps.push(Step::Char(chars.next().ok_or(Malformed)?)),
            _ => steps.push(Step::Char(char)),
        }
    }
    Ok(steps)
}

/// Reads what follows the opening bracket, as Go's `filepath.Match` does.
fn class(chars: &mut Peekable<Chars<'_>>) -> Result<Step, Malformed> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && chars.next_if_eq(&']').is_some() {
            return Ok(Step::Class { negated, ranges });
        }
        let low = class_char(chars)?;
        let high = if chars.next_if_eq(&'-').is_some() { class_char(chars)? } else { low };
        if low > high {
            return Err(Malformed);
        }
        ranges.push((low, high));
    }
}

fn class_char(chars: &mut Peekable<Chars<'_>>) -> Result<char, Malformed> {
    match chars.next() {
        None | Some('-' | ']') => Err(Malformed),
        Some('\\') => chars.next().ok_or(Malformed),
        Some(char) => Ok(char),
    }
}

/// Gives the length of each folder above the path to whose end the steps lead, and of the path
/// itself.
pub(super) fn walk(steps: &[Step], path: &str, take: &mut dyn FnMut(usize)) {
    let mut here = vec![false; steps.len() + 1];
    let mut next = here.clone();
    here[0] = true;
    spread(steps, &mut here);
    for (at, char) in path.char_indices() {
        // A folder above the path ends before this slash.
        if char == '/' && here[steps.len()] {
            take(at);
        }
        next.fill(false);
        for (index, step) in steps.iter().enumerate().filter(|(index, _)| here[*index]) {
            match step {
                Step::Char(own) => next[index + 1] |= char == *own,
                Step::NoSlash => next[index + 1] |= char != '/',
                Step::Within => next[index] |= char != '/',
                Step::MaybeFolders => {}
                Step::Folders => {
                    next[index] = true;
                    next[index + 1] |= char == '/';
                }
                Step::Rest => next[index] = true,
                Step::Class { negated, ranges } => {
                    let inside = ranges.iter().any(|(low, high)| (low..=high).contains(&&char));
                    next[index + 1] |= inside != *negated;
                }
            }
        }
        spread(steps, &mut next);
        if !next.contains(&true) {
            return;
        }
        std::mem::swap(&mut here, &mut next);
    }
    if here[steps.len()] {
        take(path.len());
    }
}

/// Adds the places that are reached without taking a character.
fn spread(steps: &[Step], places: &mut [bool]) {
    for (index, step) in steps.iter().enumerate() {
        if places[index] {
            match step {
                Step::Within | Step::Rest => places[index + 1] = true,
                Step::MaybeFolders => {
                    places[index + 1] = true;
                    places[index + 2] = true;
                }
                Step::Char(_) | Step::NoSlash | Step::Folders | Step::Class { .. } => {}
            }
        }
    }
}
