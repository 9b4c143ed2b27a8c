//! Coming in: from a proven login name to a session under the most useful hat.

pub(crate) mod pages;
mod store;

use std::fmt;

use axum::http::header;
use kernel::ids::PersonId;
use serde::Deserialize;
use web::{Answer, Hat, Session, Visitor};

use crate::{Room, trail};

pub(crate) use self::store::{hats_of, person_of};

/// How somebody proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    /// The city's single sign-on.
    Oidc,
    /// The city's directory.
    Ldap,
    /// A temporary account of ours.
    Account,
}

impl Provider {
    /// Every way in.
    const ALL: [Self; 3] = [Self::Oidc, Self::Ldap, Self::Account];

    /// The way in that a session or the audit means.
    pub(crate) fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.code() == code)
    }

    /// As the log-in page calls it.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Oidc => "單一登入",
            Self::Ldap => "單一身分驗證帳號",
            Self::Account => "臨時帳號",
        }
    }

    /// As sessions and the audit keep it.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Ldap => "ldap",
            Self::Account => "account",
        }
    }
}

/// A login name in the one spelling that the directory of people keeps. Personal: a teacher's may hold the digits
/// of their national id (F-010).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LoginName(String);

impl LoginName {
    /// Reads what somebody typed or a provider said; names of other shapes exist nowhere in the city.
    pub(crate) fn parse(typed: &str) -> Option<Self> {
        let name = typed.trim().to_ascii_lowercase();
        let lawful = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@');
        ((1..=64).contains(&name.len()) && name.bytes().all(lawful)).then_some(Self(name))
    }

    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginName(…)")
    }
}

/// A password on its way to whoever can judge it. Debug shows nothing of it.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Password(String);

impl Password {
    /// No password is longer than this many bytes: hashing must not become work for free.
    const MAX_BYTES: usize = 512;

    #[cfg(test)]
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one call that needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is worth judging. An empty one would make LDAP bind as nobody, which succeeds.
    pub(crate) fn is_plausible(&self) -> bool {
        (1..=Self::MAX_BYTES).contains(&self.0.len())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Somebody who proved a login name.
pub(crate) struct Entrance {
    pub(crate) provider: Provider,
    pub(crate) login: LoginName,
    /// Known already for temporary accounts; otherwise the directory of people tells.
    pub(crate) person: Option<PersonId>,
    pub(crate) id_token: Option<String>,
    pub(crate) oidc_sid: Option<String>,
    pub(crate) must_change_password: bool,
    /// When the account ends by itself.
    pub(crate) expires_at: Option<time::OffsetDateTime>,
}

impl Entrance {
    /// By a provider that knows nothing of sessions.
    pub(crate) fn new(provider: Provider, login: LoginName) -> Self {
        Self {
            provider,
            login,
            person: None,
            id_token: None,
            oidc_sid: None,
            must_change_password: false,
            expires_at: None,
        }
    }
}

/// Opens a session for somebody with a hat, under a new token, and leads on; tells everybody else what to do.
pub(crate) async fn enter(room: &Room, visitor: &Visitor, entrance: Entrance, next: Option<&str>) -> Answer {
    let mut tx = room.db.read(&trail::city(visitor), "identity.login.find").await?;
    let person = match entrance.person {
        Some(person) => Some(person),
        None => person_of(&mut tx, &entrance.login).await?,
    };
    let hats = match person {
        Some(person) => hats_of(&mut tx, person).await?,
        None => Vec::new(),
    };
    drop(tx);
    let Some(person) = person.filter(|_| !hats.is_empty()) else {
        trail::refused(room, visitor, entrance.provider, entrance.login.as_str(), "no role").await?;
        return pages::without_role(visitor, entrance.provider);
    };
    let active = first_hat(&hats, next);
    let session = Session {
        person,
        login: entrance.login.0,
        hats,
        active,
        provider: entrance.provider.code().to_owned(),
        id_token: entrance.id_token,
        oidc_sid: entrance.oidc_sid,
        must_change_password: entrance.must_change_password,
        created_at: visitor.now(),
        device: visitor.device(),
        expires_at: entrance.expires_at,
    };
    begin(room, visitor, &session, entrance.provider, next).await
}

/// The session's new token, its audit row, and the way to the first page.
async fn begin(room: &Room, visitor: &Visitor, session: &Session, provider: Provider, next: Option<&str>) -> Answer {
    trail::entered(&room.db, &trail::wearer(visitor, session), provider, session.hat().role.code()).await?;
    if let Some(former) = visitor.token() {
        room.web.sessions().destroy(former).await?;
    }
    let token = room.web.sessions().create(session).await?;
    metrics::counter!("licheng_logins_total", "provider" => provider.code()).increment(1);
    let mut response = web::redirect(landing(session, next));
    response.headers_mut().append(header::SET_COOKIE, token.set_cookie());
    Ok(response)
}

/// The first page: the one asked for before the log-in if it is of a school of the person's, otherwise the hat's home.
pub(crate) fn landing(session: &Session, next: Option<&str>) -> String {
    let hat = session.hat();
    let wanted = web::next_path(next).filter(|path| school_of(path).is_none_or(|code| code == hat.school.as_str()));
    let first = wanted.map_or_else(|| web::home_path(hat), str::to_owned);
    if !session.must_change_password {
        return first;
    }
    let next: String = url::form_urlencoded::byte_serialize(first.as_bytes()).collect();
    format!("{}?next={next}", web::PASSWORD_PATH)
}

/// The hat to put on: one of the school that the page asked for belongs to, otherwise the first.
fn first_hat(hats: &[Hat], next: Option<&str>) -> usize {
    let school = web::next_path(next).and_then(school_of);
    school.and_then(|code| hats.iter().position(|hat| hat.school.as_str() == code)).unwrap_or(0)
}

fn school_of(path: &str) -> Option<&str> {
    path.strip_prefix("/s/")?.split(['/', '?']).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{actor::Subject, role::Role};

    fn hat(school: &str, role: Role) -> Hat {
        Hat {
            school: school.parse().unwrap(),
            school_name: school.to_owned(),
            role,
            subject: Subject::Staff(1.into()),
            name: "林老師".to_owned(),
        }
    }

    #[test]
    fn a_login_name_has_one_spelling() {
        assert_eq!(LoginName::parse(" HCSH108234567 ").unwrap().as_str(), "hcsh108234567");
        for wrong in ["", "  ", "a b", "a*", "a)(uid=*", "王小明", &"a".repeat(65)] {
            assert!(LoginName::parse(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn neither_names_nor_passwords_reach_a_log() {
        let shown = format!("{:?} {:?}", LoginName::parse("s343303a01"), Password::new("licheng-demo"));
        assert!(!shown.contains("s343303a01") && !shown.contains("licheng"), "{shown}");
        assert!(!Password::default().is_plausible());
    }

    #[test]
    fn the_page_asked_for_decides_the_hat_and_a_foreign_one_is_dropped() {
        let hats = vec![hat("343303", Role::CourseTeacher), hat("353302", Role::SchoolAdmin)];
        assert_eq!(first_hat(&hats, Some("/s/353302/office/imports")), 1);
        assert_eq!(first_hat(&hats, Some("/s/999999/home")), 0);
        assert_eq!(first_hat(&hats, None), 0);
        let session = Session {
            person: 1.into(),
            login: "t".to_owned(),
            hats,
            active: 0,
            provider: "ldap".to_owned(),
            id_token: None,
            oidc_sid: None,
            must_change_password: false,
            created_at: time::OffsetDateTime::UNIX_EPOCH,
            device: String::new(),
            expires_at: None,
        };
        assert_eq!(landing(&session, Some("/s/343303/certification?class=1")), "/s/343303/certification?class=1");
        assert_eq!(landing(&session, Some("/s/999999/home")), "/s/343303/certification");
        assert_eq!(landing(&session, Some("https://evil.example/")), "/s/343303/certification");
    }

    /// temporary accounts change their password at the first log-in, before anything else.
    #[test]
    fn a_temporary_password_is_changed_first() {
        let session = Session {
            person: 1.into(),
            login: "t".to_owned(),
            hats: vec![hat("343303", Role::CourseTeacher)],
            active: 0,
            provider: "account".to_owned(),
            id_token: None,
            oidc_sid: None,
            must_change_password: true,
            created_at: time::OffsetDateTime::UNIX_EPOCH,
            device: String::new(),
            expires_at: None,
        };
        assert_eq!(landing(&session, None), "/account/password?next=%2Fs%2F343303%2Fcertification");
    }
}
