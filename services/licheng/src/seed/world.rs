//! The tables being filled and the numbers given out: one set of rows per school, sent together.

use super::copy::Copy;
use anyhow::Result;
use sqlx::PgConnection;

/// Declares the tables in the order in which their foreign keys allow them to be sent.
macro_rules! tables {
    ($($field:ident: $table:literal, $columns:literal;)+) => {
        /// Rows of one school on their way.
        pub(super) struct Tables { $(pub(super) $field: Copy),+ }

        impl Tables {
            /// All empty.
            pub(super) fn new() -> Self {
                Self { $($field: Copy::new($table, $columns)),+ }
            }

            /// Sends everything; says how many rows went.
            pub(super) async fn send(&mut self, connection: &mut PgConnection) -> Result<usize> {
                let mut rows = 0;
                $(rows += self.$field.send(connection).await?;)+
                Ok(rows)
            }
        }
    };
}

tables! {
    school: "school.school", "school_code, name, short_name, kind, ownership, unit_kind, on_city_sis, account_prefix";
    window: "school.window_period", "school_code, kind, academic_year, term, opens_at, closes_at";
    staff: "school.staff", "school_code, id, account, name, email";
    staff_role: "school.staff_role", "school_code, staff_id, role";
    class: "school.class", "school_code, id, academic_year, code, name, grade, department_code, homeroom_staff_id, guidance_staff_id";
    student: "school.student", "school_code, id, student_no, account, name, email, national_id_sealed, national_id_index, national_id_masked, birth_date, sex, entry_year, class_id, seat_no, grade, department_code, division, status_code";
    section: "school.section", "school_code, id, academic_year, term, section_no, name, course_code, subject_name";
    section_teacher: "school.section_teacher", "school_code, section_id, staff_id, certifies";
    record: "school.course_record", "school_code, id, student_id, academic_year, term, course_code, subject_name, grade, credits, credit_counted, section_id, score_x100, passed";
    cadre: "school.cadre", "school_code, id, student_id, academic_year, term, unit_name, title, started_on, ended_on, level";
    assignment: "school.counsellor_assignment", "school_code, staff_id, class_id";
    course_code: "school.course_code", "school_code, course_code, subject_name, credits";
    person: "identity.person", "id, national_id_index";
    account: "identity.account", "login, person_id";
    membership: "identity.membership", "person_id, school_code, role, subject_id, name";
    counter: "portfolio.student_counter", "school_code, student_id, academic_year, term, uploaded";
    storage: "portfolio.student_storage", "school_code, student_id, bytes_used";
    outcome: "portfolio.outcome", "school_code, id, student_id, course_record_id, academic_year, term, subject_slot, summary, created_at, updated_at";
    activity: "portfolio.activity", "school_code, id, student_id, academic_year, kind, title, fields, summary, cadre_id, created_at, updated_at";
    file: "portfolio.file", "school_code, id, student_id, outcome_id, activity_id, slot, name, declared_size, upload_key, upload_id, created_at, sha256, md5, size, media_type, saved_at, verified_at";
    request: "portfolio.certification_request", "school_code, id, outcome_id, attempt, student_id, course_record_id, section_id, academic_year, term, document_sha256, media_sha256, sent_at";
    opening: "certification.opening", "school_code, request_id, staff_id, opened_at";
    decision: "certification.decision", "school_code, id, request_id, outcome_id, student_id, academic_year, term, passed, reason, decided_by, decided_at, publish_at, document_sha256, media_sha256";
    certified: "certification.student_counter", "school_code, student_id, academic_year, term, passed, failed";
    outcome_selection: "portfolio.outcome_selection", "school_code, student_id, academic_year, term, slot, outcome_id, decision_id, selected_at";
    activity_selection: "portfolio.activity_selection", "school_code, student_id, academic_year, slot, activity_id, selected_at";
    message: "portfolio.message", "school_code, student_id, body, link, dedupe, created_at";
    counselling: "counseling.record", "school_code, id, held_on, place, method, topic, content, staff_id, created_at, updated_at";
    counselled: "counseling.record_student", "school_code, record_id, student_id";
}

/// The next number of each table that others refer to.
#[derive(Default)]
pub(super) struct Ids {
    pub(super) staff: i64,
    pub(super) class: i64,
    pub(super) student: i64,
    pub(super) section: i64,
    pub(super) record: i64,
    pub(super) cadre: i64,
    pub(super) person: i64,
    pub(super) outcome: i64,
    pub(super) activity: i64,
    pub(super) file: i64,
    pub(super) request: i64,
    pub(super) decision: i64,
    pub(super) counselling: i64,
}

/// Counts up and gives the new number.
pub(super) fn next(id: &mut i64) -> i64 {
    *id += 1;
    *id
}

impl Ids {
    /// Sets the sequences behind the numbers that were given out here.
    pub(super) async fn settle(&self, connection: &mut PgConnection) -> Result<()> {
        let used = [
            ("school.staff", self.staff),
            ("school.class", self.class),
            ("school.student", self.student),
            ("school.section", self.section),
            ("school.course_record", self.record),
            ("school.cadre", self.cadre),
            ("identity.person", self.person),
            ("portfolio.outcome", self.outcome),
            ("portfolio.activity", self.activity),
            ("portfolio.file", self.file),
            ("portfolio.certification_request", self.request),
            ("certification.decision", self.decision),
            ("counseling.record", self.counselling),
        ];
        for (table, last) in used {
            sqlx::query("select setval(pg_get_serial_sequence($1, 'id'), greatest($2, 1))")
                .bind(table)
                .bind(last)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }
}
