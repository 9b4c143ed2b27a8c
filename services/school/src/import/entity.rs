//! The tables that imports write, described once: reading, comparing, writing, and taking back are the same for all.

/// How a column's text becomes a value of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    SmallInt,
    Integer,
    Bool,
    Date,
    Moment,
    Json,
    Bytes,
    /// The id of a row of another table of this list.
    Ref(&'static str),
}

impl Type {
    /// What a bound text is cast to.
    pub(crate) fn cast(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::SmallInt => "smallint",
            Self::Integer => "integer",
            Self::Bool => "boolean",
            Self::Date => "date",
            Self::Moment => "timestamptz",
            Self::Json => "jsonb",
            Self::Bytes => "bytea",
            Self::Ref(_) => "bigint",
        }
    }

    /// The text that the database and the readers both write for a value, so that equal means unchanged.
    pub(crate) fn canonical(self, column: &str) -> String {
        match self {
            Self::Moment => format!("to_char({column} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"),
            _ => format!("{column}::text"),
        }
    }
}

/// One column.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) ty: Type,
}

/// One table. `columns` are all but `school_code` and `id`: a row that is put back must be whole.
#[derive(Debug)]
pub(crate) struct Entity {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [Column],
    /// By what a row of a file finds its row of the table.
    pub(crate) key: &'static [&'static str],
}

impl Entity {
    /// The table with its schema.
    pub(crate) fn table(&self) -> String {
        format!("school.{}", self.name)
    }

    /// The place of a column.
    pub(crate) fn column(&self, name: &str) -> usize {
        let place = self.columns.iter().position(|column| column.name == name);
        place.expect("readers name columns of the table they write")
    }

    /// The table of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|entity| entity.name == name)
    }
}

/// Writes the list of a table's columns.
macro_rules! columns {
    ($($name:literal: $ty:expr),+ $(,)?) => { &[$(Column { name: $name, ty: $ty }),+] };
}

use Type::{Bool, Bytes, Date, Integer, Json, Moment, Ref, SmallInt, Text};

pub(crate) static STAFF: Entity = Entity {
    name: "staff",
    columns: columns! {
        "account": Text, "name": Text, "email": Text, "national_id_sealed": Bytes, "national_id_index": Bytes,
        "left_at": Moment,
    },
    key: &["account"],
};

pub(crate) static STAFF_ROLE: Entity = Entity {
    name: "staff_role",
    columns: columns! { "staff_id": Ref("staff"), "role": Text },
    key: &["staff_id", "role"],
};

pub(crate) static CLASS: Entity = Entity {
    name: "class",
    columns: columns! {
        "academic_year": SmallInt, "code": Text, "name": Text, "grade": SmallInt, "department_code": Text,
        "homeroom_staff_id": Ref("staff"), "guidance_staff_id": Ref("staff"),
    },
    key: &["academic_year", "code"],
};

pub(crate) static STUDENT: Entity = Entity {
    name: "student",
    columns: columns! {
        "student_no": Text, "account": Text, "name": Text, "email": Text, "national_id_sealed": Bytes,
        "national_id_index": Bytes, "national_id_masked": Text, "birth_date": Date, "sex": Text,
        "entry_year": SmallInt, "class_id": Ref("class"), "seat_no": SmallInt, "grade": SmallInt,
        "department_code": Text, "division": Text, "status_code": Text, "status_date": Date, "left_at": Moment,
        "extra": Json,
    },
    // the number is told apart from the id by the reader: either may be corrected (status codes 401 and 407)
    key: &["national_id_index"],
};

pub(crate) static SECTION: Entity = Entity {
    name: "section",
    columns: columns! {
        "academic_year": SmallInt, "term": SmallInt, "section_no": Text, "name": Text, "course_code": Text,
        "subject_name": Text,
    },
    key: &["academic_year", "term", "section_no", "course_code"],
};

pub(crate) static SECTION_TEACHER: Entity = Entity {
    name: "section_teacher",
    columns: columns! { "section_id": Ref("section"), "staff_id": Ref("staff"), "certifies": Bool },
    key: &["section_id", "staff_id"],
};

pub(crate) static COURSE_RECORD: Entity = Entity {
    name: "course_record",
    columns: columns! {
        "student_id": Ref("student"), "academic_year": SmallInt, "term": SmallInt, "kind": SmallInt,
        "course_code": Text, "subject_name": Text, "grade": SmallInt, "credits": SmallInt,
        "credit_counted": SmallInt, "section_id": Ref("section"), "score_x100": Integer, "passed": Bool,
        "makeup_score_x100": Integer, "makeup_passed": Bool, "orig": Json, "text_description": Text,
        "withdrawn_at": Moment,
    },
    key: &["student_id", "academic_year", "term", "course_code", "kind"],
};

pub(crate) static CADRE: Entity = Entity {
    name: "cadre",
    columns: columns! {
        "student_id": Ref("student"), "academic_year": SmallInt, "term": SmallInt, "unit_name": Text,
        "title": Text, "started_on": Date, "ended_on": Date, "level": SmallInt, "withdrawn_at": Moment,
    },
    key: &["student_id", "academic_year", "term", "unit_name", "title"],
};

pub(crate) static COUNSELLOR_ASSIGNMENT: Entity = Entity {
    name: "counsellor_assignment",
    columns: columns! { "staff_id": Ref("staff"), "class_id": Ref("class"), "student_id": Ref("student") },
    key: &["staff_id", "class_id", "student_id"],
};

pub(crate) static COURSE_CODE: Entity = Entity {
    name: "course_code",
    columns: columns! { "course_code": Text, "subject_name": Text, "credits": Text },
    key: &["course_code"],
};

/// Every table that an import may write.
pub(crate) static ALL: &[&Entity] = &[
    &STAFF,
    &STAFF_ROLE,
    &CLASS,
    &STUDENT,
    &SECTION,
    &SECTION_TEACHER,
    &COURSE_RECORD,
    &CADRE,
    &COUNSELLOR_ASSIGNMENT,
    &COURSE_CODE,
];
