//! Students: the agency's 學生資料名冊 (domain §5.1) and the fuller `student` feed (§5.13), one reader for both.

use super::{Frame, LeftOut, Reader, Reading, Row, StudentRow};
use crate::import::{
    entity,
    kind::Table,
    plan::{Cell, Group, Pool, Scope, Use, Vanish, flat_json},
};
use kernel::{
    calendar::AcademicYear,
    identity_number::{IdKind, NationalId},
    status_change::{Standing, StatusChange},
};
use std::collections::HashMap;
use time::{Date, PrimitiveDateTime, Time};

/// Fields that are kept as they came; other columns are not kept at all, they may hold what is none of our business.
const EXTRA: [&str; 11] = [
    "entry_term",
    "group_code",
    "class_type",
    "phone",
    "identities",
    "indigenous_people",
    "indigenous_status",
    "language_exam",
    "language_exam_year",
    "language_exam_valid",
    "experimental_class",
];

/// Fields that go into a column of the same name as they are.
const PLAIN: [&str; 5] = ["name", "email", "department_code", "division", "student_no"];

pub(super) struct Students<'a> {
    frame: &'a Frame<'a>,
    columns: Vec<(&'static str, Use)>,
    has_class: bool,
    has_seat: bool,
    has_extra: bool,
    numbers: HashMap<String, u32>,
    new_classes: HashMap<String, i64>,
    classes: Group,
    students: Group,
}

/// The blind index and the sealed form of a national id.
pub(super) fn id_cells(pool: &mut Pool, frame: &Frame<'_>, id: Option<&NationalId>) -> [Cell; 2] {
    let Some(id) = id else { return [Cell::NULL; 2] };
    let bytea = |bytes: &[u8]| format!("\\x{}", hex::encode(bytes));
    let index = pool.text(&bytea(&frame.keys.blind_index(id.expose())));
    [index, pool.text(&bytea(&frame.keys.seal(frame.school, id.expose())))]
}

impl<'a> Students<'a> {
    pub(super) fn new(frame: &'a Frame<'a>) -> Self {
        let class_columns =
            ["academic_year", "code", "name", "grade", "department_code"].map(|name| (name, Use::Create));
        Self {
            frame,
            columns: Vec::new(),
            has_class: false,
            has_seat: false,
            has_extra: false,
            numbers: HashMap::new(),
            new_classes: HashMap::new(),
            classes: Group::new(&entity::CLASS, &class_columns, Scope::Year(frame.year), Vanish::Keep).accompanying(),
            students: Group::new(&entity::STUDENT, &[], Scope::Whole, Vanish::Keep),
        }
    }

    /// The student that a row means: by id first, then by number, for either may have been corrected.
    fn find(&self, row: &Row<'_>, id: &NationalId, reading: &mut Reading) -> Result<Option<&'a StudentRow>, LeftOut> {
        let known = self.frame.known;
        let by_id = known.student_by_index(&self.frame.keys.blind_index(id.expose()));
        let number = row.get("student_no");
        match (by_id, known.student_by_no(number)) {
            (Some(one), Some(other)) if one.id != other.id => {
                let what = "這個學號是另一位學生的";
                reading.unknown_owner(row, "student_no", what, "核對學號；若兩人學號互換，請先把其中一人改為暫用學號")
            }
            (Some(one), _) => {
                if !number.is_empty() && number != one.student_no {
                    let what = format!("學號由 {} 改為 {number}", one.student_no);
                    reading.warn(row, "student_no", what, "若是學號更正（異動代碼 401）不需要處理");
                }
                Ok(Some(one))
            }
            (None, Some(other)) => {
                reading.warn(
                    row,
                    "national_id",
                    "同一學號的身分證號與學籍不同",
                    "若是身分證號更正（異動代碼 407）不需要處理",
                );
                Ok(Some(other))
            }
            (None, None) => Ok(None),
        }
    }

    /// The class and seat of a row. A class that the school doesn't have yet is made with the students.
    fn class(&mut self, row: &Row<'_>, grade: Option<i16>, reading: &mut Reading) -> Result<(Cell, Cell), LeftOut> {
        let combined = row.get("class_seat");
        // 班級座號代碼: the seat is the last two digits
        let (class, seat) = combined.split_at_checked(combined.len().saturating_sub(2)).unwrap_or_default();
        let code = if row.get("class_code").is_empty() { class } else { row.get("class_code") };
        let seat = match reading.number(row, "seat_no", 0..=999)? {
            Some(seat) => Some(seat),
            None => seat.parse().ok(),
        };
        let seat = reading.plan.pool.optional_number(seat.filter(|seat| *seat > 0));
        let name = row.get("class_name");
        if code.is_empty() && name.is_empty() {
            return Ok((Cell::NULL, seat));
        }
        if let Some(class) = self.frame.known.class(code, name) {
            return Ok((reading.plan.pool.number(class.id), seat));
        }
        let code = if code.is_empty() { name } else { code };
        if let Some(reference) = self.new_classes.get(code) {
            return Ok((reading.plan.pool.number(*reference), seat));
        }
        reading.warn(
            row,
            "class_name",
            format!("班級「{code}」尚未建立，套用時一併建立"),
            "若班級寫錯請更正；導師由班級檔匯入",
        );
        let pool = &mut reading.plan.pool;
        let cells = vec![
            pool.number(self.frame.year),
            pool.text(code),
            pool.text(if name.is_empty() { code } else { name }),
            pool.number(grade.unwrap_or(1)),
            pool.text(row.get("department_code")),
        ];
        let reference = reading.push(&mut self.classes, row, None, cells)?;
        self.new_classes.insert(code.to_owned(), reference);
        Ok((reading.plan.pool.number(reference), seat))
    }

    /// Status code, its date, and the moment since when the student has left.
    fn status(&self, row: &Row<'_>, reading: &mut Reading) -> Result<[Cell; 3], LeftOut> {
        let code = row.get("status_code");
        let date = reading.date(row, "status_date")?;
        let change = (code.len() == 3).then(|| code.parse::<StatusChange>().ok()).flatten();
        let gone = matches!(change.and_then(StatusChange::standing), Some(Standing::Left | Standing::Graduated));
        let mut left_on = None;
        if gone {
            if date.is_none() {
                reading.warn(row, "status_date", "離校的學生缺少學籍異動日期，以學年度第一天計", "補上學籍異動日期");
            }
            let year = AcademicYear::new(self.frame.year).unwrap_or(AcademicYear::FIRST);
            left_on = Some(date.unwrap_or_else(|| year.first_day()));
        }
        let pool = &mut reading.plan.pool;
        let left_at = left_on.map(moment);
        let date = date.map(|date| date.to_string());
        Ok([
            pool.text(code),
            pool.optional(date.as_deref().unwrap_or_default()),
            pool.optional(left_at.as_deref().unwrap_or_default()),
        ])
    }

    /// What a new student can't be without.
    fn complete(&self, row: &Row<'_>, reading: &mut Reading) -> Result<(), LeftOut> {
        const MEND: &str = "在「備註(學生姓名)」「備註(資料當學期學號)」欄補上，或改用學生資料 CSV 匯入";
        for (field, name) in [("student_no", "學號"), ("name", "姓名")] {
            if row.get(field).is_empty() {
                return reading.error(row, field, format!("學籍中還沒有這位學生，建立時需要{name}"), MEND);
            }
        }
        Ok(())
    }
}

/// Midnight in Taipei, as the database compares moments.
fn moment(day: Date) -> String {
    let midnight = PrimitiveDateTime::new(day, Time::MIDNIGHT).assume_offset(kernel::calendar::TAIPEI);
    let utc = midnight.to_offset(time::UtcOffset::UTC);
    format!("{}T{:02}:{:02}:{:02}Z", utc.date(), utc.hour(), utc.minute(), utc.second())
}

impl Reader for Students<'_> {
    fn begin(&mut self, table: &Table, _: &mut Reading) {
        self.has_class = ["class_code", "class_name", "class_seat"].iter().any(|field| table.has(field));
        self.has_seat = table.has("seat_no") || table.has("class_seat");
        self.has_extra = EXTRA.iter().any(|field| table.has(field));
        let mut columns = vec![
            ("national_id_index", Use::Compare),
            ("national_id_sealed", Use::Carry),
            ("national_id_masked", Use::Carry),
            ("birth_date", Use::Compare),
            ("left_at", Use::Compare),
        ];
        columns.extend(PLAIN.iter().filter(|field| table.has(field)).map(|field| (*field, Use::Compare)));
        let given = |field: &str| if table.has(field) { Use::Compare } else { Use::Create };
        if table.has("student_no") {
            columns.push(("account", given("account")));
        }
        columns.extend([("sex", given("sex")), ("entry_year", given("entry_year")), ("grade", given("grade"))]);
        if table.has("status_code") {
            columns.extend([("status_code", Use::Compare), ("status_date", given("status_date"))]);
        }
        columns.extend(self.has_class.then_some(("class_id", Use::Compare)));
        columns.extend(self.has_seat.then_some(("seat_no", Use::Compare)));
        columns.extend(self.has_extra.then_some(("extra", Use::Compare)));
        self.students = Group::new(&entity::STUDENT, &columns, Scope::Whole, Vanish::Mark("left_at"));
        self.columns = columns;
    }

    fn row(&mut self, row: &Row<'_>, reading: &mut Reading) -> Result<(), LeftOut> {
        let id = reading.national_id(row)?;
        let known = self.find(row, &id, reading)?;
        self.students.spared_ids.extend(known.map(|student| student.id));
        let home_school = row.get("home_school");
        if !home_school.is_empty() && home_school != self.frame.school.as_str() {
            return reading.error(row, "home_school", "這位學生屬於另一所學校", "借讀生由所屬學校匯入，請刪除這一列");
        }
        if known.is_none() {
            self.complete(row, reading)?;
        }
        let cells = self.cells(row, &id, reading)?;
        let number = row.get("student_no");
        if let Some(earlier) = self.numbers.get(number).filter(|_| !number.is_empty()) {
            let what = format!("學號與第 {earlier} 列重複");
            return reading.error(row, "student_no", what, "更正其中一列的學號");
        }
        reading.push(&mut self.students, row, known.map(|student| student.id), cells)?;
        self.numbers.insert(number.to_owned(), row.number);
        Ok(())
    }

    fn finish(self: Box<Self>, _: &mut Reading) -> Vec<Group> {
        vec![self.classes, self.students]
    }
}

impl Students<'_> {
    /// The cells of a row, in the order of the group's columns.
    fn cells(&mut self, row: &Row<'_>, id: &NationalId, reading: &mut Reading) -> Result<Vec<Cell>, LeftOut> {
        let Some(birth) = reading.date(row, "birth_date")? else {
            return reading.error(row, "birth_date", "缺少出生日期", "以民國年 7 碼填寫，例如 0981107");
        };
        let grade = reading.number(row, "grade", 1..=6)?;
        let entry_year = reading.number(row, "entry_year", 90..=299)?;
        let sex = sex(row, id, reading);
        let [status_code, status_date, left_at] = self.status(row, reading)?;
        let (class, seat) = self.class(row, grade, reading)?;
        let account = self.account(row);
        let extra: Vec<_> = EXTRA.iter().map(|field| (*field, row.get(field))).collect();
        let [index, sealed] = id_cells(&mut reading.plan.pool, self.frame, Some(id));
        let pool = &mut reading.plan.pool;
        let cell = |column: &str| match column {
            "national_id_index" => index,
            "national_id_sealed" => sealed,
            "national_id_masked" => pool.text(&id.masked()),
            "birth_date" => pool.text(&birth.to_string()),
            "left_at" => left_at,
            "account" => pool.text(&account),
            "sex" => pool.text(sex),
            "grade" => pool.number(grade.unwrap_or(1)),
            "entry_year" => pool.number(entry_year.unwrap_or(self.frame.year - grade.unwrap_or(1) + 1)),
            "status_code" => status_code,
            "status_date" => status_date,
            "class_id" => class,
            "seat_no" => seat,
            "extra" => pool.text(&flat_json(&extra)),
            "email" => pool.optional(row.get("email")),
            "division" if row.get("division").is_empty() => pool.text("1"),
            other => pool.text(row.get(other)),
        };
        let cells = self.columns.iter().map(|(column, _)| *column).map(cell).collect();
        // a row without these would erase what the school knows
        for (field, name) in [("student_no", "學號"), ("name", "姓名")] {
            if self.columns.iter().any(|(column, _)| *column == field) && row.get(field).is_empty() {
                return reading.error(row, field, format!("缺少{name}"), "補上這一格");
            }
        }
        Ok(cells)
    }

    /// The account that the file gives, or the school's domain with the number (F-009).
    fn account(&self, row: &Row<'_>) -> String {
        let given = row.get("account");
        let account = format!("{}{}", self.frame.account_prefix, row.get("student_no"));
        if given.is_empty() { account.to_lowercase() } else { given.to_lowercase() }
    }
}

/// 1 or 2 as in the roster (性別代碼); from the id where the file doesn't say.
fn sex(row: &Row<'_>, id: &NationalId, reading: &mut Reading) -> &'static str {
    let by_id = match (id.kind(), id.expose().as_bytes()[1]) {
        (IdKind::National, b'1') | (IdKind::ResidentNew, b'8') | (IdKind::ResidentOld, b'A' | b'C') => "1",
        _ => "2",
    };
    let told = match row.get("sex") {
        "" => return by_id,
        "1" | "男" | "M" | "m" => "1",
        "2" | "女" | "F" | "f" => "2",
        _ => {
            reading.warn(row, "sex", "性別代碼應為 1（男）或 2（女）", "更正性別代碼；這一列依身分證號認定");
            return by_id;
        }
    };
    if told != by_id {
        reading.warn(row, "sex", "性別與身分證號第 2 碼不符", "核對性別代碼與身分證號");
    }
    told
}
