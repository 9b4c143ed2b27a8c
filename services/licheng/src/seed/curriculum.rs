//! What is taught: courses whose codes are valid by the official tables (domain appendix A).

/// The shape of a school's teaching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Programme {
    /// 普通型高中
    General,
    /// 技術型高中: 電機與電子群資訊科
    Electronics,
    /// 技術型高中: 商業與管理群資料處理科
    Business,
    /// 進修部: 商業經營科, counted in periods
    Evening,
}

/// One course of every term.
pub(super) struct Course {
    /// Positions 17–23 of the code: category, mode, attribute, field, subject.
    tail: &'static str,
    /// The subject's name.
    pub(super) name: &'static str,
    /// Credits or periods; 0 for what carries no outcome.
    pub(super) credits: i16,
}

const fn course(tail: &'static str, name: &'static str, credits: i16) -> Course {
    Course { tail, name, credits }
}

const CHINESE: Course = course("1010101", "國語文", 4);
const ENGLISH: Course = course("1010102", "英語文", 4);
const MATHS: Course = course("1010203", "數學", 4);
const SPORT: Course = course("1010815", "體育", 2);
const DEFENCE: Course = course("1010916", "全民國防教育", 1);
const MEETING: Course = course("8000001", "團體活動時間", 0);
const FLEXIBLE: Course = course("90B0001", "彈性學習時間", 0);

const GENERAL: [Course; 10] = [
    CHINESE,
    ENGLISH,
    MATHS,
    course("1010309", "歷史", 2),
    course("101030A", "地理", 2),
    course("101040C", "物理", 2),
    course("1010713", "資訊科技", 2),
    course("101050V", "美術", 1),
    SPORT,
    FLEXIBLE,
];
const ELECTRONICS: [Course; 10] = [
    CHINESE,
    ENGLISH,
    MATHS,
    course("1020008", "基本電學", 3),
    course("1020009", "電子學", 3),
    course("102000A", "數位邏輯設計", 3),
    course("103C114", "程式設計實習", 3),
    SPORT,
    DEFENCE,
    MEETING,
];
const BUSINESS: [Course; 10] = [
    CHINESE,
    ENGLISH,
    MATHS,
    course("102000L", "商業概論", 2),
    course("102000N", "會計學", 3),
    course("102000O", "經濟學", 4),
    course("103F329", "程式語言與設計", 3),
    SPORT,
    DEFENCE,
    MEETING,
];

impl Programme {
    /// Every course of a term, in the order of the timetable.
    pub(super) const fn courses(self) -> &'static [Course] {
        match self {
            Self::General => &GENERAL,
            Self::Electronics => &ELECTRONICS,
            Self::Business | Self::Evening => &BUSINESS,
        }
    }

    /// Positions 10–16: programme type, group, department, class cluster.
    const fn key(self) -> &'static str {
        match self {
            Self::General => "H111010",
            Self::Electronics => "V233050",
            Self::Business => "V264040",
            Self::Evening => "C264010",
        }
    }

    /// 科/班/學程別代碼
    pub(super) fn department(self) -> &'static str {
        &self.key()[3..6]
    }

    /// 學分 or 節數 (domain A-37)
    pub(super) const fn unit_kind(self) -> &'static str {
        if matches!(self, Self::Evening) { "period" } else { "credit" }
    }
}

impl Course {
    /// The 23 characters for students who entered in `entry_year`.
    pub(super) fn code(&self, entry_year: i16, school: &str, programme: Programme) -> String {
        format!("{entry_year}{school}{}{}", programme.key(), self.tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::course_code::CourseCode;

    /// Issue 2 §4: "courses with valid course codes".
    #[test]
    fn every_code_is_known_to_the_official_tables() {
        for programme in [Programme::General, Programme::Electronics, Programme::Business, Programme::Evening] {
            for course in programme.courses() {
                let code: CourseCode = course.code(113, "343303", programme).parse().unwrap();
                assert!(code.warnings().is_empty(), "{} {:?}", course.name, code.warnings());
                // flexible learning has a fixed name only where the attribute is none
                if course.credits > 0 {
                    assert_eq!(code.fixed_subject_name(), Some(course.name));
                }
                assert_eq!(code.carries_outcomes(), course.credits > 0, "{}", course.name);
            }
        }
    }
}
