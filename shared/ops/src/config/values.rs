//! The types of configuration values: how each is written and what a wrong one is told.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use base64::Engine as _;

/// A value that can be written in a variable.
pub(super) trait Value: Sized {
    /// What a right value looks like; follows "must be".
    const EXPECTED: &'static str;
    fn parse(text: &str) -> Option<Self>;
}

/// Text that must not reach logs, such as a password or a URL that holds one. Debug shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Value for Secret {
    const EXPECTED: &'static str = "text";
    fn parse(text: &str) -> Option<Self> {
        Some(Self::new(text))
    }
}

/// 32 random bytes from which all keys are derived.
#[derive(Clone)]
pub struct MasterSecret([u8; 32]);

impl MasterSecret {
    /// The bytes, for key derivation.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret(…)")
    }
}

impl Value for MasterSecret {
    const EXPECTED: &'static str = "32 bytes in base64 (openssl rand -base64 32)";
    fn parse(text: &str) -> Option<Self> {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

/// An http(s) URL, kept as it was written: an OIDC issuer must match to the last character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl(String);

impl HttpUrl {
    /// The URL as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port alone, as a content security policy names it.
    pub fn origin(&self) -> String {
        let url = url::Url::parse(&self.0).expect("it was parsed when it was made");
        url.origin().ascii_serialization()
    }
}

impl Value for HttpUrl {
    const EXPECTED: &'static str = "an http:// or https:// URL without user and password";
    fn parse(text: &str) -> Option<Self> {
        let url = url::Url::parse(text).ok()?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none();
        plain.then(|| Self(text.to_owned()))
    }
}

/// Scheme, host and port as browsers send them in `Origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    serialized: String,
    host: String,
}

impl Origin {
    /// Such as `https://portfolio.example.tw`, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.serialized
    }

    /// The host alone, without port.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl Value for Origin {
    // a __Host- cookie is kept only over https; browsers make the one exception for loopback
    const EXPECTED: &'static str = "an https:// origin without a path (http:// only for localhost and 127.0.0.1)";
    fn parse(text: &str) -> Option<Self> {
        let url = url::Url::parse(text).ok()?;
        let host = url.host_str()?.to_owned();
        let loopback = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
        let right_scheme = url.scheme() == "https" || (url.scheme() == "http" && loopback);
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        (right_scheme && bare).then(|| Self { serialized: url.origin().ascii_serialization(), host })
    }
}

/// A host, by name or address, and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort(String);

impl HostPort {
    /// Such as `127.0.0.1:3310`, as `TcpStream::connect` takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for HostPort {
    const EXPECTED: &'static str = "host:port, such as 127.0.0.1:3310";
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let right = !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok();
        right.then(|| Self(text.to_owned()))
    }
}

/// A network in CIDR form; a single address is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: u128,
    /// Prefix length in the 128-bit space: an IPv4 network counts from its mapped address.
    prefix: u32,
}

impl Network {
    /// Whether the address lies in the network; IPv4 and IPv4-mapped IPv6 are the same.
    pub fn contains(&self, address: IpAddr) -> bool {
        (bits(address) ^ self.base) & mask(self.prefix) == 0
    }

    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(width);
        (prefix <= width).then(|| Self { base: bits(address), prefix: prefix + 128 - width })
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn mask(prefix: u32) -> u128 {
    u128::MAX.checked_shl(128 - prefix).unwrap_or(0)
}

/// A list of networks, separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Whether any of the networks holds the address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl Value for Networks {
    const EXPECTED: &'static str = "addresses or networks separated by commas, such as 10.0.0.0/8,::1";
    fn parse(text: &str) -> Option<Self> {
        let networks = text.split(',').map(|network| Network::parse(network.trim()));
        networks.collect::<Option<Vec<_>>>().map(Self)
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

impl Value for LogFormat {
    const EXPECTED: &'static str = "text or json";
    fn parse(text: &str) -> Option<Self> {
        match text {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

impl Value for String {
    const EXPECTED: &'static str = "text";
    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Value for PathBuf {
    const EXPECTED: &'static str = "a path";
    fn parse(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

impl Value for SocketAddr {
    const EXPECTED: &'static str = "an address and port, such as 127.0.0.1:8400";
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false";
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for u32 {
    const EXPECTED: &'static str = "a whole number above 0";
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|number| *number > 0)
    }
}

impl Value for u16 {
    const EXPECTED: &'static str = "a whole number, 0 to 65535";
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}
