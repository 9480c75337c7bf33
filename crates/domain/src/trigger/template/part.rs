//! A template's text, and the places in it.

use super::value::Value;
use super::{FIELD, HINT};
use crate::FieldError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Words(String),
    /// The first of them that there is.
    FirstOf(Vec<Value>),
}

/// Text and places in turn.
pub(super) fn parts(text: &str) -> Result<Vec<Part>, FieldError> {
    let odd = || FieldError::new(FIELD, "has a brace without its other").hint(HINT);
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((words, behind)) = rest.split_once('{') {
        if words.contains('}') {
            return Err(odd());
        }
        if !words.is_empty() {
            parts.push(Part::Words(words.to_owned()));
        }
        let (inside, behind) = behind.split_once('}').ok_or_else(odd)?;
        let values = inside.split('|').map(|name| {
            Value::parse(name.trim()).ok_or_else(|| {
                FieldError::new(FIELD, format!("has {{{inside}}}, which there is not")).hint(HINT)
            })
        });
        parts.push(Part::FirstOf(values.collect::<Result<_, _>>()?));
        rest = behind;
    }
    if rest.contains('}') {
        return Err(odd());
    }
    if !rest.is_empty() {
        parts.push(Part::Words(rest.to_owned()));
    }
    Ok(parts)
}

/// Cuts at the colon of the tag: the last one that no slash comes after.
pub(super) fn at_the_tag(mut parts: Vec<Part>) -> (Vec<Part>, Vec<Part>) {
    let place = parts.iter().enumerate().rev().find_map(|(index, part)| match part {
        Part::Words(words) => {
            let at = words.rfind([':', '/'])?;
            Some((index, at, words.get(at..)?.starts_with(':')))
        }
        Part::FirstOf(_) => None,
    });
    let Some((index, at, true)) = place else { return (parts, Vec::new()) };
    let mut tag = parts.split_off(index);
    if let Some(Part::Words(words)) = tag.first_mut() {
        let behind = words.split_off(at);
        if !words.is_empty() {
            parts.push(Part::Words(std::mem::take(words)));
        }
        *words = behind.trim_start_matches(':').to_owned();
        if words.is_empty() {
            tag.remove(0);
        }
    }
    if tag.is_empty() {
        // A colon and nothing behind it: the grammar of images refuses it by itself.
        tag.push(Part::Words(String::new()));
    }
    (parts, tag)
}
