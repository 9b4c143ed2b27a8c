//! The official tables (domain App. A), read once from `data/*.csv`: facts of the course plan platform, with the
//! class clusters 0 and 5–7 of A.4 added.

use std::collections::HashMap;
use std::sync::LazyLock;

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::read);

/// The tables of positions 10–21.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Table {
    ProgrammeType,
    Group,
    Department,
    ClassCluster,
    CourseCategory,
    OfferingMode,
    SubjectAttribute,
    Field,
}

impl Table {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "programme_type" => Self::ProgrammeType,
            "group" => Self::Group,
            "department" => Self::Department,
            "class_cluster" => Self::ClassCluster,
            "course_category" => Self::CourseCategory,
            "offering_mode" => Self::OfferingMode,
            "subject_attribute" => Self::SubjectAttribute,
            "field" => Self::Field,
            _ => return None,
        })
    }
}

pub(super) struct Tables {
    names: HashMap<(Table, &'static str), &'static str>,
    subjects: HashMap<[&'static str; 4], &'static str>,
}

/// The tables, read at the first call.
pub(super) fn tables() -> &'static Tables {
    &TABLES
}

impl Tables {
    /// The name of a code.
    pub(super) fn name(&self, table: Table, code: &str) -> Option<&'static str> {
        self.names.get(&(table, code)).copied()
    }

    /// The fixed name of a subject: `category` is position 17, `rest` positions 19–23.
    pub(super) fn subject(&self, category: &str, rest: &str) -> Option<&'static str> {
        let (attribute, field, code) = (&rest[..1], &rest[1..3], &rest[3..]);
        self.subjects.get(&[category, attribute, field, code]).copied()
    }

    fn read() -> Self {
        // the files hold neither quotes nor commas within a value; the test below keeps it so
        let names = rows(include_str!("../../data/course-code-tables.csv"))
            .filter_map(|[table, _, _, code, name]| Some(((Table::named(table)?, code), name)))
            .collect();
        let subjects = rows(include_str!("../../data/course-code-subjects.csv"))
            .map(|[category, attribute, field, code, name]| ([category, attribute, field, code], name))
            .collect();
        Self { names, subjects }
    }
}

/// The rows after the header that have five columns.
fn rows(csv: &'static str) -> impl Iterator<Item = [&'static str; 5]> {
    csv.lines().skip(1).filter_map(|line| line.split(',').collect::<Vec<_>>().try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// App. A: 330 departments, 112 fields, 4000 fixed subject names; nothing is lost between file and map.
    #[test]
    fn every_row_of_the_files_is_read() {
        let of = |table| tables().names.keys().filter(|(of, _)| *of == table).count();
        assert_eq!((of(Table::ProgrammeType), of(Table::Group), of(Table::Department)), (8, 19, 330));
        assert_eq!((of(Table::ClassCluster), of(Table::CourseCategory), of(Table::OfferingMode)), (8, 15, 8));
        assert_eq!((of(Table::SubjectAttribute), of(Table::Field)), (12, 112));
        assert_eq!(tables().subjects.len(), 4_000);
        assert_eq!(tables().names.len(), include_str!("../../data/course-code-tables.csv").lines().count() - 1);
    }
}
