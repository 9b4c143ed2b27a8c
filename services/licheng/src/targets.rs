//! The targets as data: adding a room is adding a line.

use crate::House;
use anyhow::Result;
use axum::Router;
use store::jobs::{JobHandler, Periodic};
use web::{RouteInfo, Service};

/// A room that a process can run alone.
pub struct Target {
    /// As in `serve --target`, and in the name of its database role.
    pub name: &'static str,
    build: fn(&House) -> Result<Service>,
}

/// Every room with pages. `worker` and `all` are folds over this list.
pub static TARGETS: &[Target] = &[
    Target { name: "identity", build: identity },
    Target { name: "school", build: school },
    Target { name: "portfolio", build: portfolio },
    Target { name: "certification", build: certification },
    Target { name: "counseling", build: counseling },
    Target { name: "submission", build: submission },
    Target { name: "bureau", build: bureau },
];

fn portfolio(house: &House) -> Result<Service> {
    let db = house.db("portfolio")?;
    Ok(portfolio::service(portfolio::Needs {
        web: house.web.clone(),
        vault: house.vault_of(&db),
        db,
        mailer: house.mailer.clone(),
        uploads_per_minute: house.config.rates.uploads_per_minute,
    }))
}

fn school(house: &House) -> Result<Service> {
    let (db, web) = (house.db("school")?, house.web.clone());
    let vault = house.vault_of(&db);
    Ok(school::service(school::Needs { db, web, vault, keys: house.keys.clone() }))
}

fn certification(house: &House) -> Result<Service> {
    let (db, web) = (house.db("certification")?, house.web.clone());
    Ok(certification::service(certification::Needs { db, web }))
}

fn counseling(house: &House) -> Result<Service> {
    let (db, web) = (house.db("counseling")?, house.web.clone());
    let vault = house.vault_of(&db);
    Ok(counseling::service(counseling::Needs { db, web, vault }))
}

fn identity(house: &House) -> Result<Service> {
    let config = &house.config;
    identity::service(identity::Needs {
        db: house.db("identity")?,
        web: house.web.clone(),
        ldap: config.ldap.clone(),
        oidc: config.oidc.clone(),
        logins_per_minute: config.rates.logins_per_minute,
    })
}

fn submission(house: &House) -> Result<Service> {
    let db = house.db("submission")?;
    Ok(submission::service(submission::Needs {
        web: house.web.clone(),
        vault: house.vault_of(&db),
        db,
        keys: house.keys.clone(),
        central: house.config.central.clone(),
    }))
}

/// What one process runs.
pub struct Assembled {
    /// All routes with the layers around them.
    pub router: Router,
    /// What is in them.
    pub routes: Vec<RouteInfo>,
    /// The jobs that its rooms work; only the worker delivers them.
    pub jobs: Vec<JobHandler>,
    /// The reconcilers of its rooms; only the worker runs them.
    pub periodic: Vec<Periodic>,
}

/// Puts the rooms whose names `wanted` accepts behind one router.
pub fn assemble(house: &House, wanted: impl Fn(&str) -> bool) -> Result<Assembled> {
    let shared = web::service(&house.web);
    let rooms = TARGETS.iter().filter(|target| wanted(target.name)).map(|target| (target.build)(house));
    let services = std::iter::once(Ok(shared)).chain(rooms).collect::<Result<Vec<_>>>()?;
    let mut router = Router::new();
    let (mut routes, mut jobs, mut periodic) = (Vec::new(), Vec::new(), Vec::new());
    for service in services {
        router = router.merge(service.routes);
        routes.extend(service.list);
        jobs.extend(service.jobs);
        periodic.extend(service.periodic);
    }
    Ok(Assembled { router: web::layers(router, &house.web), routes, jobs, periodic })
}

fn bureau(house: &House) -> Result<Service> {
    Ok(bureau::service(bureau::Needs { db: house.db("bureau")?, web: house.web.clone() }))
}
