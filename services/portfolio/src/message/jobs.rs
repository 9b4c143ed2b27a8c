//! Jobs that other rooms queue: tell a person something, in the application and by mail.

use std::sync::Arc;

use kernel::{
    ids::{StaffId, StudentId},
    message::Message,
};
use ops::mail::MailError;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    Audit, Job,
    jobs::{JobError, JobRun},
};

use super::store::{self as rows, Reader};
use crate::room::Room;

/// `mail.send`: to whom, by id; the address is looked up when it is sent.
#[derive(Serialize, Deserialize)]
struct Mail {
    to_student: Option<StudentId>,
    to_staff: Option<StaffId>,
    subject: String,
    body: String,
    dedupe: String,
}

fn reader(student: Option<StudentId>, staff: Option<StaffId>) -> Result<Reader, JobError> {
    match (student, staff) {
        (Some(id), None) => Ok(Reader::Student(id)),
        (None, Some(id)) => Ok(Reader::Staff(id)),
        _ => Err(JobError::fail("a message goes to one student or one member of staff")),
    }
}

/// [`kernel::message::MESSAGE`]: writes the message, and queues the mail where there is an address.
pub(crate) async fn message(room: Arc<Room>, job: JobRun) -> Result<(), JobError> {
    let told: Message = job.payload()?;
    let to = reader(told.student_id, told.staff_id)?;
    let Some(mut tx) = job.claim(&room.db, "portfolio.message.create").await? else { return Ok(()) };
    let id = rows::insert(&mut tx, to, &told.body, &told.link, &told.dedupe).await?;
    tx.audit(Audit::general("message.create", "message").after(json!({ "message_id": id, "cause": told.dedupe })));
    if id.is_some() && rows::address(&mut tx, to).await?.is_some() {
        let body = mail_body(&told, &room.web.settings().origin);
        let (to_student, to_staff) = (told.student_id, told.staff_id);
        let subject = "學習歷程檔案通知".to_owned();
        tx.enqueue(Job::new("mail.send", Mail { to_student, to_staff, subject, body, dedupe: told.dedupe }));
    }
    Ok(tx.commit().await?)
}

fn mail_body(told: &Message, origin: &str) -> String {
    format!("{}\n\n請登入查看：{origin}{}\n\n這封信由系統寄出，請勿直接回覆。\n", told.body, told.link)
}

/// Sends a mail, then marks the job done. A crash in between sends it again under the same Message-ID, which mail
/// programs show once; no transaction is open while the mail server is asked.
pub(crate) async fn mail(room: Arc<Room>, job: JobRun) -> Result<(), JobError> {
    let mail: Mail = job.payload()?;
    let to = reader(mail.to_student, mail.to_staff)?;
    let mut tx = room.db.read(&job.ctx, "portfolio.mail.address").await?;
    let address = if rows::job_waits(&mut tx, job.id).await? { rows::address(&mut tx, to).await? } else { None };
    drop(tx);
    let sent = match (&room.mailer, address) {
        (Some(mailer), Some(address)) => mailer.send(&address, &mail.subject, &mail.body, &mail.dedupe).await,
        _ => Err(MailError::Address),
    };
    match sent {
        Err(MailError::Unavailable) => return Err(JobError::retry("the mail server is away")),
        Err(error @ MailError::Refused { .. }) => return Err(JobError::fail(error)),
        // without an address, or a mail server, there is nothing to do; the message in the application is there
        Ok(()) | Err(MailError::Address) => {}
    }
    let Some(mut tx) = job.claim(&room.db, "portfolio.mail.sent").await? else { return Ok(()) };
    let after = json!({ "cause": mail.dedupe, "sent": sent.is_ok() });
    tx.audit(Audit::general("mail.send", "mail").after(after));
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_one_reader() {
        assert_eq!(reader(Some(3.into()), None).unwrap(), Reader::Student(3.into()));
        assert_eq!(reader(None, Some(4.into())).unwrap(), Reader::Staff(4.into()));
        assert!(matches!(reader(None, None), Err(JobError::Fail(_))));
        assert!(matches!(reader(Some(1.into()), Some(2.into())), Err(JobError::Fail(_))));
    }

    #[test]
    fn the_mail_leads_to_the_page() {
        let (link, body) = ("/s/403303/outcomes/7", "「國語文」的學習成果已認證通過。");
        let told = Message::to_student(1.into(), link.to_owned(), body.to_owned(), "decision.1".to_owned());
        assert!(
            mail_body(&told, "https://portfolio.example.tw")
                .contains("https://portfolio.example.tw/s/403303/outcomes/7")
        );
    }
}
