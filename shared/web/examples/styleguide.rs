//! The style guide with a pretended storage, to look at pages and to try `upload.js` without a city:
//!
//! `cargo run -p web --example styleguide -- redis://127.0.0.1:6379 8410`, then <http://localhost:8410/enter>.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{AppendHeaders, IntoResponse, Response};
use bytes::Bytes;
use kernel::{
    actor::Subject,
    clock::Clock,
    ids::{PersonId, StaffId, StudentId},
    role::Role,
    school::SchoolCode,
    secrets::Keys,
};
use serde_json::{Value, json};
use web::{Answer, HasWeb, Hat, Problem, Routes, Session, Settings, Web};

const PART: u64 = 256 * 1024;

/// What arrived of each pretended upload: its size and its parts.
#[derive(Default)]
struct Storage(Mutex<BTreeMap<usize, (u64, BTreeSet<u64>)>>);

struct Room {
    web: Web,
    storage: Storage,
}

impl HasWeb for Room {
    fn web(&self) -> &Web {
        &self.web
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let redis = args.next().ok_or("the first argument is the URL of a Redis")?;
    let port: u16 = args.next().as_deref().unwrap_or("8410").parse()?;
    let origin = format!("http://localhost:{port}");
    let settings = Settings {
        storage_origin: origin.clone(),
        origin,
        files_origin: format!("http://127.0.0.1:{port}"),
        form_targets: Vec::new(),
        trusted_proxy: Arc::new(|_| false),
        demo: true,
        limits: web::admission::Limits {
            min: 4,
            max: 64,
            checks: 8,
            target: Duration::from_millis(100),
            patience: [100, 500, 2500].map(Duration::from_millis),
            retry: Duration::from_secs(5),
        },
    };
    let web = Web::new(settings, &redis, Keys::derive(&[7; 32])?, Clock::System)?;
    let room = Arc::new(Room { web: web.clone(), storage: Storage::default() });
    let (routes, _) = Routes::new()
        .get("/enter", enter)
        .post("/sample/uploads", create)
        .get("/sample/uploads/{file}/parts", missing)
        .put("/sample/uploads/{file}/parts/{part}", receive)
        .post("/sample/uploads/{file}/saved", finalise)
        .with_state(room);
    let app = web::layers(routes.merge(web::service(&web).routes), &web);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, app).await?;
    Ok(())
}

/// Logs a teacher in who is a counsellor as well.
async fn enter(State(room): State<Arc<Room>>) -> Answer {
    let school: SchoolCode = "413301".parse().map_err(Problem::internal)?;
    let hat = |role, subject| Hat {
        school,
        school_name: "示範高級中學".to_owned(),
        role,
        subject,
        name: "陳雅婷".to_owned(),
    };
    let session = Session {
        person: PersonId::from(1),
        login: "demo".to_owned(),
        hats: vec![
            hat(Role::Student, Subject::Student(StudentId::from(1))),
            hat(Role::CourseTeacher, Subject::Staff(StaffId::from(1))),
        ],
        active: 0,
        provider: "demo".to_owned(),
        id_token: None,
        oidc_sid: None,
        device: String::new(),
        must_change_password: false,
        created_at: room.web.clock().now(),
        expires_at: None,
    };
    let token = room.web.sessions().create(&session).await?;
    let cookie = AppendHeaders([(axum::http::header::SET_COOKIE, token.set_cookie())]);
    let flash = web::Flash::good("已登入示範帳號");
    Ok((cookie, web::redirect_with("/styleguide", &flash)).into_response())
}

async fn create(State(room): State<Arc<Room>>, Json(ask): Json<Value>) -> Answer {
    let size = ask["size"].as_u64().ok_or_else(|| Problem::unprocessable("沒有檔案大小"))?;
    let mut uploads = room.storage.0.lock().expect("no holder panics");
    let file = uploads.len() + 1;
    uploads.insert(file, (size, BTreeSet::new()));
    let plan = json!({ "file_id": file, "part_size": PART, "parts": parts(file, size, &BTreeSet::new()) });
    Ok((StatusCode::CREATED, Json(plan)).into_response())
}

async fn missing(State(room): State<Arc<Room>>, Path(file): Path<usize>) -> Answer {
    let uploads = room.storage.0.lock().expect("no holder panics");
    let (size, there) = uploads.get(&file).ok_or(Problem::NotFound)?;
    Ok(Json(json!({ "part_size": PART, "parts": parts(file, *size, there) })).into_response())
}

async fn receive(State(room): State<Arc<Room>>, Path((file, part)): Path<(usize, u64)>, _body: Bytes) -> Answer {
    let mut uploads = room.storage.0.lock().expect("no holder panics");
    uploads.get_mut(&file).ok_or(Problem::NotFound)?.1.insert(part);
    Ok(Response::default())
}

async fn finalise(State(room): State<Arc<Room>>, Path(file): Path<usize>) -> Answer {
    let uploads = room.storage.0.lock().expect("no holder panics");
    let (size, there) = uploads.get(&file).ok_or(Problem::NotFound)?;
    if !parts(file, *size, there).is_empty() {
        return Err(Problem::unprocessable("檔案不完整，請重新上傳。"));
    }
    Ok(Json(json!({ "file_id": file, "receipt_url": "/styleguide" })).into_response())
}

fn parts(file: usize, size: u64, there: &BTreeSet<u64>) -> Vec<Value> {
    (1..=size.div_ceil(PART))
        .filter(|number| !there.contains(number))
        .map(|number| {
            let length = PART.min(size - (number - 1) * PART);
            json!({ "number": number, "size": length, "url": format!("/sample/uploads/{file}/parts/{number}") })
        })
        .collect()
}
