//! An SMTP session (RFC 5321) with a time limit for each step.
//!
//! It copes with servers that no known client library supports: some greet or answer after minutes, have no `EHLO`, spell
//! `AUTH` as before the standard, ask for names and passwords in their own words, or answer in other encodings than UTF-8 or
//! without a text.

use super::features::Features;
use super::reply::{Class, Reply};
use super::server::{Encryption, Server, SmtpAccount};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::FutureExt;
use secrecy::ExposeSecret;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The size of a block of a mail, in bytes; each block has a time limit.
const BLOCK: usize = 16 * 1024;
/// How long a server that accepts no more data may take to say why.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The time limits of the steps of a session (RFC 5321 §4.5.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For connecting to one of the server's addresses.
    pub connect: Duration,
    /// For the server's greeting. Some servers let clients wait, to see whether they do.
    pub greeting: Duration,
    pub command: Duration,
    pub data: Duration,
    /// For sending a block of 16 KiB.
    pub block: Duration,
    /// For the answer to a whole mail, while filters examine it.
    pub end: Duration,
}

impl Default for Timeouts {
    /// The minimum of RFC 5321 §4.5.3.2, which has no limit for connecting.
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            command: minutes(5),
            data: minutes(2),
            block: minutes(3),
            end: minutes(10),
        }
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The server answers 4yz or 5yz.
    #[error("it answered {0}")]
    Refusal(Reply),
    /// It has no supported mechanism to log in.
    #[error("{0}")]
    NoLogin(&'static str),
    /// It sends an unexpected reply.
    #[error("{0}")]
    Unexpected(String),
    /// It sends no reply: the connection failed or timed out.
    #[error("{0}")]
    NoReply(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData => Self::Unexpected(error.to_string()),
            _ => Self::NoReply(error.to_string()),
        }
    }
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A session after greeting, encryption and log-in.
pub(super) struct Session {
    wire: BufReader<Box<dyn Wire>>,
    times: Timeouts,
    features: Features,
}

impl Session {
    /// Connects, encrypts if configured, and logs in if an account is configured.
    pub(super) async fn open(server: &Server, hello: &str, times: Timeouts) -> Result<Self, Failure> {
        let stream = connect(&server.host, server.port, times.connect).await?;
        let mut session = Self::over(Box::new(stream), times);
        if let Encryption::Implicit(tls) = &server.encryption {
            session = session.encrypt(tls).await?;
        }
        session.answer("a greeting", times.greeting).await?;
        session.say_hello(hello).await?;
        if let Encryption::StartTls(tls) = &server.encryption {
            if !session.features.start_tls {
                let lack = "it does not offer STARTTLS, and mail.url has ?tls=required";
                return Err(Failure::Unexpected(lack.to_owned()));
            }
            session.ask("STARTTLS", "STARTTLS", times.command).await?;
            session = session.encrypt(tls).await?;
            session.say_hello(hello).await?;
        }
        if let Some(account) = &server.account {
            session.log_in(account).await?;
        }
        Ok(session)
    }

    fn over(wire: Box<dyn Wire>, times: Timeouts) -> Self {
        Self { wire: BufReader::new(wire), times, features: Features::default() }
    }

    pub(super) const fn features(&self) -> &Features {
        &self.features
    }

    /// Begins encryption. Earlier replies are discarded (RFC 3207 §4.2), because somebody on the network may have sent them
    /// (as in CVE-2021-33515).
    async fn encrypt(self, tls: &super::server::Tls) -> Result<Self, Failure> {
        if !self.wire.buffer().is_empty() {
            return Err(Failure::Unexpected("it went on talking in the clear when encryption was to begin".to_owned()));
        }
        let handshake = TlsConnector::from(tls.config.clone()).connect(tls.name.clone(), self.wire.into_inner());
        let stream = within(self.times.command, "the TLS handshake", handshake).await?;
        Ok(Self::over(Box::new(stream), self.times))
    }

    /// Sends `EHLO`, or `HELO` if the server does not know `EHLO` (RFC 5321 §3.2).
    async fn say_hello(&mut self, name: &str) -> Result<(), Failure> {
        let time = self.times.command;
        self.features = match self.ask("EHLO", &format!("EHLO {name}"), time).await {
            Ok(hello) => Features::of(&hello),
            Err(Failure::Refusal(no)) if no.class() == Class::Permanent => {
                self.ask("HELO", &format!("HELO {name}"), time).await?;
                Features::default()
            }
            Err(failure) => return Err(failure),
        };
        Ok(())
    }

    /// Logs in by `PLAIN` (RFC 4616), or else by `LOGIN`, which has no standard: the first answer is the name and the second
    /// the password, whatever the questions are.
    async fn log_in(&mut self, account: &SmtpAccount) -> Result<(), Failure> {
        let (user, password) = (account.user.as_str(), account.password.expose_secret());
        let has_login = self.features.has_mechanism("LOGIN");
        if self.features.has_mechanism("PLAIN") {
            let told = BASE64.encode(format!("\0{user}\0{password}"));
            match self.converse(&format!("AUTH PLAIN {told}"), std::slice::from_ref(&told)).await {
                // It does not know the mechanism that it offered (RFC 4954 §4).
                Err(Failure::Refusal(no)) if has_login && matches!(no.code, 500..=504) => {}
                end => return end,
            }
        }
        if !has_login {
            let reason = "it offers no way to log in that we know, which are AUTH PLAIN and AUTH LOGIN";
            return Err(Failure::NoLogin(reason));
        }
        self.converse("AUTH LOGIN", &[BASE64.encode(user), BASE64.encode(password)]).await
    }

    /// Sends a command and answers the questions that follow. Unless the reply judges name and password, its text is
    /// dropped: some servers repeat what they do not understand, and the text is logged.
    async fn converse(&mut self, command: &str, answers: &[String]) -> Result<(), Failure> {
        let repeats = |no: &Reply| no.lines.iter().any(|line| answers.iter().any(|told| line.contains(told.as_str())));
        let wordless = |failure| match failure {
            Failure::Refusal(no) if !matches!(no.code, 421 | 432 | 454 | 534 | 535 | 538) || repeats(&no) => {
                Failure::Refusal(Reply { code: no.code, lines: Vec::new() })
            }
            Failure::Unexpected(_) => Failure::Unexpected("its answer to AUTH is none".to_owned()),
            other => other,
        };
        let time = self.times.command;
        let mut reply = self.ask("AUTH", command, time).await.map_err(wordless)?;
        for answer in answers {
            if reply.class() == Class::Intermediate {
                reply = self.ask("AUTH", answer, time).await.map_err(wordless)?;
            }
        }
        match reply.class() {
            Class::Success => Ok(()),
            _ => Err(Failure::NoLogin("it has been told name and password, and asks on")),
        }
    }

    /// Whether the server still answers.
    pub(super) async fn is_there(&mut self, time: Duration) -> bool {
        self.ask("NOOP", "NOOP", time).await.is_ok()
    }

    /// Sends `MAIL FROM`. Each parameter begins with a space.
    pub(super) async fn from(&mut self, address: &str, parameters: &str) -> Result<(), Failure> {
        done(self.ask("MAIL", &format!("MAIL FROM:<{address}>{parameters}"), self.times.command).await?)
    }

    /// Sends `RCPT TO`.
    pub(super) async fn to(&mut self, address: &str) -> Result<(), Failure> {
        done(self.ask("RCPT", &format!("RCPT TO:<{address}>"), self.times.command).await?)
    }

    /// Sends `DATA` and the mail without its end: without it, no server accepts the mail.
    pub(super) async fn data(&mut self, content: &[u8]) -> Result<(), Failure> {
        let reply = self.ask("DATA", "DATA", self.times.data).await?;
        if reply.class() != Class::Intermediate {
            return Err(Failure::Unexpected(format!("it answered {reply} to DATA")));
        }
        for block in stuffed(content).chunks(BLOCK) {
            self.write(block, self.times.block).await?;
        }
        // A reply before the end does not answer the mail.
        self.quiet().await
    }

    /// Sends the end of the mail, without which no server accepts it.
    pub(super) async fn end(&mut self) -> Result<(), Failure> {
        self.write(b".\r\n", self.times.block).await
    }

    /// Reads the answer to the whole mail. The server may have accepted it even if the answer is lost.
    pub(super) async fn taken(&mut self) -> Result<(), Failure> {
        done(self.answer("the whole mail", self.times.end).await?)
    }

    /// Sends a line and reads the reply.
    async fn ask(&mut self, name: &str, line: &str, time: Duration) -> Result<Reply, Failure> {
        self.quiet().await?;
        self.write(format!("{line}\r\n").as_bytes(), time).await?;
        self.answer(name, time).await
    }

    /// Checks that no unsolicited reply is pending: it would pass for the reply to the next command.
    async fn quiet(&mut self) -> Result<(), Failure> {
        match self.wire.fill_buf().now_or_never() {
            None => Ok(()),
            Some(Ok([])) => Err(Failure::NoReply("it closed the connection".to_owned())),
            Some(Err(error)) => Err(error.into()),
            Some(Ok(_)) => match timeout(LAST_WORD, Reply::read(&mut self.wire)).await {
                Ok(Ok(reply)) if matches!(reply.class(), Class::Transient | Class::Permanent) => {
                    Err(Failure::Refusal(reply))
                }
                Ok(Ok(reply)) => Err(Failure::Unexpected(format!("it said {reply} unasked"))),
                _ => Err(Failure::Unexpected("it went on talking unasked".to_owned())),
            },
        }
    }

    async fn write(&mut self, bytes: &[u8], time: Duration) -> Result<(), Failure> {
        let wire = self.wire.get_mut();
        let written = within(time, "it took nothing more:", async {
            wire.write_all(bytes).await?;
            wire.flush().await
        });
        let Err(failure) = written.await else { return Ok(()) };
        // A server that accepts no more data says why and closes the connection.
        match timeout(LAST_WORD, Reply::read(&mut self.wire)).await {
            Ok(Ok(reply)) if matches!(reply.class(), Class::Transient | Class::Permanent) => {
                Err(Failure::Refusal(reply))
            }
            _ => Err(failure),
        }
    }

    async fn answer(&mut self, to: &str, time: Duration) -> Result<Reply, Failure> {
        let reply = within(time, to, Reply::read(&mut self.wire)).await?;
        match reply.class() {
            Class::Success | Class::Intermediate => Ok(reply),
            Class::Transient | Class::Permanent => Err(Failure::Refusal(reply)),
            Class::Unknown => Err(Failure::Unexpected(format!("it answered {reply}"))),
        }
    }
}

/// Accepts only a 2yz reply.
fn done(reply: Reply) -> Result<(), Failure> {
    match reply.class() {
        Class::Success => Ok(()),
        _ => Err(Failure::Unexpected(format!("it answered {reply}"))),
    }
}

/// Runs a step within a time limit; the error names the step.
async fn within<T>(time: Duration, what: &str, work: impl Future<Output = io::Result<T>>) -> Result<T, Failure> {
    match timeout(time, work).await {
        Ok(end) => Ok(end?),
        Err(_) => Err(Failure::NoReply(format!("{what} took longer than {} s", time.as_secs_f32()))),
    }
}

/// Connects to the first reachable address of the server.
async fn connect(host: &str, port: u16, time: Duration) -> Result<TcpStream, Failure> {
    let addresses = within(time, "looking up its address", lookup_host((host, port))).await?;
    let mut failure = Failure::NoReply("it has no address".to_owned());
    for address in addresses {
        match within(time, "connecting", TcpStream::connect(address)).await {
            Ok(stream) => {
                // Without this, the final dot waits for the acknowledgement of the rest.
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(why) => failure = Failure::NoReply(format!("{address}: {why}")),
        }
    }
    Err(failure)
}

/// Escapes leading dots (RFC 5321 §4.5.2) and ends the last line.
fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 64);
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&b'.') {
            bytes.push(b'.');
        }
        bytes.extend_from_slice(line);
    }
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_letter_ends_it() {
        for (content, sent) in [
            ("a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"),
            (".a\r\n..b", "..a\r\n...b\r\n"),
            ("a\n.\nb\r\n", "a\n..\nb\r\n"),
            ("", "\r\n"),
        ] {
            assert_eq!(stuffed(content.as_bytes()), sent.as_bytes(), "{content:?}");
        }
    }
}
