//! The port of a process.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use slipway_api::Listener;

use super::certificate::Certificate;
use crate::roles::Failure;
use crate::settings::Settings;

/// A port that was taken, and what is spoken there.
#[derive(Debug)]
pub(crate) struct Port {
    socket: TcpListener,
    certificate: Option<Arc<Certificate>>,
}

impl Port {
    /// The API's, with its certificate where the settings have one.
    ///
    /// # Errors
    /// Names the setting that does not work.
    pub(crate) fn of_api(settings: &Settings) -> Result<Self, Failure> {
        let files = settings.http.tls_files()?;
        let certificate = files.map(|(cert, key)| Certificate::read(cert, key)).transpose()?;
        Ok(Self { socket: bind(settings.http.address()?, "http.listen")?, certificate })
    }

    /// The port, to be served. Several servers may take turns at it.
    ///
    /// # Errors
    /// When the process may have no more sockets.
    pub(crate) fn listener(&self) -> io::Result<Listener> {
        let socket = self.socket.try_clone()?;
        match &self.certificate {
            Some(certificate) => Listener::over_tls(socket, certificate.clone()),
            None => Ok(socket.into()),
        }
    }
}

/// Takes the port, before anything starts that would have to be stopped if it is taken.
///
/// # Errors
/// Names `setting`, where another address can be chosen.
pub(crate) fn bind(address: SocketAddr, setting: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|error| {
        let variable = setting.to_uppercase().replace('.', "__");
        format!(
            "cannot listen on {address}: {error}; choose another address with {setting} or \
             SLIPWAY__{variable}"
        )
        .into()
    })
}
