//! Values of a forge, made safe for where they stand.

/// The longest tag that registries take.
pub(super) const MAX_TAG: usize = 128;

/// A value as a part of a repository's name: in lower case, and between two letters or digits
/// only what may stand there. `None` where nothing is left.
pub(super) fn path(text: &str) -> Option<String> {
    let components = text.split('/').map(|part| {
        let mut name = String::new();
        let mut between = String::new();
        for c in part.chars().map(|c| c.to_ascii_lowercase()) {
            if !c.is_ascii_lowercase() && !c.is_ascii_digit() {
                between.push(if matches!(c, '.' | '_') { c } else { '-' });
                continue;
            }
            if !name.is_empty() && !between.is_empty() {
                let is_separator = matches!(&*between, "." | "_" | "__");
                name.push_str(if is_separator { &between } else { "-" });
            }
            between.clear();
            name.push(c);
        }
        (!name.is_empty()).then_some(name)
    });
    Some(components.collect::<Option<Vec<_>>>()?.join("/"))
}

/// A tag: slashes and whatever else may not stand there become dashes, and it is cut off where
/// registries would refuse it.
pub(super) fn in_a_tag(text: &str) -> String {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut tag: String = text.chars().map(|c| if good(c) { c } else { '-' }).collect();
    tag.truncate(MAX_TAG);
    if tag.starts_with(['.', '-']) {
        tag.replace_range(..1, "_");
    }
    tag
}
