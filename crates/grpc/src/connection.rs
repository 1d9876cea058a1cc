//! Connections: the limit of their number and of their age.

use crate::options::Options;
use futures_util::stream::{self, Stream};
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

/// The length of a client's connection preface: its string and the head of a SETTINGS frame (RFC 9113 §3.4).
const PREFACE: usize = 24 + 9;

/// The pause after the system had no free socket: an immediate retry would only use the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The client's address, in the extensions of each request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

struct Acceptor {
    listener: TcpListener,
    permits: Arc<Semaphore>,
    handshake_timeout: Duration,
    lifetime: Duration,
    stop: CancellationToken,
    cut: CancellationToken,
}

/// The connections that a listener accepts while permits are free; others wait in the listener's queue. `stop` ends the
/// connections without a preface, `cut` ends all.
pub(crate) fn accept(
    listener: TcpListener,
    options: &Options,
    stop: CancellationToken,
    cut: CancellationToken,
) -> impl Stream<Item = io::Result<Connection>> + Send {
    let acceptor = Acceptor {
        listener,
        permits: Arc::new(Semaphore::new(options.max_connections)),
        handshake_timeout: options.handshake_timeout,
        lifetime: options.max_connection_age + options.max_connection_age_grace,
        stop,
        cut,
    };
    stream::unfold(acceptor, |acceptor| async {
        let connection = acceptor.next().await?;
        Some((Ok(connection), acceptor))
    })
}

impl Acceptor {
    async fn next(&self) -> Option<Connection> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => return Some(self.connection(stream, peer.ip(), permit)),
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn connection(&self, stream: TcpStream, peer: IpAddr, permit: OwnedSemaphorePermit) -> Connection {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "small packets on this connection will be held back");
        }
        Connection {
            stream,
            peer: Peer(peer),
            preface: Some(Preface { missing: PREFACE, stop: Box::pin(self.stop.clone().cancelled_owned()) }),
            lifetime: self.lifetime,
            end: Box::pin(tokio::time::sleep(self.handshake_timeout)),
            cut: Box::pin(self.cut.clone().cancelled_owned()),
            _permit: permit,
        }
    }
}

/// Whether the client closed the connection before it was accepted, which does not affect the next one.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// A connection that ends soon when its client sends no HTTP/2 preface, else at the end of its lifetime, or when the server
/// cuts it. tonic asks a connection to end before that, but waits for it without a bound.
pub(crate) struct Connection {
    stream: TcpStream,
    peer: Peer,
    preface: Option<Preface>,
    lifetime: Duration,
    end: Pin<Box<Sleep>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _permit: OwnedSemaphorePermit,
}

/// An incomplete preface. Until it is complete no call runs that a stop would have to wait for.
struct Preface {
    missing: usize,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Connection {
    /// Returns an error once the connection has to end, and else wakes the task at that time.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let is_over = self.cut.as_mut().poll(cx).is_ready() || self.end.as_mut().poll(cx).is_ready();
        if is_over { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }

    /// Counts the bytes of the preface. The lifetime begins at its end.
    fn read_preface(&mut self, count: usize, cx: &mut Context<'_>) -> io::Result<()> {
        let Some(preface) = &mut self.preface else {
            return Ok(());
        };
        preface.missing = preface.missing.saturating_sub(count);
        if preface.missing == 0 {
            self.preface = None;
            self.end.as_mut().reset(Instant::now() + self.lifetime);
        } else if count == 0 && preface.stop.as_mut().poll(cx).is_ready() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf)?;
        self.read_preface(buf.filled().len() - before, cx)?;
        polled.map(Ok)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
