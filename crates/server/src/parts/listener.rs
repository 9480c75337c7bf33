//! The port of a process.

use std::net::{SocketAddr, TcpListener};

use crate::roles::Failure;

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
