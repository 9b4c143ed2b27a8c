//! The client's own log of what was acknowledged, and its comparison with the database.

use anyhow::Result;
use sqlx::PgConnection;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What the system said it had done.
#[derive(Default)]
pub(crate) struct Log(Mutex<Acknowledged>);

#[derive(Default)]
struct Acknowledged {
    files: Vec<i64>,
    requests: Vec<i64>,
    /// By activity: chosen or left out; none when an answer was lost and either may be.
    choices: HashMap<i64, Option<bool>>,
}

/// How much was acknowledged, and what of it is missing.
pub(crate) struct Comparison {
    pub(crate) acknowledged: usize,
    pub(crate) missing: Vec<String>,
}

impl Log {
    fn inner(&self) -> MutexGuard<'_, Acknowledged> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn saved(&self, file: i64) {
        self.inner().files.push(file);
    }

    pub(crate) fn decided(&self, request: i64) {
        self.inner().requests.push(request);
    }

    pub(crate) fn chosen(&self, activity: i64, chosen: Option<bool>) {
        self.inner().choices.insert(activity, chosen);
    }

    /// Looks everything up, as the administrator: past the rooms and their policies.
    pub(crate) async fn compare(&self, admin: &mut PgConnection) -> Result<Comparison> {
        let (files, requests, choices) = {
            let log = self.inner();
            let sure = log.choices.iter().filter_map(|(activity, chosen)| Some((*activity, (*chosen)?)));
            (log.files.clone(), log.requests.clone(), sure.collect::<Vec<_>>())
        };
        let lost: Vec<i64> = sqlx::query_scalar(
            "select w.file from unnest($1::bigint[]) w (file) where not exists (select from portfolio.file f where f.id = w.file
                and f.saved_at is not null and f.sha256 is not null and exists (select from app.audit a
                where a.school_code = f.school_code and a.entity = 'file' and a.entity_id = f.id and a.action = 'file.save'))",
        )
        .bind(&files)
        .fetch_all(&mut *admin)
        .await?;
        let mut missing: Vec<String> = lost.into_iter().map(|id| format!("file {id}")).collect();
        let lost: Vec<(i64, i64)> = sqlx::query_as(
            "select w.request, count(d.id) from unnest($1::bigint[]) w (request)
               left join certification.decision d on d.request_id = w.request and d.revoked_at is null
              group by w.request having count(d.id) <> 1",
        )
        .bind(&requests)
        .fetch_all(&mut *admin)
        .await?;
        missing.extend(lost.into_iter().map(|(id, found)| format!("decision of request {id}: {found}")));
        let (activities, chosen): (Vec<i64>, Vec<bool>) = choices.iter().copied().unzip();
        let lost: Vec<i64> = sqlx::query_scalar(
            "select c.activity from unnest($1::bigint[], $2::boolean[]) c (activity, chosen)
              where c.chosen <> exists (select from portfolio.activity_selection s where s.activity_id = c.activity)",
        )
        .bind(&activities)
        .bind(&chosen)
        .fetch_all(&mut *admin)
        .await?;
        missing.extend(lost.into_iter().map(|id| format!("choice of activity {id}")));
        Ok(Comparison { acknowledged: files.len() + requests.len() + choices.len(), missing })
    }
}
