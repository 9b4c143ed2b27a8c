//! Small multiples: the same three bars for every school, drawn on the server.

use super::SchoolProgress;

/// Where a bar begins and how long a full one is, in hundredths of the picture's width: its name
/// stands before it, its share behind it.
const LEFT: f64 = 17.0;
const FULL: f64 = 65.0;

/// One bar.
#[derive(Debug, PartialEq)]
pub(crate) struct Bar {
    pub(crate) label: &'static str,
    /// The part of CSS's class name that colours it.
    pub(crate) class: &'static str,
    /// `82%`, or a dash where there is nothing to have a share of.
    pub(crate) share: String,
    /// Length, as an attribute of SVG.
    pub(crate) width: String,
    /// Top of the bar and base line of its text, in the text's own size.
    pub(crate) top: String,
    pub(crate) base: String,
}

/// One school's picture.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) name: String,
    pub(crate) overdue: bool,
    pub(crate) submitted: bool,
    pub(crate) bars: [Bar; 3],
}

impl Picture {
    /// Of outcomes uploaded, how many are certified; of students, how many selected and confirmed.
    pub(crate) fn of(school: &SchoolProgress) -> Self {
        Self {
            name: school.name.clone(),
            overdue: school.overdue,
            submitted: school.submitted_rows > 0,
            bars: [
                bar(0, ("認證", "certified"), school.certified, school.uploaded),
                bar(1, ("勾選", "selected"), school.selecting_students, school.students),
                bar(2, ("收訖", "confirmed"), school.confirmed_students, school.students),
            ],
        }
    }

    /// What the picture says, in words.
    pub(crate) fn description(&self) -> String {
        let [certified, selected, confirmed] = &self.bars;
        format!(
            "{}：上傳的成果 {} 已認證，學生 {} 已勾選、{} 已確認收訖",
            self.name, certified.share, selected.share, confirmed.share
        )
    }

    pub(crate) fn left(&self) -> String {
        format!("{LEFT}%")
    }

    pub(crate) fn full(&self) -> String {
        format!("{FULL}%")
    }
}

fn bar(row: u8, (label, class): (&'static str, &'static str), part: i32, whole: i32) -> Bar {
    let share = (whole > 0).then(|| (f64::from(part) / f64::from(whole)).clamp(0.0, 1.0));
    let top = 1.6 * f64::from(row) + 0.35;
    Bar {
        label,
        class,
        share: share.map_or("－".to_owned(), |share| format!("{:.0}%", percent(share))),
        width: format!("{:.2}%", share.unwrap_or(0.0) * FULL),
        top: format!("{top:.2}em"),
        base: format!("{:.2}em", top + 0.8),
    }
}

/// 100 only when it is all: a bureau must not read "100%" while somebody is missing.
fn percent(share: f64) -> f64 {
    if share < 1.0 { (share * 100.0).round().min(99.0) } else { 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::tests::school;

    #[test]
    fn bars_are_shares_of_what_could_be() {
        let picture = Picture::of(&school("343303", 4));
        let shares: Vec<&str> = picture.bars.iter().map(|bar| bar.share.as_str()).collect();
        assert_eq!(shares, ["80%", "75%", "25%"]);
        assert_eq!(picture.bars[0].width, "52.00%");
        assert!(picture.description().contains("80% 已認證"));
    }

    #[test]
    fn nothing_to_count_is_no_percentage_and_nearly_all_is_not_all() {
        assert_eq!(bar(0, ("認證", "certified"), 0, 0).share, "－");
        assert_eq!(bar(0, ("認證", "certified"), 999, 1000).share, "99%");
        assert_eq!(bar(0, ("認證", "certified"), 12, 10).width, "65.00%");
    }
}
