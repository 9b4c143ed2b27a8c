//! Temporary accounts (F-014): the only passwords that this product keeps.
//!
//! Given out by an administrator, changed at the first log-in, locked for 15 minutes after five failures.

mod hasher;
pub(crate) mod pages;
mod store;

use ::store::{Audit, Db};
use kernel::{actor::Context, ids::PersonId, role::Role, school::SchoolCode, secrets::Keys};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use web::Problem;

use crate::{
    Room,
    login::{Entrance, LoginName, Password, Provider},
    trail,
};

pub(crate) use hasher::Hasher;

/// Characters that a password has at least.
const MIN_CHARS: usize = 12;
/// Different characters that a password has at least: twelve times the same is long, but no password.
const MIN_DIFFERENT: usize = 5;
/// Wrong attempts until the account is locked.
const MAX_FAILURES: i16 = 5;
/// How long it stays locked.
const LOCK: Duration = Duration::minutes(15);

/// Why a new password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Under twelve characters.
    #[error("密碼至少要 12 個字元")]
    Short,
    /// Longer than anything that is worth hashing.
    #[error("密碼太長，最多 128 個字元")]
    Long,
    /// The login name, or holding it.
    #[error("密碼不可以包含帳號")]
    HoldsLogin,
    /// `aaaaaaaaaaaa`.
    #[error("密碼至少要有 5 種不同的字元")]
    Monotonous,
    /// The one it replaces.
    #[error("新密碼不可以和舊密碼相同")]
    SameAsOld,
}

/// at least twelve characters, not the login name, not the old one.
pub(crate) fn check(new: &str, login: &str, old: Option<&str>) -> Result<(), Weak> {
    let length = new.chars().count();
    let different = new.chars().collect::<std::collections::BTreeSet<_>>().len();
    match () {
        () if length < MIN_CHARS => Err(Weak::Short),
        () if length > 128 => Err(Weak::Long),
        () if new.to_lowercase().contains(&login.to_lowercase()) => Err(Weak::HoldsLogin),
        () if different < MIN_DIFFERENT => Err(Weak::Monotonous),
        () if old == Some(new) => Err(Weak::SameAsOld),
        () => Ok(()),
    }
}

/// Judges name and password. `None`: wrong, unknown, locked or expired, with the same work done for each.
///
/// `ctx` is the system's: who asks is not known yet. The attempt is counted before it is judged, so that many at the same time get no more than five guesses.
pub(crate) async fn attempt(
    room: &Room,
    ctx: &Context,
    login: &LoginName,
    password: &Password,
) -> Result<Option<Entrance>, Problem> {
    let mut tx = room.db.write(ctx, "identity.temporary.attempt").await?;
    let counted = store::count_attempt(&mut tx, login, MAX_FAILURES.into(), LOCK).await?;
    let fingerprint = trail::fingerprint(room, login.as_str());
    tx.audit(Audit::general("account.attempt", "temporary_account").after(json!({ "login": fingerprint })));
    if counted.as_ref().is_some_and(|account| account.failures >= MAX_FAILURES) {
        let after = json!({ "login": fingerprint, "minutes": LOCK.whole_minutes() });
        tx.audit(Audit::general("account.lock", "temporary_account").after(after));
    }
    tx.commit().await?;
    let hash = counted.as_ref().map(|account| account.password_hash.clone());
    let right = room.hasher.verify(password.clone(), hash).await.map_err(Problem::internal)?;
    let Some(account) = counted.filter(|_| right) else { return Ok(None) };
    let mut tx = room.db.write(ctx, "identity.temporary.succeed").await?;
    store::forget_failures(&mut tx, login).await?;
    tx.audit(Audit::general("account.succeed", "temporary_account").after(json!({ "login": fingerprint })));
    tx.commit().await?;
    let mut entrance = Entrance::new(Provider::Account, login.clone());
    entrance.person = Some(account.person);
    entrance.must_change_password = account.must_change;
    entrance.expires_at = account.expires_at;
    Ok(Some(entrance))
}

/// A temporary account to be given out.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The login name; unique in the city, apart from the names of the single sign-on.
    pub login: String,
    /// The name to show, when no roster names the person.
    pub name: String,
    /// The school; `SchoolCode::CITY` for the city's own roles.
    pub school: SchoolCode,
    /// The role it is given for.
    pub role: Role,
    /// The account under which the school's rosters name the person, if they do: then it is the same person, with
    /// all their hats.
    pub roster_account: Option<String>,
    /// When it ends by itself.
    pub expires_at: Option<OffsetDateTime>,
}

/// Why an account was not made.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Letters, digits, `.`, `_`, `-`, `@`, at most 64.
    #[error("a login name has 1 to 64 characters of a-z, 0-9, '.', '_', '-', '@'")]
    Login,
    /// There is an account of this name.
    #[error("there is a temporary account of this name already")]
    Taken,
    /// There is none.
    #[error("there is no temporary account of this name")]
    Unknown,
    /// The school is not there.
    #[error("there is no school {0}")]
    NoSchool(SchoolCode),
    /// The role needs a row of the school's rosters, or belongs to the city.
    #[error(
        "role {0} at this school needs the account under which its rosters name the person (only school \
         administrators and the city's own roles can do without)"
    )]
    NeedsRoster(&'static str),
    /// No roster names that account.
    #[error("no roster of the school names this account; import the rosters first")]
    NotInRoster,
    /// The password is too weak.
    #[error("{0}")]
    Weak(#[from] Weak),
    /// The database.
    #[error(transparent)]
    Store(#[from] ::store::Error),
    /// The hasher.
    #[error("the password can't be hashed")]
    Hash,
}

/// Makes a temporary account whose password is to be changed at the first log-in, and its hat.
///
/// The first administrator of a new school has no roster to stand in: theirs is granted until rosters name them.
pub async fn create(
    db: &Db,
    request_id: &str,
    now: OffsetDateTime,
    new: &NewAccount,
    password: &str,
) -> Result<PersonId, AccountError> {
    let login = LoginName::parse(&new.login).ok_or(AccountError::Login)?;
    check(password, login.as_str(), None)?;
    let hash = hasher::hash(password).map_err(|_| AccountError::Hash)?;
    let ctx = Context::system(new.school, request_id.to_owned(), now);
    let mut tx = db.write(&ctx, "identity.temporary.create").await?;
    if new.school != SchoolCode::CITY && !store::school_exists(&mut tx).await? {
        return Err(AccountError::NoSchool(new.school));
    }
    let (person, subject_id) = match &new.roster_account {
        Some(account) => {
            let kind = if new.role == Role::Student { "student" } else { "staff" };
            store::in_roster(&mut tx, &account.to_lowercase(), kind).await?.ok_or(AccountError::NotInRoster)?
        }
        None if new.role.is_city() == (new.school == SchoolCode::CITY)
            && (new.role.is_city() || new.role == Role::SchoolAdmin) =>
        {
            (store::new_person(&mut tx).await?, None)
        }
        None => return Err(AccountError::NeedsRoster(new.role.code())),
    };
    store::grant(&mut tx, person, new.role, subject_id, &new.name).await?;
    let inserted = store::insert(&mut tx, &login, person, &hash, new.expires_at).await;
    if inserted.as_ref().is_err_and(|error| error.is_constraint("temporary_account_pkey")) {
        return Err(AccountError::Taken);
    }
    inserted?;
    let after = json!({ "person": person, "role": new.role.code(), "expires_at": new.expires_at.map(|at| at.unix_timestamp()) });
    tx.audit(Audit::general("account.create", "temporary_account").after(after));
    tx.commit().await?;
    Ok(person)
}

/// Gives an account a new password, to be changed at the next log-in, and unlocks it. Returns whose it is: their
/// sessions are to be ended, or whoever held the old password stays in.
pub async fn reset(
    db: &Db,
    request_id: &str,
    now: OffsetDateTime,
    login: &str,
    password: &str,
) -> Result<PersonId, AccountError> {
    let login = LoginName::parse(login).ok_or(AccountError::Login)?;
    check(password, login.as_str(), None)?;
    let hash = hasher::hash(password).map_err(|_| AccountError::Hash)?;
    let ctx = Context::system(SchoolCode::CITY, request_id.to_owned(), now);
    let mut tx = db.write(&ctx, "identity.temporary.reset").await?;
    let person = store::reset(&mut tx, &login, &hash).await?.ok_or(AccountError::Unknown)?;
    tx.audit(Audit::general("account.reset", "temporary_account").after(json!({ "person": person })));
    tx.commit().await?;
    Ok(person)
}

/// A password to be read aloud or from paper: sixteen characters, 80 bits, none that look alike.
#[must_use]
pub fn generate_password(keys: &Keys) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letters = keys.random::<16>().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "no local passwords except temporary accounts with forced change, ≥12 characters".
    #[test]
    fn a_password_is_long_and_not_the_login_or_the_old_one() {
        assert_eq!(check("short-pass1", "a01", None), Err(Weak::Short));
        assert_eq!(check("十二個字元的密碼也算數喔", "a01", None), Ok(()));
        assert_eq!(check("S343303A01-2026", "s343303a01", None), Err(Weak::HoldsLogin));
        assert_eq!(check("aaaaaaaaaaaaaa", "x1", None), Err(Weak::Monotonous));
        assert_eq!(check("correct horse", "x1", Some("correct horse")), Err(Weak::SameAsOld));
        assert_eq!(check("correct horse", "x1", Some("another one!")), Ok(()));
        assert_eq!(check(&"ab3de".repeat(26), "x1", None), Err(Weak::Long));
    }

    #[test]
    fn a_generated_password_passes_the_rule_and_differs_each_time() {
        let keys = Keys::derive(&[3; 32]).unwrap();
        let (one, two) = (generate_password(&keys), generate_password(&keys));
        assert_eq!(one.len(), 19);
        assert_ne!(one, two);
        assert_eq!(check(&one, "s343303a01", Some(&two)), Ok(()));
    }
}
