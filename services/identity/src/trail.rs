//! The trail that log-ins leave in the audit.

use kernel::{actor::Context, school::SchoolCode};
use serde_json::json;
use store::{Audit, Db};
use web::{Session, Visitor};

use crate::{Room, login::Provider};

/// The system acting for the city, before it is known who asks.
pub(crate) fn city(visitor: &Visitor) -> Context {
    Context::system(SchoolCode::CITY, visitor.request_id().to_owned(), visitor.now())
}

/// Somebody under the hat that is on.
pub(crate) fn wearer(visitor: &Visitor, session: &Session) -> Context {
    Context { actor: session.actor(), request_id: visitor.request_id().to_owned(), now: visitor.now() }
}

/// What was typed as a login, recognisable when it is tried again, readable by nobody: people type their password
/// or their national id there.
pub(crate) fn fingerprint(room: &Room, typed: &str) -> String {
    hex::encode(&room.web.keys().blind_index(&format!("login\n{typed}"))[..16])
}

/// Somebody came in.
pub(crate) async fn entered(db: &Db, ctx: &Context, provider: Provider, role: &str) -> Result<(), store::Error> {
    let mut tx = db.write(ctx, "identity.login.enter").await?;
    tx.audit(Audit::general("session.begin", "session").after(json!({ "provider": provider.code(), "role": role })));
    tx.commit().await
}

/// Somebody did not come in.
pub(crate) async fn refused(
    room: &Room,
    visitor: &Visitor,
    provider: Provider,
    typed: &str,
    why: &str,
) -> Result<(), store::Error> {
    let mut tx = room.db.write(&city(visitor), "identity.login.refuse").await?;
    let after = json!({ "provider": provider.code(), "login": fingerprint(room, typed), "why": why });
    tx.audit(Audit::general("session.refuse", "session").after(after));
    tx.commit().await
}

/// A session ended: by its wearer, or because the provider said so.
pub(crate) async fn ended(db: &Db, ctx: &Context, by: &str, count: usize) -> Result<(), store::Error> {
    let mut tx = db.write(ctx, "identity.session.end").await?;
    tx.audit(Audit::general("session.end", "session").after(json!({ "by": by, "count": count })));
    tx.commit().await
}
