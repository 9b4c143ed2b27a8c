//! A permission as a type, so that it stands in the handler's signature: `May<need::OutcomeCertify>`.

use kernel::{
    permission::{Permission, Scope},
    role::Role,
};

/// What a route asks of the role in use.
pub trait Need: Send + Sync + 'static {
    /// How far the role reaches; `None` turns it away.
    fn reach(role: Role) -> Option<Scope>;
}

/// Either of two needs; where a role meets both, the reach of the first counts.
pub struct Either<A, B>(std::marker::PhantomData<(A, B)>);

impl<A: Need, B: Need> Need for Either<A, B> {
    fn reach(role: Role) -> Option<Scope> {
        A::reach(role).or_else(|| B::reach(role))
    }
}

macro_rules! needs {
    ($($name:ident),+ $(,)?) => {
        $(
            #[doc = concat!("The permission `", stringify!($name), "` of the matrix.")]
            pub struct $name;

            impl Need for $name {
                fn reach(role: Role) -> Option<Scope> {
                    role.may(Permission::$name)
                }
            }
        )+

        #[cfg(test)]
        const LISTED: &[Permission] = &[$(Permission::$name),+];
    };
}

needs! {
    PortfolioView,
    PortfolioEdit,
    OutcomeCertify,
    CounsellingWrite,
    CounsellingView,
    SelectionView,
    SubmissionOutcome,
    SubmissionActivity,
    ReceiptImport,
    ReceiptConfirm,
    RoleAssign,
    SettingsWrite,
    ProgressView,
    DeadlinePropose,
    OutageRecord,
    AuditRead,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// domain §2.4: every row of the matrix can stand in a signature.
    #[test]
    fn every_permission_has_its_type() {
        assert_eq!(LISTED, Permission::ALL);
    }

    /// domain §2.2: submit is a separate role; an administrator reaches receipts but submits nothing.
    #[test]
    fn either_takes_the_first_that_reaches() {
        type Submit = Either<SubmissionOutcome, SubmissionActivity>;
        assert_eq!(Submit::reach(Role::OutcomeSubmitter), Some(Scope::School));
        assert_eq!(Submit::reach(Role::ActivitySubmitter), Some(Scope::School));
        assert_eq!(Submit::reach(Role::SchoolAdmin), None);
    }
}
