//! What an address is, by the registries of special-purpose addresses that IANA keeps
//! (iana-ipv4-special-registry, iana-ipv6-special-registry).
//!
//! The standard library's classification is unstable (`ip_addr::is_global`), and the crates
//! that copy it say only whether an address is global. Here the kind has a name, because
//! whoever is refused wants to know it and what may be allowed depends on it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// What an address is. All but [`AddressKind::Public`] are refused unless allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// Anywhere on the internet.
    Public,
    /// This very machine: 127.0.0.0/8, `::1`.
    Loopback,
    /// 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16.
    PrivateNetwork,
    /// The private networks of IPv6: fc00::/7.
    UniqueLocal,
    /// Their predecessor, fec0::/10.
    SiteLocal,
    /// Behind a provider's address translation: 100.64.0.0/10. Overlay networks use it too.
    CarrierNat,
    /// One link only: 169.254.0.0/16, fe80::/10.
    LinkLocal,
    /// Where a cloud hands its machines their credentials.
    CloudMetadata,
    /// Groups of receivers: 224.0.0.0/4, ff00::/8.
    Multicast,
    /// No address: 0.0.0.0/8, `::`. Linux takes it for loopback.
    Unspecified,
    /// 255.255.255.255.
    Broadcast,
    /// Measurements of network devices: 198.18.0.0/15, 2001:2::/48.
    Benchmarking,
    /// Examples in texts.
    Documentation,
    /// For protocols of their own: 192.0.0.0/24, the rest of 2001::/23.
    Protocol,
    /// Not given out: 240.0.0.0/4, and of IPv6 all outside 2000::/3.
    Reserved,
}

/// Known to hand out a machine's credentials, or to be the platform's own. Most lie in a
/// network of another kind, which a setting may open for what else is there.
const METADATA_V4: [Ipv4Net; 5] = [
    // AWS, Azure, Google, DigitalOcean, Hetzner, OpenStack and others.
    v4(169, 254, 169, 254, 32),
    // AWS: credentials of containers, of ECS and of EKS.
    v4(169, 254, 170, 0, 24),
    // Scaleway.
    v4(169, 254, 42, 42, 32),
    // Alibaba Cloud, within what is otherwise for carriers.
    v4(100, 100, 100, 200, 32),
    // Azure's platform, at an address that looks public.
    v4(168, 63, 129, 16, 32),
];

const METADATA_V6: [Ipv6Net; 3] = [
    // AWS: fd00:ec2::254 and its siblings.
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32),
    // Google.
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128),
    // Scaleway.
    v6([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42], 128),
];

/// The first that holds an address says what it is.
const V4: [(Ipv4Net, AddressKind); 16] = [
    (v4(0, 0, 0, 0, 8), AddressKind::Unspecified),
    (v4(10, 0, 0, 0, 8), AddressKind::PrivateNetwork),
    (v4(100, 64, 0, 0, 10), AddressKind::CarrierNat),
    (v4(127, 0, 0, 0, 8), AddressKind::Loopback),
    (v4(169, 254, 0, 0, 16), AddressKind::LinkLocal),
    (v4(172, 16, 0, 0, 12), AddressKind::PrivateNetwork),
    (v4(192, 0, 0, 0, 24), AddressKind::Protocol),
    (v4(192, 0, 2, 0, 24), AddressKind::Documentation),
    // Relays to 6to4, given up by RFC 7526.
    (v4(192, 88, 99, 0, 24), AddressKind::Reserved),
    (v4(192, 168, 0, 0, 16), AddressKind::PrivateNetwork),
    (v4(198, 18, 0, 0, 15), AddressKind::Benchmarking),
    (v4(198, 51, 100, 0, 24), AddressKind::Documentation),
    (v4(203, 0, 113, 0, 24), AddressKind::Documentation),
    (v4(224, 0, 0, 0, 4), AddressKind::Multicast),
    (v4(255, 255, 255, 255, 32), AddressKind::Broadcast),
    (v4(240, 0, 0, 0, 4), AddressKind::Reserved),
];

const V6: [(Ipv6Net, AddressKind); 17] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), AddressKind::Unspecified),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), AddressKind::Loopback),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), AddressKind::UniqueLocal),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), AddressKind::LinkLocal),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), AddressKind::SiteLocal),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), AddressKind::Multicast),
    // Compatible, translated, NAT64 and Teredo: as good as what they carry (`inside.rs`).
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), AddressKind::Public),
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), AddressKind::Public),
    (v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), AddressKind::Public),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), AddressKind::Public),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), AddressKind::Public),
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), AddressKind::Benchmarking),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), AddressKind::Protocol),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), AddressKind::Documentation),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), AddressKind::Documentation),
    (v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3), AddressKind::Public),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 0), AddressKind::Reserved),
];

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

impl AddressKind {
    /// What this address is, given that whatever it carries inside is public.
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => {
                if METADATA_V4.iter().any(|net| net.contains(&address)) {
                    return Self::CloudMetadata;
                }
                let found = V4.iter().find(|(net, _)| net.contains(&address));
                found.map_or(Self::Public, |(_, kind)| *kind)
            }
            IpAddr::V6(address) => {
                if METADATA_V6.iter().any(|net| net.contains(&address)) {
                    return Self::CloudMetadata;
                }
                let found = V6.iter().find(|(net, _)| net.contains(&address));
                found.map_or(Self::Reserved, |(_, kind)| *kind)
            }
        }
    }

    /// Whether `limits.allow_private_addresses` opens it: networks that people build for
    /// themselves.
    #[must_use]
    pub const fn is_private(self) -> bool {
        match self {
            Self::PrivateNetwork | Self::UniqueLocal | Self::SiteLocal | Self::CarrierNat => true,
            Self::Public
            | Self::Loopback
            | Self::LinkLocal
            | Self::CloudMetadata
            | Self::Multicast
            | Self::Unspecified
            | Self::Broadcast
            | Self::Benchmarking
            | Self::Documentation
            | Self::Protocol
            | Self::Reserved => false,
        }
    }

    /// The words for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::PrivateNetwork => "private network",
            Self::UniqueLocal => "private network (unique local)",
            Self::SiteLocal => "private network (site-local)",
            Self::CarrierNat => "carrier-grade nat",
            Self::LinkLocal => "link-local",
            Self::CloudMetadata => "cloud metadata",
            Self::Multicast => "multicast",
            Self::Unspecified => "unspecified",
            Self::Broadcast => "broadcast",
            Self::Benchmarking => "benchmarking",
            Self::Documentation => "documentation",
            Self::Protocol => "protocol assignments",
            Self::Reserved => "reserved",
        }
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
