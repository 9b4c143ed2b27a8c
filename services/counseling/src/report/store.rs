//! The SQL of the report.

use kernel::{calendar::AcademicYear, ids::StaffId};
use store::{Error, TenantTx};

use super::Line;

/// The months of one academic year, of one counsellor or of all.
pub(crate) async fn lines(tx: &mut TenantTx, of: Option<StaffId>, year: AcademicYear) -> Result<Vec<Line>, Error> {
    let school = tx.school();
    let lines = sqlx::query_as!(
        Line,
        r#"select t.name as counsellor, date_trunc('month', r.held_on::timestamp)::date as "month!",
                  count(*) filter (where r.method = 'individual') as "individual!",
                  count(*) filter (where r.method = 'group') as "group!",
                  coalesce(sum(n.students), 0)::bigint as "visits!"
             from counseling.record r
             join school.staff t on t.school_code = $1 and t.id = r.staff_id
             cross join lateral (select count(*) as students from counseling.record_student x
                                  where x.school_code = $1 and x.record_id = r.id) n
            where r.school_code = $1 and r.removed_at is null and r.held_on between $2 and $3
              and ($4::bigint is null or r.staff_id = $4)
            group by t.id, t.name, 2 order by t.name, t.id, 2"#,
        school.as_str(),
        year.first_day(),
        year.last_day(),
        of.map(StaffId::get)
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(lines)
}

/// The academic year of the oldest record; `None` where there is none.
pub(crate) async fn first_year(tx: &mut TenantTx, of: Option<StaffId>) -> Result<Option<AcademicYear>, Error> {
    let school = tx.school();
    let first = sqlx::query_scalar!(
        "select min(held_on) from counseling.record
          where school_code = $1 and removed_at is null and ($2::bigint is null or staff_id = $2)",
        school.as_str(),
        of.map(StaffId::get)
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(first.map(AcademicYear::of_date))
}
