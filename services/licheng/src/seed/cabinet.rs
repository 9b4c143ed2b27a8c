//! The students' cabinets in every state of the yearly loop.

use super::{
    City,
    files::Sample,
    plan::School,
    roster::{Roster, Student, Taken},
    world::{Tables, next},
};
use kernel::codes::ActivityKind;
use serde_json::json;
use time::{Duration, OffsetDateTime};

/// How far an outcome has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Draft,
    Sent,
    Opened,
    /// Decided, not yet published.
    Decided,
    Passed,
    Failed,
    Selected,
}

/// This term's outcomes go through all stages in turn.
const STAGES: [Stage; 8] = [
    Stage::Passed,
    Stage::Sent,
    Stage::Draft,
    Stage::Selected,
    Stage::Opened,
    Stage::Failed,
    Stage::Sent,
    Stage::Decided,
];

/// Fills the cabinets of a school.
pub(super) fn fill(city: &mut City, school: &School, roster: &Roster, samples: &[Sample], rows: &mut Tables) {
    for student in &roster.students {
        let mut cabinet = Cabinet { city, school, samples, rows, student, bytes: 0, selected: 0, turn: student.nth };
        cabinet.outcomes();
        cabinet.activities();
        cabinet.close();
    }
    counselling(city, school, roster, rows);
}

struct Cabinet<'a> {
    city: &'a mut City,
    school: &'a School,
    samples: &'a [Sample],
    rows: &'a mut Tables,
    student: &'a Student,
    bytes: u64,
    selected: i16,
    turn: usize,
}

impl Cabinet<'_> {
    /// The years before are done: three outcomes a term, all passed and selected. This term: none to three.
    fn outcomes(&mut self) {
        let mut terms: Vec<_> = self.student.courses.iter().map(|taken| (taken.year, taken.term)).collect();
        terms.dedup();
        for term in terms {
            let now = term == (self.city.year, self.city.term);
            let wanted = if now { self.student.nth % 4 } else { 3 };
            let of_term = |taken: &&Taken| (taken.year, taken.term) == term && taken.credits > 0;
            let courses: Vec<Taken> = self.student.courses.iter().filter(of_term).take(wanted).copied().collect();
            if term.1 == kernel::calendar::Term::FIRST {
                self.selected = 0;
            }
            let (mut passed, mut failed) = (0, 0);
            for (k, taken) in courses.iter().enumerate() {
                let stage = if now { STAGES[(self.student.nth / 4 + k) % STAGES.len()] } else { Stage::Selected };
                self.outcome(taken, stage);
                passed += i16::from(matches!(stage, Stage::Passed | Stage::Selected | Stage::Decided));
                failed += i16::from(stage == Stage::Failed);
            }
            self.counters(term, (courses.len(), passed, failed));
        }
    }

    fn counters(
        &mut self,
        (year, term): (kernel::calendar::AcademicYear, kernel::calendar::Term),
        (uploaded, passed, failed): (usize, i16, i16),
    ) {
        if uploaded == 0 {
            return;
        }
        let (code, student) = (self.school.code, self.student.id);
        self.rows.counter.row(|row| {
            row.plain(code).plain(student).plain(year.get()).plain(term.get()).plain(uploaded);
        });
        if passed + failed > 0 {
            self.rows.certified.row(|row| {
                row.plain(code).plain(student).plain(year.get()).plain(term.get()).plain(passed).plain(failed);
            });
        }
    }

    fn outcome(&mut self, taken: &Taken, stage: Stage) {
        let id = next(&mut self.city.ids.outcome);
        let (code, student) = (self.school.code, self.student.id);
        let age = if taken.year == self.city.year { 10 } else { 300 };
        let made =
            self.city.now - Duration::days(age) + Duration::minutes(i64::try_from(self.turn % 600).expect("small"));
        let summary = format!("在{}課堂中完成的專題，說明動機、過程與反思。", taken.subject);
        self.rows.outcome.row(|row| {
            row.plain(code)
                .plain(id)
                .plain(student)
                .plain(taken.record)
                .plain(taken.year.get())
                .plain(taken.term.get());
            row.plain(1).text(&summary).plain(made).plain(made);
        });
        let document = self.pick(false);
        self.file((Some(id), None), 1, &document, made);
        let media = self.turn.is_multiple_of(5).then(|| self.pick(true));
        if let Some(media) = &media {
            self.file((Some(id), None), 2, media, made);
        }
        self.turn += 1;
        if stage != Stage::Draft {
            self.request(id, taken, stage, (&document, media.as_ref()), made);
        }
    }

    fn pick(&self, media: bool) -> Sample {
        let fitting: Vec<&Sample> = self.samples.iter().filter(|sample| sample.is_media == media).collect();
        fitting[self.turn % fitting.len()].clone()
    }

    fn file(
        &mut self,
        (outcome, activity): (Option<i64>, Option<i64>),
        slot: i16,
        sample: &Sample,
        made: OffsetDateTime,
    ) {
        let id = next(&mut self.city.ids.file);
        self.bytes += sample.size;
        let (code, student) = (self.school.code, self.student.id);
        self.rows.file.row(|row| {
            row.plain(code).plain(id).plain(student).maybe(outcome).maybe(activity).plain(slot).text(&sample.name);
            row.plain(sample.size).plain("seed").plain("seed").plain(made).bytes(&sample.sha256).bytes(&sample.md5);
            row.plain(sample.size).plain(&sample.media_type).plain(made).plain(made);
        });
    }

    fn request(
        &mut self,
        outcome: i64,
        taken: &Taken,
        stage: Stage,
        files: (&Sample, Option<&Sample>),
        made: OffsetDateTime,
    ) {
        let id = next(&mut self.city.ids.request);
        let (code, student) = (self.school.code, self.student.id);
        let sent = made + Duration::hours(2);
        let (document, media) = files;
        self.rows.request.row(|row| {
            row.plain(code).plain(id).plain(outcome).plain(1).plain(student).plain(taken.record).plain(taken.section);
            row.plain(taken.year.get()).plain(taken.term.get());
            hashes(row, document, media);
            row.plain(sent);
        });
        if stage == Stage::Sent {
            return;
        }
        self.rows.opening.row(|row| {
            row.plain(code).plain(id).plain(taken.teacher).plain(sent + Duration::hours(20));
        });
        if stage == Stage::Opened {
            return;
        }
        let decision = next(&mut self.city.ids.decision);
        let decided = sent + Duration::hours(21);
        let (passed, published) = (stage != Stage::Failed, stage != Stage::Decided);
        self.rows.decision.row(|row| {
            row.plain(code).plain(decision).plain(id).plain(outcome).plain(student);
            row.plain(taken.year.get()).plain(taken.term.get()).plain(passed);
            row.text(if passed { "" } else { "檔案內容與本課程無關，請更換後再送出。" });
            row.plain(taken.teacher).plain(decided).maybe(published.then_some(decided));
            hashes(row, document, media);
        });
        if published && taken.year == self.city.year {
            self.message(outcome, taken.subject, passed, decided);
        }
        if stage == Stage::Selected && self.selected < 6 {
            self.selected += 1;
            let slot = self.selected;
            self.rows.outcome_selection.row(|row| {
                row.plain(code)
                    .plain(student)
                    .plain(taken.year.get())
                    .plain(0)
                    .plain(slot)
                    .plain(outcome)
                    .plain(decision);
                row.plain(decided + Duration::hours(5));
            });
        }
    }

    fn message(&mut self, outcome: i64, subject: &str, passed: bool, at: OffsetDateTime) {
        let result = if passed { "通過" } else { "不通過" };
        let body = format!("「{subject}」的課程學習成果認證{result}。");
        let (code, student) = (self.school.code, self.student.id);
        self.rows.message.row(|row| {
            row.plain(code).plain(student).text(&body).plain(format!("/s/{code}/outcomes/{outcome}"));
            row.plain(format!("seed:{outcome}")).plain(at);
        });
    }

    /// A competition each, selected by every second student; the school's officers supplement their post.
    fn activities(&mut self) {
        let year = self.city.year;
        let announced = year.first_day() + Duration::days(60);
        let fields = json!({"name": "臺北市高中職創意專題競賽", "event": "個人組", "level": 2, "award": "佳作",
                            "announced_on": announced.to_string(), "participation": 1});
        let competition = self.activity(ActivityKind::Competition, "臺北市高中職創意專題競賽", &fields, None);
        if self.student.nth.is_multiple_of(2) {
            let (code, student, at) = (self.school.code, self.student.id, self.city.now - Duration::days(2));
            self.rows.activity_selection.row(|row| {
                row.plain(code).plain(student).plain(year.get()).plain(1).plain(competition).plain(at);
            });
        }
        let Some((cadre, title)) = self.student.cadre.clone() else { return };
        let (begin, end) = (year.first_day() + Duration::days(30), year.first_day() + Duration::days(180));
        let fields = json!({"unit_name": "班級", "started_on": begin.to_string(), "ended_on": end.to_string(),
                            "title": title, "level": 2});
        if self.student.nth.is_multiple_of(3) {
            self.activity(ActivityKind::Cadre, &title, &fields, Some(cadre));
        }
    }

    fn activity(&mut self, kind: ActivityKind, title: &str, fields: &serde_json::Value, cadre: Option<i64>) -> i64 {
        let id = next(&mut self.city.ids.activity);
        let (code, student, year) = (self.school.code, self.student.id, self.city.year);
        let made = self.city.now - Duration::days(5);
        self.rows.activity.row(|row| {
            row.plain(code).plain(id).plain(student).plain(year.get()).plain(i16::from(kind)).text(title);
            row.json(fields).text("從中學到分工與溝通。").maybe(cadre).plain(made).plain(made);
        });
        let proof = self.pick(false);
        self.turn += 1;
        self.file((None, Some(id)), 1, &proof, made);
        id
    }

    fn close(&mut self) {
        let (code, student, bytes) = (self.school.code, self.student.id, self.bytes);
        self.rows.storage.row(|row| {
            row.plain(code).plain(student).plain(bytes);
        });
    }
}

fn hashes(row: &mut super::copy::Row<'_>, document: &Sample, media: Option<&Sample>) {
    row.bytes(&document.sha256);
    match media {
        Some(media) => row.bytes(&media.sha256),
        None => row.null(),
    };
}

/// A group session and an individual one by each counsellor.
fn counselling(city: &mut City, school: &School, roster: &Roster, rows: &mut Tables) {
    for (n, counsellor) in roster.counsellors.iter().enumerate() {
        for (method, size, topic) in [("group", 12, "選課輔導說明"), ("individual", 1, "進路與選修討論")] {
            let id = next(&mut city.ids.counselling);
            let at = city.now - Duration::days(14);
            rows.counselling.row(|row| {
                row.plain(school.code).plain(id).plain(at.date()).text("輔導室").plain(method).text(topic);
                row.text("說明課程地圖、學習歷程檔案的意義與選課建議。").plain(counsellor).plain(at).plain(at);
            });
            for student in roster.students.iter().skip(n * 12).take(size) {
                rows.counselled.row(|row| {
                    row.plain(school.code).plain(id).plain(student.id);
                });
            }
        }
    }
}
