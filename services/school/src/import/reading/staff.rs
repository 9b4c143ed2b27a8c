//! Teachers and staff, with the roles that no other roster implies (F-022, F-024).

use super::{Frame, LeftOut, Reader, Reading, Row};
use crate::import::{
    entity,
    kind::Table,
    plan::{Cell, Group, Scope, Use, Vanish},
};
use kernel::{identity_number::NationalId, role::Role};

/// Roles that a file may give. Homeroom and course teachers come from classes and sections (F-024), course
/// counsellors' students from their assignment; the city's roles are not the school's to give.
const GIVEN: [Role; 7] = [
    Role::SchoolAdmin,
    Role::WorkingGroup,
    Role::OutcomeSubmitter,
    Role::ActivitySubmitter,
    Role::ExchangeOperator,
    Role::GuidanceCounsellor,
    Role::CourseCounsellor,
];

pub(super) struct Staff<'a> {
    frame: &'a Frame<'a>,
    with_email: bool,
    with_id: bool,
    with_roles: bool,
    staff: Group,
    roles: Group,
}

impl<'a> Staff<'a> {
    pub(super) fn new(frame: &'a Frame<'a>) -> Self {
        let none = Group::new(&entity::STAFF, &[], Scope::Whole, Vanish::Keep);
        let roles = [("staff_id", Use::Compare), ("role", Use::Compare)];
        let roles = Group::new(&entity::STAFF_ROLE, &roles, Scope::Whole, Vanish::RemoveOf { owner: "staff_id" })
            .accompanying();
        Self { frame, with_email: false, with_id: false, with_roles: false, staff: none, roles }
    }

    /// The roles of a row; unknown and implied ones are named.
    fn roles(row: &Row<'_>, reading: &mut Reading) -> Vec<Role> {
        let is_separator = |c: char| c.is_whitespace() || matches!(c, ',' | '、' | ';' | '；' | '，' | '/' | '|');
        let mut roles = Vec::new();
        for word in row.get("roles").split(is_separator).filter(|word| !word.is_empty()) {
            let role = Role::ALL.iter().copied().find(|role| role.code() == word || role.label() == word);
            match role {
                Some(role) if GIVEN.contains(&role) => roles.push(role),
                Some(Role::HomeroomTeacher | Role::CourseTeacher) => {}
                Some(role) => {
                    let what = format!("「{}」不能由名冊給予", role.label());
                    reading.warn(row, "roles", what, "不需要處理；這個角色會被略過");
                }
                None => {
                    let what = format!("沒有「{word}」這個角色");
                    reading.warn(row, "roles", what, "改用角色名稱，例如 校管理者、工作小組、課程學習成果提交人員");
                }
            }
        }
        roles.sort();
        roles.dedup();
        roles
    }
}

impl Reader for Staff<'_> {
    fn begin(&mut self, table: &Table, _: &mut Reading) {
        self.with_email = table.has("email");
        self.with_id = table.has("national_id");
        self.with_roles = table.has("roles");
        let mut columns = vec![("account", Use::Compare), ("name", Use::Compare), ("left_at", Use::Compare)];
        if self.with_email {
            columns.push(("email", Use::Compare));
        }
        if self.with_id {
            columns.extend([("national_id_index", Use::Compare), ("national_id_sealed", Use::Carry)]);
        }
        self.staff = Group::new(&entity::STAFF, &columns, Scope::Whole, Vanish::Mark("left_at"));
    }

    fn row(&mut self, row: &Row<'_>, reading: &mut Reading) -> Result<(), LeftOut> {
        let account = row.get("account").to_lowercase();
        if account.is_empty() {
            return reading.unknown_owner(row, "account", "缺少帳號", "補上教師的帳號");
        }
        let known = self.frame.known.staff_by_account(&account).map(|staff| staff.id);
        self.staff.spared_ids.extend(known);
        let name = reading.required(row, "name", "姓名")?;
        let email = row.get("email");
        if !email.is_empty() && !email.contains('@') {
            reading.warn(row, "email", "不像電子郵件地址", "改為 name@example.edu.tw 的形式");
        }
        let id = match row.get("national_id") {
            "" => None,
            text => match text.parse::<NationalId>() {
                Ok(id) => Some(id),
                Err(error) => {
                    return reading.error(row, "national_id", error.to_string(), "核對身分證號或居留證號後更正");
                }
            },
        };
        let pool = &mut reading.plan.pool;
        let mut cells = vec![pool.text(&account), pool.text(name), Cell::NULL];
        if self.with_email {
            cells.push(if email.contains('@') { pool.text(email) } else { Cell::NULL });
        }
        if self.with_id {
            cells.extend(super::students::id_cells(pool, self.frame, id.as_ref()));
        }
        let reference = reading.push(&mut self.staff, row, None, cells)?;
        for role in Self::roles(row, reading) {
            let cells = vec![reading.plan.pool.number(reference), reading.plan.pool.text(role.code())];
            reading.push(&mut self.roles, row, None, cells)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &mut Reading) -> Vec<Group> {
        // a file without the column says nothing about roles
        if self.with_roles { vec![self.staff, self.roles] } else { vec![self.staff] }
    }
}
