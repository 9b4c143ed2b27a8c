//! Whether the promise holds: nothing lost, and proof of it. Numbers that the worker measured, nothing personal.

pub(crate) mod pages;
mod store;

use ::time::{Duration, OffsetDateTime};
use web::Tone;

/// A backup counts as proven for so long; the alert `LichengRestoreUnproven` says the same.
const RESTORE_LIMIT: Duration = Duration::hours(26);
/// Both copies of every file are read within so long; the alert `LichengScrubLate` says the same.
const SCRUB_LIMIT: Duration = Duration::days(30);
/// A job that waits longer is late; the alert `LichengJobsLate` says the same.
const JOB_LIMIT: Duration = Duration::minutes(5);
/// The worker measures every minute; older numbers mean that it doesn't.
const FRESH: Duration = Duration::minutes(5);

/// What the worker measured last.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    pub(crate) measured_at: OffsetDateTime,
    /// Contents whose two copies were proven at least once.
    pub(crate) objects: i64,
    /// Of these contents, once.
    pub(crate) bytes: i64,
    /// The proof that is longest ago, of what can be proven.
    pub(crate) oldest_verified_at: Option<OffsetDateTime>,
    /// Of the pass under way.
    pub(crate) scrub_began_at: Option<OffsetDateTime>,
    /// Of the pass under way, 0 to 1.
    pub(crate) scrub_share: f64,
    /// Of the last pass that was finished.
    pub(crate) scrub_last_began_at: Option<OffsetDateTime>,
    pub(crate) scrub_last_finished_at: Option<OffsetDateTime>,
    pub(crate) scrub_last_objects: Option<i64>,
    pub(crate) scrub_last_copies: Option<i64>,
    /// Copies that are bad now.
    pub(crate) unhealed: i64,
    /// Copies that were mended in the last 30 days.
    pub(crate) healed: i64,
    /// Objects that nobody knows.
    pub(crate) orphans: i64,
    /// Since when the oldest due job waits.
    pub(crate) oldest_job_at: Option<OffsetDateTime>,
    pub(crate) dead_jobs: i64,
    /// When a backup was last restored and found equal.
    pub(crate) restored_at: Option<OffsetDateTime>,
}

/// One line of the page: what, how it is, and whether that is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sign {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) hint: &'static str,
    pub(crate) tone: Tone,
}

impl Sign {
    /// One word for the tone: colour is never alone.
    pub(crate) fn word(&self) -> &'static str {
        match self.tone {
            Tone::Good => "正常",
            Tone::Wait => "進行中",
            Tone::Bad => "異常",
            Tone::Note | Tone::Quiet => "參考",
        }
    }
}

fn sign(name: &'static str, is_well: bool, value: String, hint: &'static str) -> Sign {
    Sign { name, value, hint, tone: if is_well { Tone::Good } else { Tone::Bad } }
}

impl Health {
    /// Whether the numbers are as old as the worker promises.
    pub(crate) fn is_stale(&self, now: OffsetDateTime) -> bool {
        now - self.measured_at > FRESH
    }

    /// Whether anything needs a person.
    pub(crate) fn alarms(&self, now: OffsetDateTime) -> usize {
        self.signs(now).iter().filter(|sign| sign.tone == Tone::Bad).count()
    }

    /// Every line of the page.
    pub(crate) fn signs(&self, now: OffsetDateTime) -> Vec<Sign> {
        vec![
            self.restore(now),
            self.scrub(now),
            self.copies(),
            sign(
                "尚未修復的損壞",
                self.unhealed == 0,
                format!("{} 份", self.unhealed),
                "讀到就改用另一份，並自動修復；修不好的才會留在這裡。",
            ),
            self.jobs(now),
            sign(
                "停擺的工作",
                self.dead_jobs == 0,
                format!("{} 件", self.dead_jobs),
                "試過 12 次仍失敗的背景工作，需要維運人員處理。",
            ),
        ]
    }

    fn restore(&self, now: OffsetDateTime) -> Sign {
        let hint = "備份要還原出來比對過才算數；超過 26 小時沒有證明就算異常。";
        let value = self.restored_at.map_or_else(|| "還沒有證明過".to_owned(), |at| ago(now - at));
        sign("最近一次還原驗證", self.restored_at.is_some_and(|at| now - at <= RESTORE_LIMIT), value, hint)
    }

    /// The age is that of the oldest proof; of the first pass while that is under way.
    fn scrub(&self, now: OffsetDateTime) -> Sign {
        let hint = "兩份檔案的每個位元組都會重讀並比對，最久 30 天一輪。";
        let share = format!("{:.0}%", self.scrub_share * 100.0);
        match (self.scrub_last_began_at, self.scrub_began_at) {
            (Some(last), _) => {
                let age = now - self.oldest_verified_at.unwrap_or(last);
                sign("全部檔案核對", age <= SCRUB_LIMIT, format!("最久的是{}核對的", ago(age)), hint)
            }
            (None, Some(first)) if now - first <= SCRUB_LIMIT => {
                Sign {
                    name: "全部檔案核對", value: format!("第一輪已完成 {share}"), hint, tone: Tone::Wait
                }
            }
            (None, Some(first)) => {
                sign("全部檔案核對", false, format!("第一輪從{}開始，只完成 {share}", ago(now - first)), hint)
            }
            (None, None) => sign("全部檔案核對", false, "還沒有開始".to_owned(), hint),
        }
    }

    fn copies(&self) -> Sign {
        let hint = "上一輪核對時完好的份數；每個檔案應有兩份。";
        let (Some(objects), Some(copies)) = (self.scrub_last_objects, self.scrub_last_copies) else {
            let value = format!("{} 個檔案已核對過", self.objects);
            return Sign { name: "檔案與份數", value, hint, tone: Tone::Wait };
        };
        sign("檔案與份數", copies == 2 * objects, format!("{objects} 個檔案，{copies} 份完好"), hint)
    }

    fn jobs(&self, now: OffsetDateTime) -> Sign {
        let hint = "通知、提交等背景工作中，到期後等待最久的一件；超過 5 分鐘就告警。";
        let waited = self.oldest_job_at.map(|at| now - at);
        let value = waited.map_or_else(|| "沒有工作在等待".to_owned(), |waited| format!("已等待 {}", length(waited)));
        sign("最久未送出的工作", waited.is_none_or(|waited| waited <= JOB_LIMIT), value, hint)
    }
}

/// `3 小時前`
fn ago(age: Duration) -> String {
    format!("{}前", length(age))
}

/// `12 秒`, `5 分鐘`, `30 小時`, `3 天`
fn length(age: Duration) -> String {
    match age.whole_seconds().max(0) {
        seconds @ ..120 => format!("{seconds} 秒"),
        seconds @ ..7_200 => format!("{} 分鐘", seconds / 60),
        seconds @ ..172_800 => format!("{} 小時", seconds / 3_600),
        seconds => format!("{} 天", seconds / 86_400),
    }
}

/// `340 MB`, `1.2 TB`; a megabyte is 1,048,576 bytes as everywhere.
fn volume(bytes: i64) -> String {
    const MB: f64 = 1024.0 * 1024.0;
    match bytes as f64 / MB {
        mb if mb < 1024.0 => format!("{mb:.0} MB"),
        mb if mb < 1024.0 * 1024.0 => format!("{:.1} GB", mb / 1024.0),
        mb => format!("{:.1} TB", mb / 1024.0 / 1024.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-22 06:00 UTC);

    /// Makes one number bad.
    type Change = fn(&mut Health);

    fn well() -> Health {
        Health {
            measured_at: NOW,
            objects: 10,
            bytes: 1000,
            oldest_verified_at: Some(NOW - Duration::days(2)),
            scrub_began_at: None,
            scrub_share: 0.0,
            scrub_last_began_at: Some(NOW - Duration::days(2)),
            scrub_last_finished_at: Some(NOW - Duration::days(1)),
            scrub_last_objects: Some(10),
            scrub_last_copies: Some(20),
            unhealed: 0,
            healed: 3,
            orphans: 1,
            oldest_job_at: None,
            dead_jobs: 0,
            restored_at: Some(NOW - Duration::hours(26)),
        }
    }

    /// Issue 3 §1.3: "alarm at 26 h".
    #[test]
    fn each_alarm_is_raised_by_its_own_number_alone() {
        assert_eq!(well().alarms(NOW), 0, "{:?}", well().signs(NOW));
        let changes: [(&str, Change); 8] = [
            ("最近一次還原驗證", |health| {
                health.restored_at = Some(NOW - Duration::hours(26) - Duration::SECOND)
            }),
            ("最近一次還原驗證", |health| health.restored_at = None),
            ("全部檔案核對", |health| {
                health.oldest_verified_at = Some(NOW - Duration::days(30) - Duration::SECOND)
            }),
            ("全部檔案核對", |health| health.scrub_last_began_at = None),
            ("檔案與份數", |health| health.scrub_last_copies = Some(19)),
            ("尚未修復的損壞", |health| health.unhealed = 1),
            ("最久未送出的工作", |health| health.oldest_job_at = Some(NOW - Duration::minutes(6))),
            ("停擺的工作", |health| health.dead_jobs = 1),
        ];
        for (name, change) in changes {
            let mut health = well();
            change(&mut health);
            let bad: Vec<&str> =
                health.signs(NOW).iter().filter(|sign| sign.tone == Tone::Bad).map(|sign| sign.name).collect();
            assert_eq!(bad, [name]);
        }
    }

    #[test]
    fn a_first_pass_is_under_way_until_it_takes_too_long() {
        let first = Health {
            scrub_last_began_at: None,
            scrub_last_objects: None,
            scrub_last_copies: None,
            scrub_began_at: Some(NOW - Duration::days(3)),
            scrub_share: 0.12,
            ..well()
        };
        assert_eq!(first.scrub(NOW).value, "第一輪已完成 12%");
        assert_eq!((first.alarms(NOW), first.scrub(NOW).tone), (0, Tone::Wait));
        assert_eq!(first.alarms(NOW + Duration::days(28)), 2, "the restore is old by then as well");
    }

    #[test]
    fn ages_are_said_in_the_unit_that_fits() {
        let lengths = [45, 600, 30 * 3600, 3 * 86_400].map(|seconds| length(Duration::seconds(seconds)));
        assert_eq!(lengths, ["45 秒", "10 分鐘", "30 小時", "3 天"]);
        let volumes = [0, 340 << 20, 1_288_490_189, 5_277_655_813_325].map(volume);
        assert_eq!(volumes, ["0 MB", "340 MB", "1.2 GB", "4.8 TB"]);
    }
}
