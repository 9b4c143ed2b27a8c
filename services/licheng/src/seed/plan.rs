//! Which schools the city gets, and how large.

use super::curriculum::Programme;
use kernel::school::SchoolCode;

/// The official list of the city's schools: facts, as the Ministry publishes them.
const SCHOOLS: &str = include_str!("../../data/schools-taipei.csv");

/// One school to be made.
#[derive(Clone, Debug)]
pub(super) struct School {
    pub(super) code: SchoolCode,
    pub(super) name: String,
    pub(super) short_name: String,
    pub(super) kind: String,
    pub(super) ownership: String,
    pub(super) on_city_sis: bool,
    pub(super) programme: Programme,
    pub(super) students: usize,
}

/// The demo city (issue 2 §4): two ordinary, two technical, one with an evening division, one not on the city's SIS.
const DEMO: [(&str, Programme); 6] = [
    ("343303", Programme::General),
    ("353302", Programme::General),
    ("393401", Programme::Electronics),
    ("413401", Programme::Business),
    ("351C01", Programme::Evening),
    ("331302", Programme::General),
];

/// The demo city with so many students a school.
pub(super) fn demo(students: usize) -> Vec<School> {
    let known = listed();
    let found = DEMO.iter().filter_map(|(code, programme)| {
        let school = known.iter().find(|school| school.code.as_str() == *code)?;
        Some(School { programme: *programme, students, ..school.clone() })
    });
    found.collect()
}

/// A city of `schools` schools and `students` students for load work: the listed schools first, then
/// invented ones, sizes spread from half to one and a half of the mean.
pub(super) fn load(schools: usize, students: usize) -> Vec<School> {
    let known = listed();
    let mean = students / schools.max(1);
    let size = |n: usize| if n + 1 == schools { mean } else { mean / 2 + mean * (n % 101) / 100 };
    let mut city: Vec<School> = (0..schools)
        .map(|n| match known.get(n) {
            Some(school) => School { students: size(n), ..school.clone() },
            None => invented(n, size(n)),
        })
        .collect();
    let made: usize = city.iter().map(|school| school.students).sum();
    if let Some(last) = city.last_mut() {
        last.students = (last.students + students).saturating_sub(made).max(1);
    }
    city
}

fn invented(n: usize, students: usize) -> School {
    let code = format!("99{n:04}").parse().expect("six digits");
    let name = format!("臺北市模擬第{n}高級中學");
    School {
        code,
        short_name: format!("模擬{n}高中"),
        name,
        kind: "senior_high".to_owned(),
        ownership: "municipal".to_owned(),
        on_city_sis: true,
        programme: Programme::General,
        students,
    }
}

fn listed() -> Vec<School> {
    SCHOOLS.lines().skip(1).filter_map(read).collect()
}

fn read(line: &str) -> Option<School> {
    let fields: Vec<&str> = line.split(',').collect();
    let [code, name, _district, ownership, kind, sis] = fields.as_slice() else { return None };
    Some(School {
        code: code.parse().ok()?,
        name: (*name).to_owned(),
        short_name: short(name),
        kind: (*kind).to_owned(),
        ownership: (*ownership).to_owned(),
        on_city_sis: *sis == "true",
        programme: if kind.starts_with("vocational") { Programme::Business } else { Programme::General },
        students: 0,
    })
}

/// 臺北市立中山女子高級中學 → 中山女子高中
fn short(name: &str) -> String {
    let tail = ["臺北市立", "臺北市私立", "財團法人臺北市", "國立"]
        .iter()
        .find_map(|head| name.split_once(head).map(|(_, tail)| tail))
        .unwrap_or(name);
    tail.replace("高級中等學校", "高中").replace("高級中學", "高中")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_city_has_its_six_schools() {
        let city = demo(300);
        assert_eq!(city.len(), 6);
        assert!(city.iter().any(|school| !school.on_city_sis));
        assert_eq!(city[0].short_name, "中山女子高中");
    }

    #[test]
    fn a_load_city_has_as_many_students_as_asked_for() {
        let city = load(100, 180_000);
        assert_eq!(city.len(), 100);
        assert_eq!(city.iter().map(|school| school.students).sum::<usize>(), 180_000);
        let mut codes: Vec<_> = city.iter().map(|school| school.code).collect();
        codes.dedup();
        assert_eq!(codes.len(), 100);
    }
}
