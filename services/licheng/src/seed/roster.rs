//! The people and courses of one school, as its rosters would bring them.

use super::{
    City, names,
    plan::School,
    world::{Tables, next},
};
use kernel::{
    calendar::{AcademicYear, Term},
    identity_number::NationalId,
    role::Role,
};
use time::{Date, Duration, Month};

/// Students of a class.
const CLASS_SIZE: usize = 36;

/// A school as far as the portfolio needs it.
pub(super) struct Roster {
    pub(super) students: Vec<Student>,
    pub(super) counsellors: Vec<i64>,
}

/// One student.
pub(super) struct Student {
    pub(super) id: i64,
    /// Their place among the school's students.
    pub(super) nth: usize,
    pub(super) courses: Vec<Taken>,
    pub(super) cadre: Option<(i64, String)>,
}

/// One course of one student.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    pub(super) record: i64,
    pub(super) section: i64,
    pub(super) teacher: i64,
    pub(super) year: AcademicYear,
    pub(super) term: Term,
    pub(super) subject: &'static str,
    pub(super) credits: i16,
}

/// Somebody who works at the school.
#[derive(Clone, Copy)]
struct Staff {
    id: i64,
    person: i64,
}

/// A course as taught to one class, before it meets the students.
struct Section {
    id: i64,
    teacher: i64,
    year: AcademicYear,
    term: Term,
    grade: i16,
    course: &'static super::curriculum::Course,
    code: String,
}

/// Makes everything of the school that a roster would.
pub(super) fn make(city: &mut City, school: &School, rows: &mut Tables) -> Roster {
    let mut office = Office { city, school, rows, memberships: Vec::new() };
    office.school_row();
    let class_count = school.students.div_ceil(CLASS_SIZE);
    office.staff("a01", Some(Role::SchoolAdmin));
    office.staff("o01", Some(Role::OutcomeSubmitter));
    office.staff("v01", Some(Role::ActivitySubmitter));
    office.staff("w01", Some(Role::WorkingGroup));
    let guidance = office.staff("g01", Some(Role::GuidanceCounsellor));
    let counsellors: Vec<Staff> = (1..=class_count.div_ceil(12))
        .map(|n| office.staff(&format!("c{n:02}"), Some(Role::CourseCounsellor)))
        .collect();
    let teachers: Vec<Staff> = (1..=class_count.max(10)).map(|n| office.staff(&format!("t{n:03}"), None)).collect();
    for teacher in &teachers {
        office.membership(*teacher, Role::CourseTeacher);
    }
    let mut students = Vec::with_capacity(school.students);
    for class in 0..class_count {
        let counsellor = counsellors[class % counsellors.len()];
        let size = CLASS_SIZE.min(school.students - class * CLASS_SIZE);
        let made = office.class(class, size, &teachers, (guidance, counsellor));
        students.extend(made);
    }
    office.write_memberships();
    Roster { students, counsellors: counsellors.iter().map(|counsellor| counsellor.id).collect() }
}

struct Office<'a> {
    city: &'a mut City,
    school: &'a School,
    rows: &'a mut Tables,
    memberships: Vec<(Staff, Role, String)>,
}

impl Office<'_> {
    fn school_row(&mut self) {
        let School { code, name, short_name, kind, ownership, on_city_sis, programme, .. } = self.school;
        let prefix = self.prefix();
        self.rows.school.row(|row| {
            row.plain(code).text(name).text(short_name).text(kind).text(ownership);
            row.plain(programme.unit_kind()).plain(on_city_sis).text(&prefix);
        });
        let year = self.city.year;
        for entry_year in [year.previous().previous(), year.previous(), year] {
            for course in programme.courses() {
                let digit = char::from_digit(u32::try_from(course.credits).unwrap_or(0), 10).unwrap_or('0');
                let digit = if course.credits == 0 { 'Z' } else { digit };
                self.rows.course_code.row(|row| {
                    row.plain(code).plain(course.code(entry_year.get(), code.as_str(), *programme));
                    row.text(course.name).plain(String::from(digit).repeat(6));
                });
            }
        }
    }

    /// The school's part of a login name (F-009): `s` and the school code.
    fn prefix(&self) -> String {
        format!("s{}", self.school.code.as_str().to_lowercase())
    }

    fn staff(&mut self, suffix: &str, role: Option<Role>) -> Staff {
        let staff = Staff { id: next(&mut self.city.ids.staff), person: next(&mut self.city.ids.person) };
        let name = names::person(1_000_000 + staff.id.unsigned_abs());
        let account = format!("{}{suffix}", self.prefix());
        let email = format!("{account}@school.example");
        self.rows.staff.row(|row| {
            row.plain(self.school.code).plain(staff.id).plain(&account).text(&name).plain(&email);
        });
        self.rows.person.row(|row| {
            row.plain(staff.person).null();
        });
        self.city.account(self.rows, &account, staff.person, &name);
        if let Some(role) = role {
            self.rows.staff_role.row(|row| {
                row.plain(self.school.code).plain(staff.id).plain(role.code());
            });
            self.memberships.push((staff, role, name));
        } else {
            self.memberships.push((staff, Role::CourseTeacher, name));
        }
        staff
    }

    fn membership(&mut self, staff: Staff, role: Role) {
        let name = self.memberships.iter().find(|(other, ..)| other.id == staff.id).map(|(.., name)| name.clone());
        let known = self.memberships.iter().any(|(other, has, _)| other.id == staff.id && *has == role);
        if let (Some(name), false) = (name, known) {
            self.memberships.push((staff, role, name));
        }
    }

    fn write_memberships(&mut self) {
        for (staff, role, name) in std::mem::take(&mut self.memberships) {
            self.rows.membership.row(|row| {
                row.plain(staff.person).plain(self.school.code).plain(role.code()).plain(staff.id).text(&name);
            });
        }
    }

    /// One class with its history of years, courses and students.
    fn class(
        &mut self,
        nth: usize,
        size: usize,
        teachers: &[Staff],
        (guidance, counsellor): (Staff, Staff),
    ) -> Vec<Student> {
        let homeroom = teachers[nth % teachers.len()];
        self.membership(homeroom, Role::HomeroomTeacher);
        let grade = i16::try_from(nth % 3).expect("below three") + 1;
        let number = nth / 3 + 1;
        let entry_year = self.city.year.get() - grade + 1;
        let mut sections = Vec::new();
        let mut class_id = 0;
        for then in 1..=grade {
            let year = AcademicYear::new(entry_year + then - 1).expect("a year of the new curriculum");
            class_id = next(&mut self.city.ids.class);
            let label = ["一", "二", "三"][usize::try_from(then - 1).expect("a grade")];
            let (code, name) = (format!("{then}{number:02}"), format!("{label}年{number:02}班"));
            self.rows.class.row(|row| {
                row.plain(self.school.code).plain(class_id).plain(year.get()).plain(&code).text(&name).plain(then);
                row.plain(self.school.programme.department()).plain(homeroom.id).plain(guidance.id);
            });
            for term in [Term::FIRST, Term::SECOND] {
                if (year, term) <= (self.city.year, self.city.term) {
                    self.sections(&mut sections, &(year, term, then, entry_year), &name, (nth, teachers));
                }
            }
        }
        self.rows.assignment.row(|row| {
            row.plain(self.school.code).plain(counsellor.id).plain(class_id);
        });
        (0..size)
            .map(|seat| self.student(nth * CLASS_SIZE + seat, seat, (class_id, grade, entry_year), &sections))
            .collect()
    }

    fn sections(
        &mut self,
        sections: &mut Vec<Section>,
        &(year, term, grade, entry_year): &(AcademicYear, Term, i16, i16),
        class_name: &str,
        (nth, teachers): (usize, &[Staff]),
    ) {
        let programme = self.school.programme;
        for (k, course) in programme.courses().iter().enumerate() {
            let id = next(&mut self.city.ids.section);
            let code = course.code(entry_year, self.school.code.as_str(), programme);
            let teacher = teachers[(nth + k * 7) % teachers.len()];
            self.rows.section.row(|row| {
                row.plain(self.school.code).plain(id).plain(year.get()).plain(term.get());
                row.plain(format!("{nth:03}{k:02}"))
                    .text(&format!("{class_name}{}", course.name))
                    .plain(&code)
                    .text(course.name);
            });
            self.rows.section_teacher.row(|row| {
                row.plain(self.school.code).plain(id).plain(teacher.id).plain(true);
            });
            // one course in ten is taught by two; the first of them is the appointed certifier (F-094)
            if k == 6 {
                let second = teachers[(nth + k * 7 + 1) % teachers.len()];
                self.rows.section_teacher.row(|row| {
                    row.plain(self.school.code).plain(id).plain(second.id).plain(false);
                });
            }
            sections.push(Section { id, teacher: teacher.id, year, term, grade, course, code });
        }
    }

    fn student(
        &mut self,
        nth: usize,
        seat: usize,
        (class, grade, entry_year): (i64, i16, i16),
        sections: &[Section],
    ) -> Student {
        let id = next(&mut self.city.ids.student);
        let person = next(&mut self.city.ids.person);
        let name = names::person(id.unsigned_abs());
        let national_id = NationalId::nth(id.unsigned_abs());
        let student_no = format!("{entry_year}{:04}", nth + 1);
        let account = format!("{}{student_no}", self.prefix());
        let index = self.city.keys.blind_index(national_id.expose());
        let sealed = self.city.keys.seal(self.school.code, national_id.expose());
        let birthday = Date::from_calendar_date(i32::from(entry_year) + 1911 - 16, Month::September, 1)
            .expect("the first of September")
            + Duration::days(i64::try_from(nth % 365).expect("a day of the year"));
        self.rows.student.row(|row| {
            row.plain(self.school.code).plain(id).plain(&student_no).plain(&account).text(&name);
            row.plain(format!("{account}@student.example")).bytes(&sealed).bytes(&index).plain(national_id.masked());
            row.plain(birthday).plain(1 + nth % 2).plain(entry_year).plain(class).plain(seat + 1).plain(grade);
            row.plain(self.school.programme.department()).plain("1").plain("001");
        });
        self.rows.person.row(|row| {
            row.plain(person).bytes(&index);
        });
        self.city.account(self.rows, &account, person, &name);
        self.rows.membership.row(|row| {
            row.plain(person).plain(self.school.code).plain(Role::Student.code()).plain(id).text(&name);
        });
        let courses = sections.iter().map(|section| self.record(id, nth, section)).collect();
        Student { id, nth, courses, cadre: self.cadre(id, seat) }
    }

    fn record(&mut self, student: i64, nth: usize, section: &Section) -> Taken {
        let record = next(&mut self.city.ids.record);
        let finished = (section.year, section.term) < (self.city.year, self.city.term) && section.course.credits > 0;
        let score = 5_000 + (nth * 37 + usize::try_from(record).unwrap_or(0) * 13) % 5_000;
        self.rows.record.row(|row| {
            row.plain(self.school.code)
                .plain(record)
                .plain(student)
                .plain(section.year.get())
                .plain(section.term.get());
            row.plain(&section.code).text(section.course.name).plain(section.grade).plain(section.course.credits);
            row.plain(i16::from(section.course.credits > 0)).plain(section.id);
            row.maybe(finished.then_some(score)).maybe(finished.then_some(score >= 6_000));
        });
        Taken {
            record,
            section: section.id,
            teacher: section.teacher,
            year: section.year,
            term: section.term,
            subject: section.course.name,
            credits: section.course.credits,
        }
    }

    /// The first seats of a class hold its posts, recorded by the school (校內幹部經歷).
    fn cadre(&mut self, student: i64, seat: usize) -> Option<(i64, String)> {
        let title = ["班長", "副班長", "風紀股長", "學藝股長", "衛生股長", "總務股長"].get(seat)?;
        let id = next(&mut self.city.ids.cadre);
        let (year, term) = (self.city.year, self.city.term);
        let (begin, end) = (year.first_day() + Duration::days(30), year.first_day() + Duration::days(180));
        self.rows.cadre.row(|row| {
            row.plain(self.school.code).plain(id).plain(student).plain(year.get()).plain(term.get());
            row.text("班級").text(title).plain(begin).plain(end).plain(2);
        });
        Some((id, (*title).to_owned()))
    }
}
