//! Invented people: common surnames and given names put together by number. Any likeness is chance.

const SURNAMES: [&str; 40] = [
    "陳", "林", "黃", "張", "李", "王", "吳", "劉", "蔡", "楊", "許", "鄭", "謝", "郭", "洪", "邱", "曾", "廖", "賴",
    "徐", "周", "葉", "蘇", "莊", "江", "呂", "何", "蕭", "羅", "高", "潘", "簡", "朱", "鍾", "彭", "游", "詹", "胡",
    "施", "歐陽",
];
const FIRST: [&str; 30] = [
    "宥", "品", "子", "宇", "承", "冠", "柏", "詩", "雅", "怡", "思", "庭", "語", "芷", "欣", "佳", "家", "俊", "彥",
    "睿", "恩", "禹", "以", "書", "佩", "郁", "奕", "昕", "若", "采",
];
const SECOND: [&str; 30] = [
    "廷", "妤", "翔", "軒", "恩", "睿", "涵", "瑜", "萱", "安", "甯", "蓁", "霖", "宏", "緯", "哲", "婷", "君", "潔",
    "妍", "毅", "杰", "彤", "慈", "樂", "禎", "芸", "叡", "希", "昀",
];

/// The n-th name; 36,000 different ones before they come again.
pub(super) fn person(n: u64) -> String {
    let mixed = n.wrapping_mul(2_654_435_761) % 36_000;
    let pick = |list: &[&'static str], at: u64| list[usize::try_from(at).expect("a small index") % list.len()];
    format!("{}{}{}", pick(&SURNAMES, mixed % 40), pick(&FIRST, mixed / 40 % 30), pick(&SECOND, mixed / 1_200))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_many() {
        let names: HashSet<String> = (0..20_000).map(person).collect();
        assert!(names.len() > 15_000, "{} different names", names.len());
    }
}
