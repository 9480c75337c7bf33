//! The agent that ssh has its key from: a socket in the folder of the fetch, that signs. A key in
//! a file would stay there when the worker is killed.

use std::io;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::sync::Arc;

use slipway_ssh::{Agent, Messages, SshKey};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

/// A piece of what ssh says at once, in bytes.
const PIECE: usize = 4096;

/// An agent that listens until this is dropped.
pub(crate) struct Listening {
    name: String,
    task: JoinHandle<()>,
}

impl Listening {
    /// Listens in the folder of the fetch, for the key alone. `number` tells it from others there.
    pub(crate) fn start(folder: &Path, number: usize, key: SshKey) -> io::Result<Self> {
        let name = format!("agent-{number}");
        // The address of a socket has 107 bytes at most, however deep the folder is.
        let opened = std::fs::File::open(folder)?;
        let short = format!("/proc/self/fd/{}/{name}", opened.as_raw_fd());
        let listener = UnixListener::bind(short)?;
        let agent = Arc::new(Agent::new(vec![key]));
        Ok(Self { name, task: tokio::spawn(listen(listener, agent)) })
    }

    /// Where it listens, from the folder of the fetch, where git runs.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Each connection in a task, all of which end with this one.
async fn listen(listener: UnixListener, agent: Arc<Agent>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(answer(stream, Arc::clone(&agent)))),
                Err(error) => {
                    tracing::warn!(%error, "the ssh agent of a fetch hears nobody any more");
                    return;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(mut stream: UnixStream, agent: Arc<Agent>) -> io::Result<()> {
    let mut messages = Messages::default();
    let mut piece = vec![0; PIECE];
    loop {
        let count = stream.read(&mut piece).await?;
        let said = piece.get(..count).filter(|said| !said.is_empty());
        let Some(said) = said else { return Ok(()) };
        let answers = messages.answer(said, &agent).map_err(io::Error::other)?;
        stream.write_all(&answers).await?;
    }
}
