//! Why there is no connection, in words that say what to do. Never the password.

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::{Error, ErrorKind};

use super::address::Address;

/// What `error` says about the broker at `address`.
pub(super) fn of(error: &Error, address: &Address) -> String {
    let (vhost, user) = (address.vhost(), address.user());
    if let ErrorKind::IOError(io) = error.kind() {
        return format!("{address}: {io}");
    }
    let ErrorKind::ProtocolError(refusal) = error.kind() else {
        return format!("{address}: {error}");
    };
    let said = refusal.get_message();
    match refusal.kind() {
        AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => format!(
            "virtual host \"{vhost}\" at {address} cannot be used by \"{user}\" ({said}); \
             rabbitmqctl add_vhost and set_permissions make it so"
        ),
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) if said.as_str().contains("Login") => {
            format!("{address} refuses the login of \"{user}\" ({said}); see queue.url")
        }
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => format!(
            "\"{user}\" lacks a permission on virtual host \"{vhost}\" at {address} ({said}); it \
             needs to configure, write and read slipway.* and amq.gen-*"
        ),
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => format!(
            "{address} has a queue or an exchange of our name that is not ours ({said}); delete \
             it there, or choose another virtual host"
        ),
        AMQPErrorKind::Soft(_) | AMQPErrorKind::Hard(_) => format!("{address}: {said}"),
    }
}
