//! Outgoing mail over SMTP.

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use std::time::Duration;

use crate::config;

/// A server that swallows packets keeps a job no longer than this.
const PATIENCE: Duration = Duration::from_secs(15);

/// Sends plain-text mail from one sender.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Why a mail was not sent. The texts never hold the receiver or the content.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The receiver's or sender's address is none: no use to repeat.
    #[error("not a mail address")]
    Address,
    /// The server refused for good: no use to repeat.
    #[error("the mail server refused (code {code:?})")]
    Refused {
        /// SMTP reply code, 5xx.
        code: Option<u16>,
    },
    /// The server is away or asks for patience: try again later.
    #[error("the mail server is away")]
    Unavailable,
}

impl Mailer {
    /// Prepares the transport; connects only when the first mail is sent.
    ///
    /// # Errors
    /// When URL or sender are malformed.
    pub fn new(config: &config::Mail) -> anyhow::Result<Self> {
        let from = config.from.parse();
        let from: Mailbox = from.map_err(|_| anyhow::anyhow!("LICHENG_MAIL_FROM is not a mail address"))?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(config.smtp_url.expose())
            .map_err(|_| anyhow::anyhow!("LICHENG_SMTP_URL is not an SMTP URL"))?
            .timeout(Some(PATIENCE))
            .build();
        Ok(Self { transport, from })
    }

    /// Sends one mail. `message_id` names the cause, such as `certification.decision.1234`: the same cause gives the
    /// same Message-ID, so that a job that runs twice looks like one mail to servers and readers.
    ///
    /// # Errors
    /// [`MailError::Unavailable`] is worth a retry, the others are not.
    pub async fn send(&self, to: &str, subject: &str, body: &str, message_id: &str) -> Result<(), MailError> {
        let message = Message::builder()
            .message_id(Some(self.message_id(message_id)))
            .from(self.from.clone())
            .to(to.parse().map_err(|_| MailError::Address)?)
            .subject(subject)
            .header(AutoSubmitted)
            // without a content type the charset is missing and Chinese is garbled
            .header(ContentType::TEXT_PLAIN)
            .body(body.to_owned())
            .map_err(|_| MailError::Address)?;
        self.transport.send(message).await.map_err(refusal)?;
        Ok(())
    }

    /// `<cause@sender's domain>`, with what may not stand in a Message-ID replaced.
    fn message_id(&self, cause: &str) -> String {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let cause: String = cause.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
        format!("<{cause}@{}>", self.from.email.domain())
    }
}

fn refusal(error: smtp::Error) -> MailError {
    match error.is_permanent() {
        true => MailError::Refused { code: error.status().map(u16::from) },
        false => MailError::Unavailable,
    }
}

/// Tells answering machines not to answer (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    /// A mail server that takes one mail and gives it back; it answers each RCPT with `rcpt`.
    async fn sink(listener: TcpListener, rcpt: &'static str) -> String {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 sink\r\n").await.unwrap();
        let (mut mail, mut in_data) = (String::new(), false);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap() == 0 {
                return mail;
            }
            let verb = line.get(..4).unwrap_or_default().to_uppercase();
            let reply = match verb.as_str() {
                _ if in_data && line != ".\r\n" => {
                    mail.push_str(&line);
                    continue;
                }
                "RCPT" => rcpt,
                "DATA" => "354 go on",
                "QUIT" => return mail,
                _ => "250 ok",
            };
            in_data = verb == "DATA";
            stream.write_all(format!("{reply}\r\n").as_bytes()).await.unwrap();
            if line == ".\r\n" {
                return mail;
            }
        }
    }

    const SUBJECT: &str = "認證結果";

    async fn send(to: &str, subject: &str, rcpt: &'static str) -> (Result<(), MailError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mailer = Mailer::new(&config::Mail {
            smtp_url: config::Secret::new(format!("smtp://{}", listener.local_addr().unwrap())),
            from: "學習歷程檔案 <noreply@example.tw>".to_owned(),
        })
        .unwrap();
        let sink = tokio::spawn(sink(listener, rcpt));
        let sent = mailer.send(to, subject, "您的學習成果已通過認證。", "certification/decision:7").await;
        drop(mailer);
        match sent {
            Err(MailError::Address) => (sent, String::new()),
            _ => (sent, sink.await.unwrap()),
        }
    }

    #[tokio::test]
    async fn chinese_arrives_and_the_same_cause_has_the_same_message_id() {
        let (sent, mail) = send("student@example.tw", SUBJECT, "250 ok").await;
        sent.unwrap();
        assert!(mail.contains("Message-ID: <certification-decision-7@example.tw>"), "{mail}");
        assert!(mail.contains("Content-Type: text/plain; charset=utf-8"), "{mail}");
        assert!(mail.contains("Auto-Submitted: auto-generated"), "{mail}");
        let (_, body) = mail.split_once("\r\n\r\n").unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(body.trim()).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "您的學習成果已通過認證。");
    }

    /// ASVS 1.3.11: what people type can't become a header.
    #[tokio::test]
    async fn a_hostile_address_or_subject_adds_no_header() {
        for address in ["a@example.tw\r\nBcc: evil@example.org", "a@example.tw, evil@example.org", "a@b\r\n.tw"] {
            let (sent, _) = send(address, SUBJECT, "250 ok").await;
            assert!(matches!(sent, Err(MailError::Address)), "{address:?}: {sent:?}");
        }
        let hostile = "認證結果\r\nBcc: evil@example.org\r\n\r\nbody";
        let (sent, mail) = send("student@example.tw", hostile, "250 ok").await;
        sent.unwrap();
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        assert!(!head.to_lowercase().contains("\nbcc:"), "{head}");
        assert!(head.contains("Content-Type"), "the subject did not end the head: {head}");
    }

    #[tokio::test]
    async fn only_a_server_that_is_away_is_worth_a_retry() {
        let (refused, _) = send("nobody@example.tw", SUBJECT, "550 no such user").await;
        assert!(matches!(refused, Err(MailError::Refused { code: Some(550) })), "{refused:?}");
        let (busy, _) = send("student@example.tw", SUBJECT, "451 later").await;
        assert!(matches!(busy, Err(MailError::Unavailable)), "{busy:?}");
        let (address, _) = send("nobody", SUBJECT, "250 ok").await;
        assert!(matches!(address, Err(MailError::Address)), "{address:?}");
    }
}
