//! Why there is no connection, in words that say what to do. Never the password.

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::{Error, ErrorKind};

use super::address::Address;

/// What `error` says about the broker. Health shows it to whoever asks, so it names neither
/// the address nor the user; the log says the address beside it.
pub(super) fn of(error: &Error, address: &Address) -> String {
    let vhost = address.vhost();
    if let ErrorKind::IOError(io) = error.kind() {
        return format!("the broker cannot be reached: {io}");
    }
    let ErrorKind::ProtocolError(refusal) = error.kind() else {
        return format!("the broker cannot be used: {error}");
    };
    let said = said(refusal.get_message().as_str(), address.user());
    match refusal.kind() {
        AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => format!(
            "virtual host \"{vhost}\" cannot be used by the user of queue.url ({said}); \
             rabbitmqctl add_vhost and set_permissions make it so"
        ),
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) if said.contains("Login") => {
            format!("the broker refuses the login of queue.url ({said})")
        }
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => format!(
            "the user of queue.url lacks a permission on virtual host \"{vhost}\" ({said}); it \
             needs to configure, write and read slipway.* and amq.gen-*"
        ),
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => format!(
            "the broker has a queue or an exchange of our name that is not ours ({said}); delete \
             it there, or choose another virtual host"
        ),
        AMQPErrorKind::Soft(_) | AMQPErrorKind::Hard(_) => format!("the broker says: {said}"),
    }
}

/// The broker's own words without the user's name.
fn said(words: &str, user: &str) -> String {
    if user.is_empty() { words.to_owned() } else { words.replace(user, "…") }
}
