//! One list of every identifier. A `bigint` in the database, a type of its own in the code,
//! so that a student's number is never handed where an outcome's is expected.

/// Declares the newtypes. `From<i64>` is what lets `query_as!` fill them.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// The number as the database keeps it.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl From<i64> for $name {
            fn from(id: i64) -> Self {
                Self(id)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// A person of the city, whatever school they belong to (domain A-32).
    PersonId,
    /// A student's enrolment at one school.
    StudentId,
    /// A member of staff of one school.
    StaffId,
    /// A class (班級) of one academic year.
    ClassId,
    /// A course section as taught (開課班級).
    SectionId,
    /// One course that one student takes or took (修課紀錄).
    CourseRecordId,
    /// A school-recorded officer post (校內幹部經歷).
    CadreId,
    /// One import of rosters by the school office.
    ImportId,
    /// A course learning outcome (課程學習成果).
    OutcomeId,
    /// An activity record (多元表現).
    ActivityId,
    /// A file of a student, before and after it is saved.
    FileId,
    /// One sending of an outcome to its teacher (送出認證).
    CertificationRequestId,
    /// A teacher's decision on one request.
    DecisionId,
    /// Several decisions of one teacher, made and taken back in one go.
    DecisionBatchId,
    /// A course counselling record (課程諮詢紀錄).
    CounsellingRecordId,
    /// One submission of a roster to the central database (提交).
    BatchId,
    /// One import of the central database's receipt (收訖明細).
    ReceiptBatchId,
    /// A student's report that the receipt is wrong (問題回報).
    DisputeId,
    /// A message shown in the application.
    MessageId,
    /// A queued piece of work.
    JobId,
}
