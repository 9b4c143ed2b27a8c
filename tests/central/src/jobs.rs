//! The jobs, in memory and on disk: one JSON file each, replaced whole at every change of state.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::{
    job::{Job, Progress},
    notice::Notice,
};

/// All jobs of this simulator.
pub(crate) struct Jobs {
    folder: PathBuf,
    all: Mutex<BTreeMap<String, Job>>,
    changes: watch::Sender<u64>,
}

impl Jobs {
    /// Reads the jobs that lie in the folder.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let job: Job = serde_json::from_slice(&fs::read(&path)?)?;
                all.insert(job.id.clone(), job);
            }
        }
        Ok(Self { folder: folder.to_owned(), all: Mutex::new(all), changes: watch::Sender::new(0) })
    }

    /// Takes a notice in; answers its job and whether there is new work to do.
    pub(crate) fn take(&self, notice: Notice, now_ms: i64) -> io::Result<(String, bool)> {
        let id = notice.job_id();
        let mut all = self.lock();
        let (job, fresh) = match all.get(&id).cloned() {
            Some(job) if job.state.is_final() && !job.may_try_again() => return Ok((id, false)),
            // a link expires sooner than a job: the newer one counts
            Some(job) if !job.state.is_final() => (Job { notice, version: job.version + 1, ..job }, false),
            Some(job) => {
                let anew = Job::new(notice, job.received_at);
                (Job { version: job.version + 1, ..anew }, true)
            }
            None => (Job::new(notice, now_ms), true),
        };
        self.write(&job)?;
        all.insert(id.clone(), job);
        drop(all);
        self.tell();
        Ok((id, fresh))
    }

    pub(crate) fn get(&self, id: &str) -> Option<Job> {
        self.lock().get(id).cloned()
    }

    /// All jobs, newest first.
    pub(crate) fn list(&self) -> Vec<Job> {
        let mut list: Vec<Job> = self.lock().values().cloned().collect();
        list.sort_by_key(|job| std::cmp::Reverse(job.received_at));
        list
    }

    /// Jobs that a start has to resume.
    pub(crate) fn unfinished(&self) -> Vec<String> {
        self.lock().values().filter(|job| !job.state.is_final()).map(|job| job.id.clone()).collect()
    }

    /// Changes a job and writes it down.
    pub(crate) fn change(&self, id: &str, change: impl FnOnce(&mut Job)) -> io::Result<()> {
        let mut all = self.lock();
        if let Some(job) = all.get_mut(id) {
            let mut changed = job.clone();
            change(&mut changed);
            changed.version += 1;
            // what could not be written has not happened
            self.write(&changed)?;
            *job = changed;
        }
        drop(all);
        self.tell();
        Ok(())
    }

    /// Counts files; not written down, since a restart counts the files on disk again.
    pub(crate) fn progress(&self, id: &str, progress: Progress) {
        if let Some(job) = self.lock().get_mut(id) {
            job.progress = progress;
            job.version += 1;
        }
        self.tell();
    }

    /// Waits until the job has a version newer than the one seen.
    pub(crate) async fn newer(&self, id: &str, seen: u64) {
        let mut changes = self.changes.subscribe();
        while self.get(id).is_some_and(|job| job.version <= seen) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn write(&self, job: &Job) -> io::Result<()> {
        let path = self.folder.join(format!("{}.json", job.id));
        let part = path.with_extension("part");
        fs::write(&part, serde_json::to_vec(job)?)?;
        fs::rename(part, path)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Job>> {
        // a panic elsewhere leaves whole jobs behind: every change is a few plain assignments
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
