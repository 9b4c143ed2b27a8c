//! The students of whom somebody may write records, by class (F-110, F-111).

use std::collections::BTreeSet;

use kernel::ids::StudentId;

/// One student, as a list names them.
#[derive(Clone)]
pub(crate) struct Pupil {
    pub(crate) id: StudentId,
    pub(crate) class_name: String,
    pub(crate) seat_no: Option<i16>,
    pub(crate) name: String,
}

impl Pupil {
    /// `03 王小明`
    pub(crate) fn label(&self) -> String {
        match self.seat_no {
            Some(seat) => format!("{seat:02} {}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Everybody within reach.
pub(crate) struct Roster {
    pupils: Vec<Pupil>,
    ids: BTreeSet<StudentId>,
}

/// One class of a roster.
pub(crate) struct Class<'a> {
    pub(crate) name: &'a str,
    pub(crate) pupils: &'a [Pupil],
}

impl Class<'_> {
    /// How many of them are ticked.
    pub(crate) fn chosen(&self, chosen: &BTreeSet<StudentId>) -> usize {
        self.pupils.iter().filter(|pupil| chosen.contains(&pupil.id)).count()
    }
}

/// Pupils that stand class by class, cut into classes.
pub(crate) fn by_class(pupils: &[Pupil]) -> Vec<Class<'_>> {
    let classes = pupils.chunk_by(|a, b| a.class_name == b.class_name);
    classes.map(|pupils| Class { name: &pupils[0].class_name, pupils }).collect()
}

impl Roster {
    /// The pupils stand in the order of their classes and seats.
    pub(crate) fn new(pupils: Vec<Pupil>) -> Self {
        let ids = pupils.iter().map(|pupil| pupil.id).collect();
        Self { pupils, ids }
    }

    pub(crate) fn has(&self, id: StudentId) -> bool {
        self.ids.contains(&id)
    }

    /// Class by class, for the form.
    pub(crate) fn pupils(&self) -> &[Pupil] {
        &self.pupils
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-110: "Multi-select of students by class/seat/name".
    #[test]
    fn pupils_are_shown_by_class_and_seat() {
        let pupil = |id: i64, class: &str, seat| Pupil {
            id: id.into(),
            class_name: class.to_owned(),
            seat_no: seat,
            name: "王小明".to_owned(),
        };
        let roster = Roster::new(vec![
            pupil(5, "一年甲班", Some(3)),
            pupil(6, "一年甲班", None),
            pupil(7, "二年甲班", Some(12)),
        ]);
        let classes = by_class(roster.pupils());
        assert_eq!(
            classes.iter().map(|class| (class.name, class.pupils.len())).collect::<Vec<_>>(),
            [("一年甲班", 2), ("二年甲班", 1)]
        );
        assert_eq!(classes[0].pupils[0].label(), "03 王小明");
        assert_eq!(classes[0].pupils[1].label(), "王小明");
        assert_eq!(classes[0].chosen(&BTreeSet::from([6.into(), 7.into()])), 1);
    }
}
