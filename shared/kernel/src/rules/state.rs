//! Where an outcome or an activity stands on its way to the central database (domain §4.4).

use crate::code_table::word_codes;

word_codes! {
    /// The life of an outcome (domain §4.4).
    OutcomeState("課程學習成果狀態") {
        /// Uploaded, the student's alone.
        Draft = "draft", "草稿";
        /// Waiting for the teacher.
        Sent = "sent", "待認證";
        /// Decided but not published: the student still sees `sent`.
        Decided = "decided", "已認證，待發布";
        /// Certified.
        Passed = "passed", "認證通過";
        /// Not certified; may be changed and sent again.
        Failed = "failed", "認證不通過";
        /// Chosen for the year's submission.
        Selected = "selected", "已勾選";
        /// Sent to the central database.
        Submitted = "submitted", "已提交";
        /// The student found the central database's receipt right.
        Confirmed = "confirmed", "已確認收訖";
        /// The student found it wrong.
        Disputed = "disputed", "已回報問題";
    }
}

impl OutcomeState {
    /// What the student, the guardian and the homeroom teacher may know: an unpublished decision looks undecided.
    #[must_use]
    pub fn seen_by_student(self) -> Self {
        if self == Self::Decided { Self::Sent } else { self }
    }

    /// True once the central database may have it: frozen, never overwritten.
    pub fn is_submitted(self) -> bool {
        matches!(self, Self::Submitted | Self::Confirmed | Self::Disputed)
    }
}

word_codes! {
    /// The life of an activity: as an outcome's, without certification (domain §4.5).
    ActivityState("多元表現狀態") {
        /// Recorded.
        Saved = "saved", "已登錄";
        /// Chosen for the year's submission.
        Selected = "selected", "已勾選";
        /// Sent to the central database.
        Submitted = "submitted", "已提交";
        /// The student found the central database's receipt right.
        Confirmed = "confirmed", "已確認收訖";
        /// The student found it wrong.
        Disputed = "disputed", "已回報問題";
    }
}

impl ActivityState {
    /// True once the central database may have it: frozen, never overwritten.
    pub fn is_submitted(self) -> bool {
        matches!(self, Self::Submitted | Self::Confirmed | Self::Disputed)
    }
}
