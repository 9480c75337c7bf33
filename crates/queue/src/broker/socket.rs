//! The socket under a connection, with a cord to cut it by.
//!
//! The client library reads and writes on a thread of its own, and that thread waits as long
//! as the socket is silent: a handshake without an answer, or a goodbye over a dead wire,
//! would keep it for ever. Whoever holds the cord can end it.

use std::io;
use std::net::{Shutdown, TcpStream as StdTcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use async_compat::Compat;
use lapin::AsyncTcpStream;
use lapin::tcp::OwnedTLSConfig;
use tokio::net::TcpStream;

use super::address::Address;

/// Ends what hangs on a socket: by [`Cord::cut`], or when dropped.
#[derive(Debug, Clone, Default)]
pub(super) struct Cord(Arc<Ends>);

#[derive(Debug, Default)]
struct Ends(Mutex<End>);

#[derive(Debug, Default)]
enum End {
    #[default]
    Loose,
    Tied(StdTcpStream),
    Cut,
}

impl Cord {
    /// Closes the socket, or the one that is about to be opened. Whoever waits for it sees
    /// its end.
    pub(super) fn cut(&self) {
        self.0.cut();
    }

    fn tie(&self, socket: StdTcpStream) -> io::Result<()> {
        let mut end = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *end {
            End::Cut => Err(io::ErrorKind::TimedOut.into()),
            End::Loose | End::Tied(_) => {
                *end = End::Tied(socket);
                Ok(())
            }
        }
    }
}

impl Ends {
    fn cut(&self) {
        let mut end = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let End::Tied(socket) = std::mem::replace(&mut *end, End::Cut) {
            // An error says that it is closed already.
            drop(socket.shutdown(Shutdown::Both));
        }
    }
}

/// Opens a socket to the broker and ties the cord to it.
pub(super) async fn open(
    address: &Address,
    cord: &Cord,
) -> io::Result<AsyncTcpStream<Compat<TcpStream>>> {
    let opening = async {
        let plain = TcpStream::connect((address.host(), address.port())).await?;
        plain.set_nodelay(true)?;
        let plain = plain.into_std()?;
        cord.tie(plain.try_clone()?)?;
        let plain = AsyncTcpStream::Plain(Compat::new(TcpStream::from_std(plain)?));
        if address.has_tls() {
            plain.into_tls(address.host(), OwnedTLSConfig::default().as_ref()).await
        } else {
            Ok(plain)
        }
    };
    tokio::time::timeout(address.connect_within(), opening).await?
}
