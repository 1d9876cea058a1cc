//! A fake shop that receives notifications and gives the answers of the test.

use serde_json::Value;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The answer to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    Status(u16),
    /// A status, and a redirect to a path of this shop.
    To(u16, &'static str),
    /// No answer: the connection closes.
    HangUp,
}

/// A received request.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Told {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.body.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The shop's listener. Dropping it stops the listener.
pub(crate) struct Webhook {
    address: SocketAddr,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    told: UnboundedReceiver<Told>,
    is_over: Arc<AtomicBool>,
}

impl Webhook {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, told) = unbounded_channel();
        let (replies, is_over) = (Arc::<Mutex<VecDeque<Reply>>>::default(), Arc::<AtomicBool>::default());
        let (script, end) = (Arc::clone(&replies), Arc::clone(&is_over));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                serve(stream.unwrap(), &script, &tell);
            }
        });
        Self { address, replies, told, is_over }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Sets the answers to the next requests. Later requests are accepted.
    pub(crate) fn answer(&self, replies: impl IntoIterator<Item = Reply>) {
        self.replies.lock().unwrap().extend(replies);
    }

    pub(crate) async fn next(&mut self) -> Told {
        let told = tokio::time::timeout(Duration::from_secs(30), self.told.recv()).await;
        told.unwrap_or_else(|_| panic!("no notification came")).unwrap()
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the thread; where that fails it has ended.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, replies: &Mutex<VecDeque<Reply>>, tell: &UnboundedSender<Told>) {
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let Some(told) = read(&stream) else { return };
    let reply = replies.lock().unwrap().pop_front().unwrap_or(Reply::Status(200));
    // Nobody may be interested any more.
    let _ = tell.send(told);
    let (status, more) = match reply {
        Reply::HangUp => return,
        Reply::Status(status) => (status, String::new()),
        Reply::To(status, path) => (status, format!("location: {path}\r\n")),
    };
    let head = format!("HTTP/1.1 {status} Told\r\n{more}content-length: 0\r\nconnection: close\r\n\r\n");
    // A client that hangs up is its own business.
    let _ = stream.write_all(head.as_bytes());
}

/// Reads a request whose body has a length.
fn read(stream: &TcpStream) -> Option<Told> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers: Vec<_> = lines.iter().skip(1).filter_map(|line| line.split_once(": ")).collect();
    let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Told { line: lines.first()?.clone(), headers, body: serde_json::from_slice(&body).unwrap_or_default() })
}
