//! Certificates, good and bad.

use std::net::SocketAddr;
use std::sync::Arc;

use slipway_domain::{Credentials, Reason};
use slipway_outbound::{
    AddressPolicy, FetchErrorKind, Fetcher, Guard, RedirectFault, RootsError, TlsFault,
};
use slipway_test_support::certificates::{Authority, Signed, Valid};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use url::Url;

use crate::server::{Answer, Server, head, ok, read, redirect, request, speak, text};

/// A server with a certificate, for as long as the test runs.
async fn serve(signed: &Signed, answer: Answer) -> SocketAddr {
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
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut socket) = acceptor.accept(socket).await else { continue };
            if head(&mut socket).await.is_some() {
                speak(&mut socket, answer.clone()).await;
            }
        }
    });
    address
}

fn trusting(authority: &[u8]) -> Fetcher {
    let policy = AddressPolicy::public_only().allow_loopback(true);
    Fetcher::new(Guard::new(policy), authority).unwrap()
}

fn https(address: SocketAddr) -> Url {
    Url::parse(&format!("https://{address}/a")).unwrap()
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_given() {
    let authority = Authority::new().unwrap();
    let signed = authority.for_server("127.0.0.1", Valid::Always).unwrap();
    let url = https(serve(&signed, ok("file")).await);

    let fetched = trusting(authority.pem().as_bytes()).get(request(url.clone())).await.unwrap();
    assert_eq!(read(fetched).await.unwrap(), b"file");

    let error = trusting(b"").get(request(url.clone())).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Tls(TlsFault::UnknownAuthority));
    let failure = error.failure();
    assert_eq!(failure.reason, Reason::SourceUnreachable);
    assert_eq!(
        failure.message,
        format!(
            "{url} cannot be fetched safely: its certificate is signed by an authority that \
             slipway does not know"
        )
    );
    assert!(failure.hint.unwrap().contains("private authority"));
}

#[tokio::test]
async fn certificates_that_are_no_good() {
    let authority = Authority::new().unwrap();
    let fetcher = trusting(authority.pem().as_bytes());
    for (name, valid, fault) in [
        ("127.0.0.1", Valid::NoMore, TlsFault::Expired),
        ("127.0.0.1", Valid::NotYet, TlsFault::NotYetValid),
        ("other.example", Valid::Always, TlsFault::WrongName),
    ] {
        let signed = authority.for_server(name, valid).unwrap();
        let url = https(serve(&signed, ok("file")).await);
        let error = fetcher.get(request(url)).await.unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::Tls(fault));
    }
}

#[tokio::test]
async fn a_server_without_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = https(listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        speak(&mut socket, text("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")).await;
        // Left open: closing it with the greeting unread would reset the connection.
        std::future::pending::<()>().await;
    });
    let error = trusting(b"").get(request(url)).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Tls(TlsFault::NoTls));

    // One that waits for a head which TLS does not have.
    let waiting = Server::start(|_| ok("file")).await;
    let mut request = request(https(waiting.address));
    request.limits.connect = std::time::Duration::from_millis(300);
    let error = trusting(b"").get(request).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Tls(TlsFault::Silent));
    assert!(error.failure().hint.unwrap().contains("http rather than https"));

    // One that hangs up on what it does not understand.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = https(listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        // The whole greeting, or the connection would be reset.
        assert!(socket.read(&mut [0; 4096]).await.unwrap() > 0);
    });
    let error = trusting(b"").get(crate::server::request(url)).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Tls(TlsFault::Silent));
}

#[tokio::test]
async fn a_login_does_not_go_from_https_to_http() {
    let authority = Authority::new().unwrap();
    let signed = authority.for_server("127.0.0.1", Valid::Always).unwrap();
    let plain = Server::start(|_| ok("file")).await;
    let url = https(serve(&signed, redirect(plain.url("/b").as_str())).await);
    let fetcher = trusting(authority.pem().as_bytes());

    let mut with_login = request(url.clone());
    with_login.login =
        Some(Credentials { username: "u".to_owned(), password: "p".to_owned().into() });
    let error = fetcher.get(with_login).await.unwrap_err();
    let fault = RedirectFault::Downgrade(plain.url("/b").to_string());
    assert_eq!(error.kind, FetchErrorKind::Redirect(fault));
    assert!(plain.asked().is_empty());

    // Without one, the file is as public as its address.
    let fetched = fetcher.get(request(url)).await.unwrap();
    assert_eq!(read(fetched).await.unwrap(), b"file");
}

#[tokio::test]
async fn a_body_cut_off_under_tls_is_no_end() {
    let authority = Authority::new().unwrap();
    let signed = authority.for_server("127.0.0.1", Valid::Always).unwrap();
    let url = https(serve(&signed, text("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")).await);
    let fetched = trusting(authority.pem().as_bytes()).get(request(url)).await.unwrap();
    let error = read(fetched).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Cut { got: 3, of: Some(9) });
}

#[test]
fn what_is_no_certificate() {
    let guard = Guard::new(AddressPolicy::public_only());
    for bad in ["hello", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"] {
        let error = Fetcher::new(guard.clone(), bad.as_bytes()).unwrap_err();
        assert_eq!(error, RootsError::Extra);
    }
}
