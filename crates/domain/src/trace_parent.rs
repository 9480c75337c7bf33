//! Where a trace goes on, as it travels: in a request's header, and in a build's row.

use std::fmt;

/// The W3C's `traceparent`, version 00: a trace, and the span that whoever goes on hangs
/// theirs below. <https://www.w3.org/TR/trace-context/#traceparent-header>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace. Not zero.
    pub trace: u128,
    /// The span. Not zero.
    pub span: u64,
    /// Bit 0 says that somebody collects this trace.
    pub flags: u8,
}

impl TraceParent {
    /// Reads the text form. `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("00-").filter(|_| text.len() == 55)?;
        let mut parts = rest.split('-').map(digits);
        let (trace, span, flags) = (parts.next()??, parts.next()??, parts.next()??);
        let (32, 16, 2) = (trace.len(), span.len(), flags.len()) else {
            return None;
        };
        let parent = Self {
            trace: u128::from_str_radix(trace, 16).ok()?,
            span: u64::from_str_radix(span, 16).ok()?,
            flags: u8::from_str_radix(flags, 16).ok()?,
        };
        (parent.trace != 0 && parent.span != 0).then_some(parent)
    }
}

/// Numbers are parsed with a sign, too; here there is none.
fn digits(part: &str) -> Option<&str> {
    part.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(part)
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::TraceParent;

    #[test]
    fn there_and_back() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(TraceParent::parse(text).unwrap().to_string(), text);
    }

    #[test]
    fn only_what_the_recommendation_allows() {
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::parse(bad), None, "{bad}");
        }
    }
}
