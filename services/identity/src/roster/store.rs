//! The sets. `identity.roster_person` says who the rosters name, `identity.roster_hat` what they make of them.

use kernel::ids::PersonId;
use store::{Error, TenantTx};

/// People whom the city did not know: by national id, and those without one together with their account. Returns
/// how many.
pub(super) async fn add_people(tx: &mut TenantTx) -> Result<u64, Error> {
    let school = tx.school();
    let by_national_id = sqlx::query!(
        "insert into identity.person (national_id_index)
         select distinct national_id_index from identity.roster_person
         where school_code = $1 and person_id is null and national_id_index is not null
         on conflict do nothing",
        school.as_str()
    )
    .execute(tx.conn())
    .await?;
    let by_account = sqlx::query!(
        "with named as (
           select distinct login from identity.roster_person
           where school_code = $1 and person_id is null and login <> ''
         ), numbered as (
           select login, nextval(pg_get_serial_sequence('identity.person', 'id')) as id from named
         ), made as (
           insert into identity.person (id) select id from numbered
         )
         insert into identity.account (login, person_id) select login, id from numbered on conflict do nothing",
        school.as_str()
    )
    .execute(tx.conn())
    .await?;
    Ok(by_national_id.rows_affected() + by_account.rows_affected())
}

/// National ids that came later or were corrected (status change 407): the person stays the same. Returns how many.
pub(super) async fn correct_national_ids(tx: &mut TenantTx) -> Result<u64, Error> {
    let school = tx.school();
    let done = sqlx::query!(
        "update identity.person p set national_id_index = r.national_id_index
         from (select distinct on (national_id_index) national_id_index, person_id from identity.roster_person
               where school_code = $1 and national_id_index is not null and person_id is not null
               order by national_id_index, person_id) r
         where p.id = r.person_id and p.national_id_index is distinct from r.national_id_index
           and not exists (select from identity.person other where other.national_id_index = r.national_id_index)",
        school.as_str()
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// Takes back the hats that the rosters no longer give. Returns whose.
pub(super) async fn remove_hats(tx: &mut TenantTx) -> Result<Vec<PersonId>, Error> {
    let school = tx.school();
    let gone = sqlx::query_scalar!(
        "with entitled as materialized (
           select p.person_id, h.role from identity.roster_person p
           join identity.roster_hat h on (h.school_code, h.kind, h.subject_id) = (p.school_code, p.kind, p.subject_id)
           where p.school_code = $1 and h.school_code = $1
         )
         delete from identity.membership m
         where m.school_code = $1 and m.source = 'roster'
           -- hashed; as an anti-join over rows nobody can estimate it takes eight seconds for 4,000 students
           and (m.person_id, m.role) not in (select person_id, role from entitled where person_id is not null)
         returning m.person_id",
        school.as_str()
    )
    .fetch_all(tx.conn())
    .await?;
    let mut people: Vec<PersonId> = gone.into_iter().map(PersonId::from).collect();
    people.sort_unstable();
    people.dedup();
    Ok(people)
}

/// Accounts as the rosters name them. One that another person left behind, who has no hat any more, goes over to its
/// new owner; one that the school's own people no longer have is removed. Returns how many changed.
pub(super) async fn renew_accounts(tx: &mut TenantTx) -> Result<u64, Error> {
    let school = tx.school();
    let removed = sqlx::query!(
        "with named as materialized (select login, person_id from identity.roster_person where school_code = $1)
         delete from identity.account a using named n
         where a.person_id = n.person_id and not exists (select from named other where other.login = a.login)
           and not exists (select from identity.membership m where m.person_id = a.person_id and m.school_code <> $1)",
        school.as_str()
    )
    .execute(tx.conn())
    .await?;
    let put = sqlx::query!(
        "insert into identity.account as a (login, person_id)
         select distinct on (login) login, person_id from identity.roster_person
         where school_code = $1 and person_id is not null and login <> '' order by login, kind, subject_id
         on conflict (login) do update set person_id = excluded.person_id
         where a.person_id <> excluded.person_id
           and not exists (select from identity.membership m where m.person_id = a.person_id)",
        school.as_str()
    )
    .execute(tx.conn())
    .await?;
    Ok(removed.rows_affected() + put.rows_affected())
}

/// Gives the hats that the rosters give. Returns how many are new or changed.
pub(super) async fn put_hats(tx: &mut TenantTx) -> Result<u64, Error> {
    let school = tx.school();
    let put = sqlx::query!(
        "insert into identity.membership as m (person_id, school_code, role, subject_id, name)
         select distinct on (p.person_id, h.role) p.person_id, p.school_code, h.role, p.subject_id, p.name
         from identity.roster_person p
         join identity.roster_hat h on (h.school_code, h.kind, h.subject_id) = (p.school_code, p.kind, p.subject_id)
         where p.school_code = $1 and h.school_code = $1 and p.person_id is not null
         order by p.person_id, h.role, p.subject_id desc
         on conflict (person_id, school_code, role) do update
         set subject_id = excluded.subject_id, name = excluded.name, source = 'roster'
         where (m.subject_id, m.name, m.source) is distinct from (excluded.subject_id, excluded.name, 'roster')",
        school.as_str()
    )
    .execute(tx.conn())
    .await?;
    Ok(put.rows_affected())
}
