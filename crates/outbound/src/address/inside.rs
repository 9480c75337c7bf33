//! Addresses of IPv4 inside of those of IPv6.
//!
//! A translator or a tunnel on the way takes the inner address out and goes there, so the
//! outer one is as good as what it carries.

use std::net::{Ipv4Addr, Ipv6Addr};

/// What an address carries, in each way that it can be read: all of them must be good.
/// Mapped addresses (`::ffff:0:0/96`) are not looked for: they are IPv4 to the system, and
/// were made so before.
pub(super) fn inside(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let last = bits(address, 96);
    match address.segments() {
        // Unspecified and loopback are none of those below.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => {}
        // Compatible (RFC 4291, given up) and translated (RFC 2765) addresses.
        [0, 0, 0, 0, 0, 0, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] => found.push(last),
        // NAT64 (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => found.push(last),
        // NAT64 of a network's own (RFC 8215).
        [0x64, 0xff9b, 1, ..] => found.extend(local_nat64(address)),
        // 6to4 (RFC 3056).
        [0x2002, ..] => found.push(bits(address, 16)),
        // Teredo (RFC 4380): its server, and its client with all bits turned over.
        [0x2001, 0, ..] => found.extend([bits(address, 32), Ipv4Addr::from_bits(!last.to_bits())]),
        _ => {}
    }
    // ISATAP (RFC 5214), below any prefix.
    if matches!(address.segments(), [_, _, _, _, 0 | 0x200, 0x5efe, _, _]) {
        found.push(last);
    }
    found
}

/// The prefix of a translator may be of 48, 56, 64 or 96 bits, and only its network knows.
/// A reading of another length shows padding, which is in 0.0.0.0/8 and leads nowhere.
fn local_nat64(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    // Bits 64 to 71 are jumped over, whatever the length.
    let around = |before: u32| {
        let high = bits(address, 32).to_bits() & (u32::MAX >> (before - 32));
        let after = 32 - (64 - before);
        let low = bits(address, 72).to_bits() >> (32 - after);
        Ipv4Addr::from_bits((high << after) | low)
    };
    let readings = [around(48), around(56), bits(address, 72), bits(address, 96)];
    let real: Vec<_> = readings.into_iter().filter(|inner| inner.octets()[0] != 0).collect();
    if real.is_empty() { vec![Ipv4Addr::UNSPECIFIED] } else { real }
}

/// The 32 bits that begin after the first `skipped`.
fn bits(address: Ipv6Addr, skipped: u32) -> Ipv4Addr {
    let octets = (address.to_bits() << skipped).to_be_bytes();
    Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrapping_is_opened() {
        let inner = Ipv4Addr::new(10, 1, 2, 3);
        for outer in [
            "::10.1.2.3",
            "::ffff:0:10.1.2.3",
            "64:ff9b::10.1.2.3",
            "64:ff9b:1::10.1.2.3",
            "64:ff9b:1:a01:2:300::",
            "64:ff9b:1:a:1:203::",
            "64:ff9b:1:0:a:102:300:0",
            "2002:a01:203::1",
            "2001:0:a01:203::",
            "2001:0:4136:e378:8000:63bf:f5fe:fdfc",
            "2600::5efe:10.1.2.3",
            "2600::200:5efe:10.1.2.3",
        ] {
            let found = inside(outer.parse().unwrap());
            assert!(found.contains(&inner), "{outer}: {found:?}");
        }
        for plain in ["::", "::1", "2600::1", "fe80::1", "64:ff9b:2::1"] {
            assert!(inside(plain.parse().unwrap()).is_empty(), "{plain}");
        }
    }
}
