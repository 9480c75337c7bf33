//! Which instruction of which stage a step is.

/// A step that stands in the Dockerfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StageStep<'a> {
    /// Its place, from 1.
    pub(super) number: u32,
    /// How many there are. BuildKit counts each stage by itself, the classic builder all of
    /// them together.
    pub(super) total: u32,
    /// Such as `RUN make`.
    pub(super) instruction: &'a str,
}

/// Reads a step's name: `[2/3] RUN make`, `[build 2/3] RUN make`, and with more of them
/// `[linux/amd64 build  2/10] RUN make`. `None` for the builder's own steps, such as
/// `[internal] load .dockerignore` and `exporting to image`.
pub(super) fn read(name: &str) -> Option<StageStep<'_>> {
    let (place, instruction) = name.strip_prefix('[')?.split_once("] ")?;
    let (number, total) = place.split_whitespace().last()?.split_once('/')?;
    let (number, total) = (number.parse().ok()?, total.parse().ok()?);
    Some(StageStep { number, total, instruction })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_steps() {
        let found = |number, total, instruction| Some(StageStep { number, total, instruction });
        assert_eq!(read("[2/3] RUN make"), found(2, 3, "RUN make"));
        assert_eq!(read("[build 2/3] COPY [\"a\", \"b\"] /"), found(2, 3, "COPY [\"a\", \"b\"] /"));
        assert_eq!(read("[stage-1  2/10] RUN a"), found(2, 10, "RUN a"));
        assert_eq!(read("[linux/amd64 build 1/1] FROM x"), found(1, 1, "FROM x"));
        for other in [
            "[internal] load metadata for r.example/x:1",
            "[auth] r.example/x:pull token",
            "exporting to image",
            "https://r.example/[1/2] x",
            "[linux/amd64] x",
            "[1/2]",
            "",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
