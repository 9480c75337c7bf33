//! SSH keys of builds, and an agent that signs with them, without any I/O.
//!
//! Two crates need this: the door, which refuses a key that nothing could sign with while its
//! sender still listens, and the worker, whose session with BuildKit speaks as an agent for
//! `RUN --mount=type=ssh`. The key itself never leaves the process: what a build step gets to
//! see is a socket that signs.
//!
//! `ring`, which TLS uses here as well, signs, in constant time. The crates that read and sign
//! for all of SSH bring an RSA that does not, and pass over one ECDSA key in 256 (`ssh-key`
//! 0.6, which takes no number that begins with a zero), so that forms and messages are read
//! here, with `ssh-encoding`.

mod agent;
mod key;
mod openssh;
mod pem;
mod wire;

pub use agent::{Agent, Messages, TooLong};
pub use key::{KeyProblem, SshKey};
