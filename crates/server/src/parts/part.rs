//! A part of a process: a task that goes on until it is told to stop. One that ends by itself
//! ends the process, and says why.

use std::fmt;
use std::io;

use tokio::task::JoinHandle;

/// A running part.
pub(crate) struct Part {
    name: &'static str,
    task: JoinHandle<Option<String>>,
}

/// That a part ended which never should.
#[derive(Debug)]
pub(crate) struct Crash {
    part: &'static str,
    why: Option<String>,
}

/// What a part's work comes to in the end.
pub(crate) trait End: Send + 'static {
    /// Why it did not go on, where it says so.
    fn why(self) -> Option<String>;
}

impl End for () {
    fn why(self) -> Option<String> {
        None
    }
}

impl End for io::Result<()> {
    fn why(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

impl Part {
    /// Starts it. The name stands in "the … ended by itself".
    pub(crate) fn start<E: End>(
        name: &'static str,
        work: impl Future<Output = E> + Send + 'static,
    ) -> Self {
        Self { name, task: tokio::spawn(async { work.await.why() }) }
    }

    /// Waits for its end. May be dropped while it waits; not to be called after it has said so.
    pub(crate) async fn ended(&mut self) -> Crash {
        let why = (&mut self.task).await.unwrap_or_else(|error| Some(error.to_string()));
        Crash { part: self.name, why }
    }

    /// Waits for the end of one that was told to stop, and may have ended before.
    pub(crate) async fn finish(self) {
        if !self.task.is_finished() {
            let _ = self.task.await;
        }
    }

    /// Ends it wherever it is.
    pub(crate) fn abort(&self) {
        self.task.abort();
    }
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} ended by itself", self.part)?;
        match &self.why {
            Some(why) => write!(f, ": {why}"),
            None => Ok(()),
        }
    }
}
