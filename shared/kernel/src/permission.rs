//! Who may do what: the product matrix of domain §2.4, as one table.

use crate::role::Role;

/// How far a permission reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Only the person's own things.
    Own,
    /// The children bound to a guardian.
    Child,
    /// The homeroom class.
    Class,
    /// The students of the teacher's courses, and of those only that course's items.
    Course,
    /// Students assigned to a counsellor.
    Assigned,
    /// The whole school.
    School,
    /// All schools, as counts.
    City,
}

/// Declares the permissions with the name the matrix gives them.
macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $code:literal),+ $(,)?) => {
        /// One row of the matrix.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Permission { $($(#[$doc])* $name),+ }

        impl Permission {
            /// Every permission, in the order of the matrix.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name in the matrix, e.g. `outcome.certify`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }
        }
    };
}

permissions! {
    /// Read a portfolio.
    PortfolioView = "portfolio.view",
    /// Add, change and delete one's own outcomes and activities.
    PortfolioEdit = "portfolio.edit",
    /// Decide on outcomes.
    OutcomeCertify = "outcome.certify",
    /// Write counselling records.
    CounsellingWrite = "counselling.write",
    /// Read counselling records.
    CounsellingView = "counselling.view",
    /// See what has been selected.
    SelectionView = "selection.view",
    /// Submit course outcomes to the central database.
    SubmissionOutcome = "submission.outcome",
    /// Submit activity records to the central database.
    SubmissionActivity = "submission.activity",
    /// Import the central database's receipt and answer disputes.
    ReceiptImport = "receipt.import",
    /// Confirm or dispute one's own receipt.
    ReceiptConfirm = "receipt.confirm",
    /// Assign roles; import rosters, which is how roles come (F-024).
    RoleAssign = "role.assign",
    /// Change the school's parameters and windows.
    SettingsWrite = "settings.write",
    /// Watch the progress of all schools, as counts.
    ProgressView = "progress.view",
    /// Propose other closing times to schools, which decide themselves.
    DeadlinePropose = "deadline.propose",
    /// Record an outage, which extends the windows it hit.
    OutageRecord = "outage.record",
    /// Read the audit.
    AuditRead = "audit.read",
}

impl Role {
    /// The reach of a permission for this role; `None` where the matrix has a dash.
    ///
    /// Separation of duties: a school administrator has no submission permission
    /// (domain §2.2, "submit is a separate role").
    #[must_use]
    pub const fn may(self, permission: Permission) -> Option<Scope> {
        use Permission as P;
        use Role as R;
        Some(match (permission, self) {
            (P::PortfolioView, R::Student) => Scope::Own,
            (P::PortfolioView, R::Guardian) => Scope::Child,
            (P::PortfolioView, R::HomeroomTeacher) => Scope::Class,
            (P::PortfolioView, R::CourseTeacher) => Scope::Course,
            (P::PortfolioView, R::GuidanceCounsellor | R::CourseCounsellor) => Scope::Assigned,
            (P::PortfolioView, R::WorkingGroup | R::SchoolAdmin) => Scope::School,
            (P::PortfolioEdit, R::Student) => Scope::Own,
            (P::OutcomeCertify, R::CourseTeacher) => Scope::Course,
            (P::CounsellingWrite, R::CourseCounsellor) => Scope::Assigned,
            (P::CounsellingWrite, R::SchoolAdmin) => Scope::School,
            (P::CounsellingView, R::Student) => Scope::Own,
            (P::CounsellingView, R::Guardian) => Scope::Child,
            (P::CounsellingView, R::HomeroomTeacher) => Scope::Class,
            (P::CounsellingView, R::GuidanceCounsellor | R::CourseCounsellor) => Scope::Assigned,
            (P::CounsellingView, R::SchoolAdmin) => Scope::School,
            (P::SelectionView, R::Student) => Scope::Own,
            (P::SelectionView, R::Guardian) => Scope::Child,
            (P::SelectionView, R::HomeroomTeacher) => Scope::Class,
            (P::SelectionView, R::OutcomeSubmitter | R::ActivitySubmitter) => Scope::School,
            (P::SelectionView, R::WorkingGroup | R::SchoolAdmin) => Scope::School,
            (P::SubmissionOutcome, R::OutcomeSubmitter) => Scope::School,
            (P::SubmissionActivity, R::ActivitySubmitter) => Scope::School,
            (P::ReceiptImport, R::OutcomeSubmitter | R::ActivitySubmitter | R::SchoolAdmin) => Scope::School,
            (P::ReceiptConfirm, R::Student) => Scope::Own,
            (P::RoleAssign | P::SettingsWrite, R::SchoolAdmin) => Scope::School,
            (P::ProgressView | P::DeadlinePropose | P::OutageRecord, R::Bureau | R::Operator) => Scope::City,
            (P::AuditRead, R::Student) => Scope::Own,
            (P::AuditRead, R::SchoolAdmin) => Scope::School,
            (P::AuditRead, R::Bureau | R::Operator) => Scope::City,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Domain §2.2: "Both matrices deny the school admin submission: separation of duties".
    #[test]
    fn a_school_administrator_cannot_submit() {
        assert_eq!(Role::SchoolAdmin.may(Permission::SubmissionOutcome), None);
        assert_eq!(Role::SchoolAdmin.may(Permission::SubmissionActivity), None);
    }

    /// Domain A-09: the homeroom teacher certifies "only when also the course teacher or a registered delegate".
    #[test]
    fn a_homeroom_teacher_does_not_certify_as_such() {
        assert_eq!(Role::HomeroomTeacher.may(Permission::OutcomeCertify), None);
    }

    /// Domain §2.4: the bureau's column holds aggregates only.
    #[test]
    fn the_bureau_reads_no_portfolio() {
        for permission in [Permission::PortfolioView, Permission::CounsellingView, Permission::SelectionView] {
            assert_eq!(Role::Bureau.may(permission), None, "{}", permission.code());
        }
    }

    /// Domain §2.4: windows are the school's; the city proposes, and extends them for what the city's system cost.
    #[test]
    fn the_city_sets_no_schools_windows_and_no_school_the_citys() {
        for role in Role::ALL {
            for permission in [Permission::DeadlinePropose, Permission::OutageRecord] {
                assert_eq!(role.may(permission).is_some(), role.is_city(), "{} {}", role.code(), permission.code());
            }
            assert!(!(role.is_city() && role.may(Permission::SettingsWrite).is_some()), "{}", role.code());
        }
    }

    #[test]
    fn every_permission_has_somebody() {
        for permission in Permission::ALL {
            assert!(Role::ALL.iter().any(|role| role.may(*permission).is_some()), "{}", permission.code());
        }
    }
}
