//! What the officer sees first (F-113): what is selected in each class, when, what the precheck says, what was sent.

pub(crate) mod pages;
pub(crate) mod store;

use kernel::ids::ClassId;

/// How many students of a class selected how many items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClassRow {
    pub(crate) id: Option<ClassId>,
    pub(crate) name: String,
    pub(crate) grade: i16,
    pub(crate) students: usize,
    /// Students with 0, 1 … 6 outcomes.
    pub(crate) outcomes: [usize; 7],
    /// Students with 0, 1 … 10 activities.
    pub(crate) activities: [usize; 11],
}

/// Counts how often each number occurs; what lies beyond the limit counts as the limit.
pub(crate) fn spread<const N: usize>(counts: &[i64]) -> [usize; N] {
    let mut spread = [0; N];
    for count in counts {
        let place = usize::try_from(*count).unwrap_or_default().min(N - 1);
        spread[place] += 1;
    }
    spread
}

impl ClassRow {
    /// The row below all classes.
    pub(crate) fn total(rows: &[Self]) -> Self {
        let empty =
            Self { id: None, name: "合計".to_owned(), grade: 0, students: 0, outcomes: [0; 7], activities: [0; 11] };
        rows.iter().fold(empty, |mut total, row| {
            total.students += row.students;
            total.outcomes.iter_mut().zip(row.outcomes).for_each(|(sum, count)| *sum += count);
            total.activities.iter_mut().zip(row.activities).for_each(|(sum, count)| *sum += count);
            total
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Issue 2 §3.9: "selection state by class (students, with 0…6 outcomes, 0…10 activities)".
    #[test]
    fn students_are_counted_by_how_much_they_selected() {
        assert_eq!(spread::<7>(&[0, 0, 6, 3, 6]), [2, 0, 0, 1, 0, 0, 2]);
        assert_eq!(spread::<7>(&[9])[6], 1);
    }

    #[test]
    fn the_total_adds_all_classes() {
        let row = ClassRow {
            id: Some(1.into()),
            name: "101".to_owned(),
            grade: 1,
            students: 2,
            outcomes: spread(&[1, 2]),
            activities: spread(&[0, 10]),
        };
        let total = ClassRow::total(&[row.clone(), row]);
        assert_eq!((total.students, total.outcomes[1], total.outcomes[2], total.activities[10]), (4, 2, 2, 2));
    }
}
