//! The Dockerfile of a template, and its gaps.
//!
//! `{{base_image}}` and `{{port}}` are filled in when the template is read: they are the
//! operator's. `{{build_args}}` and `{{environment}}` have a line each, because what they stand
//! for is lines: instructions that name the request's values, and hold none of them.

use slipway_domain::ImageRef;

const BUILD_ARGS: &str = "build_args";
const ENV: &str = "environment";

/// What a build argument is called that carries a value of the environment.
pub(crate) const CARRIER: &str = "SLIPWAY_ENV_";

/// A Dockerfile with the gaps that requests fill.
#[derive(Debug, Clone)]
pub(super) struct Dockerfile(Vec<Line>);

#[derive(Debug, Clone)]
enum Line {
    Text(String),
    BuildArgs,
    Environment,
}

impl Dockerfile {
    /// Reads the text of a template, or says what is wrong with it.
    pub(super) fn read(
        text: &str,
        base_image: &ImageRef,
        port: Option<u16>,
    ) -> Result<Self, String> {
        let (mut lines, mut has_base, mut has_environment) = (Vec::new(), false, false);
        for line in text.lines() {
            match gap(line.trim()) {
                Some((BUILD_ARGS, "", "")) => lines.push(Line::BuildArgs),
                Some((ENV, "", "")) => {
                    has_environment = true;
                    lines.push(Line::Environment);
                }
                Some(_) | None => {
                    let (text, has) = within(line, base_image, port)?;
                    has_base |= has;
                    lines.push(Line::Text(text));
                }
            }
        }
        if !has_base {
            return Err("has no {{base_image}}".to_owned());
        }
        // Else the values of a request would come to nothing, and nobody would be told.
        if !has_environment {
            return Err("has no line {{environment}}".to_owned());
        }
        Ok(Self(lines))
    }

    /// The text for a request that has build arguments and an environment of these names. They
    /// are names of variables: see [`is_variable`].
    pub(super) fn text<'a>(
        &self,
        build_args: impl Iterator<Item = &'a str> + Clone,
        environment: impl Iterator<Item = &'a str> + Clone,
    ) -> String {
        let mut text = String::new();
        for line in &self.0 {
            match line {
                Line::Text(line) => push(&mut text, line),
                Line::BuildArgs => {
                    build_args.clone().for_each(|name| push(&mut text, &format!("ARG {name}")));
                }
                Line::Environment => {
                    let mut pairs = String::new();
                    for name in environment.clone() {
                        push(&mut text, &format!("ARG {CARRIER}{name}"));
                        pairs.push_str(&format!(" {name}=\"${{{CARRIER}{name}}}\""));
                    }
                    if !pairs.is_empty() {
                        push(&mut text, &format!("ENV{pairs}"));
                    }
                }
            }
        }
        text
    }
}

/// Whether a Dockerfile can name it as it stands: a name as shells have them.
pub(super) fn is_variable(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// A line with the operator's gaps filled, and whether the base image was among them.
fn within(line: &str, base_image: &ImageRef, port: Option<u16>) -> Result<(String, bool), String> {
    let (mut text, mut rest, mut has_base) = (String::new(), line, false);
    while let Some((word, before, after)) = gap(rest) {
        text.push_str(before);
        match word {
            "base_image" => {
                has_base = true;
                text.push_str(&base_image.to_string());
            }
            "port" => {
                let port = port.ok_or("has {{port}}, and template.toml has no port")?;
                text.push_str(&port.to_string());
            }
            BUILD_ARGS | ENV => return Err(format!("{{{{{word}}}}} must have a line of its own")),
            other => {
                return Err(format!(
                    "has {{{{{other}}}}}; there are base_image, port, build_args and environment"
                ));
            }
        }
        rest = after;
    }
    text.push_str(rest);
    Ok((text, has_base))
}

/// The first gap, with what is before and after it. Double braces around anything but a small
/// word belong to somebody else, such as `go list -f '{{.Dir}}'`.
fn gap(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices("{{").find_map(|(start, braces)| {
        let (inside, after) = text.get(start + braces.len()..)?.split_once("}}")?;
        let word = inside.trim();
        let is_word = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        is_word.then(|| (word, text.get(..start).unwrap_or_default(), after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_and_other_braces_stay() {
        let image = ImageRef::parse("debian:12").unwrap();
        let text = "FROM {{ base_image }} AS a\n  {{build_args}}\nRUN list -f '{{.Dir}} {{X}} {{' # {{port}}\n\n{{environment}}\n";
        let dockerfile = Dockerfile::read(text, &image, Some(80)).unwrap();
        insta::assert_snapshot!(dockerfile.text(["A", "B"].into_iter(), ["C", "D_1"].into_iter()), @r#"
        FROM debian:12 AS a
        ARG A
        ARG B
        RUN list -f '{{.Dir}} {{X}} {{' # 80

        ARG SLIPWAY_ENV_C
        ARG SLIPWAY_ENV_D_1
        ENV C="${SLIPWAY_ENV_C}" D_1="${SLIPWAY_ENV_D_1}"
        "#);
        let nothing = dockerfile.text(std::iter::empty(), std::iter::empty());
        assert!(!nothing.contains("ENV") && !nothing.contains("ARG"), "{nothing}");
    }

    #[test]
    fn names_of_variables() {
        for good in ["A", "_a1", "HTTP_PROXY"] {
            assert!(is_variable(good), "{good}");
        }
        for bad in ["", "1A", "A B", "A=B", "A\n", "A-B", "Ä", "A\"", "${A}"] {
            assert!(!is_variable(bad), "{bad}");
        }
    }
}
