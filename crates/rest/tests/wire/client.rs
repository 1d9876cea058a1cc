//! A client that sends bytes as they are, so that a test can send what no library would.

use crate::shop::PATIENCE;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What the server said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// All values of a header.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// The value of a header that must not come twice.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.headers(name);
        assert!(values.len() <= 1, "{name} comes twice: {}", self.head);
        values.first().copied()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The stable code of an error.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        self.json()["meta"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The status and the stable code of an error.
    #[track_caller]
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status, self.code())
    }
}

/// A connection to the server.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read: Vec::new() }
    }

    /// Sends bytes; a server that has closed already is no failure here.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Tells the server that no more comes, and still listens.
    pub(crate) async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// The next answer on the connection.
    pub(crate) async fn answer(&mut self, is_head: bool) -> Answer {
        timeout(PATIENCE, self.read_answer(is_head)).await.unwrap().unwrap_or_else(|| panic!("no answer"))
    }

    /// The next answer, or `None` where the server has closed the connection.
    pub(crate) async fn maybe_answer(&mut self) -> Option<Answer> {
        timeout(PATIENCE, self.read_answer(false)).await.unwrap()
    }

    /// The next piece of a body that comes in chunks; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Option<String> {
        let chunk = timeout(PATIENCE, self.read_chunk()).await.unwrap();
        let chunk = String::from_utf8(chunk.unwrap_or_else(|| panic!("cut off"))).unwrap();
        if chunk.is_empty() { None } else { Some(chunk) }
    }

    /// Waits until a text has come, and keeps all that has.
    pub(crate) async fn until(&mut self, text: &str) {
        let come = async {
            while !String::from_utf8_lossy(&self.read).contains(text) {
                self.read_more().await.unwrap_or_else(|| panic!("the end, and no {text}"));
            }
        };
        timeout(PATIENCE, come).await.unwrap();
    }

    /// All that is still said until the server closes the connection.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let all = async { while self.read_more().await.is_some() {} };
        timeout(PATIENCE, all).await.unwrap();
        std::mem::take(&mut self.read)
    }

    /// Whether the server closes the connection within a time, saying nothing more.
    pub(crate) async fn closes_within(&mut self, time: Duration) -> bool {
        assert!(self.read.is_empty(), "more was said: {:?}", String::from_utf8_lossy(&self.read));
        let mut byte = [0];
        matches!(timeout(time, self.stream.read(&mut byte)).await, Ok(Ok(0) | Err(_)))
    }

    async fn read_answer(&mut self, is_head: bool) -> Option<Answer> {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            self.read_more().await?;
        };
        let head = String::from_utf8(self.read.drain(..end + 4).collect()).unwrap();
        let status = head.split(' ').nth(1)?.parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        if status == 100 {
            return Box::pin(self.read_answer(is_head)).await;
        }
        let length =
            if is_head { 0 } else { answer.header("content-length").map_or(0, |length| length.parse().unwrap()) };
        while self.read.len() < length {
            self.read_more().await?;
        }
        answer.body = self.read.drain(..length).collect();
        Some(answer)
    }

    async fn read_chunk(&mut self) -> Option<Vec<u8>> {
        let start = loop {
            if let Some(end) = self.read.windows(2).position(|window| window == b"\r\n") {
                break end + 2;
            }
            self.read_more().await?;
        };
        let length = std::str::from_utf8(&self.read[..start - 2]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        while self.read.len() < start + length + 2 {
            self.read_more().await?;
        }
        self.read.drain(..start);
        let chunk = self.read.drain(..length).collect();
        self.read.drain(..2);
        Some(chunk)
    }

    async fn read_more(&mut self) -> Option<()> {
        let read = self.stream.read_buf(&mut self.read).await.ok()?;
        (read > 0).then_some(())
    }
}
