//! Ports of loopback that are spoken for before anybody listens there.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// A port that is kept while this lives. The system gives it to nobody who asks for any free port,
/// as it would one that was only looked up; whoever is told its number listens beside it. Until
/// then, connections are refused there.
#[derive(Debug)]
pub struct Port {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl Port {
    /// Keeps a free one.
    ///
    /// # Errors
    /// When there is none.
    pub fn keep() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // Two sockets that both say so share a port as long as one of them does not listen
        // (socket(7)); servers say so, in order to start again on the port that they had.
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        Ok(Self { address: socket.local_addr()?, _socket: socket })
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.address.port()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn nobody_is_there_until_somebody_listens_by_its_number() {
        let port = Port::keep().unwrap();
        let refused = TcpStream::connect(port.address()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        for _ in 0..2 {
            let listener = TcpListener::bind(port.address()).unwrap();
            TcpStream::connect(port.address()).unwrap();
            listener.accept().unwrap();
        }
    }
}
