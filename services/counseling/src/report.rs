//! The counselling report (課程諮詢報表, F-108): sessions by counsellor, month and method.

pub(crate) mod pages;
pub(crate) mod store;

use kernel::calendar::RocDate;
use time::Date;

/// One counsellor in one month.
pub(crate) struct Line {
    pub(crate) counsellor: String,
    /// The first day of the month.
    pub(crate) month: Date,
    /// Individual sessions.
    pub(crate) individual: i64,
    /// Group sessions.
    pub(crate) group: i64,
    /// Students in them, each counted as often as they came (人次).
    pub(crate) visits: i64,
}

impl Line {
    pub(crate) fn sessions(&self) -> i64 {
        self.individual + self.group
    }

    /// `115/11`
    pub(crate) fn month_label(&self) -> String {
        let mut label = RocDate::from(self.month).to_string();
        label.truncate(label.len() - "/01".len());
        label
    }
}

/// The sums of a report.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) individual: i64,
    pub(crate) group: i64,
    pub(crate) visits: i64,
}

impl Sums {
    pub(crate) fn of(lines: &[Line]) -> Self {
        lines.iter().fold(Self::default(), |sums, line| Self {
            individual: sums.individual + line.individual,
            group: sums.group + line.group,
            visits: sums.visits + line.visits,
        })
    }

    pub(crate) fn sessions(&self) -> i64 {
        self.individual + self.group
    }
}

/// The report as a file for spreadsheets: UTF-8 with the mark that Excel wants.
pub(crate) fn csv(lines: &[Line]) -> Result<Vec<u8>, csv::Error> {
    let mut file = csv::Writer::from_writer("\u{FEFF}".as_bytes().to_vec());
    file.write_record(["課程諮詢教師", "月份", "個別諮詢（次）", "團體諮詢（次）", "合計（次）", "學生（人次）"])?;
    for line in lines {
        let numbers = [line.individual, line.group, line.sessions(), line.visits].map(|number| number.to_string());
        let cells = [harmless(&line.counsellor), line.month_label()].into_iter().chain(numbers);
        file.write_record(cells)?;
    }
    file.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// A spreadsheet takes a cell that begins like a formula for one.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn line(counsellor: &str, month: Date, individual: i64, group: i64, visits: i64) -> Line {
        Line { counsellor: counsellor.to_owned(), month, individual, group, visits }
    }

    /// F-108: the report; a month is told in the ROC calendar.
    #[test]
    fn a_report_sums_and_is_written_for_spreadsheets() {
        let lines = [line("林老師", date!(2026 - 09 - 01), 3, 1, 15), line("=1+1", date!(2026 - 10 - 01), 0, 2, 40)];
        assert_eq!(Sums::of(&lines), Sums { individual: 3, group: 3, visits: 55 });
        let text = String::from_utf8(csv(&lines).unwrap()).unwrap();
        let rows: Vec<&str> = text.lines().collect();
        assert!(rows[0].starts_with("\u{FEFF}課程諮詢教師,月份,"));
        assert_eq!(rows[1..], ["林老師,115/09,3,1,4,15", "'=1+1,115/10,0,2,2,40"]);
    }
}
