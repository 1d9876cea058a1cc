//! Asks a running server whether it is ready: the health check of containers, which have no `curl`.

use settings::Ops;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long each step of asking may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 1 << 16;

/// Why a server is not known to be ready.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    #[error("ops.port is 0, any free port; set it to the one that the server listens on")]
    UnknownPort,
    #[error("no answer from {0}: {1}")]
    Unreachable(SocketAddr, io::Error),
    #[error("{0}")]
    NotReady(String),
}

/// Asks the server that listens at `ops`, and returns its answer if it is ready.
///
/// # Errors
/// Why it is not ready, or cannot be asked.
pub fn ask(ops: &Ops) -> Result<String, Unhealthy> {
    if ops.port == 0 {
        return Err(Unhealthy::UnknownPort);
    }
    let address = SocketAddr::new(reachable(ops.host), ops.port);
    let answer = get_readyz(address).map_err(|error| Unhealthy::Unreachable(address, error))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split_whitespace().nth(1) {
        Some("200") => Ok(body.to_owned()),
        Some(status) => Err(Unhealthy::NotReady(format!("{status} {body}"))),
        None => Err(Unhealthy::NotReady("the answer is not HTTP".to_owned())),
    }
}

/// The address of a server from this machine: loopback for one that listens on every interface.
pub(crate) const fn reachable(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    }
}

fn get_readyz(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let question = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn asked(answer: &'static str) -> Result<String, Unhealthy> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = [0; 1024];
            let length = stream.read(&mut question).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&question[..length]).into_owned()
        });
        let outcome = ask(&Ops { host: Ipv4Addr::UNSPECIFIED.into(), port });
        let question = server.join().unwrap();
        assert!(question.starts_with("GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:"), "{question}");
        outcome
    }

    #[test]
    fn the_servers_word_is_taken() {
        let ready = asked("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nready");
        assert_eq!(ready.unwrap(), "ready");
        let stopping = asked("HTTP/1.1 503 Service Unavailable\r\n\r\nshutting down");
        assert_eq!(stopping.unwrap_err().to_string(), "503 shutting down");
        let nonsense = asked("");
        assert_eq!(nonsense.unwrap_err().to_string(), "the answer is not HTTP");
    }

    #[test]
    fn a_port_where_nobody_listens_is_not_healthy() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let ops = |port| Ops { host: Ipv4Addr::LOCALHOST.into(), port };
        assert!(matches!(ask(&ops(port)), Err(Unhealthy::Unreachable(..))));
        assert!(matches!(ask(&ops(0)), Err(Unhealthy::UnknownPort)));
    }
}
