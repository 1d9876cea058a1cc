//! A minimal HTTP/1.1 client: prepared requests on a persistent connection. A full client library would use more
//! CPU than the server that it measures.

use std::io::{self, ErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The largest accepted answer, in bytes.
const MAX_ANSWER: usize = 4 << 20;

/// A connection that is opened by the first request, and again after the server has closed it.
pub struct Connection {
    address: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    body_at: usize,
}

struct Head {
    status: u16,
    length: usize,
    body: usize,
    closes: bool,
}

impl Head {
    /// Parses the head; `None` if it is incomplete.
    fn read(bytes: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else { return Ok(None) };
        let head = bytes.get(..end).and_then(|head| std::str::from_utf8(head).ok()).ok_or(ErrorKind::InvalidData)?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let status = status.ok_or(ErrorKind::InvalidData)?;
        let (mut length, mut closes) = (None, false);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            } else if name.eq_ignore_ascii_case("connection") {
                closes = value.trim().eq_ignore_ascii_case("close");
            }
        }
        let length = length.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "an answer without a length"))?;
        Ok(Some(Self { status, length, body: end + 4, closes }))
    }
}

impl Connection {
    #[must_use]
    pub fn to(address: &str) -> Self {
        Self { address: address.to_owned(), stream: None, buffer: Vec::with_capacity(16 << 10), body_at: 0 }
    }

    /// Sends a request and reads the whole answer; returns its status. Fails if the answer is missing or
    /// invalid.
    pub async fn send(&mut self, request: &[u8]) -> io::Result<u16> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.open().await?,
        };
        stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            self.read(&mut stream).await?;
            if let Some(head) = Head::read(&self.buffer)? {
                break head;
            }
        };
        while self.buffer.len() < head.body + head.length {
            self.read(&mut stream).await?;
        }
        self.body_at = head.body;
        if !head.closes {
            self.stream = Some(stream);
        }
        Ok(head.status)
    }

    /// The body of the last answer, as text.
    #[must_use]
    pub fn body(&self) -> String {
        String::from_utf8_lossy(self.buffer.get(self.body_at..).unwrap_or_default()).into_owned()
    }

    async fn open(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn read(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        if self.buffer.len() > MAX_ANSWER {
            return Err(io::Error::new(ErrorKind::InvalidData, "an answer that does not end"));
        }
        match stream.read_buf(&mut self.buffer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
