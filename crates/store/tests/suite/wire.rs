//! A wire between a store and its database that can be cut.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

/// Passes bytes on to a database until it is cut or clogged.
pub(crate) struct Wire {
    address: SocketAddr,
    /// So that nobody else is given the port while the wire is cut.
    _held: TcpSocket,
    behind: String,
    passing: Option<JoinHandle<()>>,
    clogged: watch::Sender<bool>,
}

impl Wire {
    pub(crate) async fn to(url: &Url) -> Self {
        let behind = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let held = socket(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = held.local_addr().unwrap();
        let listener = socket(address).listen(1024).unwrap();
        let clogged = watch::Sender::new(false);
        let passing = Some(tokio::spawn(pass(listener, behind.clone(), clogged.subscribe())));
        Self { address, _held: held, behind, passing, clogged }
    }

    /// The database's URL by way of this wire.
    pub(crate) fn url(&self, url: &Url) -> String {
        let mut url = url.clone();
        url.set_host(Some(&self.address.ip().to_string())).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.into()
    }

    /// Closes every connection, and takes no new one.
    pub(crate) async fn cut(&mut self) {
        if let Some(passing) = self.passing.take() {
            passing.abort();
            // Its connections are closed when it has been dropped.
            drop(passing.await);
        }
    }

    /// Keeps every connection, takes new ones, and passes nothing on.
    pub(crate) fn clog(&self) {
        self.clogged.send_replace(true);
    }

    pub(crate) async fn mend(&mut self) {
        self.cut().await;
        self.clogged.send_replace(false);
        let listener = socket(self.address).listen(1024).unwrap();
        let passing = pass(listener, self.behind.clone(), self.clogged.subscribe());
        self.passing = Some(tokio::spawn(passing));
    }
}

/// A socket that shares its address with others of this wire, as long as one of them listens.
fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

async fn pass(listener: TcpListener, behind: String, clogged: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let (mut near, _) = listener.accept().await.unwrap();
        let (behind, mut clogged) = (behind.clone(), clogged.clone());
        connections.spawn(async move {
            let Ok(mut far) = TcpStream::connect(behind).await else { return };
            let is_clogged = async move { drop(clogged.wait_for(|clogged| *clogged).await) };
            tokio::select! {
                biased;
                () = is_clogged => std::future::pending().await,
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
            }
        });
    }
}
