//! Which schools a reader wants to see, and in which order: from the URL, so that a view can be sent as a link.

use super::SchoolProgress;
use kernel::calendar::AcademicYear;
use std::cmp::Ordering;

/// The query of the URL as it came; what is unknown in it falls back to the default.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Wish {
    #[serde(default)]
    pub(crate) year: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    overdue: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    order: String,
}

/// A column that can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    School,
    Students,
    Uploaded,
    Certified,
    Selected,
    Submitted,
    Confirmed,
    Closes,
}

impl Column {
    pub(crate) const ALL: [Self; 8] = [
        Self::School,
        Self::Students,
        Self::Uploaded,
        Self::Certified,
        Self::Selected,
        Self::Submitted,
        Self::Confirmed,
        Self::Closes,
    ];

    const fn code(self) -> &'static str {
        match self {
            Self::School => "school",
            Self::Students => "students",
            Self::Uploaded => "uploaded",
            Self::Certified => "certified",
            Self::Selected => "selected",
            Self::Submitted => "submitted",
            Self::Confirmed => "confirmed",
            Self::Closes => "closes",
        }
    }

    /// The heading of the column.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::School => "學校",
            Self::Students => "學生數",
            Self::Uploaded => "上傳件數",
            Self::Certified => "認證通過",
            Self::Selected => "勾選件數",
            Self::Submitted => "提交筆數",
            Self::Confirmed => "確認收訖人數",
            Self::Closes => "勾選截止",
        }
    }

    /// Whether it holds counts, which stand at the end of their cells.
    pub(crate) const fn is_number(self) -> bool {
        !matches!(self, Self::School | Self::Closes)
    }

    fn compare(self, a: &SchoolProgress, b: &SchoolProgress) -> Ordering {
        match self {
            Self::School => a.code.cmp(&b.code),
            Self::Students => a.students.cmp(&b.students),
            Self::Uploaded => a.uploaded.cmp(&b.uploaded),
            Self::Certified => a.certified.cmp(&b.certified),
            Self::Selected => a.selected.cmp(&b.selected),
            Self::Submitted => a.submitted_rows.cmp(&b.submitted_rows),
            Self::Confirmed => a.confirmed_students.cmp(&b.confirmed_students),
            Self::Closes => a.select_closes_at.cmp(&b.select_closes_at),
        }
    }
}

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) year: AcademicYear,
    /// Kind of school; empty for all.
    pub(crate) kind: String,
    /// Only the overdue.
    pub(crate) overdue: bool,
    pub(crate) sort: Column,
    pub(crate) descending: bool,
}

impl View {
    /// What was asked for, in the year that is to be shown.
    pub(crate) fn new(wish: Wish, year: AcademicYear) -> Self {
        let sort = Column::ALL.into_iter().find(|column| column.code() == wish.sort);
        Self {
            year,
            kind: wish.kind,
            overdue: wish.overdue == "1",
            sort: sort.unwrap_or(Column::School),
            descending: wish.order == "desc",
        }
    }

    /// The same in another year.
    pub(crate) fn in_year(&self, year: AcademicYear) -> Self {
        Self { year, ..self.clone() }
    }

    /// The schools of this view in its order; equal ones by their code.
    pub(crate) fn of(&self, all: Vec<SchoolProgress>) -> Vec<SchoolProgress> {
        let wanted = |school: &SchoolProgress| {
            (self.kind.is_empty() || school.kind == self.kind) && (!self.overdue || school.overdue)
        };
        let mut schools: Vec<_> = all.into_iter().filter(wanted).collect();
        schools.sort_by(|a, b| {
            let order = self.sort.compare(a, b);
            let order = if self.descending { order.reverse() } else { order };
            order.then_with(|| a.code.cmp(&b.code))
        });
        schools
    }

    /// The URL of this view at a page.
    pub(crate) fn url(&self, page: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("year", &self.year.to_string());
        if !self.kind.is_empty() {
            query.append_pair("kind", &self.kind);
        }
        if self.overdue {
            query.append_pair("overdue", "1");
        }
        query.append_pair("sort", self.sort_code()).append_pair("order", self.order_code());
        format!("{page}?{}", query.finish())
    }

    /// `sort` as in the URL.
    pub(crate) fn sort_code(&self) -> &'static str {
        self.sort.code()
    }

    /// `order` as in the URL.
    pub(crate) fn order_code(&self) -> &'static str {
        if self.descending { "desc" } else { "asc" }
    }

    /// The same schools by another column; numbers begin with the largest, the column in use turns round.
    pub(crate) fn sorted_by(&self, column: Column) -> Self {
        let descending = if column == self.sort { !self.descending } else { column.is_number() };
        Self { sort: column, descending, ..self.clone() }
    }

    /// For `aria-sort`; empty for columns that are not in use.
    pub(crate) fn aria_sort(&self, column: Column) -> &'static str {
        match (column == self.sort, self.descending) {
            (false, _) => "",
            (true, false) => "ascending",
            (true, true) => "descending",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::tests::school;

    fn wish(kind: &str, overdue: &str, sort: &str, order: &str) -> View {
        let [kind, overdue, sort, order] = [kind, overdue, sort, order].map(str::to_owned);
        View::new(Wish { year: String::new(), kind, overdue, sort, order }, AcademicYear::FIRST)
    }

    fn codes(view: &View, all: &[SchoolProgress]) -> Vec<String> {
        view.of(all.to_vec()).into_iter().map(|school| school.code).collect()
    }

    #[test]
    fn schools_are_filtered_and_sorted_as_the_url_says() {
        let late = SchoolProgress { overdue: true, kind: "vocational".to_owned(), ..school("413401", 9) };
        let all = [school("343303", 5), late, school("331302", 5)];
        assert_eq!(codes(&wish("", "", "", ""), &all), ["331302", "343303", "413401"]);
        assert_eq!(codes(&wish("", "", "students", "desc"), &all), ["413401", "331302", "343303"]);
        assert_eq!(codes(&wish("vocational", "", "", ""), &all), ["413401"]);
        assert_eq!(codes(&wish("", "1", "", ""), &all), ["413401"]);
        assert_eq!(codes(&wish("senior_high", "1", "", ""), &all), Vec::<String>::new());
    }

    #[test]
    fn a_heading_leads_to_the_same_schools_in_another_order() {
        let view = wish("vocational", "1", "nonsense", "nonsense");
        assert_eq!(view.url("/bureau"), "/bureau?year=108&kind=vocational&overdue=1&sort=school&order=asc");
        let by_students = view.sorted_by(Column::Students);
        assert_eq!(by_students.url("/bureau"), "/bureau?year=108&kind=vocational&overdue=1&sort=students&order=desc");
        assert_eq!(by_students.sorted_by(Column::Students).order_code(), "asc");
        assert_eq!((view.aria_sort(Column::School), view.aria_sort(Column::Students)), ("ascending", ""));
    }
}
