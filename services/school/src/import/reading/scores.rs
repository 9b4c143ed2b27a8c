//! The agency's 學生成績名冊 in the 108 layout (domain §5.2, §5.3): one sheet for each kind of course record.

use super::{Frame, LeftOut, Reader, Reading, Row, course_codes::course_code, enrolments::counted};
use crate::import::{
    entity,
    kind::Table,
    plan::{Cell, Group, Scope, Use, Vanish, flat_json},
};
use kernel::{calendar::Term, codes::EnrolmentKind, course_code::Credits, text::half_width};
use std::collections::HashMap;

/// Pass mark (domain §5.4: "Pass mark default 60"), in hundredths.
const PASS_X100: i32 = 6_000;

pub(super) struct Scores<'a> {
    frame: &'a Frame<'a>,
    courses: Courses<'a>,
    kind: EnrolmentKind,
    columns: Vec<(&'static str, Use)>,
    groups: Vec<Group>,
}

impl<'a> Scores<'a> {
    pub(super) fn new(frame: &'a Frame<'a>) -> Self {
        let courses = Courses::new(frame);
        Self { frame, courses, kind: EnrolmentKind::Regular, columns: Vec::new(), groups: Vec::new() }
    }

    /// Year and term of the record. A waived course stands in the term that it stands for (對應學年度), the others in
    /// the roster's, with the term they should have been taken in beside it.
    fn year_and_term(&self, row: &Row<'_>, reading: &mut Reading) -> Result<(i16, i16), LeftOut> {
        if self.kind != EnrolmentKind::Transfer {
            return Ok((self.frame.year, self.frame.term));
        }
        let year = reading.needed_number(row, "orig_year", "對應學年度", 90..=299)?;
        let term = reading.needed_number(row, "orig_term", "對應學期", 1..=4)?;
        Ok((year, term))
    }
}

impl Reader for Scores<'_> {
    fn begin(&mut self, table: &Table, _: &mut Reading) {
        self.kind = EnrolmentKind::try_from(table.layout.part).unwrap_or(EnrolmentKind::Regular);
        let mut columns: Vec<_> = [
            "student_id",
            "academic_year",
            "term",
            "course_code",
            "kind",
            "subject_name",
            "grade",
            "credits",
            "score_x100",
            "passed",
            "withdrawn_at",
        ]
        .map(|name| (name, Use::Compare))
        .into();
        let optional = [
            ("makeup_score", "makeup_score_x100"),
            ("makeup_passed", "makeup_passed"),
            ("credit_counted", "credit_counted"),
            ("text", "text_description"),
        ];
        columns.extend(optional.iter().filter(|(field, _)| table.has(field)).map(|(_, name)| (*name, Use::Compare)));
        // the enrolment feed knows more about what was taken instead
        columns.push(("orig", Use::Create));
        let scope = match self.kind {
            EnrolmentKind::Transfer => Scope::RecordKinds(vec![self.kind.code()]),
            _ => Scope::Records { year: self.frame.year, term: self.frame.term, kinds: vec![self.kind.code()] },
        };
        // a course without a score yet is no course withdrawn: only the enrolments say that
        self.groups.push(Group::new(&entity::COURSE_RECORD, &columns, scope, Vanish::Keep));
        self.columns = columns;
    }

    fn row(&mut self, row: &Row<'_>, reading: &mut Reading) -> Result<(), LeftOut> {
        let student = reading.student(row, self.frame)?;
        if reading.date(row, "birth_date")?.is_some_and(|birth| birth != student.birth_date) {
            reading.warn(row, "birth_date", "出生日期與學籍不同", "核對出生日期；若學籍有誤，請先匯入學生資料");
        }
        let (year, term) = self.year_and_term(row, reading)?;
        let subject = reading.required(row, "subject_name", "科目名稱")?;
        let grade = reading.needed_number(row, "grade", "開課年級", 1..=6)?;
        let credits = reading.needed_number(row, "credits", "修課學分（節數）", 0..=40)?;
        let gradeable = self.courses.check(row, "course_code", grade, credits, reading)?;
        let (score, makeup_score) = (hundredths(row, "score", reading)?, hundredths(row, "makeup_score", reading)?);
        let (passed, makeup_passed) = (pass_mark(row, "passed", reading)?, pass_mark(row, "makeup_passed", reading)?);
        let counted = counted(row, reading)?;
        if score.is_some() && !gradeable {
            reading.warn(row, "score", "團體活動時間、彈性學習時間的課程不應有成績", "核對課程代碼與成績");
        }
        if score.is_some_and(|score| score >= PASS_X100) && passed == Some(false) {
            reading.warn(row, "passed", "成績達 60 分但註記為不及格", "核對成績與及格註記");
        }
        let orig: Vec<_> = [
            ("year", "orig_year"),
            ("term", "orig_term"),
            ("mode", "mode"),
            ("identity", "identity"),
            ("repeat_mark", "repeat_mark"),
        ]
        .map(|(key, field)| (key, row.get(field)))
        .into();
        let pool = &mut reading.plan.pool;
        let cell = |column: &str| match column {
            "student_id" => pool.number(student.id),
            "academic_year" => pool.number(year),
            "term" => pool.number(term),
            "course_code" => pool.text(row.get("course_code")),
            "kind" => pool.number(self.kind.code()),
            "subject_name" => pool.text(subject),
            "grade" => pool.number(grade),
            "credits" => pool.number(credits),
            "score_x100" => pool.optional_number(score),
            "passed" => pool.truth(passed),
            "makeup_score_x100" => pool.optional_number(makeup_score),
            "makeup_passed" => pool.truth(makeup_passed),
            "credit_counted" => counted,
            "text_description" => pool.optional(row.get("text")),
            "orig" => pool.text(&flat_json(&orig)),
            _ => Cell::NULL,
        };
        let cells = self.columns.iter().map(|(column, _)| *column).map(cell).collect();
        let group = self.groups.last_mut().expect("a sheet began before its rows");
        reading.push(group, row, None, cells).map(drop)
    }

    fn finish(self: Box<Self>, _: &mut Reading) -> Vec<Group> {
        self.groups
    }
}

/// A score in hundredths; −1 and nothing mean none (domain §5.4: "score default −1").
fn hundredths(row: &Row<'_>, field: &str, reading: &mut Reading) -> Result<Option<i32>, LeftOut> {
    let text = half_width(row.get(field));
    if matches!(text.as_str(), "" | "-1") {
        return Ok(None);
    }
    match text.parse::<f64>() {
        Ok(score) if (0.0..=100.0).contains(&score) => {
            #[expect(clippy::cast_possible_truncation, reason = "at most 10,000")]
            let hundredths = (score * 100.0).round() as i32;
            Ok(Some(hundredths))
        }
        _ => reading.error(row, field, "成績應為 0 到 100，沒有成績填 -1", "更正成績"),
    }
}

/// 1 pass, 0 fail, −1 no score (domain §5.4).
fn pass_mark(row: &Row<'_>, field: &str, reading: &mut Reading) -> Result<Option<bool>, LeftOut> {
    match half_width(row.get(field)).as_str() {
        "" | "-1" => Ok(None),
        "1" | "是" => Ok(Some(true)),
        "0" | "否" => Ok(Some(false)),
        _ => reading.error(row, field, "及格註記應為 1（及格）、0（不及格）或 -1（無成績）", "更正及格註記"),
    }
}

/// Checks course codes, each combination once: a school has some hundred of them on 180,000 rows.
pub(super) struct Courses<'a> {
    frame: &'a Frame<'a>,
    checked: HashMap<(String, String, i16, i16), bool>,
}

impl<'a> Courses<'a> {
    pub(super) fn new(frame: &'a Frame<'a>) -> Self {
        Self { frame, checked: HashMap::new() }
    }

    /// Refuses what is no course code; warns where it differs from the course plan (domain §5.8.3).
    /// Says whether such a course may carry a grade.
    pub(super) fn check(
        &mut self,
        row: &Row<'_>,
        field: &str,
        grade: i16,
        credits: i16,
        reading: &mut Reading,
    ) -> Result<bool, LeftOut> {
        let key = (row.get(field).to_owned(), row.get("subject_name").to_owned(), grade, credits);
        if let Some(gradeable) = self.checked.get(&key) {
            return Ok(*gradeable);
        }
        let code = course_code(row, field, reading)?;
        let filed = &self.frame.known.course_codes;
        match filed.get(code.as_str()) {
            None if filed.is_empty() => {}
            None => reading.warn(
                row,
                field,
                "課程代碼檔中沒有這個代碼",
                "核對課程代碼；若是新開的課，請先匯入新的課程代碼檔",
            ),
            Some((name, plan)) => {
                if name != row.get("subject_name") {
                    let what = format!("課程計畫平臺的科目名稱是「{name}」");
                    reading.warn(row, "subject_name", what, "依課程計畫平臺的名稱更正");
                }
                let term = Term::new(self.frame.term).unwrap_or(Term::FIRST);
                let planned = plan.parse::<Credits>().ok().and_then(|plan| plan.at(grade, term));
                if planned.is_some_and(|planned| planned != i64::from(credits)) {
                    let field = if row.get("credits").is_empty() { "credit_or_periods" } else { "credits" };
                    reading.warn(row, field, "學分（節數）與課程計畫不同", "核對學分；與課程計畫不同時以名冊為準");
                }
            }
        }
        let gradeable = code.carries_outcomes();
        self.checked.insert(key, gradeable);
        Ok(gradeable)
    }
}
