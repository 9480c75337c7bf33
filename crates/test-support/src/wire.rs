//! A wire that can be broken on purpose.
//!
//! Stands between a process and what it depends on (an engine, a registry, a database),
//! speaks nothing itself, and can be cut, slowed down, held up, or held up just when certain
//! bytes want to pass.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Where a wire leads.
#[derive(Debug, Clone)]
pub enum End {
    /// A TCP address, `host:port`.
    Tcp(String),
    /// A Unix socket.
    Unix(PathBuf),
}

/// The state of a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Each answer takes so much longer.
    Slow(Duration),
    Held,
    /// Answers to what was asked before still pass.
    Jammed,
    Cut,
}

/// What is waited for on its way from the near end, and what the wire becomes then.
type Trap = Mutex<Option<(Vec<u8>, State)>>;

/// A wire from a free port of loopback to somewhere. Gone when dropped.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    trap: Arc<Trap>,
    task: AbortHandle,
}

impl Wire {
    /// Lays a wire to `end`.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn to(end: End) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(watch::Sender::new(State::Open));
        let trap = Arc::new(Trap::default());
        let task = tokio::spawn(accept(listener, end, Arc::clone(&state), Arc::clone(&trap)));
        Ok(Self { address, state, trap, task: task.abort_handle() })
    }

    /// The near end, `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Breaks every connection, and each new one at once.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Lets nothing through, but keeps connections.
    pub fn hold(&self) {
        self.state.send_replace(State::Held);
    }

    /// Makes whoever asks at the near end wait for each answer that much longer.
    pub fn slow(&self, by: Duration) {
        self.state.send_replace(State::Slow(by));
    }

    /// Holds as soon as something wants to pass from the near end that contains `bytes`.
    pub fn hold_at(&self, bytes: &[u8]) {
        self.set(Some((bytes.to_vec(), State::Held)));
    }

    /// The same, but what was asked before, on other connections, is still answered.
    pub fn hold_requests_at(&self, bytes: &[u8]) {
        self.set(Some((bytes.to_vec(), State::Jammed)));
    }

    fn set(&self, trap: Option<(Vec<u8>, State)>) {
        *self.trap.lock().unwrap_or_else(PoisonError::into_inner) = trap;
    }

    /// Returns once the wire is held.
    pub async fn held(&self) {
        let mut state = self.state.subscribe();
        // The sender lives as long as this wire.
        let _ = state.wait_for(|state| matches!(state, State::Held | State::Jammed)).await;
    }

    /// Whole again.
    pub fn mend(&self) {
        self.set(None);
        self.state.send_replace(State::Open);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.state.send_replace(State::Cut);
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    end: End,
    state: Arc<watch::Sender<State>>,
    trap: Arc<Trap>,
) {
    while let Ok((near, _)) = listener.accept().await {
        if *state.borrow() == State::Cut {
            continue;
        }
        let (end, state, trap) = (end.clone(), Arc::clone(&state), Arc::clone(&trap));
        tokio::spawn(async move {
            let (near_read, near_write) = near.into_split();
            match end {
                End::Tcp(address) => {
                    if let Ok(far) = TcpStream::connect(address).await {
                        let (far_read, far_write) = far.into_split();
                        join(near_read, near_write, far_read, far_write, &state, &trap).await;
                    }
                }
                End::Unix(path) => {
                    if let Ok(far) = UnixStream::connect(path).await {
                        let (far_read, far_write) = far.into_split();
                        join(near_read, near_write, far_read, far_write, &state, &trap).await;
                    }
                }
            }
        });
    }
}

async fn join(
    near_read: impl AsyncRead + Unpin,
    near_write: impl AsyncWrite + Unpin,
    far_read: impl AsyncRead + Unpin,
    far_write: impl AsyncWrite + Unpin,
    state: &watch::Sender<State>,
    trap: &Trap,
) {
    let mut cut = state.subscribe();
    let both = async {
        tokio::join!(
            pass(near_read, far_write, state, Some(trap)),
            pass(far_read, near_write, state, None),
        )
    };
    tokio::select! {
        _ = both => {}
        _ = cut.wait_for(|state| *state == State::Cut) => {}
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: &watch::Sender<State>,
    trap: Option<&Trap>,
) {
    let mut open = state.subscribe();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(read) => &buffer[..read],
        };
        if let Some(then) = trap.and_then(|trap| sprung(trap, read)) {
            state.send_replace(then);
        }
        let passes = |state: &State| match state {
            State::Open | State::Slow(_) => true,
            State::Jammed => trap.is_none(),
            State::Held | State::Cut => false,
        };
        let Ok(state) = open.wait_for(passes).await.map(|state| *state) else { break };
        if let (State::Slow(by), None) = (state, trap) {
            tokio::time::sleep(by).await;
        }
        if to.write_all(read).await.is_err() {
            break;
        }
    }
    // The other direction may still have something to say.
    let _ = to.shutdown().await;
}

/// What the wire becomes when these bytes are those that were waited for.
fn sprung(trap: &Trap, bytes: &[u8]) -> Option<State> {
    let mut trap = trap.lock().unwrap_or_else(PoisonError::into_inner);
    let found = |(wanted, _): &mut (Vec<u8>, State)| {
        bytes.windows(wanted.len()).any(|window| window == wanted.as_slice())
    };
    trap.take_if(found).map(|(_, then)| then)
}
