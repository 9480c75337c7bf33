//! Prometheus' text format, for gauges.

use std::fmt::Write as _;

use super::catalogue::rows::Gauge;

/// A text that grows by whole families, as the format wants.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    /// Adds a gauge with all its samples: label and label's value, or none, and the number.
    /// A gauge without samples is left out.
    pub(super) fn gauge<'a>(
        &mut self,
        (name, help): Gauge,
        samples: impl IntoIterator<Item = (Option<(&'a str, &'a str)>, f64)>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (label, value) in samples {
            let _ = match label {
                Some((label, text)) => {
                    writeln!(self.0, "{name}{{{label}=\"{}\"}} {value}", escaped(text))
                }
                None => writeln!(self.0, "{name} {value}"),
            };
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push('\n');
        self.0
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn a_family_has_one_head_and_its_values_are_escaped() {
        let mut text = Text::default();
        text.gauge(("none", "Left out."), []);
        text.gauge(("a", "One."), [(None, 1.5)]);
        text.gauge(("b", "Two."), [(Some(("x", "a\"b\\c\nd")), 2.0), (Some(("x", "y")), 3.0)]);
        assert_eq!(
            text.finish(),
            "# HELP a One.\n# TYPE a gauge\na 1.5\n\
             # HELP b Two.\n# TYPE b gauge\nb{x=\"a\\\"b\\\\c\\nd\"} 2\nb{x=\"y\"} 3\n\n"
        );
    }
}
