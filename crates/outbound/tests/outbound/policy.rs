//! The verdict on each kind of address, and on all that could carry one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use slipway_outbound::{AddressKind as Kind, AddressPolicy};

fn verdict(policy: &AddressPolicy, address: IpAddr) -> Result<(), Kind> {
    policy.check("host.example", address).map_err(|refused| refused.kind)
}

/// First and last address of each network, with what it is.
const REFUSED: &[(&str, &str, Kind)] = &[
    ("0.0.0.0", "0.255.255.255", Kind::Unspecified),
    ("10.0.0.0", "10.255.255.255", Kind::PrivateNetwork),
    ("100.64.0.0", "100.127.255.255", Kind::CarrierNat),
    ("127.0.0.0", "127.255.255.255", Kind::Loopback),
    ("169.254.0.0", "169.254.255.255", Kind::LinkLocal),
    ("172.16.0.0", "172.31.255.255", Kind::PrivateNetwork),
    ("192.0.0.0", "192.0.0.255", Kind::Protocol),
    ("192.0.2.0", "192.0.2.255", Kind::Documentation),
    ("192.88.99.0", "192.88.99.255", Kind::Reserved),
    ("192.168.0.0", "192.168.255.255", Kind::PrivateNetwork),
    ("198.18.0.0", "198.19.255.255", Kind::Benchmarking),
    ("198.51.100.0", "198.51.100.255", Kind::Documentation),
    ("203.0.113.0", "203.0.113.255", Kind::Documentation),
    ("224.0.0.0", "239.255.255.255", Kind::Multicast),
    ("240.0.0.0", "255.255.255.254", Kind::Reserved),
    ("255.255.255.255", "255.255.255.255", Kind::Broadcast),
    ("169.254.169.254", "169.254.169.254", Kind::CloudMetadata),
    ("169.254.170.2", "169.254.170.23", Kind::CloudMetadata),
    ("100.100.100.200", "100.100.100.200", Kind::CloudMetadata),
    ("168.63.129.16", "168.63.129.16", Kind::CloudMetadata),
    ("::", "::", Kind::Unspecified),
    ("::1", "::1", Kind::Loopback),
    ("100::", "100::ffff", Kind::Reserved),
    ("2001:2::", "2001:2::ffff", Kind::Benchmarking),
    ("2001:10::", "2001:1ff:ffff::", Kind::Protocol),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Kind::Documentation),
    ("3fff::", "3fff:fff:ffff::", Kind::Documentation),
    ("4000::", "5f00::1", Kind::Reserved),
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Kind::UniqueLocal),
    ("fd00:ec2::254", "fd00:ec2::23", Kind::CloudMetadata),
    ("fd20:ce::254", "fd20:ce::254", Kind::CloudMetadata),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Kind::LinkLocal),
    ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Kind::SiteLocal),
    ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Kind::Multicast),
];

#[test]
fn each_network_to_its_edges() {
    let strict = AddressPolicy::public_only();
    for (first, last, kind) in REFUSED {
        for address in [first, last] {
            assert_eq!(verdict(&strict, address.parse().unwrap()), Err(*kind), "{address}");
        }
    }
    for public in [
        "1.0.0.0",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2000::",
        "2001:200::",
        "2606:4700::1111",
        "3ffe::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::8.8.8.8",
        "2002:808:808::1",
    ] {
        assert_eq!(verdict(&strict, public.parse().unwrap()), Ok(()), "{public}");
    }
}

#[test]
fn what_the_settings_open() {
    let private = AddressPolicy::public_only().allow_private(true);
    let loopback = AddressPolicy::public_only().allow_loopback(true);
    for (first, last, kind) in REFUSED {
        for address in [first, last] {
            let address = address.parse().unwrap();
            assert_eq!(verdict(&private, address).is_ok(), kind.is_private(), "{address}");
            assert_eq!(verdict(&loopback, address).is_ok(), *kind == Kind::Loopback, "{address}");
        }
    }
    for inside in ["::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::", "fd12::1"] {
        assert_eq!(verdict(&private, inside.parse().unwrap()), Ok(()), "{inside}");
    }
    // What is allowed does not allow what carries it beside something else.
    let listed = AddressPolicy::public_only().allow(&["10.1.0.0/16", "fd00:ec2::254"]).unwrap();
    for good in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd00:ec2::254"] {
        assert_eq!(verdict(&listed, good.parse().unwrap()), Ok(()), "{good}");
    }
    for bad in ["10.2.0.1", "::ffff:10.2.0.1", "fe80::5efe:10.1.2.3", "fd00:ec2::253"] {
        assert!(verdict(&listed, bad.parse().unwrap()).is_err(), "{bad}");
    }
}

/// All ways to carry an address of IPv4 in one of IPv6, with noise where there is room.
fn wrapped(inner: Ipv4Addr, noise: u128) -> Vec<Ipv6Addr> {
    let v4 = u128::from(inner.to_bits());
    let low = |bits: u32| noise & ((1 << bits) - 1);
    let nat64 = |prefix: u32| {
        // RFC 6052: the eight bits after the first 64 stay free.
        let (before, after) = (64 - prefix, prefix - 32);
        let high = (v4 >> after) << 64;
        let rest = (v4 & ((1 << after) - 1)) << (56 - after);
        assert!(before + after == 32);
        (0x0064_ff9b_0001_u128 << 80) | high | rest
    };
    [
        v4,
        0xffff << 32 | v4,
        0xffff << 48 | v4,
        0x0064_ff9b << 96 | v4,
        0x0064_ff9b_0001 << 80 | v4,
        nat64(48),
        nat64(56),
        nat64(64),
        0x2002 << 112 | v4 << 80 | low(80),
        // Teredo, as its server and as its client.
        0x2001_0000 << 96 | v4 << 64 | low(64),
        0x2001_0000 << 96 | 0x4136_e378 << 64 | low(32) << 32 | (v4 ^ 0xffff_ffff),
        // ISATAP below a public prefix.
        0x2600 << 112 | low(48) << 64 | 0x0000_5efe << 32 | v4,
        0x2600 << 112 | low(48) << 64 | 0x0200_5efe << 32 | v4,
    ]
    .map(Ipv6Addr::from_bits)
    .to_vec()
}

/// Any address of IPv4 that is refused by itself.
fn closed() -> impl Strategy<Value = Ipv4Addr> {
    let networks: Vec<(u32, u32)> = REFUSED
        .iter()
        .filter_map(|(first, last, _)| {
            let bits = |text: &str| text.parse().map(Ipv4Addr::to_bits).ok();
            Some((bits(first)?, bits(last)?))
        })
        .collect();
    proptest::sample::select(networks)
        .prop_flat_map(|(first, last)| (first..=last).prop_map(Ipv4Addr::from_bits))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn no_wrapping_makes_a_closed_address_pass(inner in closed(), noise: u128) {
        let strict = AddressPolicy::public_only();
        prop_assert!(verdict(&strict, inner.into()).is_err(), "{inner}");
        for outer in wrapped(inner, noise) {
            // In a translator's own network these are padding, and lead nowhere.
            if inner.octets()[0] == 0 && outer.segments()[..3] == [0x64, 0xff9b, 1] {
                continue;
            }
            prop_assert!(verdict(&strict, outer.into()).is_err(), "{inner} in {outer}");
        }
    }

    #[test]
    fn outside_the_public_networks_nothing_passes(bits: u128) {
        let address = Ipv6Addr::from_bits(bits);
        let is_global = address.segments()[0] & 0xe000 == 0x2000;
        let translates = matches!(address.segments(), [0x64, 0xff9b, 0, ..] | [0x64, 0xff9b, 1, ..]);
        if !is_global && !translates && address.to_ipv4_mapped().is_none() && bits >> 48 != 0 {
            prop_assert!(verdict(&AddressPolicy::public_only(), address.into()).is_err());
        }
    }
}
