//! Logs that were lost or damaged, of which whoever runs the server was told. Whoever wants such a
//! log may ask for it once a second: the server's log has one line of it.

use std::collections::VecDeque;

use slipway_domain::BuildId;

use crate::StoreError;

/// Builds that are remembered: beyond them, the first one is told of again.
const KEPT: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct Told(VecDeque<BuildId>);

impl Told {
    /// Says what became of a log, unless that was said before.
    pub(super) fn tell(&mut self, error: &StoreError) {
        let (StoreError::LogMissing(build) | StoreError::LogDamaged { build, .. }) = error else {
            return;
        };
        if !self.is_new(*build) {
            return;
        }
        // The line of a request about the build has it from there.
        let is_said = tracing::Span::current().has_field("build.id");
        let build = (!is_said).then(|| tracing::field::display(build));
        if matches!(error, StoreError::LogMissing(_)) {
            tracing::warn!(build.id = build, "{error}");
        } else {
            tracing::error!(build.id = build, "{error}");
        }
    }

    fn is_new(&mut self, build: BuildId) -> bool {
        if self.0.contains(&build) {
            return false;
        }
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(build);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What was written, line after line.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_names_its_build_once() {
        let build = BuildId::generate();
        let damaged = StoreError::LogDamaged { build, problem: "it is empty".into() };
        let page = Page::default();
        let written = page.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || page.clone());
        tracing::subscriber::with_default(log.finish(), || {
            tracing::info_span!("request", build.id = %build).in_scope(|| {
                Told::default().tell(&damaged);
            });
            Told::default().tell(&damaged);
        });
        let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = log.lines().collect();
        assert_eq!(lines.len(), 2, "{log}");
        for line in lines {
            assert_eq!(line.matches(&format!("build.id={build}")).count(), 1, "{line}");
        }
    }

    #[test]
    fn each_is_told_of_once_and_there_is_an_end() {
        let (mut told, first) = (Told::default(), BuildId::generate());
        assert!(told.is_new(first) && !told.is_new(first));
        for _ in 0..KEPT {
            assert!(told.is_new(BuildId::generate()));
        }
        assert_eq!(told.0.len(), KEPT);
        assert!(told.is_new(first), "it was long ago");
    }
}
