//! Works a job off: fetch the workbook, fetch its files, check, write the receipt.
//!
//! Every step can be repeated, so a job that was cut off begins again at its first step and
//! finds what it had already fetched.

use std::{sync::Arc, time::Duration};

use tokio::{fs, task::spawn_blocking};

use crate::{
    check::{self, Arrivals, Report},
    download::{self, Failure, Fetched},
    finding::{Finding, Findings, Flaw},
    job::{Job, Progress, State},
    notice::Notice,
    receipt,
    roster::Roster,
    server::{Central, now_ms},
    workbook,
};

/// Between two tries of a job that our own disk stopped.
const AFTER_TROUBLE: Duration = Duration::from_secs(2);

/// Works a job until it is rejected or has its receipt. On trouble of our own (disk) it is tried
/// again after a while, for as long as the trouble lasts: nobody else would ever take it up.
pub(crate) async fn run(central: Arc<Central>, id: String) {
    while let Err(error) = step(&central, &id).await {
        eprintln!("central: job {id} waits: {error:#}");
        tokio::time::sleep(AFTER_TROUBLE).await;
    }
}

async fn step(central: &Arc<Central>, id: &str) -> anyhow::Result<()> {
    let _slot = central.slots.acquire().await?;
    let Some(job) = central.jobs.get(id) else { return Ok(()) };
    match job.state {
        State::Rejected | State::ReceiptReady => Ok(()),
        State::Accepted => write_receipt(central, id).await,
        State::Queued | State::Downloading | State::Checking => work(central, job).await,
    }
}

async fn work(central: &Arc<Central>, job: Job) -> anyhow::Result<()> {
    central.jobs.change(&job.id, |job| job.state = State::Downloading)?;
    if let Err(findings) = fetch_workbook(central, &job).await? {
        return Ok(central.jobs.change(&job.id, |job| job.reject(findings, Vec::new()))?);
    }
    let roster = match read_roster(central, &job).await? {
        Ok(roster) => Arc::new(roster),
        Err(findings) => {
            return Ok(central.jobs.change(&job.id, |job| job.reject(findings, Vec::new()))?);
        }
    };
    let arrivals = fetch_files(central, &job, &roster).await?;
    central.jobs.change(&job.id, |job| job.state = State::Checking)?;
    let notice = job.notice.clone();
    let Report { findings, results } = spawn_blocking(move || check::contents(&roster, &notice, &arrivals)).await?;
    if !findings.is_empty() {
        return Ok(central.jobs.change(&job.id, |job| job.reject(findings, results))?);
    }
    central.jobs.change(&job.id, |job| job.accept(results, now_ms()))?;
    write_receipt(central, &job.id).await
}

/// Has the workbook of the job stand in the library, as announced.
async fn fetch_workbook(central: &Arc<Central>, job: &Job) -> anyhow::Result<Result<(), Findings>> {
    let place = central.library.workbook(&job.id);
    if fs::try_exists(&place).await? {
        return Ok(Ok(()));
    }
    let part = place.with_extension("part");
    // the address as it is now: a repeated notice may have brought a newer one
    let url = central.jobs.get(&job.id).map_or_else(|| job.notice.url.clone(), |job| job.notice.url);
    let finding = match download::fetch(central, &url, &part, job.notice.size).await {
        Ok(fetched) => match not_as_announced(&fetched, &job.notice) {
            None => {
                fs::rename(&part, &place).await?;
                return Ok(Ok(()));
            }
            Some(finding) => finding,
        },
        Err(Failure::TooLarge) => Finding::workbook(Flaw::WorkbookSize, "名冊檔案大於通知所載的大小"),
        Err(Failure::Failed(reason)) => Finding::workbook(Flaw::WorkbookDownload, format!("名冊下載失敗：{reason}")),
        Err(Failure::Disk(error)) => return Err(error.into()),
    };
    Ok(Err(finding.into()))
}

fn not_as_announced(fetched: &Fetched, notice: &Notice) -> Option<Finding> {
    if fetched.size != notice.size {
        return Some(Finding::workbook(Flaw::WorkbookSize, "名冊檔案大小與通知不符"));
    }
    (fetched.sha256 != notice.sha256).then(|| Finding::workbook(Flaw::WorkbookHash, "名冊檔案的 SHA-256 與通知不符"))
}

async fn read_roster(central: &Arc<Central>, job: &Job) -> anyhow::Result<Result<Roster, Findings>> {
    let place = central.library.workbook(&job.id);
    let notice = job.notice.clone();
    let read = spawn_blocking(move || match workbook::read(&place) {
        Ok(sheets) => check::shape(sheets, &notice),
        Err(_) => Err(Finding::workbook(Flaw::WorkbookUnreadable, "無法開啟名冊，須為 xlsx 活頁簿").into()),
    });
    Ok(read.await?)
}

/// Fetches the files of a roster one by one.
async fn fetch_files(central: &Arc<Central>, job: &Job, roster: &Roster) -> anyhow::Result<Arrivals> {
    let links = roster.links();
    let mut progress = Progress { files_done: 0, files_total: links.len() };
    central.jobs.progress(&job.id, progress);
    let mut arrivals = Arrivals::new();
    for link in links {
        let limit = check::largest(job.notice.academic_year, link.is_document);
        let arrival = central.library.obtain(central, &job.notice.school_code, &link, limit).await?;
        arrivals.insert(link, arrival);
        progress.files_done += 1;
        central.jobs.progress(&job.id, progress);
    }
    Ok(arrivals)
}

async fn write_receipt(central: &Arc<Central>, id: &str) -> anyhow::Result<()> {
    let Some(job) = central.jobs.get(id) else {
        return Ok(());
    };
    let place = central.library.receipt(id);
    let part = place.with_extension("part");
    let password = central.passwords.of_job(id);
    let workbook = central.library.workbook(id);
    let bytes = spawn_blocking(move || receipt::zip(&[(job.notice, workbook)], &password)).await??;
    fs::write(&part, bytes).await?;
    fs::rename(&part, &place).await?;
    Ok(central.jobs.change(id, |job| job.state = State::ReceiptReady)?)
}
