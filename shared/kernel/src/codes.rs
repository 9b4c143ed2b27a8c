//! The small code tables of the rosters (domain §5.7.3) and what belongs to a kind of activity or enrolment.

use crate::code_table::number_codes;

number_codes! {
    /// The ten kinds of activity in the sheet order of roster 25 (domain §5.7.2).
    ActivityKind("多元表現類別") {
        /// Officer posts and deeds.
        Cadre = 1, "幹部經歷暨事蹟";
        /// Competitions.
        Competition = 2, "競賽參與";
        /// Certificates and licences.
        Certificate = 3, "檢定證照";
        /// Service learning, formerly volunteering.
        ServiceLearning = 4, "服務學習";
        /// Flexible learning time, with self-directed study.
        FlexibleLearning = 5, "彈性學習時間";
        /// Group activity time.
        GroupActivity = 6, "團體活動時間";
        /// Workplace learning.
        WorkplaceLearning = 7, "職場學習";
        /// Creative works.
        CreativeWork = 8, "作品成果";
        /// Courses of universities taken ahead.
        AdvancedCourse = 9, "大學及技專校院先修課程";
        /// Anything else.
        OtherActivity = 10, "其他多元表現";
    }
}

impl ActivityKind {
    /// The kind's word in URLs, templates and data (domain §1.2).
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Cadre => "cadre",
            Self::Competition => "competition",
            Self::Certificate => "certificate",
            Self::ServiceLearning => "service_learning",
            Self::FlexibleLearning => "flexible_learning",
            Self::GroupActivity => "group_activity",
            Self::WorkplaceLearning => "workplace_learning",
            Self::CreativeWork => "creative_work",
            Self::AdvancedCourse => "advanced_course",
            Self::OtherActivity => "other_activity",
        }
    }

    /// The kind of a slug.
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.slug() == slug)
    }

    /// The kind's sheet in roster 25.
    pub fn sheet(self) -> String {
        format!("{}紀錄", self.label())
    }
}

number_codes! {
    /// 幹部等級代碼
    CadreLevel("幹部等級") {
        /// Of the school.
        School = 1, "校級";
        /// Of the class.
        Class = 2, "班級";
        /// Of a club.
        Club = 3, "社團";
        /// Of practical training.
        Practice = 4, "實習";
        /// Of a self-governing body outside the school.
        OutsideBody = 5, "校外自治組織團體";
        /// Other.
        Other = 9, "其他";
    }
}

number_codes! {
    /// 競賽等級代碼
    CompetitionLevel("競賽等級") {
        /// Of the school.
        School = 1, "校級";
        /// Of a county or city.
        City = 2, "縣市級";
        /// National.
        National = 3, "全國";
        /// International.
        International = 4, "國際";
    }
}

number_codes! {
    /// 團體參與代碼
    Participation("團體或個人參與") {
        /// Alone.
        Individual = 1, "個人";
        /// In a team.
        Team = 2, "團體";
    }
}

number_codes! {
    /// 證照類別（註1）
    CertificateCategory("證照類別") {
        /// English.
        English = 1, "英語能力檢定";
        /// Another language.
        OtherLanguage = 2, "其他語言";
        /// Technicians' skills.
        Skill = 3, "技能檢定及技術士";
        /// None of these.
        Other = 4, "不在以上類別";
    }
}

number_codes! {
    /// 彈性學習時間類別代碼
    FlexibleLearningKind("彈性學習時間類別") {
        /// Self-directed study (F-085).
        SelfStudy = 1, "自主學習";
        /// Training for competitions.
        TeamTraining = 2, "選手培訓";
        /// Enrichment.
        Enrichment = 3, "充實(增廣)課程";
        /// Remedial teaching.
        Remedial = 4, "補強性課程";
        /// The school's own.
        SchoolSpecial = 5, "學校特色活動";
    }
}

number_codes! {
    /// 團體活動時間類別代碼
    GroupActivityKind("團體活動時間類別") {
        /// Class.
        Class = 1, "班級活動";
        /// Club.
        Club = 2, "社團活動";
        /// Student government.
        StudentGovernment = 3, "學生自治會活動";
        /// Weekly assembly.
        Assembly = 4, "週會";
        /// Lecture.
        Lecture = 5, "講座";
        /// Other.
        Other = 6, "其他";
    }
}

number_codes! {
    /// 職場學習類別代碼
    WorkplaceKind("職場學習類別") {
        /// Visits and trials.
        Visit = 1, "職場體驗或參訪";
        /// Practical training.
        Practice = 2, "職場實習";
        /// Work.
        Work = 3, "職場工作經驗";
        /// Other.
        Other = 4, "其他";
    }
}

number_codes! {
    /// How a student takes a course (修習方式), in the sheet order of roster 26. 1–3 are the SIS's own codes (domain §5.13: 1 新修, 2 重修, 3 補修),
    /// the rest, which that list lacks, are ours.
    EnrolmentKind("修課類別") {
        /// For the first time.
        Regular = 1, "學期";
        /// Should have been taken before.
        Makeup = 3, "補修";
        /// Failed before, taken again.
        Retake = 2, "重修";
        /// In a repeated year.
        RepeatYear = 4, "重讀";
        /// Taken before a change of school or department.
        Transfer = 5, "轉學轉科";
        /// At another school for a time.
        Borrowed = 6, "借讀";
    }
}

impl EnrolmentKind {
    /// Reads the SIS's 修課類別: a code, our name, or 新修.
    pub fn from_sis(text: &str) -> Result<Self, crate::code_table::UnknownCode> {
        if text.trim() == "新修" { Ok(Self::Regular) } else { text.parse() }
    }

    /// The sheet of rosters 26 and 28 that takes the outcome (domain §5.6).
    pub fn outcome_sheet(self) -> String {
        format!("{}課程學習成果", self.label())
    }

    /// Roster 28 of evening divisions has three of the six sheets (domain §5.6).
    pub fn in_continuing_roster(self) -> bool {
        matches!(self, Self::Regular | Self::Transfer | Self::Borrowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// §5.7.2: the sheet order.
    #[test]
    fn activity_kinds_are_the_sheets_of_roster_25_in_order() {
        let sheets: Vec<_> = ActivityKind::ALL.iter().map(|kind| kind.sheet()).collect();
        let order = "幹部經歷暨事蹟紀錄, 競賽參與紀錄, 檢定證照紀錄, 服務學習紀錄, 彈性學習時間紀錄, 團體活動時間紀錄, \
            職場學習紀錄, 作品成果紀錄, 大學及技專校院先修課程紀錄, 其他多元表現紀錄";
        assert_eq!(sheets.join(", "), order);
        assert_eq!(ActivityKind::ALL.iter().map(|kind| kind.code()).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
        for kind in ActivityKind::ALL {
            assert_eq!(ActivityKind::from_slug(kind.slug()), Some(*kind));
        }
    }

    /// §5.7.3: 幹部等級代碼 "1 校級, 2 班級, 3 社團, 4 實習, 5 校外自治組織團體, 9 其他".
    #[test]
    fn workbooks_may_hold_the_code_or_the_word() {
        assert_eq!("3".parse(), Ok(CadreLevel::Club));
        assert_eq!("９".parse(), Ok(CadreLevel::Other));
        assert_eq!(" 社團 ".parse(), Ok(CadreLevel::Club));
        assert_eq!("充實（增廣）課程".parse(), Ok(FlexibleLearningKind::Enrichment));
        let error = "6".parse::<CadreLevel>().unwrap_err();
        let known = "1 校級、2 班級、3 社團、4 實習、5 校外自治組織團體、9 其他";
        assert_eq!(error.to_string(), format!("「6」不是幹部等級的代碼；可用的有：{known}"));
        assert!(CompetitionLevel::try_from(0).is_err());
    }

    #[test]
    fn codes_are_numbers_in_json() {
        assert_eq!(serde_json::to_string(&CadreLevel::Other).unwrap(), "9");
        assert_eq!(serde_json::from_str::<CadreLevel>("9").unwrap(), CadreLevel::Other);
        assert!(serde_json::from_str::<CadreLevel>("8").is_err());
    }

    /// §5.6: the sheets of roster 26; "進修部(學校)學生課程學習成果名冊 with 學期, 轉學轉科, 借讀".
    #[test]
    fn every_enrolment_has_its_sheet() {
        let sheets = |kinds: Vec<EnrolmentKind>| kinds.into_iter().map(|k| k.outcome_sheet()).collect::<Vec<_>>();
        let order = ["學期", "補修", "重修", "重讀", "轉學轉科", "借讀"].map(|name| format!("{name}課程學習成果"));
        assert_eq!(sheets(EnrolmentKind::ALL.to_vec()), order);
        let continuing = EnrolmentKind::ALL.iter().copied().filter(|kind| kind.in_continuing_roster()).collect();
        assert_eq!(sheets(continuing), ["學期課程學習成果", "轉學轉科課程學習成果", "借讀課程學習成果"]);
    }

    /// §5.13: "1 新修, 2 重修, 3 補修".
    #[test]
    fn enrolment_kinds_of_the_sis() {
        assert_eq!(EnrolmentKind::from_sis("新修"), Ok(EnrolmentKind::Regular));
        assert_eq!(EnrolmentKind::from_sis("2"), Ok(EnrolmentKind::Retake));
        assert_eq!(EnrolmentKind::from_sis("3"), Ok(EnrolmentKind::Makeup));
        assert_eq!(EnrolmentKind::from_sis("補修"), Ok(EnrolmentKind::Makeup));
    }
}
