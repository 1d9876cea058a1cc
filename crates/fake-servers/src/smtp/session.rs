//! One connection: the commands of RFC 5321 §4.1, in their order.

use super::fault::{Action, SessionStep};
use super::{Encryption, Mail, ReceivedLine, Shared, lock};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// The largest accepted mail (RFC 1870), in bytes.
const MAX_SIZE: usize = 1024 * 1024;
/// The longest accepted line, in bytes; RFC 5321 §4.5.3.1 has 512 and 1000.
const MAX_LINE: usize = 2048;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Whether the session continues.
type Next = io::Result<bool>;

/// The envelope of the mail that the client is sending.
#[derive(Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

pub(super) struct Session {
    stream: BufReader<Box<dyn Stream>>,
    shared: Arc<Shared>,
    connection: usize,
    is_encrypted: bool,
    is_greeted: bool,
    is_slow: bool,
    user: Option<String>,
    envelope: Envelope,
}

impl Session {
    /// Serves a client until the connection ends.
    pub(super) async fn run(stream: TcpStream, shared: Arc<Shared>, exceeds_limit: bool) {
        let connection = {
            let mut connections = lock(&shared.connections);
            *connections += 1;
            *connections
        };
        let is_encrypted = shared.setup.encryption == Encryption::Implicit;
        let stream: Box<dyn Stream> = if is_encrypted {
            match shared.certificates.acceptor.accept(stream).await {
                Ok(stream) => Box::new(stream),
                Err(_) => return,
            }
        } else {
            Box::new(stream)
        };
        let mut session = Self {
            stream: BufReader::new(stream),
            shared,
            connection,
            is_encrypted,
            is_greeted: false,
            is_slow: false,
            user: None,
            envelope: Envelope::default(),
        };
        if exceeds_limit {
            let _ = session.send_reply("421 4.7.0 Too many concurrent connections").await;
            return;
        }
        // A client may close its connection at any time.
        let _ = session.run_commands().await;
    }

    async fn run_commands(&mut self) -> io::Result<()> {
        let mut goes_on = self.answer(SessionStep::Greeting, "220 localhost ESMTP").await?;
        while goes_on {
            let Some(line) = self.line().await? else { return Ok(()) };
            let received =
                ReceivedLine { connection: self.connection, text: line.clone(), is_encrypted: self.is_encrypted };
            lock(&self.shared.lines).push(received);
            goes_on = self.command(&line).await?;
        }
        self.stream.get_mut().shutdown().await
    }

    async fn command(&mut self, line: &str) -> Next {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let must_encrypt = self.shared.setup.encryption == Encryption::StartTls && !self.is_encrypted;
        let must_log_in = self.shared.setup.account.is_some() && self.user.is_none();
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" if self.shared.setup.is_old => self.refuse("502 5.5.1 pardon?").await,
            "HELO" => {
                self.is_greeted = true;
                self.send_reply("250 localhost").await.map(|()| true)
            }
            "EHLO" => {
                self.is_greeted = true;
                self.envelope = Envelope::default();
                let features = self.features();
                self.answer(SessionStep::Ehlo, &features).await
            }
            "NOOP" => self.answer(SessionStep::Noop, "250 2.0.0 still here").await,
            "QUIT" => self.send_reply("221 2.0.0 bye").await.map(|()| false),
            "RSET" => {
                self.envelope = Envelope::default();
                self.send_reply("250 2.0.0 forgotten").await.map(|()| true)
            }
            "STARTTLS" if must_encrypt => self.encrypt().await,
            "MAIL" | "RCPT" | "DATA" | "AUTH" if !self.is_greeted => self.refuse("503 5.5.1 say hello first").await,
            "MAIL" | "RCPT" | "DATA" | "AUTH" if must_encrypt => self.refuse("530 5.7.0 say STARTTLS first").await,
            "AUTH" if must_log_in => self.log_in(rest).await,
            "MAIL" | "RCPT" | "DATA" if must_log_in => self.refuse("530 5.7.0 who are you?").await,
            "MAIL" | "RCPT" if self.is_ascii_only() && !rest.is_ascii() => {
                self.refuse("553 5.6.7 addresses in ASCII only").await
            }
            "MAIL" => self.mail(rest).await,
            "RCPT" => self.rcpt(rest).await,
            "DATA" => self.data().await,
            _ => self.refuse("500 5.5.2 pardon?").await,
        }
    }

    fn is_ascii_only(&self) -> bool {
        self.shared.is_ascii_only.load(Ordering::SeqCst)
    }

    fn features(&self) -> String {
        let mut features = vec!["localhost".to_owned(), format!("SIZE {MAX_SIZE}"), "8BITMIME".into()];
        if !self.is_ascii_only() {
            features.push("SMTPUTF8".into());
        }
        let must_encrypt = self.shared.setup.encryption == Encryption::StartTls && !self.is_encrypted;
        if must_encrypt {
            features.push("STARTTLS".into());
        } else if self.shared.setup.account.is_some() {
            features.push(self.shared.setup.login.offer.clone());
        }
        let last = features.pop().unwrap();
        features.iter().map(|feature| format!("250-{feature}\r\n")).collect::<String>() + "250 " + &last
    }

    async fn encrypt(&mut self) -> Next {
        if !self.answer(SessionStep::StartTls, "220 2.0.0 go ahead").await? {
            return Ok(false);
        }
        // Nothing that was sent before the handshake may be used after it (RFC 3207 §4.2).
        if !self.stream.buffer().is_empty() {
            return Ok(false);
        }
        let nothing: Box<dyn Stream> = Box::new(tokio::io::join(tokio::io::empty(), tokio::io::sink()));
        let plain = std::mem::replace(&mut self.stream, BufReader::new(nothing));
        let encrypted = self.shared.certificates.acceptor.accept(plain.into_inner()).await?;
        self.stream = BufReader::new(Box::new(encrypted));
        self.is_encrypted = true;
        self.is_greeted = false;
        Ok(true)
    }

    async fn log_in(&mut self, rest: &str) -> Next {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let credentials = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                if !self.shared.setup.login.offer.contains("PLAIN") || self.shared.setup.login.knows_login_alone {
                    return self.refuse("504 5.5.4 I know no such way").await;
                }
                let credentials = if initial.is_empty() { self.prompt("334").await? } else { initial.to_owned() };
                let credentials = decode(&credentials);
                let mut parts = credentials.split('\0').skip(1).map(str::to_owned);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            "LOGIN" => {
                let [first, second] = self.shared.setup.login.questions.clone();
                let user = if initial.is_empty() { self.prompt(&first).await? } else { initial.to_owned() };
                (decode(&user), decode(&self.prompt(&second).await?))
            }
            _ => return self.refuse("504 5.5.4 I know no such way").await,
        };
        let account = self.shared.setup.account.as_ref().unwrap();
        if credentials != (account.user.clone(), account.password.clone()) {
            return self.refuse("535 5.7.8 I know you not").await;
        }
        self.user = Some(credentials.0);
        self.answer(SessionStep::Auth, "235 2.7.0 welcome").await
    }

    async fn prompt(&mut self, question: &str) -> io::Result<String> {
        self.send_reply(question).await?;
        self.line().await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    async fn mail(&mut self, rest: &str) -> Next {
        let Some((from, parameters)) = path(rest, "FROM:") else { return self.refuse("501 5.5.4 from whom?").await };
        let size = parameters.split(' ').find_map(|parameter| parameter.strip_prefix("SIZE="));
        if size.and_then(|size| size.parse().ok()).is_some_and(|size: usize| size > MAX_SIZE) {
            return self.refuse("552 5.3.4 too large").await;
        }
        self.envelope = Envelope { from: Some(from), to: Vec::new() };
        self.answer(SessionStep::Mail, "250 2.1.0 well").await
    }

    async fn rcpt(&mut self, rest: &str) -> Next {
        let Some((to, _)) = path(rest, "TO:") else { return self.refuse("501 5.5.4 to whom?").await };
        if self.envelope.from.is_none() {
            return self.refuse("503 5.5.1 from whom?").await;
        }
        match self.shared.faults.take(SessionStep::Rcpt) {
            Some(action @ (Action::Reply(_) | Action::Close | Action::Hang)) => self.fail(action, "").await,
            fault => {
                self.envelope.to.push(to);
                if let Some(action) = fault {
                    return self.fail(action, "250 2.1.5 well").await;
                }
                self.send_reply("250 2.1.5 well").await.map(|()| true)
            }
        }
    }

    async fn data(&mut self) -> Next {
        if self.envelope.to.is_empty() {
            return self.refuse("503 5.5.1 to whom?").await;
        }
        match self.shared.faults.take(SessionStep::Data) {
            Some(Action::Slow) => self.is_slow = true,
            Some(Action::Late(after)) => tokio::time::sleep(after).await,
            Some(action) => return self.fail(action, "354 go ahead").await,
            None => {}
        }
        self.send_reply("354 go ahead").await?;
        let Some(data) = self.text().await? else { return Ok(false) };
        if data.len() > MAX_SIZE {
            return self.refuse("552 5.3.4 too large").await;
        }
        self.keep(data).await
    }

    /// The content up to the final dot; `None` if the connection ends before.
    async fn text(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut data = Vec::new();
        let mut is_first = true;
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                return Ok(None);
            }
            if std::mem::take(&mut is_first) {
                match self.shared.faults.take(SessionStep::Text) {
                    Some(Action::Hang) => std::future::pending().await,
                    Some(_) => return Ok(None),
                    None => {}
                }
            }
            match line.as_slice() {
                b".\r\n" => return Ok(Some(data)),
                [b'.', rest @ ..] => data.extend_from_slice(rest),
                line => data.extend_from_slice(line),
            }
        }
    }

    async fn keep(&mut self, data: Vec<u8>) -> Next {
        let envelope = std::mem::take(&mut self.envelope);
        let fault = self.shared.faults.take(SessionStep::Dot);
        let is_kept = match &fault {
            Some(Action::Reply(answer)) => answer.starts_with('2'),
            Some(Action::Bytes(answer)) => answer.starts_with(b"2"),
            _ => true,
        };
        if is_kept {
            let (is_encrypted, user) = (self.is_encrypted, self.user.clone());
            let from = envelope.from.unwrap_or_default();
            lock(&self.shared.mails).push(Mail { from, to: envelope.to, data, is_encrypted, user });
        }
        match fault {
            Some(action) => self.fail(action, "250 2.0.0 taken").await,
            None => self.send_reply("250 2.0.0 taken").await.map(|()| true),
        }
    }

    /// Replies, unless a fault is planned for this step.
    async fn answer(&mut self, at: SessionStep, right: &str) -> Next {
        match self.shared.faults.take(at) {
            Some(action) => self.fail(action, right).await,
            None => self.send_reply(right).await.map(|()| true),
        }
    }

    async fn fail(&mut self, action: Action, right: &str) -> Next {
        match action {
            Action::Reply(answer) => {
                self.send_reply(&answer).await?;
                // 421 says that the connection is closed (RFC 5321 §3.8).
                Ok(!answer.starts_with("421"))
            }
            Action::Bytes(answer) => {
                self.stream.get_mut().write_all(&answer).await?;
                self.stream.get_mut().flush().await?;
                Ok(answer.ends_with(b"\n"))
            }
            Action::Late(after) => {
                tokio::time::sleep(after).await;
                self.send_reply(right).await.map(|()| true)
            }
            Action::Close => Ok(false),
            Action::CloseAfter => self.send_reply(right).await.map(|()| false),
            Action::Hang => std::future::pending().await,
            Action::Slow => {
                self.is_slow = true;
                self.send_reply(right).await.map(|()| true)
            }
        }
    }

    async fn refuse(&mut self, answer: &str) -> Next {
        self.send_reply(answer).await.map(|()| true)
    }

    async fn send_reply(&mut self, answer: &str) -> io::Result<()> {
        let answer = format!("{answer}\r\n");
        let size = if self.is_slow { 1 } else { answer.len() };
        for part in answer.as_bytes().chunks(size) {
            self.stream.get_mut().write_all(part).await?;
            self.stream.get_mut().flush().await?;
            if self.is_slow {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Ok(())
    }

    /// The next line without its end; `None` if the client has closed the connection.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        if line.len() > MAX_LINE || !line.ends_with(b"\r\n") {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(Some(String::from_utf8_lossy(&line).trim_end_matches("\r\n").to_owned()))
    }
}

/// The address in `FROM:<address> parameters`, and the parameters.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(String, &'a str)> {
    let (received, rest) = rest.split_at_checked(keyword.len())?;
    let (address, parameters) = rest.trim_start().strip_prefix('<')?.split_once('>')?;
    received.eq_ignore_ascii_case(keyword).then(|| (address.to_owned(), parameters.trim()))
}

fn decode(text: &str) -> String {
    STANDARD.decode(text).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
