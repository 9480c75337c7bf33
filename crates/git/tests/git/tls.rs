//! Servers of https, and who vouches for them.

use std::net::SocketAddr;
use std::sync::Arc;

use slipway_domain::{GitUrl, Reason};
use slipway_git::GitFetch;
use slipway_outbound::authorities_pem;
use slipway_test_support::certificates::{Authority, Signed, Valid};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::http::Server;
use crate::origin::Origin;
use crate::run::{Run, file, of};

/// Speaks TLS before a server that does not.
struct Front {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Front {
    async fn start(signed: &Signed, behind: SocketAddr) -> Self {
        let cert = CertificateDer::from_pem_slice(signed.cert.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(signed.key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Who does not trust us hangs up.
                    let Ok(mut socket) = acceptor.accept(socket).await else { return };
                    let mut behind = TcpStream::connect(behind).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut socket, &mut behind).await;
                });
            }
        });
        Self { address, accepting }
    }

    fn url(&self, path: &str) -> GitUrl {
        GitUrl::parse(&format!("https://{}/{path}", self.address)).unwrap().0
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_given() {
    let origin = Origin::new();
    let lib = origin.repo("lib.git");
    let id = lib.commit("main", &[("lib.txt", "lib")]);
    let app = origin.repo_with_dockerfile("app.git");
    let modules = "[submodule \"lib\"]\n\tpath = lib\n\turl = ../lib.git\n";
    app.commit("main", &[(".gitmodules", modules), ("160000:lib", &id)]);
    let server = Server::start(origin.path()).await;
    let authority = Authority::new().unwrap();
    let signed = authority.for_server("127.0.0.1", Valid::Always).unwrap();
    let front = Front::start(&signed, server.address).await;
    let trusting = |pem: &str| GitFetch {
        authorities: Some(authorities_pem(pem.as_bytes()).unwrap().into()),
        submodules: true,
        ..of(&front.url("app.git"))
    };
    let files = Run::new().files(&trusting(authority.pem())).await;
    assert_eq!(files["Dockerfile"], file("FROM scratch\n"));
    assert_eq!(files["lib/lib.txt"], file("lib"));

    let other = Authority::new().unwrap();
    for what in [of(&front.url("app.git")), trusting(""), trusting(other.pem())] {
        let failure = Run::new().failure(&what).await;
        assert_eq!(failure.reason, Reason::SourceUnreachable, "{failure:?}");
        assert!(failure.message.contains("cannot be fetched safely: "), "{failure:?}");
        assert!(failure.message.contains("certificate"), "{failure:?}");
    }
}

#[tokio::test]
async fn certificates_that_are_no_good() {
    let origin = Origin::new();
    origin.repo_with_dockerfile("app.git");
    let server = Server::start(origin.path()).await;
    let authority = Authority::new().unwrap();
    for (name, valid) in [("127.0.0.1", Valid::NoMore), ("h.example", Valid::Always)] {
        let signed = authority.for_server(name, valid).unwrap();
        let front = Front::start(&signed, server.address).await;
        let what =
            GitFetch { authorities: Some(authority.pem().into()), ..of(&front.url("app.git")) };
        let failure = Run::new().failure(&what).await;
        assert_eq!(failure.reason, Reason::SourceUnreachable, "{name} {failure:?}");
        assert!(failure.message.contains("cannot be fetched safely: "), "{name} {failure:?}");
    }
}

#[tokio::test]
async fn https_to_a_port_of_http() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/app.git", listener.local_addr().unwrap());
    tokio::spawn(async move {
        // Left open: closing it with the greeting unread would reset the connection.
        let mut open = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            socket.write_all(b"HTTP/1.1 400 X\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            open.push(socket);
        }
    });
    let url = GitUrl::parse(&url).unwrap().0;
    let failure = Run::new().failure(&of(&url)).await;
    assert_eq!(failure.reason, Reason::SourceUnreachable, "{failure:?}");
    assert!(failure.message.contains("does not speak tls at that port"), "{failure:?}");
    assert!(failure.hint.unwrap().contains("http rather than https"));
}
