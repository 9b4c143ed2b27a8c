//! Where a request comes from.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::{HeaderMap, request::Parts};

use crate::state::{HasWeb, Web};

/// The address of the person's machine, for rate limits: the peer's, or what trusted proxies say of it.
///
/// Needs the server to be started with `into_make_service_with_connect_info::<SocketAddr>()`; without it all
/// requests seem to come from 0.0.0.0 and share their limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl<S: HasWeb + Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Ok(Self(behind_proxies(peer, &parts.headers, state.web())))
    }
}

/// Walks `X-Forwarded-For` from the right, as long as the one who wrote an entry is trusted.
fn behind_proxies(peer: IpAddr, headers: &HeaderMap, web: &Web) -> IpAddr {
    let trusted = &web.settings().trusted_proxy;
    let lines: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
    let mut address = peer;
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !trusted(address) {
            break;
        }
        let Ok(earlier) = entry.trim().parse() else { break };
        address = earlier;
    }
    address
}
