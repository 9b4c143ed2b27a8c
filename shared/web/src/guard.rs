//! Who may come in: the permission of a route is the type in its signature.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::{HeaderValue, Method, header, request::Parts};
use axum::response::{IntoResponse, Response};
use kernel::{
    actor::Context,
    permission::{Permission, Scope},
    role::Role,
    school::SchoolCode,
};

use crate::{
    answer::redirect,
    device,
    need::Need,
    page::Page,
    problem::{Problem, wants_json},
    request::Facts,
    session::{Hat, Session, Token},
    state::HasWeb,
};

/// Where a person with a temporary password is sent until they have chosen their own.
pub const PASSWORD_PATH: &str = "/account/password";

/// Anybody; knows who it is if they are logged in.
pub struct Visitor {
    facts: Facts,
    session: Option<(Token, Session)>,
    user_agent: Option<HeaderValue>,
}

/// Somebody who is logged in, whatever their role. Derefs to the [`Context`] of stores.
#[derive(Clone)]
pub struct LoggedIn {
    context: Context,
    facts: Facts,
    token: Token,
    session: Session,
}

/// Somebody whose role in use has the permission, at the school of the URL. Derefs to the [`Context`] of stores.
///
/// | who asks | answer |
/// |---|---|
/// | nobody logged in | 303 to the log-in and back; 401 to programs and to forms |
/// | a temporary password not yet changed | 303 to [`PASSWORD_PATH`] |
/// | another school's URL, even of another hat: switching is explicit | 404 |
/// | a role without the permission | 403 |
#[derive(Clone)]
pub struct May<N> {
    who: LoggedIn,
    scope: Scope,
    need: PhantomData<fn() -> N>,
}

impl Visitor {
    /// The page for the layout.
    pub fn page(&self, title: impl Into<String>) -> Page {
        Page::new(&self.facts, title)
    }

    /// The session, if there is one.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref().map(|(_, session)| session)
    }

    /// The token of that session.
    pub fn token(&self) -> Option<&Token> {
        self.session.as_ref().map(|(token, _)| token)
    }

    /// The id of the request.
    pub fn request_id(&self) -> &str {
        self.facts.request_id()
    }

    /// The moment the request began.
    pub fn now(&self) -> time::OffsetDateTime {
        self.facts.now()
    }

    /// The device as people call it, e.g. `Android・Chrome`; empty where the browser does not say.
    pub fn device(&self) -> String {
        let says = self.user_agent.as_ref().and_then(|agent| agent.to_str().ok());
        device::named(says.unwrap_or_default())
    }
}

impl LoggedIn {
    /// The page for the layout.
    pub fn page(&self, title: impl Into<String>) -> Page {
        Page::new(&self.facts, title)
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The token of the session, to save or destroy it.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The hat that is on.
    pub fn hat(&self) -> &Hat {
        self.session.hat()
    }

    /// The role in use.
    pub fn role(&self) -> Role {
        self.hat().role
    }

    /// How far another permission reaches for this person: to draw or leave out a button.
    pub fn reach(&self, permission: Permission) -> Option<Scope> {
        self.role().may(permission)
    }

    /// `/s/{school}` and the rest: a path of this person's school.
    pub fn url(&self, rest: impl std::fmt::Display) -> String {
        format!("/s/{}{rest}", self.context.actor.school)
    }
}

impl<N> May<N> {
    /// How far the permission reaches.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The context, to hand on.
    pub fn context(&self) -> &Context {
        &self.who.context
    }
}

impl Deref for LoggedIn {
    type Target = Context;
    fn deref(&self) -> &Context {
        &self.context
    }
}

/// Derefs to [`LoggedIn`], and through it to the [`Context`].
impl<N> Deref for May<N> {
    type Target = LoggedIn;
    fn deref(&self) -> &LoggedIn {
        &self.who
    }
}

impl<S: HasWeb + Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let web = state.web();
        let facts = Facts::of(parts, web);
        let user_agent = parts.headers.get(header::USER_AGENT).cloned();
        let Some(token) = Token::of(&parts.headers) else { return Ok(Self { facts, session: None, user_agent }) };
        let session = web.sessions().load(&token).await?;
        if let Some(session) = &session {
            facts.note(session);
        }
        Ok(Self { facts, session: session.map(|session| (token, session)), user_agent })
    }
}

impl<S: HasWeb + Send + Sync> FromRequestParts<S> for LoggedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Visitor { facts, session, .. } =
            Visitor::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        let Some((token, session)) = session else { return Err(to_login(parts, &facts)) };
        let request_id = facts.request_id().to_owned();
        let context = Context { actor: session.actor(), request_id, now: facts.now() };
        Ok(Self { context, facts, token, session })
    }
}

impl<N: Need, S: HasWeb + Send + Sync> FromRequestParts<S> for May<N> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let who = LoggedIn::from_request_parts(parts, state).await?;
        if who.session.must_change_password {
            return Err(redirect(PASSWORD_PATH));
        }
        if !at_own_school(parts, state, who.school()).await {
            return Err(Problem::NotFound.into_response());
        }
        let scope = N::reach(who.role()).ok_or_else(|| Problem::Forbidden.into_response())?;
        Ok(Self { who, scope, need: PhantomData })
    }
}

/// Whether the URL names the school of the hat that is on, or none at all.
async fn at_own_school<S: Send + Sync>(parts: &mut Parts, state: &S, school: SchoolCode) -> bool {
    let Ok(params) = RawPathParams::from_request_parts(parts, state).await else { return true };
    params.iter().all(|(name, value)| name != "school" || value == school.as_str())
}

/// A reader of pages is led to the log-in and back; a program, or a form whose text would be lost, gets a 401.
fn to_login(parts: &Parts, facts: &Facts) -> Response {
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    if !reads || wants_json(&parts.headers, parts.uri.path()) {
        return Problem::LogIn.into_response();
    }
    let next: String = form_urlencoded::byte_serialize(facts.path().as_bytes()).collect();
    redirect(format!("/login?next={next}"))
}

/// The path to come back to after logging in, if it is one of ours; a link to elsewhere is dropped.
pub fn next_path(next: Option<&str>) -> Option<&str> {
    // Browsers read `//host` and `/\host` as another host, and skip control characters while doing so.
    let ours = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains('\\')
            && !path.chars().any(char::is_control)
            && !path.starts_with("/login")
    };
    next.filter(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_ours_are_come_back_to() {
        assert_eq!(next_path(Some("/s/123456/home?year=115")), Some("/s/123456/home?year=115"));
        for foreign in
            ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "home", "", "/login"]
        {
            assert_eq!(next_path(Some(foreign)), None, "{foreign:?}");
        }
        assert_eq!(next_path(None), None);
    }
}
