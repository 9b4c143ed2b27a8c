//! The student's cabinet: outcomes, activities, their files, the year's selection, and messages.
//!
//! | noun | where |
//! |---|---|
//! | the first page | `home` |
//! | course learning outcomes, sending them for certification | `outcome` |
//! | activity records of ten kinds | `activity` |
//! | files, their upload, receipts and links | `file` |
//! | the year's selection | `selection` |
//! | messages and mails | `message` |

mod activity;
mod file;
mod home;
mod message;
mod outcome;
mod room;
mod selection;
mod student;
mod window;

use std::{sync::Arc, time::Duration};

use blob::{Vault, receipt::Signer};
use ops::mail::Mailer;
use room::Room;
use store::{
    Db,
    jobs::{JobHandler, Periodic},
};
use web::{Routes, Service, Web};

/// What the room stands on.
pub struct Needs {
    /// Logs in as `svc_portfolio`.
    pub db: Db,
    /// Sessions, keys, origins.
    pub web: Web,
    /// Students' files.
    pub vault: Vault,
    /// Sends the mails of all rooms; without it messages stay in the application.
    pub mailer: Option<Mailer>,
    /// Uploads that one student may begin in a minute.
    pub uploads_per_minute: u32,
}

/// The room: its pages, the jobs it works, what it tidies up.
#[must_use]
pub fn service(needs: Needs) -> Service {
    let Needs { db, web, vault, mailer, uploads_per_minute } = needs;
    let signer = Signer::new(web.keys());
    let room = Arc::new(Room { db, web, vault, mailer, signer, uploads_per_minute });
    let jobs = vec![
        JobHandler::new(kernel::message::MESSAGE, &room, message::jobs::message),
        JobHandler::new("mail.send", &room, message::jobs::mail),
    ];
    let periodic = vec![Periodic::new("portfolio.file.sweep", Duration::from_secs(3600), &room, file::sweep::round)];
    let (routes, list) = routes().with_state(room);
    Service { name: "portfolio", routes, list, jobs, periodic }
}

fn routes() -> Routes<Arc<Room>> {
    Routes::new()
        .get("/s/{school}/home", home::pages::show)
        .merge(outcomes())
        .merge(activities())
        .merge(files())
        .get("/s/{school}/selection", selection::pages::index)
        .get("/s/{school}/selection/review", selection::pages::review)
        .post("/s/{school}/selection", selection::pages::update)
        .get("/s/{school}/messages", message::pages::index)
        .post("/s/{school}/messages/reading", message::pages::read_all)
        .post("/s/{school}/messages/{message}/reading", message::pages::read)
        .post("/s/{school}/messages/{message}/dismissal", message::pages::dismiss)
}

fn outcomes() -> Routes<Arc<Room>> {
    Routes::new()
        .get("/s/{school}/outcomes", outcome::pages::index)
        .get("/s/{school}/outcomes/new", outcome::pages::new)
        .post("/s/{school}/outcomes", outcome::pages::create)
        .get("/s/{school}/outcomes/{outcome}", outcome::show::show)
        .post("/s/{school}/outcomes/{outcome}", outcome::show::update)
        .post("/s/{school}/outcomes/{outcome}/deletion", outcome::show::delete)
        .post("/s/{school}/outcomes/{outcome}/certification-request", outcome::certification::send)
        .post("/s/{school}/outcomes/{outcome}/certification-request/withdrawal", outcome::certification::withdraw)
        .post_up_to(file::plain::MOST_BYTES, "/s/{school}/outcomes/{outcome}/files", file::plain::to_outcome)
}

fn activities() -> Routes<Arc<Room>> {
    Routes::new()
        .get("/s/{school}/activities", activity::pages::index)
        .get("/s/{school}/activities/new", activity::change::new)
        .post("/s/{school}/activities", activity::change::create)
        .get("/s/{school}/activities/{activity}", activity::show::show)
        .get("/s/{school}/activities/{activity}/edit", activity::change::edit)
        .post("/s/{school}/activities/{activity}", activity::change::update)
        .post("/s/{school}/activities/{activity}/deletion", activity::change::delete)
        .post_up_to(file::plain::MOST_BYTES, "/s/{school}/activities/{activity}/files", file::plain::to_activity)
}

fn files() -> Routes<Arc<Room>> {
    Routes::new()
        .post("/s/{school}/files", file::pages::create)
        .get("/s/{school}/files/{file}/parts", file::pages::parts)
        .post("/s/{school}/files/{file}/completion", file::pages::complete)
        .delete("/s/{school}/files/{file}", file::pages::delete)
        .post("/s/{school}/files/{file}/removal", file::pages::delete_by_form)
        .get("/s/{school}/files/{file}/receipt", file::receipt::show)
        .get("/s/{school}/files/{file}/receipt.json", file::receipt::json)
        .get("/f/{token}/{name}", file::serve::show)
        .get("/receipts/check", file::receipt::check_form)
        .post_up_to(file::plain::MOST_BYTES, "/receipts/check", file::receipt::check)
}
