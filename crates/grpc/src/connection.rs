//! Connections: how many there may be, and until when each may last.

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

/// What a client sends before anything else: the preface's string and the head of a SETTINGS frame (RFC 9113 §3.4).
const GREETING: usize = 24 + 9;

/// How long to wait after the system had no more sockets to give; trying again at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The other end of a connection, as each of its requests carries it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The acceptor through which connections come in.
struct Acceptor {
    listener: TcpListener,
    places: Arc<Semaphore>,
    handshake_timeout: Duration,
    lifetime: Duration,
    stop: CancellationToken,
    cut: CancellationToken,
}

/// The connections that a listener accepts, as long as there is a place for them; others wait in the listener's queue.
/// `stop` ends those on which nobody has spoken yet, `cut` all.
pub(crate) fn accept(
    listener: TcpListener,
    options: &Options,
    stop: CancellationToken,
    cut: CancellationToken,
) -> impl Stream<Item = io::Result<Connection>> + Send {
    let acceptor = Acceptor {
        listener,
        places: Arc::new(Semaphore::new(options.max_connections)),
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
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => return Some(self.connection(stream, peer.ip(), place)),
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn connection(&self, stream: TcpStream, peer: IpAddr, place: OwnedSemaphorePermit) -> Connection {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "small packets on this connection will be held back");
        }
        Connection {
            stream,
            peer: Peer(peer),
            greeting: Some(Greeting { missing: GREETING, stop: Box::pin(self.stop.clone().cancelled_owned()) }),
            lifetime: self.lifetime,
            end: Box::pin(tokio::time::sleep(self.handshake_timeout)),
            cut: Box::pin(self.cut.clone().cancelled_owned()),
            _place: place,
        }
    }
}

/// Whether a connection went away before it was accepted, which says nothing about the next one.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// A connection that ends by itself: soon when its client does not say that it speaks HTTP/2, else at the end of its
/// lifetime, or when the server cuts it. tonic asks a connection to end before that, but waits for it without a bound.
pub(crate) struct Connection {
    stream: TcpStream,
    peer: Peer,
    greeting: Option<Greeting>,
    lifetime: Duration,
    end: Pin<Box<Sleep>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: OwnedSemaphorePermit,
}

/// A greeting that has not fully arrived. Until then there is no call that stopping would have to wait for.
struct Greeting {
    /// How many bytes are still to come.
    missing: usize,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Connection {
    /// An error once the connection is to end; else wakes the task when it is.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let is_over = self.cut.as_mut().poll(cx).is_ready() || self.end.as_mut().poll(cx).is_ready();
        if is_over { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }

    /// Counts what has been read of the greeting, after which the lifetime begins.
    fn greet(&mut self, count: usize, cx: &mut Context<'_>) -> io::Result<()> {
        let Some(greeting) = &mut self.greeting else {
            return Ok(());
        };
        greeting.missing = greeting.missing.saturating_sub(count);
        if greeting.missing == 0 {
            self.greeting = None;
            self.end.as_mut().reset(Instant::now() + self.lifetime);
        } else if count == 0 && greeting.stop.as_mut().poll(cx).is_ready() {
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
        self.greet(buf.filled().len() - before, cx)?;
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
