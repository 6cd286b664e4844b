//! Webhooks as the ledger knows them: where a party wants to be told, and where nobody is told.
//!
//! What can be judged of a URL without asking anyone is judged here, once, when it is set. What a name
//! resolves to on the day is for whoever delivers, with the same [`is_public`]; so is the list of ports.
//!
//! Source: API specification §4, SSRF guards.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::id::{PartyId, WebhookId};

/// Why a text is no URL to be told at.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HookUrlError {
    /// Not `https://`.
    #[error("a webhook's URL starts with https://")]
    Scheme,
    /// A character that has no place there, or more than 2,048 of them.
    #[error(
        "a webhook's URL is printable ASCII without spaces, quotes, backslashes, angle brackets or braces"
    )]
    Text,
    /// A user or a password.
    #[error("a webhook's URL names no user and no password")]
    UserInfo,
    /// A fragment, which no server is told.
    #[error("a webhook's URL has no fragment")]
    Fragment,
    /// Not 1 to 65535, not in its one spelling, or 443, which is left out.
    #[error("a port is 1 to 65535 without leading zeros, and 443 is left out")]
    Port,
    /// Neither a name in lower case nor an address in its one spelling.
    #[error("a host is a name of two labels or more in lower case, or an address as it prints")]
    Host,
    /// A name or an address that is not of the public internet.
    #[error("a host of a private, local or reserved range is not told anything")]
    NotPublic,
}

/// Names that are never of the public internet, and all below them.
const LOCAL_NAMES: [&str; 8] =
    ["localhost", "localdomain", "local", "internal", "intranet", "lan", "home.arpa", "onion"];

/// An absolute URL that a webhook may have.
///
/// Invariant: `https`, no user info, no fragment, host a lower-case DNS name that is not local or an
/// address of the public internet in its canonical text, port absent (443) or another from 1 on. One
/// spelling for one host: `2130706433`, `0x7f.1`, `127.1` and `[::ffff:127.0.0.1]` are no hosts here.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HookUrl(String);

impl HookUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`HookUrlError`], the first that holds.
    ///
    /// ```
    /// use ledger::webhook::{HookUrl, HookUrlError};
    /// assert!(HookUrl::parse("https://hooks.acme.example/pledger?key=1").is_ok());
    /// assert_eq!(HookUrl::parse("https://169.254.169.254/"), Err(HookUrlError::NotPublic));
    /// ```
    pub fn parse(text: &str) -> Result<Self, HookUrlError> {
        let rest = text.strip_prefix("https://").ok_or(HookUrlError::Scheme)?;
        let odd = |byte: u8| !byte.is_ascii_graphic() || br#""<>\^`{|}"#.contains(&byte);
        if text.len() > 2_048 || text.bytes().any(odd) {
            return Err(HookUrlError::Text);
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(HookUrlError::UserInfo);
        }
        if path.contains('#') {
            return Err(HookUrlError::Fragment);
        }
        let (host, port) = split_port(authority)?;
        port.map_or(Ok(()), check_port)?;
        check_host(host)?;
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HookUrl {
    type Error = HookUrlError;
    fn try_from(text: String) -> Result<Self, HookUrlError> {
        Self::parse(&text)
    }
}

impl From<HookUrl> for String {
    fn from(url: HookUrl) -> Self {
        url.0
    }
}

/// Host and port; the brackets of an IPv6 address stay with it.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), HookUrlError> {
    if !authority.starts_with('[') {
        return Ok(authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))));
    }
    let end = authority.find(']').ok_or(HookUrlError::Host)? + 1;
    match authority.split_at(end) {
        (host, "") => Ok((host, None)),
        (host, rest) => Ok((host, Some(rest.strip_prefix(':').ok_or(HookUrlError::Host)?))),
    }
}

fn check_port(text: &str) -> Result<(), HookUrlError> {
    let port: u16 = text.parse().map_err(|_| HookUrlError::Port)?;
    if port == 0 || port == 443 || port.to_string() != text { Err(HookUrlError::Port) } else { Ok(()) }
}

fn check_host(host: &str) -> Result<(), HookUrlError> {
    let address = match host.strip_prefix('[') {
        Some(rest) => {
            let text = rest.strip_suffix(']').ok_or(HookUrlError::Host)?;
            Some(IpAddr::V6(text.parse().map_err(|_| HookUrlError::Host)?))
                .filter(|ip| ip.to_string() == text)
        }
        None if ends_in_a_number(host) => Some(IpAddr::V4(host.parse().map_err(|_| HookUrlError::Host)?))
            .filter(|ip| ip.to_string() == host),
        None => return check_name(host),
    };
    match address {
        None => Err(HookUrlError::Host),
        Some(address) if is_public(address) => Ok(()),
        Some(_) => Err(HookUrlError::NotPublic),
    }
}

/// Whether whatever resolves names would take it for an IPv4 address: its last label is a number.
///
/// Source: WHATWG URL, *ends in a number*.
fn ends_in_a_number(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    decimal || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn check_name(host: &str) -> Result<(), HookUrlError> {
    let label = |label: &str| {
        let alphabet = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let edges = !label.starts_with('-') && !label.ends_with('-');
        (1..=63).contains(&label.len()) && edges && label.bytes().all(alphabet)
    };
    let local = |name: &str| host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    if LOCAL_NAMES.into_iter().any(local) {
        return Err(HookUrlError::NotPublic);
    }
    let named = host.len() <= 253 && host.split('.').all(label) && host.contains('.');
    if named { Ok(()) } else { Err(HookUrlError::Host) }
}

/// Whether an address is one of the public internet's, of a single host, and no way to another address.
///
/// Refused: loopback, private, link-local (and with it the metadata services), shared (CGNAT),
/// unique-local, multicast, documentation, benchmarking and reserved ranges, and every IPv6 form that
/// carries an IPv4 address. Source: IANA special-purpose address registries.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Network, and how many of its bits count.
const NOT_PUBLIC_V4: [([u8; 4], u32); 14] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 3),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    let inside =
        |(network, length): &([u8; 4], u32)| (bits ^ u32::from_be_bytes(*network)) >> (32 - length) == 0;
    !NOT_PUBLIC_V4.iter().any(inside)
}

/// Inside 2000::/3, the only range from which public addresses are given out: IETF assignments (Teredo
/// among them), documentation twice, 6to4.
const NOT_PUBLIC_V6: [([u16; 2], u32); 4] =
    [([0x2001, 0x0000], 23), ([0x2001, 0x0db8], 32), ([0x2002, 0x0000], 16), ([0x3fff, 0x0000], 20)];

fn is_public_v6(address: Ipv6Addr) -> bool {
    let head = |[first, second]: [u16; 2]| (u32::from(first) << 16) | u32::from(second);
    let [first, second, ..] = address.segments();
    let bits = head([first, second]);
    let inside = |(network, length): &([u16; 2], u32)| (bits ^ head(*network)) >> (32 - length) == 0;
    first >> 13 == 1 && !NOT_PUBLIC_V6.iter().any(inside)
}

/// A party's endpoint.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub owner: PartyId,
    /// Where it is told.
    pub url: HookUrl,
    /// The types of commands it is told of.
    pub events: Vec<String>,
    /// A note for people.
    pub description: Option<String>,
    /// Whether it was removed, for ever.
    pub removed: bool,
    /// The record that made it.
    pub set_seq: u64,
    /// The record that changed it last.
    pub changed_seq: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    use HookUrlError::{Fragment, Host, NotPublic, Port, Scheme, Text, UserInfo};

    fn check(rows: &[(&str, Result<(), HookUrlError>)]) {
        for (url, want) in rows {
            assert_eq!(HookUrl::parse(url).map(|_| ()), *want, "{url}");
        }
    }

    #[test]
    fn urls_have_one_spelling() {
        check(&[
            ("https://hooks.acme.example", Ok(())),
            ("https://hooks.acme.example:8443/a?b=c", Ok(())),
            ("https://8.8.8.8/x", Ok(())),
            ("https://[2606:4700::1111]:8443/", Ok(())),
            ("https://xn--bcher-kva.example/", Ok(())),
            ("http://hooks.acme.example", Err(Scheme)),
            ("HTTPS://hooks.acme.example", Err(Scheme)),
            ("https://hooks.acme.example/a b", Err(Text)),
            ("https://hooks.acme.example\\@evil.example/", Err(Text)),
            ("https://bücher.example/", Err(Text)),
            ("https://user@hooks.acme.example/", Err(UserInfo)),
            ("https://hooks.acme.example:pw@10.0.0.1/", Err(UserInfo)),
            ("https://hooks.acme.example/#x", Err(Fragment)),
            ("https://hooks.acme.example:0/", Err(Port)),
            ("https://hooks.acme.example:443/", Err(Port)),
            ("https://hooks.acme.example:08443/", Err(Port)),
            ("https://hooks.acme.example:65536/", Err(Port)),
            ("https://hooks.acme.example:/", Err(Port)),
            ("https:///x", Err(Host)),
            ("https://acme/", Err(Host)),
            ("https://Hooks.acme.example/", Err(Host)),
            ("https://hooks.acme.example./", Err(Host)),
            ("https://-a.example/", Err(Host)),
            ("https://a..example/", Err(Host)),
            ("https://hooks%2eacme.example/", Err(Host)),
            // Addresses that are not written as they print.
            ("https://2130706433/", Err(Host)),
            ("https://0x7f000001/", Err(Host)),
            ("https://0x7f.0.0.1/", Err(Host)),
            ("https://0177.0.0.1/", Err(Host)),
            ("https://127.1/", Err(Host)),
            ("https://127.0.0.1./", Err(Host)),
            ("https://8.8.8.0x8/", Err(Host)),
            ("https://[2606:4700:0::1111]/", Err(Host)),
            ("https://[fe80::1%25eth0]/", Err(Host)),
            ("https://[::1/", Err(Host)),
        ]);
        let long = format!("https://hooks.acme.example/{}", "x".repeat(2_048));
        assert_eq!(HookUrl::parse(&long), Err(Text));
    }

    #[test]
    fn hosts_are_of_the_public_internet() {
        check(&[
            ("https://localhost/", Err(NotPublic)),
            ("https://a.localhost/", Err(NotPublic)),
            ("https://printer.local/", Err(NotPublic)),
            ("https://metadata.google.internal/", Err(NotPublic)),
            ("https://127.0.0.1/", Err(NotPublic)),
            ("https://0.0.0.0/", Err(NotPublic)),
            ("https://10.1.2.3/", Err(NotPublic)),
            ("https://100.64.0.1/", Err(NotPublic)),
            ("https://100.127.255.255/", Err(NotPublic)),
            ("https://100.128.0.1/", Ok(())),
            ("https://169.254.169.254/latest/meta-data", Err(NotPublic)),
            ("https://172.31.255.255/", Err(NotPublic)),
            ("https://172.32.0.1/", Ok(())),
            ("https://192.168.1.1/", Err(NotPublic)),
            ("https://198.19.0.1/", Err(NotPublic)),
            ("https://203.0.113.7/", Err(NotPublic)),
            ("https://224.0.0.1/", Err(NotPublic)),
            ("https://255.255.255.255/", Err(NotPublic)),
            ("https://[::1]/", Err(NotPublic)),
            ("https://[::]/", Err(NotPublic)),
            ("https://[::ffff:127.0.0.1]/", Err(NotPublic)),
            ("https://[::ffff:8.8.8.8]/", Err(NotPublic)),
            ("https://[fe80::1]/", Err(NotPublic)),
            ("https://[fd00:ec2::254]/", Err(NotPublic)),
            ("https://[ff02::1]/", Err(NotPublic)),
            ("https://[64:ff9b::7f00:1]/", Err(NotPublic)),
            ("https://[2002:7f00:1::]/", Err(NotPublic)),
            ("https://[2001::1]/", Err(NotPublic)),
            ("https://[2001:db8::1]/", Err(NotPublic)),
            ("https://[3fff::1]/", Err(NotPublic)),
        ]);
    }
}
