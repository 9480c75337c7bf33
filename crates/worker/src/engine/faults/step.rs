//! The step that failed, by the name its builder has for it.

use super::text;

/// How the name of BuildKit's vertex begins that pulls what `# syntax=` names.
const FRONTEND: &str = "resolve image config for ";

/// A step that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct FailedStep {
    /// Number, total, and the stage of a Dockerfile that has several.
    place: Option<(u32, u32, Option<String>)>,
    instruction: String,
}

impl FailedStep {
    pub(in crate::engine) fn new(
        number: u32,
        total: u32,
        stage: Option<&str>,
        instruction: &str,
    ) -> Self {
        let place = Some((number, total, stage.map(ToOwned::to_owned)));
        Self { place, instruction: instruction.to_owned() }
    }

    /// Reads a vertex's name: `[2/3] RUN make`, `[build 2/3] COPY a b`,
    /// `[linux/arm64 build 2/3] …`, `[internal] load metadata for …`, `exporting to image`.
    pub(in crate::engine) fn of_vertex(name: &str) -> Self {
        let place = name.strip_prefix('[').and_then(|rest| rest.split_once("] "));
        if let Some((place, instruction)) = place {
            let mut words = place.rsplit(' ');
            let count = words.next().and_then(|count| count.split_once('/'));
            let count = count.and_then(|(n, m)| Some((n.parse().ok()?, m.parse().ok()?)));
            if let Some((number, total)) = count {
                return Self::new(number, total, words.next(), instruction);
            }
        }
        Self { place: None, instruction: name.to_owned() }
    }

    /// Whether a vertex is a step of a Dockerfile, and none of the builder's own.
    pub(in crate::engine) fn is_numbered(name: &str) -> bool {
        Self::of_vertex(name).place.is_some()
    }

    /// `step 2 of 3`, `step 2 of 3 of stage build`.
    pub(super) fn place(&self) -> String {
        match &self.place {
            Some((number, total, Some(stage))) => {
                format!("step {number} of {total} of stage {stage}")
            }
            Some((number, total, None)) => format!("step {number} of {total}"),
            None => "a step".to_owned(),
        }
    }

    /// The instruction, on one line and not too long.
    pub(super) fn instruction(&self) -> String {
        text::instruction(&self.instruction)
    }

    /// Whether it brings files in.
    pub(super) fn is_copy(&self) -> bool {
        let word = self.instruction.split(' ').next().unwrap_or_default();
        word.eq_ignore_ascii_case("COPY") || word.eq_ignore_ascii_case("ADD")
    }

    /// Whether it may fetch what it brings in from an address.
    pub(super) fn is_add(&self) -> bool {
        // BuildKit names the fetch of an address by the address alone.
        let word = self.instruction.split(' ').next().unwrap_or_default();
        word.eq_ignore_ascii_case("ADD")
            || ["http://", "https://"].iter().any(|scheme| word.starts_with(scheme))
    }

    /// Whether it takes its files from another stage or image.
    pub(super) fn copies_from_elsewhere(&self) -> bool {
        self.is_copy() && self.flag("--from=").is_some()
    }

    /// Whether it looks for the frontend that the Dockerfile names in `# syntax=`.
    pub(super) fn is_frontend(&self) -> bool {
        self.instruction.starts_with(FRONTEND)
    }

    /// The image that it pulls, if that is its work.
    pub(super) fn image(&self) -> Option<&str> {
        if let Some(image) = self.instruction.strip_prefix("[internal] load metadata for ") {
            return Some(image);
        }
        if let Some(image) = self.instruction.strip_prefix(FRONTEND) {
            // With the scheme from BuildKit 0.11 on.
            return Some(image.trim_start_matches("docker-image://"));
        }
        let mut words = self.instruction.split_whitespace();
        if words.next().is_some_and(|word| word.eq_ignore_ascii_case("FROM")) {
            return words.find(|word| !word.starts_with("--"));
        }
        self.flag("--from=")
    }

    fn flag(&self, flag: &str) -> Option<&str> {
        let mut flags = self.instruction.split_whitespace().skip(1);
        flags
            .by_ref()
            .take_while(|word| word.starts_with("--"))
            .find_map(|word| word.strip_prefix(flag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_vertexes() {
        let place = |name: &str| FailedStep::of_vertex(name).place();
        assert_eq!(place("[2/3] RUN make"), "step 2 of 3");
        assert_eq!(place("[build 2/3] RUN make"), "step 2 of 3 of stage build");
        assert_eq!(place("[linux/arm64 stage-1 2/3] RUN make"), "step 2 of 3 of stage stage-1");
        assert_eq!(place("[internal] load metadata for r/x:1"), "a step");
        assert_eq!(place("exporting to image"), "a step");
    }

    #[test]
    fn images_that_steps_pull() {
        let image = |name: &str| FailedStep::of_vertex(name).image().map(ToOwned::to_owned);
        assert_eq!(image("[internal] load metadata for r/x:1").as_deref(), Some("r/x:1"));
        assert_eq!(image("[1/2] FROM r/x:1@sha256:1").as_deref(), Some("r/x:1@sha256:1"));
        assert_eq!(image("[1/2] FROM --platform=linux/arm64 r/x").as_deref(), Some("r/x"));
        assert_eq!(image("[1/2] COPY --chown=1 --from=r/x a b").as_deref(), Some("r/x"));
        assert_eq!(image("[1/2] COPY a --from=r/x"), None);
        assert_eq!(image("[1/2] RUN make"), None);
        assert_eq!(image("resolve image config for r/f:1").as_deref(), Some("r/f:1"));
        assert_eq!(
            image("resolve image config for docker-image://r/f:1").as_deref(),
            Some("r/f:1")
        );
    }
}
