//! Why an address may not be reached, and what could be done about it.

use std::fmt;
use std::net::IpAddr;

use slipway_domain::{Failure, Reason};

use super::AddressKind;

/// A host that a request names is at an address that requests may not reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The host as it was named, normalised: `127.1` is `127.0.0.1` here.
    pub host: String,
    /// The address that it resolved to.
    pub address: IpAddr,
    /// What that address is. Where it carries another inside, what that one is.
    pub kind: AddressKind,
}

impl Refused {
    /// How it could be allowed, naming the setting.
    #[must_use]
    pub fn hint(&self) -> String {
        let Self { host, address, kind } = self;
        let either =
            if self.is_literal() { format!("{address}") } else { format!("{host} or {address}") };
        if *kind == AddressKind::CloudMetadata {
            return format!(
                "name another address; who runs slipway could add {address} to \
                 limits.allowed_addresses, and with it give away the credentials of its machines"
            );
        }
        let or_all = if kind.is_private() {
            ", or set limits.allow_private_addresses for all private networks"
        } else {
            ""
        };
        format!(
            "if requests are to reach it, have {either} added to limits.allowed_addresses in the \
             settings of slipway{or_all}"
        )
    }

    /// The failure of a build that wanted to go there.
    #[must_use]
    pub fn failure(&self) -> Failure {
        Failure::new(Reason::AddressRefused, self.to_string()).hint(self.hint())
    }

    /// Whether the host was given as an address.
    fn is_literal(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        bare.parse::<IpAddr>().is_ok()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, address, kind } = self;
        if self.is_literal() {
            write!(f, "requests may not reach {address} ({kind})")
        } else {
            write!(f, "requests may not reach {host}, which is at {address} ({kind})")
        }
    }
}

impl std::error::Error for Refused {}
