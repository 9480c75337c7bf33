//! Steps that a build takes over from another that runs them at the same time.
//!
//! BuildKit runs equal steps once, whoever wants them. Where two builds have a step under one
//! digest, each is told all of it, what was printed before it came, too. Where files were copied
//! before the step, the digests differ, because each build has a context of its own; that both
//! come to the same is found out on the way, and from there on the step and all after it are told
//! to the build that was first, and to no other: in the second they are announced, and nothing
//! else is heard of them. Observed on engine 20.10; no option of a build changes it, `nocache` neither. Without a
//! word, such a log would look as if steps were left out.

use std::collections::{HashMap, HashSet};

use bollard::moby::buildkit::v1::Vertex;

use super::faults::FailedStep;
use super::progress::EXPORT;

/// What is said at such a step.
pub(super) const NOTE: &str = "(shared with another build that runs the same step on this host at \
    the same time: what it prints is in that build's log)\n";
/// What is said, and advised, where a build failed at such a step.
pub(super) const NOTE_OF_FAILURE: &str = "(the step that failed is shared with another build that \
    runs it on this host at the same time: what it printed is in that build's log)";
pub(super) const HINT_OF_FAILURE: &str = "the output of the step tells why: it is in the log of \
    the other build that ran it on this host at the same time, or submit this one again";

/// The steps that were announced, in that order, and what was heard of each.
#[derive(Debug, Default)]
pub(super) struct Announced {
    order: Vec<String>,
    steps: HashMap<String, Step>,
}

#[derive(Debug)]
struct Step {
    name: String,
    inputs: Vec<String>,
    heard: Heard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Nothing,
    Began,
    /// What it stands on may never have been asked for.
    Cached,
    TakenOver,
}

impl Announced {
    /// Takes note of a vertex. When the export begins, all that it stands on is done: gives those
    /// that must have run elsewhere, by digest and name, in the order of the Dockerfile.
    pub(super) fn see(&mut self, vertex: &Vertex) -> Vec<(String, String)> {
        let heard = match () {
            () if vertex.cached => Heard::Cached,
            () if vertex.started.is_some() || !vertex.error.is_empty() => Heard::Began,
            () => Heard::Nothing,
        };
        match self.steps.get_mut(&vertex.digest) {
            Some(step) if step.heard == Heard::Nothing => step.heard = heard,
            Some(_) => return Vec::new(),
            None => {
                let (name, inputs) = (vertex.name.clone(), vertex.inputs.clone());
                self.order.push(vertex.digest.clone());
                self.steps.insert(vertex.digest.clone(), Step { name, inputs, heard });
            }
        }
        if heard == Heard::Began && vertex.name.starts_with(EXPORT) {
            let silent = self.silent_at_the_end();
            return self.take_over(&silent);
        }
        Vec::new()
    }

    /// Whether nothing was heard of some step.
    pub(super) fn has_silent(&self) -> bool {
        let mut steps = self.steps.values();
        steps.any(|step| step.heard == Heard::Nothing && FailedStep::is_numbered(&step.name))
    }

    /// Those of which nothing was heard, and that no cached one stands on: of what is below that,
    /// a builder need not say anything.
    fn silent_at_the_end(&self) -> HashSet<String> {
        let cached = self.steps.values().filter(|step| step.heard == Heard::Cached);
        let mut covered = HashSet::new();
        let mut left: Vec<&String> = cached.flat_map(|step| &step.inputs).collect();
        while let Some(digest) = left.pop() {
            if covered.insert(digest)
                && let Some(step) = self.steps.get(digest)
            {
                left.extend(&step.inputs);
            }
        }
        self.order.iter().filter(|digest| !covered.contains(digest)).cloned().collect()
    }

    fn take_over(&mut self, among: &HashSet<String>) -> Vec<(String, String)> {
        let mut taken = Vec::new();
        for digest in self.order.iter().filter(|digest| among.contains(*digest)) {
            if let Some(step) = self.steps.get_mut(digest)
                && step.heard == Heard::Nothing
                && FailedStep::is_numbered(&step.name)
            {
                step.heard = Heard::TakenOver;
                taken.push((digest.clone(), step.name.clone()));
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vertex(digest: &str, inputs: &[&str]) -> Vertex {
        let name = match digest {
            "export" => "exporting to image".to_owned(),
            "context" => "[internal] load build context".to_owned(),
            step => format!("[{step} 1/1] RUN {step}"),
        };
        let inputs = inputs.iter().map(|input| (*input).to_owned()).collect();
        Vertex { digest: digest.to_owned(), name, inputs, ..Vertex::default() }
    }

    fn begun(digest: &str) -> Vertex {
        Vertex { started: Some(Default::default()), ..vertex(digest, &[]) }
    }

    fn cached(digest: &str) -> Vertex {
        Vertex { cached: true, ..begun(digest) }
    }

    fn taken(told: Vec<Vertex>) -> Vec<String> {
        let mut announced = Announced::default();
        told.iter().flat_map(|vertex| announced.see(vertex)).map(|(digest, _)| digest).collect()
    }

    fn chain() -> Vec<Vertex> {
        vec![
            vertex("context", &[]),
            vertex("from", &[]),
            vertex("copy", &["from", "context"]),
            vertex("run", &["copy"]),
        ]
    }

    #[test]
    fn silent_steps_are_taken_over_by_the_end() {
        let told = [chain(), vec![cached("from"), begun("export")]].concat();
        assert_eq!(taken(told), ["copy", "run"]);
        let own = vec![begun("from"), begun("copy"), begun("run"), begun("export")];
        assert!(taken([chain(), own].concat()).is_empty());
    }

    #[test]
    fn one_after_them_may_be_the_builds_own() {
        let told = [chain(), vec![begun("from"), begun("run"), begun("export")]].concat();
        assert_eq!(taken(told), ["copy"]);
    }

    #[test]
    fn what_a_cached_step_stands_on_is_nobodys() {
        let told = [chain(), vec![cached("run"), begun("export")]].concat();
        assert!(taken(told).is_empty());
        let own = vec![vertex("last", &["run"]), cached("run"), begun("last"), begun("export")];
        assert!(taken([chain(), own].concat()).is_empty());
    }
}
