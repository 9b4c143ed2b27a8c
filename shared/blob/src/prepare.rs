//! Making the two buckets ready.

use crate::{
    error::{BlobError, Part},
    shelf::{Shelf, status},
    vault::Vault,
};
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CorsConfiguration, CorsRule, CreateBucketConfiguration,
    DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule,
    VersioningConfiguration,
};

/// The second copy can't be deleted for this many days, by nobody without a special right, where
/// the server offers object lock. The first copy stays unlocked: what is being uploaded lies there.
const LOCKED_DAYS: i32 = 30;

impl Vault {
    /// Makes the buckets if they are missing, turns versioning on, locks the second copy where the
    /// server can, and lets pages of `app_origin` upload. May be called any number of times, also
    /// with rights that allow none of it if all of it is done.
    pub async fn prepare(&self, app_origin: &str) -> Result<(), BlobError> {
        for shelf in [&self.primary, &self.replica] {
            make(shelf).await?;
            keep_versions(shelf).await?;
        }
        lock(&self.replica).await;
        allow_uploads(&self.primary, app_origin).await
    }
}

async fn make(shelf: &Shelf) -> Result<(), BlobError> {
    match shelf.client.head_bucket().bucket(&shelf.bucket).send().await {
        Ok(_) => return Ok(()),
        Err(error) if status(&error) == Some(404) => {}
        Err(error) => return Err(shelf.failed(&error)),
    }
    let region = shelf.client.config().region().map(ToString::to_string).filter(|region| region != "us-east-1");
    let place = region.map(|region| {
        let place = BucketLocationConstraint::from(region.as_str());
        CreateBucketConfiguration::builder().location_constraint(place).build()
    });
    let request = shelf.client.create_bucket().bucket(&shelf.bucket).set_create_bucket_configuration(place);
    let lockable = shelf.part == Part::Replica;
    let made = match request.clone().set_object_lock_enabled_for_bucket(lockable.then_some(true)).send().await {
        Err(error) if lockable && status(&error).is_some() => {
            tracing::debug!(bucket = shelf.bucket, error = %shelf.failed(&error), "no bucket with object lock");
            request.send().await
        }
        made => made,
    };
    match made {
        Ok(_) => Ok(()),
        // somebody else made it in between
        Err(error) if status(&error) == Some(409) => Ok(()),
        Err(error) => Err(shelf.failed(&error)),
    }
}

async fn keep_versions(shelf: &Shelf) -> Result<(), BlobError> {
    let now = shelf.client.get_bucket_versioning().bucket(&shelf.bucket).send().await;
    if now.is_ok_and(|now| now.status() == Some(&BucketVersioningStatus::Enabled)) {
        return Ok(());
    }
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let request = shelf.client.put_bucket_versioning().bucket(&shelf.bucket).versioning_configuration(enabled);
    request.send().await.map(|_| ()).map_err(|error| shelf.failed(&error))
}

/// Optional: not every server locks, and a bucket made without it may stay so.
async fn lock(shelf: &Shelf) {
    let now = shelf.client.get_object_lock_configuration().bucket(&shelf.bucket).send().await;
    let rule = now.ok().and_then(|now| now.object_lock_configuration).and_then(|lock| lock.rule);
    if rule.is_some() {
        return;
    }
    let retention = DefaultRetention::builder().mode(ObjectLockRetentionMode::Governance).days(LOCKED_DAYS).build();
    let lock = ObjectLockConfiguration::builder()
        .object_lock_enabled(ObjectLockEnabled::Enabled)
        .rule(ObjectLockRule::builder().default_retention(retention).build())
        .build();
    let request = shelf.client.put_object_lock_configuration().bucket(&shelf.bucket).object_lock_configuration(lock);
    if let Err(error) = request.send().await {
        let error = shelf.failed(&error);
        tracing::warn!(bucket = shelf.bucket, %error, "object lock is not offered; the second copy is versioned only");
    }
}

async fn allow_uploads(shelf: &Shelf, app_origin: &str) -> Result<(), BlobError> {
    let now = shelf.client.get_bucket_cors().bucket(&shelf.bucket).send().await;
    let allows = |rule: &CorsRule| {
        let puts = rule.allowed_methods().iter().any(|method| method == "PUT");
        puts && rule.allowed_origins().iter().any(|origin| origin == app_origin)
    };
    if now.is_ok_and(|now| now.cors_rules().iter().any(allows)) {
        return Ok(());
    }
    let rule = CorsRule::builder()
        .allowed_origins(app_origin)
        .set_allowed_methods(Some(["PUT", "GET", "HEAD"].map(str::to_owned).to_vec()))
        .allowed_headers("*")
        .expose_headers("ETag")
        .max_age_seconds(3600)
        .build()
        .expect("origins and methods are given");
    let rules = CorsConfiguration::builder().cors_rules(rule).build().expect("one rule is given");
    let request = shelf.client.put_bucket_cors().bucket(&shelf.bucket).cors_configuration(rules);
    request.send().await.map(|_| ()).map_err(|error| shelf.failed(&error))
}
