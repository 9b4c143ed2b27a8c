//! The people: students who upload, send and select, teachers who decide, officers who submit. Each notes what is asked
//! and what was answered, looks before asking again, and finishes what was begun before leaving.

use crate::{
    dice::Dice,
    journal::{Act, Journal, Said},
    person::{Answer, Person, Street, numbers_after},
};
use blob::samples;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// How often one thing is tried before its person gives up. With the pauses in between that is minutes, more than any
/// fault lasts; who gives up is counted as left standing.
const TRIES: usize = 300;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(700);

/// What all players share.
pub(crate) struct Game {
    pub(crate) street: Street,
    pub(crate) journal: Journal,
    pub(crate) dice: Dice,
    /// No new action after this.
    pub(crate) over: AtomicBool,
    /// Actions that were never answered well.
    pub(crate) stranded: AtomicU64,
    /// Actions that were.
    pub(crate) done: AtomicU64,
    pub(crate) students: Mutex<VecDeque<Pupil>>,
    next: AtomicU64,
}

/// A student with two courses of this term.
#[derive(Clone)]
pub(crate) struct Pupil {
    pub(crate) login: String,
    pub(crate) school: String,
    pub(crate) id: i64,
    pub(crate) courses: Vec<i64>,
}

/// Somebody of a school's staff.
#[derive(Clone)]
pub(crate) struct Staff {
    pub(crate) login: String,
    pub(crate) school: String,
}

impl Game {
    pub(crate) fn new(street: Street, journal: Journal, seed: u64, students: Vec<Pupil>) -> Self {
        Self {
            street,
            journal,
            dice: Dice::new(seed),
            over: AtomicBool::new(false),
            stranded: AtomicU64::new(0),
            done: AtomicU64::new(0),
            students: Mutex::new(students.into()),
            next: AtomicU64::new(1),
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// A text that nothing else holds.
    fn nonce(&self) -> String {
        format!("故障演練 {:06}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    async fn rest(&self) {
        tokio::time::sleep(self.dice.between(Duration::from_millis(50), Duration::from_millis(400))).await;
    }

    fn count(&self, done: bool) {
        let counter = if done { &self.done } else { &self.stranded };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn note(&self, attempt: u64, answer: &Answer) {
        let said = match answer {
            Answer::Away { nothing_happened: true } => Said::NotDone,
            Answer::Result { status: 400..=499, .. } => Said::NotDone,
            Answer::Result { flash, .. } if flash.starts_with("bad.") => Said::NotDone,
            Answer::Result { .. } | Answer::Away { .. } | Answer::Nothing => return,
        };
        self.journal.answered(attempt, said);
    }
}

/// One student after the other: outcomes with files, sent for certification; some while later the selection.
pub(crate) async fn student(game: Arc<Game>) {
    let mut known: VecDeque<Pupil> = VecDeque::new();
    while !game.is_over() {
        let pupil = game.students.lock().expect("nobody panics while holding it").pop_front();
        if let Some(pupil) = pupil {
            let mut person = Person::new(&game.street, &pupil.login, &format!("{}.student", pupil.school));
            work(&game, &pupil, &mut person).await;
            known.push_back(pupil);
        }
        if known.len() > 2 || game.dice.below(3) == 0 {
            let Some(pupil) = known.pop_front() else { continue };
            let mut person = Person::new(&game.street, &pupil.login, &format!("{}.student", pupil.school));
            select(&game, &pupil, &mut person).await;
            known.push_back(pupil);
        }
        game.rest().await;
    }
}

/// What one student does at the first visit. Some try more than the rules allow, and twice at the same moment.
async fn work(game: &Game, pupil: &Pupil, person: &mut Person) {
    let greedy = game.dice.below(4) == 0;
    if greedy {
        let mut other = Person::new(&game.street, &pupil.login, &format!("{}.student", pupil.school));
        let course = pupil.courses[0];
        tokio::join!(create(game, pupil, person, course), create(game, pupil, &mut other, course));
    }
    for turn in 0..if greedy { 8 } else { 2 } {
        if game.is_over() {
            return;
        }
        let course = pupil.courses[turn % pupil.courses.len()];
        let Some(outcome) = create(game, pupil, person, course).await else { continue };
        if !greedy && upload(game, pupil, person, outcome).await {
            send(game, pupil, person, outcome).await;
        }
        game.rest().await;
    }
}

/// A draft; none where a rule said no.
async fn create(game: &Game, pupil: &Pupil, person: &mut Person, course: i64) -> Option<i64> {
    for _ in 0..TRIES {
        let summary = game.nonce();
        let attempt = game.journal.begun(Act::Create, &pupil.school, pupil.id, &summary);
        let answer = person.form("outcomes", &[("course_record", &course.to_string()), ("summary", &summary)]).await;
        game.note(attempt, &answer);
        let made = match &answer {
            Answer::Result { status: 303, location, .. } => numbers_after(location, "/outcomes/").pop(),
            // a rule, or somebody at the same place: a person is told and stops
            Answer::Result { .. } => {
                game.count(true);
                return None;
            }
            Answer::Away { nothing_happened: true } => None,
            // perhaps it is there: look at the list before asking again
            Answer::Away { .. } | Answer::Nothing => listed(game, person, &summary).await,
        };
        if let Some(id) = made {
            game.journal.answered(attempt, Said::Done(id));
            game.count(true);
            return Some(id);
        }
        tokio::time::sleep(PAUSE).await;
    }
    game.count(false);
    None
}

/// The id of the outcome with this summary on the list, once the list can be had.
async fn listed(game: &Game, person: &mut Person, summary: &str) -> Option<i64> {
    for _ in 0..TRIES {
        if let Some(page) = person.get("outcomes").await.page() {
            let before = page.split(summary).next().filter(|before| before.len() < page.len())?;
            return numbers_after(before, "/outcomes/").pop();
        }
        game.rest().await;
        tokio::time::sleep(PAUSE).await;
    }
    None
}

/// The whole way of a file, as the page's module goes it: announced, its parts sent to storage, finished.
async fn upload(game: &Game, pupil: &Pupil, person: &mut Person, outcome: i64) -> bool {
    let mut content = samples::pdf(&[game.nonce().as_str(), "Fault campaign"]);
    // some are larger than what a proxy passes on in one go
    let more = game.dice.below(300_000);
    let at = content.windows(9).rposition(|bytes| bytes == b"startxref").unwrap_or(content.len());
    content.splice(at..at, [b"%".as_slice(), &vec![b'x'; more], b"\n"].concat());
    let key = hex::encode(digest(&SHA256, &content));
    let announcement = json!({ "owner": "outcome", "owner_id": outcome.to_string(), "slot": "document",
                               "name": "fault.pdf", "size": content.len() });
    let mut plan: Option<Value> = None;
    for attempt_no in 0..TRIES {
        if plan.is_none() {
            let said = person.json("files", &announcement).await.page();
            plan = said.and_then(|said| serde_json::from_str(&said).ok());
        }
        let Some(known) = &plan else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let file = known["file_id"].as_i64().or_else(|| known["file_id"].as_str()?.parse().ok()).unwrap_or(0);
        if !send_parts(game, person, file, known, &content).await {
            // a person whose upload does not go on chooses the file once more
            if attempt_no % 5 == 4 {
                plan = None;
            }
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let attempt = game.journal.begun(Act::Save, &pupil.school, pupil.id, &key);
        let answer = person.json(&format!("files/{file}/completion"), &json!({})).await;
        game.note(attempt, &answer);
        match answer {
            Answer::Result { status: 200, .. } => {
                game.journal.answered(attempt, Said::Done(file));
                game.count(true);
                return true;
            }
            // parts did not arrive, or the upload is known no more: the browser begins anew
            Answer::Result { .. } => plan = None,
            Answer::Away { .. } | Answer::Nothing => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
    game.count(false);
    false
}

/// Sends every part; what has arrived already is asked for when sending fails.
async fn send_parts(game: &Game, person: &mut Person, file: i64, plan: &Value, content: &[u8]) -> bool {
    let mut plan = plan.clone();
    for again in 0..3 {
        if again > 0 {
            tokio::time::sleep(PAUSE).await;
            let Some(left) = person.get(&format!("files/{file}/parts")).await.page() else { continue };
            plan = serde_json::from_str(&left).unwrap_or_default();
        }
        let size = usize::try_from(plan["part_size"].as_u64().unwrap_or(5 << 20)).unwrap_or(usize::MAX);
        let mut all = true;
        for part in plan["parts"].as_array().into_iter().flatten() {
            let number = usize::try_from(part["number"].as_u64().unwrap_or(1)).unwrap_or(1);
            let begin = (number - 1).saturating_mul(size).min(content.len());
            let end = begin.saturating_add(size).min(content.len());
            let url = part["url"].as_str().unwrap_or_default();
            let sent = game.street.client.put(url).body(content[begin..end].to_vec()).send().await;
            all &= sent.is_ok_and(|answer| answer.status().is_success());
        }
        if all {
            return true;
        }
    }
    false
}

/// Sends an outcome to its teacher. Asked twice the second answer is a refusal, so the page is looked at in between.
async fn send(game: &Game, pupil: &Pupil, person: &mut Person, outcome: i64) {
    for _ in 0..TRIES {
        let attempt = game.journal.begun(Act::Send, &pupil.school, pupil.id, &outcome.to_string());
        let answer = person.form(&format!("outcomes/{outcome}/certification-request"), &[]).await;
        game.note(attempt, &answer);
        let done = match &answer {
            Answer::Result { status: 303, flash, .. } => flash.starts_with("good."),
            Answer::Result { .. } | Answer::Away { .. } | Answer::Nothing => false,
        };
        if done || sent_already(person, outcome).await {
            // a refusal of the second try means that the first one was taken
            if done {
                game.journal.answered(attempt, Said::Done(outcome));
            }
            game.count(true);
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
    game.count(false);
}

async fn sent_already(person: &mut Person, outcome: i64) -> bool {
    let page = person.get(&format!("outcomes/{outcome}")).await.page();
    page.is_some_and(|page| !page.contains(&format!("/outcomes/{outcome}/certification-request\"")))
}

/// Chooses up to seven of what can be chosen: six are allowed.
async fn select(game: &Game, pupil: &Pupil, person: &mut Person) {
    let Some(page) = person.get("selection").await.page() else { return };
    let values = |name: &str| numbers_after(&page, &format!("name=\"{name}\" value=\""));
    let activities: Vec<i64> = values("activity").into_iter().filter(|id| is_checked(&page, "activity", *id)).collect();
    let mut outcomes: Vec<i64> = values("outcome").into_iter().filter(|_| game.dice.below(3) > 0).take(7).collect();
    if outcomes.is_empty() {
        return;
    }
    outcomes.sort_unstable();
    let key = outcomes.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    let (outcomes, activities): (Vec<String>, Vec<String>) =
        (outcomes.iter().map(i64::to_string).collect(), activities.iter().map(i64::to_string).collect());
    let mut fields: Vec<(&str, &str)> = outcomes.iter().map(|id| ("outcome", id.as_str())).collect();
    fields.extend(activities.iter().map(|id| ("activity", id.as_str())));
    for _ in 0..TRIES {
        let attempt = game.journal.begun(Act::Select, &pupil.school, pupil.id, &key);
        let answer = person.form("selection", &fields).await;
        game.note(attempt, &answer);
        match answer {
            Answer::Result { status: 303, .. } => {
                game.journal.answered(attempt, Said::Done(pupil.id));
                game.count(true);
                return;
            }
            Answer::Result { .. } => {
                game.count(true);
                return;
            }
            Answer::Away { .. } | Answer::Nothing => tokio::time::sleep(PAUSE).await,
        }
    }
    game.count(false);
}

fn is_checked(page: &str, name: &str, id: i64) -> bool {
    let input = format!("name=\"{name}\" value=\"{id}\"");
    page.split(&input).nth(1).is_some_and(|rest| rest.split('>').next().unwrap_or_default().contains("checked"))
}

/// A teacher after the other: what waits on the desk is opened and decided.
pub(crate) async fn teacher(game: Arc<Game>, staff: Vec<Staff>) {
    let mut people: Vec<(Person, &Staff)> = staff
        .iter()
        .map(|staff| (Person::new(&game.street, &staff.login, &format!("{}.course_teacher", staff.school)), staff))
        .collect();
    while !game.is_over() {
        let chosen = game.dice.below(people.len());
        let (person, staff) = &mut people[chosen];
        let page = person.get("certification").await.page().unwrap_or_default();
        for request in numbers_after(&page, "/certification/").into_iter().take(3) {
            if game.is_over() {
                return;
            }
            decide(&game, staff, person, request).await;
            game.rest().await;
        }
        game.rest().await;
    }
}

async fn decide(game: &Game, staff: &Staff, person: &mut Person, request: i64) {
    for _ in 0..TRIES {
        let opened = person.form(&format!("certification/{request}/opening"), &[]).await;
        if !matches!(opened, Answer::Result { .. }) {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let reason = game.nonce();
        let attempt = game.journal.begun(Act::Decide, &staff.school, request, &reason);
        let fields = [("result", if game.dice.below(8) > 0 { "pass" } else { "fail" }), ("reason", reason.as_str())];
        let answer = person.form(&format!("certification/{request}/decision"), &fields).await;
        game.note(attempt, &answer);
        let done = match &answer {
            Answer::Result { status: 303, .. } => true,
            // another window was faster, or the first try was taken after all
            Answer::Result { .. } => {
                game.count(true);
                return;
            }
            Answer::Away { nothing_happened: true } => false,
            Answer::Away { .. } | Answer::Nothing => is_decided(person, request, &reason).await,
        };
        if done {
            game.journal.answered(attempt, Said::Done(request));
            game.count(true);
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
    game.count(false);
}

async fn is_decided(person: &mut Person, request: i64, reason: &str) -> bool {
    for _ in 0..TRIES {
        if let Some(page) = person.get(&format!("certification/{request}")).await.page() {
            return page.contains(reason);
        }
        tokio::time::sleep(PAUSE).await;
    }
    false
}

/// An officer who submits the year's outcomes, follows the batch to its end, and submits once more.
pub(crate) async fn officer(game: Arc<Game>, staff: Staff, year: String) {
    let mut person = Person::new(&game.street, &staff.login, &format!("{}.outcome_submitter", staff.school));
    while !game.is_over() {
        if let Some(batch) = begin(&game, &staff, &mut person, &year).await {
            follow(&game, &staff, &mut person, batch).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn begin(game: &Game, staff: &Staff, person: &mut Person, year: &str) -> Option<i64> {
    let fields = [("roster", "26"), ("year", year), ("term", "1"), ("adapter", "api"), ("open_selection", "1")];
    let attempt = game.journal.begun(Act::Submit, &staff.school, 0, "26");
    let answer = person.form("submission/batches", &fields).await;
    game.note(attempt, &answer);
    let Answer::Result { status: 303, location, .. } = answer else { return None };
    let batch = numbers_after(&location, "/batches/").pop()?;
    game.journal.answered(attempt, Said::Done(batch));
    game.count(true);
    Some(batch)
}

/// Until the receipt is there. What the central database could not fetch is handed over again, as the page offers.
async fn follow(game: &Game, staff: &Staff, person: &mut Person, batch: i64) {
    let path = format!("submission/batches/{batch}");
    // a batch in the middle of its way is seen to its end also when the game is over
    for _ in 0..600 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let Some(page) = person.get(&format!("{path}/status")).await.page() else { continue };
        let status: Value = serde_json::from_str(&page).unwrap_or_default();
        match status["state"].as_str().unwrap_or_default() {
            "receipt_ready" => {
                game.count(true);
                return;
            }
            "built" | "rejected" => {
                let attempt = game.journal.begun(Act::HandOver, &staff.school, 0, &batch.to_string());
                let answer = person.form(&format!("{path}/notice"), &[]).await;
                game.note(attempt, &answer);
                if let Answer::Result { status: 303, .. } = answer {
                    game.journal.answered(attempt, Said::Done(batch));
                }
            }
            _ => {}
        }
    }
    game.count(false);
}

/// Somebody who only looks: a page of every room, as the role that may.
pub(crate) async fn reader(game: Arc<Game>) {
    const PAGES: [(&str, &str, &str); 6] = [
        ("s343303a01", "343303.school_admin", "office"),
        ("s343303a01", "343303.school_admin", "office/windows"),
        ("s343303a01", "343303.school_admin", "counselling-report"),
        ("s343303o01", "343303.outcome_submitter", "submission"),
        ("bureau01", "000000.bureau", "/bureau"),
        ("s343303a01", "343303.school_admin", "messages"),
    ];
    let mut people: Vec<(Person, &str)> =
        PAGES.iter().map(|(login, hat, page)| (Person::new(&game.street, login, hat), *page)).collect();
    while !game.is_over() {
        let chosen = game.dice.below(people.len());
        let (person, page) = &mut people[chosen];
        person.get(page).await;
        game.rest().await;
    }
}
