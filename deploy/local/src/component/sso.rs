//! The city's single sign-on: OpenID Connect fed from the directory.

use anyhow::Result;
use serde_json::json;

use super::Part;
use super::ldap::Directory;
use crate::process::{Launch, accepts_connections};
use crate::site::{Site, write_private};

/// The application's name at the single sign-on.
const CLIENT: &str = "licheng";
/// Where the application takes the answer of a login. Any loopback address is taken besides.
const CALLBACK: &str = "/sso/callback";
/// Where it is told that a session ended elsewhere.
const BACKCHANNEL_LOGOUT: &str = "/sso/backchannel-logout";

/// Starts it. The directory need not answer yet: it is asked at the first login.
pub(crate) async fn up(site: &Site, directory: &Directory, origin: &str) -> Result<Part> {
    let node = site.tools.node().await?;
    let programs = site.tools.node_programs(&node).await?;
    let port = site.port("sso");
    let issuer = format!("http://127.0.0.1:{port}");
    let secret = site.secret("sso-client");
    let configuration = site.data.join("sso.json");
    let settings = json!({
        "issuer": issuer,
        "port": port,
        "keys": site.data.join("sso-keys.json"),
        "cookieKey": site.secret("sso-cookies"),
        "client": {
            "id": CLIENT,
            "secret": secret,
            "redirectUri": format!("{origin}{CALLBACK}"),
            "postLogoutUri": format!("{origin}/"),
            "backchannelLogoutUri": format!("{origin}{BACKCHANNEL_LOGOUT}"),
        },
        "ldap": {
            "url": directory.ldaps_url,
            "ca": directory.ca,
            "baseDn": directory.base_dn,
            "bindDn": directory.bind_dn,
            "bindPassword": directory.bind_password,
        },
    });
    write_private(&configuration, &settings.to_string())?;
    let launch = Launch::new("sso", &node.program).with(|command| {
        command.arg(programs.join("sso.mjs")).arg(&configuration);
    });
    let running = launch.start(&site.data)?.ready(async || accepts_connections(port).await).await?;
    site.progress.say(format_args!("single sign-on on port {port}"));
    Ok(Part {
        running: vec![running],
        env: vec![
            ("LICHENG_OIDC_ISSUER", issuer),
            ("LICHENG_OIDC_CLIENT_ID", CLIENT.to_owned()),
            ("LICHENG_OIDC_CLIENT_SECRET", secret.to_owned()),
        ],
    })
}
