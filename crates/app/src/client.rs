//! The client's network address, and how trusted proxies report it.

use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The address that rate limits count by: an IPv4 address, or the /64 network of an IPv6 address, because one subscriber
/// usually has all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            v4 @ IpAddr::V4(_) => v4,
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        })
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The proxies whose `X-Forwarded-For` is trusted.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    #[must_use]
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this address belongs to a trusted proxy.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the client behind `peer`. Each proxy appends the address that it saw to `X-Forwarded-For`, so the method
    /// reads the values from the right, past the trusted proxies. Anybody may have written the values further left.
    pub fn client<'a>(&self, peer: IpAddr, forwarded_for: impl DoubleEndedIterator<Item = &'a str>) -> ClientAddress {
        let mut client = peer;
        let mut hops = forwarded_for.flat_map(|value| value.split(',')).rev();
        while self.trusts(client) {
            match hops.next().map(|hop| parse_hop(hop.trim())) {
                Some(Some(hop)) => client = hop,
                // A value that is not an address ends the search: values left of it may be forged.
                Some(None) | None => break,
            }
        }
        ClientAddress::new(client)
    }
}

/// Parses an address as proxies write it: bare, in brackets, or with a port.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    hop.parse()
        .ok()
        .or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn client(trusted: &[&str], peer: &str, forwarded_for: &[&str]) -> String {
        let networks = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let proxies = TrustedProxies::new(networks);
        proxies.client(peer.parse().unwrap(), forwarded_for.iter().copied()).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_an_address() {
        assert_eq!(client(&[], "203.0.113.9", &["1.1.1.1"]), "203.0.113.9");
        assert_eq!(client(&["10.0.0.0/8"], "203.0.113.9", &["1.1.1.1"]), "203.0.113.9");
    }

    #[test]
    fn a_trusted_proxy_is_believed_and_what_stands_left_of_it_is_not() {
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["6.6.6.6, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["6.6.6.6", "203.0.113.9, 10.2.2.2"]), "203.0.113.9");
    }

    #[test]
    fn a_hop_that_is_no_address_ends_the_walk_at_the_last_one_known() {
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["6.6.6.6, unknown"]), "10.0.0.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_understood() {
        assert_eq!(client(&["10.0.0.0/8"], "::ffff:10.0.0.1", &["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["[2001:db8:1:2:3::9]"]), "2001:db8:1:2::");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_header_names_a_client_or_is_passed_over(
            values in prop::collection::vec(prop_oneof![any::<String>(), "[0-9a-f.:, \\[\\]%/]{0,60}"], 0..4),
            peer: std::net::IpAddr,
        ) {
            let told = client(&["10.0.0.0/8", "::/1"], &peer.to_string(), &values.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert!(told.parse::<IpAddr>().is_ok());
            let untrusted = client(&[], &peer.to_string(), &values.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(untrusted, ClientAddress::new(peer).to_string(), "only a trusted proxy is heard");
        }
    }
}
