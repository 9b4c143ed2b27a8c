//! The real program, killed in the middle of a job and started again on the same folder.

use std::{fs, process::Stdio, time::Duration};

use reqwest::StatusCode;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    book::{Book, SCHOOL, outcome, student},
    desk::{Desk, KEY},
    school::pdf,
    stage::{Folder, Stage, assert_accepted},
};

/// Starts the program; it says on its first line where it listens.
async fn start(folder: &Folder) -> (Child, Desk) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_central"))
        .args(["--listen", "127.0.0.1:0", "--key", KEY, "--slow-ms", "1", "--data"])
        .arg(&folder.0)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let base = line.strip_prefix("central listening on ").unwrap().to_owned();
    (child, Desk::new(base))
}

#[tokio::test]
async fn a_killed_simulator_resumes_its_jobs_and_fetches_only_what_is_missing() {
    let stage = Stage::open().await;
    let school = &stage.school;
    let links: Vec<String> = (0..4).map(|number| school.file(&pdf(number), "pdf")).collect();
    let mut book = Book::new(26);
    for (number, link) in (0..).zip(&links) {
        book.add("學期課程學習成果", &outcome(&student(number), "國語文", link));
    }
    let notice = stage.notice(&book, "一");
    let folder = Folder::new();
    let open = school.hold(&links[2]);

    let (mut child, desk) = start(&folder).await;
    let job = desk.notify(&notice).await;
    let status = desk.follow(&job, |status| status["progress"]["files_done"] == 2).await;
    assert_eq!(status["state"], "downloading");
    child.kill().await.unwrap();

    open.send(true).unwrap();
    let (_child, desk) = start(&folder).await;
    assert_accepted(&desk.finish(&job).await);
    assert_eq!(desk.notify(&notice).await, job, "the notice is still known");
    assert_eq!(school.hits(notice["url"].as_str().unwrap()), 1);
    assert_eq!([school.hits(&links[0]), school.hits(&links[1]), school.hits(&links[3])], [1, 1, 1]);
}

#[tokio::test]
async fn a_job_that_our_own_disk_stopped_goes_on_when_the_disk_does() {
    let stage = Stage::open().await;
    // no folder of the school's files can be made where a file stands
    let shelf = stage.folder.0.join("files").join(SCHOOL);
    fs::write(&shelf, "in the way").unwrap();
    let job = stage.desk.notify(&stage.notice(&stage.one_outcome(), "一")).await;
    stage.desk.follow(&job, |status| status["progress"]["files_total"] == 1).await;
    // it has met the file by now
    tokio::time::sleep(Duration::from_millis(300)).await;
    fs::remove_file(&shelf).unwrap();
    assert_accepted(&stage.desk.finish(&job).await);
}

#[tokio::test]
async fn a_notice_that_could_not_be_written_down_is_not_taken() {
    let stage = Stage::open().await;
    let (jobs, aside) = (stage.folder.0.join("jobs"), stage.folder.0.join("aside"));
    let notice = stage.notice(&stage.one_outcome(), "一");
    fs::rename(&jobs, &aside).unwrap();
    assert_eq!(stage.desk.try_notify(&notice).await.0, StatusCode::INTERNAL_SERVER_ERROR);
    fs::rename(&aside, &jobs).unwrap();
    let job = stage.desk.notify(&notice).await;
    assert_accepted(&stage.desk.finish(&job).await);
}
