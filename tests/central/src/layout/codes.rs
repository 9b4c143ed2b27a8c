//! Code tables of the non-academic rosters (domain §5.7.3).

/// The values that a code may have.
#[derive(Debug)]
pub(crate) struct CodeTable {
    pub(crate) name: &'static str,
    pub(crate) values: &'static [(&'static str, &'static str)],
}

impl CodeTable {
    /// Whether the table has the value.
    pub(crate) fn has(&self, value: &str) -> bool {
        self.values.iter().any(|(known, _)| *known == value)
    }
}

pub(super) static CADRE_LEVEL: CodeTable = CodeTable {
    name: "幹部等級代碼",
    values: &[("1", "校級"), ("2", "班級"), ("3", "社團"), ("4", "實習"), ("5", "校外自治組織團體"), ("9", "其他")],
};

pub(super) static COMPETITION_LEVEL: CodeTable = CodeTable {
    name: "競賽等級代碼",
    values: &[("1", "校級"), ("2", "縣市級"), ("3", "全國"), ("4", "國際")],
};

pub(super) static TEAM: CodeTable =
    CodeTable { name: "團體或個人參與代碼", values: &[("1", "個人"), ("2", "團體")] };

pub(super) static CERTIFICATE_TYPE: CodeTable = CodeTable {
    name: "證照類別",
    values: &[("1", "英語能力檢定"), ("2", "其他語言"), ("3", "技能檢定及技術士"), ("4", "不在以上類別")],
};

pub(super) static FLEXIBLE_TYPE: CodeTable = CodeTable {
    name: "彈性學習時間類別",
    values: &[
        ("1", "自主學習"),
        ("2", "選手培訓"),
        ("3", "充實(增廣)課程"),
        ("4", "補強性課程"),
        ("5", "學校特色活動"),
    ],
};

pub(super) static GROUP_TYPE: CodeTable = CodeTable {
    name: "團體活動時間類別",
    values: &[
        ("1", "班級活動"),
        ("2", "社團活動"),
        ("3", "學生自治會活動"),
        ("4", "週會"),
        ("5", "講座"),
        ("6", "其他"),
    ],
};

pub(super) static WORKPLACE_TYPE: CodeTable = CodeTable {
    name: "職場學習類別",
    values: &[("1", "職場體驗或參訪"), ("2", "職場實習"), ("3", "職場工作經驗"), ("4", "其他")],
};
