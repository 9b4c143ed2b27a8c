//! Who you are: the city's single sign-on (OpenID Connect), its directory (LDAP) and temporary accounts, sessions,
//! and the directory of people that the schools' rosters make.
//!
//! A log-in proves a login name; the login name leads to a person of the city; the person has hats: a role at a
//! school, as the rosters say. Providers are configuration: one that is not configured is not shown (F-013).

mod demo;
mod devices;
mod directory;
mod home;
mod login;
mod roster;
mod session;
mod sso;
pub mod temporary;
mod trail;

use std::sync::Arc;

use ops::config;
use store::{Db, jobs::JobHandler};
use web::{HasWeb, Routes, Service, Web};

pub use demo::DEMO_PASSWORD;

use crate::{directory::Directory, sso::Sso, temporary::Hasher};

/// What the service needs.
pub struct Needs {
    /// The pool of `svc_identity`.
    pub db: Db,
    /// The shared web.
    pub web: Web,
    /// The city's directory; without it that way in is not offered.
    pub ldap: Option<config::Ldap>,
    /// The city's single sign-on; without it that way in is not offered.
    pub oidc: Option<config::Oidc>,
    /// Log-in attempts per minute and client address.
    pub logins_per_minute: u32,
}

/// The service; the error says which part of the configuration can't be used (e.g. an unreadable authority).
pub fn service(needs: Needs) -> anyhow::Result<Service> {
    let Needs { db, web, ldap, oidc, logins_per_minute } = needs;
    let directory = ldap.as_ref().map(Directory::new).transpose()?;
    let sso = oidc.as_ref().map(|oidc| Sso::new(oidc, &web.settings().origin)).transpose()?;
    let room = Arc::new(Room { db, web, directory, sso, hasher: Hasher::default(), logins_per_minute });
    let jobs = vec![JobHandler::new(roster::JOB, &room, roster::sync_school)];
    let (routes, list) = routes().with_state(room);
    Ok(Service { name: "identity", routes, list, jobs, periodic: Vec::new() })
}

struct Room {
    db: Db,
    web: Web,
    directory: Option<Directory>,
    sso: Option<Sso>,
    hasher: Hasher,
    logins_per_minute: u32,
}

impl HasWeb for Room {
    fn web(&self) -> &Web {
        &self.web
    }
}

fn routes() -> Routes<Arc<Room>> {
    Routes::new()
        .get("/", home::show)
        .get("/login", login::pages::show)
        .post("/login/ldap", login::pages::by_directory)
        .post("/login/account", login::pages::by_temporary_account)
        .get("/login/sso", sso::pages::start)
        .get("/sso/callback", sso::pages::callback)
        .post("/sso/backchannel-logout", sso::pages::ended_elsewhere)
        .post("/logout", session::end)
        .post("/session/hat", session::wear)
        .get(web::PASSWORD_PATH, temporary::pages::show)
        .post(web::PASSWORD_PATH, temporary::pages::change)
        .get(devices::PATH, devices::show)
        .post("/account/sessions/removal", devices::end)
        .get("/demo", demo::show)
}
