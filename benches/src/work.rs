//! What is built: images that nobody has built before.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::follow;
use crate::surroundings::Surroundings;

/// One image to be made.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    /// Where it is pushed.
    pub(crate) image: String,
    pub(crate) dockerfile: String,
}

/// Gives out work under names of this run.
#[derive(Debug)]
pub(crate) struct Works {
    prefix: String,
    base: String,
    given: AtomicUsize,
}

impl Works {
    /// `folder` is this run's own: its name tells the run apart from others.
    pub(crate) fn new(surroundings: &Surroundings, folder: &Path) -> Self {
        let run = folder.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let prefix = format!("{}/slipway-bench/{run}", surroundings.registry);
        Self { prefix, base: surroundings.base.clone(), given: AtomicUsize::new(0) }
    }

    /// An image with one step that no cache has.
    pub(crate) fn small(&self) -> Work {
        self.running(|image| format!("echo {image} > /made"))
    }

    /// An image whose making prints the numbers up to `count`, one a line.
    pub(crate) fn lines(&self, count: usize) -> Work {
        self.running(|image| format!("echo {image} > /made && seq 1 {count}"))
    }

    /// An image whose making prints `count` lines, by and by.
    pub(crate) fn ticking(&self, count: usize) -> Work {
        self.running(|image| format!("echo {image} > /made; {}", follow::command(count)))
    }

    /// An image that is not made for a while.
    pub(crate) fn sleeping(&self, time: Duration) -> Work {
        self.running(|image| format!("echo {image} > /made && sleep {}", time.as_secs()))
    }

    /// An image of nothing but its Dockerfile, for contexts that only have to arrive.
    pub(crate) fn without_base(&self) -> Work {
        let image = self.next();
        Work { dockerfile: format!("FROM scratch\nCOPY Dockerfile /\nLABEL of={image}\n"), image }
    }

    /// The names of all images that were ever given out.
    pub(crate) fn images(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.given.load(Ordering::Relaxed)).map(|number| self.image(number))
    }

    fn running(&self, command: impl Fn(&str) -> String) -> Work {
        let image = self.next();
        let dockerfile = format!("FROM {}\nRUN {}\n", self.base, command(&image));
        Work { image, dockerfile }
    }

    fn next(&self) -> String {
        self.image(self.given.fetch_add(1, Ordering::Relaxed))
    }

    fn image(&self, number: usize) -> String {
        format!("{}-{number}:1", self.prefix)
    }
}
