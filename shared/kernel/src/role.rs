//! The roles of domain §2.4, one at a time: a person with several wears one hat and switches.

use std::str::FromStr;

/// Declares the roles with their stable code and their name for people.
macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $label:literal);+ $(;)?) => {
        /// What a person is at a school, or for the city.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum Role { $($(#[$doc])* #[serde(rename = $code)] $name),+ }

        impl Role {
            /// Every role, in the order of the permission matrix.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code that rows and rosters carry.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The name that people read.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label),+ }
            }
        }
    };
}

roles! {
    /// 學生
    Student = "student", "學生";
    /// 家長、法定代理人 (bound in a later issue; the matrix has the column already)
    Guardian = "guardian", "家長";
    /// 導師
    HomeroomTeacher = "homeroom_teacher", "導師";
    /// 授課教師
    CourseTeacher = "course_teacher", "授課教師";
    /// 輔導教師
    GuidanceCounsellor = "guidance_counsellor", "輔導教師";
    /// 課程諮詢教師
    CourseCounsellor = "course_counsellor", "課程諮詢教師";
    /// 課程學習成果提交人員
    OutcomeSubmitter = "outcome_submitter", "課程學習成果提交人員";
    /// 多元表現提交人員
    ActivitySubmitter = "activity_submitter", "多元表現提交人員";
    /// 歷程交換人員
    ExchangeOperator = "exchange_operator", "歷程交換人員";
    /// 工作小組
    WorkingGroup = "working_group", "工作小組";
    /// 校管理者
    SchoolAdmin = "school_admin", "校管理者";
    /// 教育局
    Bureau = "bureau", "教育局";
    /// 平臺維運
    Operator = "operator", "平臺維運";
}

/// The code names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("沒有「{0}」這個角色")]
pub struct NotARole(pub String);

impl FromStr for Role {
    type Err = NotARole;
    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|role| role.code() == code).ok_or_else(|| NotARole(code.to_owned()))
    }
}

impl Role {
    /// Whether the role serves the whole city and no single school.
    #[must_use]
    pub const fn is_city(self) -> bool {
        matches!(self, Self::Bureau | Self::Operator)
    }

    /// Whether the holder is a student's side of the portfolio.
    #[must_use]
    pub const fn is_family(self) -> bool {
        matches!(self, Self::Student | Self::Guardian)
    }
}
