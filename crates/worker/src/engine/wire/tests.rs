use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::rustls::{AlertDescription, Error};

use super::*;

/// The connection to an engine that looked at our certificate, and refused it, before it was asked
/// anything.
struct Refusing;

impl AsyncRead for Refusing {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let alert = Error::AlertReceived(AlertDescription::BadCertificate);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, alert)))
    }
}

impl AsyncWrite for Refusing {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_refusal_that_is_quicker_than_the_request_is_said_to_be_one() {
    let (mut sender, connection) = http1::handshake(TokioIo::new(Refusing)).await.unwrap();
    let asked = sender.send_request(with_body(request(Method::GET, "/_ping"), nothing()).unwrap());
    let (answer, _) = tokio::join!(asked, connection);
    let error = broken(&answer.unwrap_err());
    assert!(matches!(error, WireError::Tls(TlsFault::ClientRefused)), "{error:?}");
}
