//! What closes in the next fourteen days, hour by hour, and how many students still have something to do there.

pub(crate) mod pages;
pub(crate) mod store;

use kernel::{
    calendar::{AcademicYear, RosterTerm, TAIPEI, parse_date_time, roc_date, taipei_date},
    rules::{Window, WindowKind},
};
use time::{Date, Duration, OffsetDateTime, Weekday};

/// Days that are looked ahead, today among them.
pub(crate) const DAYS: i64 = 14;

/// The depths of colour that the map has, without the empty one.
const LEVELS: i64 = 5;

/// A window that closes soon, with its load as a count.
#[derive(Clone, Debug)]
pub(crate) struct Deadline {
    pub(crate) school: String,
    pub(crate) school_name: String,
    pub(crate) window_id: i64,
    pub(crate) kind: String,
    pub(crate) academic_year: i16,
    pub(crate) term: i16,
    pub(crate) grade: i16,
    pub(crate) stage: i16,
    pub(crate) opens_at: OffsetDateTime,
    pub(crate) closes_at: OffsetDateTime,
    /// Students with something left to do.
    pub(crate) students: i32,
    /// When they were counted.
    pub(crate) updated_at: OffsetDateTime,
}

impl Deadline {
    /// What closes, in words.
    pub(crate) fn label(&self) -> String {
        label((&self.kind, self.stage), self.academic_year, self.term, self.grade)
    }

    /// The name by which forms and links speak of it: `343303.12`.
    pub(crate) fn key(&self) -> String {
        format!("{}.{}", self.school, self.window_id)
    }

    /// The hour in which it closes.
    pub(crate) fn hour(&self) -> Hour {
        Hour::of(self.closes_at)
    }

    /// The window with another closing time, for the rules; none if the row is not one that the rules know.
    pub(crate) fn closing_at(&self, closes_at: OffsetDateTime) -> Option<Window> {
        Some(Window {
            kind: self.kind.parse().ok()?,
            academic_year: AcademicYear::new(self.academic_year).ok()?,
            term: RosterTerm::new(self.term).ok()?,
            grade: (self.grade != 0).then_some(self.grade),
            opens_at: self.opens_at,
            closes_at,
        })
    }
}

/// 課程學習成果上傳（115學年度第1學期，2 年級，第 2 梯次）
pub(crate) fn label((kind, stage): (&str, i16), year: i16, term: i16, grade: i16) -> String {
    let kind = kind.parse::<WindowKind>().map_or(kind, |kind| kind.label());
    let term = RosterTerm::new(term).map_or_else(|_| String::new(), RosterTerm::label);
    let grade = if grade == 0 { "全部年級".to_owned() } else { format!("{grade} 年級") };
    let stage = if stage > 1 { format!("，第 {stage} 梯次") } else { String::new() };
    format!("{kind}（{year}學年度{term}，{grade}{stage}）")
}

/// One hour of Taiwan's clocks, by its first moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hour(OffsetDateTime);

impl Hour {
    /// The hour that a moment lies in.
    pub(crate) fn of(moment: OffsetDateTime) -> Self {
        let local = moment.to_offset(TAIPEI);
        Self(local.date().midnight().assume_offset(TAIPEI) + Duration::hours(local.hour().into()))
    }

    /// As [`Hour::code`] writes it; none for anything else.
    pub(crate) fn parse(code: &str) -> Option<Self> {
        parse_date_time(&format!("{code}:00")).ok().map(Self::of)
    }

    /// For URLs: `2026-11-25T17`.
    pub(crate) fn code(self) -> String {
        let local = self.0.to_offset(TAIPEI);
        format!("{}T{:02}", local.date(), local.hour())
    }

    /// 115/11/25 17 時
    pub(crate) fn label(self) -> String {
        let local = self.0.to_offset(TAIPEI);
        format!("{} {} 時", roc_date(local.date()), local.hour())
    }
}

/// The moment after the last one that the map shows.
pub(crate) fn horizon(now: OffsetDateTime) -> OffsetDateTime {
    (taipei_date(now) + Duration::days(DAYS)).midnight().assume_offset(TAIPEI)
}

/// One hour of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) hour: Hour,
    pub(crate) windows: usize,
    pub(crate) students: i64,
    /// 0: nothing closes; then 1 to 5.
    pub(crate) level: i64,
}

/// One day.
#[derive(Clone, Debug)]
pub(crate) struct Day {
    pub(crate) date: Date,
    pub(crate) cells: Vec<Cell>,
}

impl Day {
    /// 11/25（三）
    pub(crate) fn label(&self) -> String {
        let weekday = match self.date.weekday() {
            Weekday::Monday => "一",
            Weekday::Tuesday => "二",
            Weekday::Wednesday => "三",
            Weekday::Thursday => "四",
            Weekday::Friday => "五",
            Weekday::Saturday => "六",
            Weekday::Sunday => "日",
        };
        format!("{:02}/{:02}（{weekday}）", u8::from(self.date.month()), self.date.day())
    }
}

/// Fourteen days of twenty-four hours.
#[derive(Clone, Debug)]
pub(crate) struct HeatMap {
    pub(crate) days: Vec<Day>,
    /// Of the fullest hour.
    most: i64,
}

impl HeatMap {
    /// The map of what closes from today on.
    pub(crate) fn of(deadlines: &[Deadline], now: OffsetDateTime) -> Self {
        let today = taipei_date(now);
        let mut days: Vec<Day> = (0..DAYS).map(|ahead| day(today + Duration::days(ahead), deadlines)).collect();
        let most = days.iter().flat_map(|day| &day.cells).map(|cell| cell.students).max().unwrap_or(0);
        for cell in days.iter_mut().flat_map(|day| &mut day.cells) {
            cell.level = if cell.windows == 0 { 0 } else { level(cell.students, most) };
        }
        Self { days, most }
    }

    /// The fullest hour, the earliest of equals; none when nothing closes.
    pub(crate) fn peak(&self) -> Option<&Cell> {
        let cells = self.days.iter().flat_map(|day| &day.cells).filter(|cell| cell.windows > 0);
        cells.max_by_key(|cell| (cell.students, std::cmp::Reverse(cell.hour)))
    }

    /// The levels with the fewest and most students that each stands for; without those that no number falls into.
    pub(crate) fn legend(&self) -> Vec<(i64, i64, i64)> {
        let most = self.most.max(1);
        let bounds = |level: i64| (level, (level - 1) * most / LEVELS + i64::from(level > 1), level * most / LEVELS);
        (1..=LEVELS).map(bounds).filter(|(_, least, most)| least <= most).collect()
    }
}

fn day(date: Date, deadlines: &[Deadline]) -> Day {
    let midnight = date.midnight().assume_offset(TAIPEI);
    let cell = |hour: i64| {
        let hour = Hour::of(midnight + Duration::hours(hour));
        let closing = || deadlines.iter().filter(move |deadline| deadline.hour() == hour);
        let students = closing().map(|deadline| i64::from(deadline.students)).sum();
        Cell { hour, windows: closing().count(), students, level: 0 }
    };
    Day { date, cells: (0..24).map(cell).collect() }
}

/// Fifths of the fullest hour, rounded up.
fn level(students: i64, most: i64) -> i64 {
    if most == 0 { 1 } else { ((students * LEVELS + most - 1) / most).max(1) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use time::macros::datetime;

    pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-22 14:30 +8);

    pub(crate) fn deadline(school: &str, closes_at: OffsetDateTime, students: i32) -> Deadline {
        Deadline {
            school: school.to_owned(),
            school_name: format!("學校 {school}"),
            window_id: 12,
            kind: "outcome_upload".to_owned(),
            academic_year: 115,
            term: 1,
            grade: 0,
            stage: 1,
            opens_at: datetime!(2026-11-01 08:00 +8),
            closes_at,
            students,
            updated_at: NOW,
        }
    }

    #[test]
    fn a_deadline_lies_in_the_hour_of_taiwans_clocks() {
        let evening = deadline("343303", datetime!(2026-11-25 15:59:59 UTC), 7);
        assert_eq!(evening.hour().code(), "2026-11-25T23");
        assert_eq!(Hour::of(datetime!(2026-11-25 16:00 UTC)).code(), "2026-11-26T00");
        assert_eq!(Hour::parse("2026-11-25T23"), Some(evening.hour()));
        assert_eq!(evening.hour().label(), "115/11/25 23 時");
        assert_eq!((Hour::parse(""), Hour::parse("yesterday"), Hour::parse("2026-11-25T24")), (None, None, None));
        assert_eq!(horizon(NOW), datetime!(2026-12-06 00:00 +8));
    }

    #[test]
    fn the_map_adds_up_what_closes_in_the_same_hour() {
        let (five, late) = (datetime!(2026-11-25 17:00 +8), datetime!(2026-12-05 23:59 +8));
        let city = [deadline("331302", five, 70), deadline("343303", five, 30), deadline("353302", late, 0)];
        let map = HeatMap::of(&city, NOW);
        assert_eq!((map.days.len(), map.days[0].label().as_str()), (14, "11/22（日）"));
        let cell = &map.days[3].cells[17];
        assert_eq!((cell.windows, cell.students, cell.level), (2, 100, 5));
        let last = &map.days[13].cells[23];
        assert_eq!((last.windows, last.students, last.level), (1, 0, 1), "something closes, though nobody is late");
        let empty = map.days.iter().flat_map(|day| &day.cells).filter(|cell| cell.level == 0).count();
        assert_eq!(empty, 14 * 24 - 2);
        assert_eq!(map.peak(), Some(cell));
        assert_eq!(HeatMap::of(&[], NOW).peak(), None);
    }

    /// Every number that can occur falls into the level whose legend names it.
    #[test]
    fn the_legend_says_what_the_levels_mean() {
        for most in [0, 1, 3, 5, 7, 99, 2304] {
            let five = datetime!(2026-11-25 17:00 +8);
            let map = HeatMap::of(&[deadline("343303", five, most)], NOW);
            let legend = map.legend();
            for students in 0..=i64::from(most) {
                let named = legend.iter().find(|(_, least, most)| (*least..=*most).contains(&students));
                assert_eq!(named.map(|(level, ..)| *level), Some(level(students, most.into())), "{students} of {most}");
            }
        }
    }

    #[test]
    fn a_window_is_named_in_full() {
        assert_eq!(label(("outcome_select", 1), 115, 0, 3), "課程學習成果勾選（115學年度全學年，3 年級）");
        let staged = Deadline { stage: 2, ..deadline("343303", NOW, 1) };
        assert_eq!(staged.label(), "課程學習成果上傳（115學年度第1學期，全部年級，第 2 梯次）");
        assert_eq!(staged.key(), "343303.12");
    }
}
