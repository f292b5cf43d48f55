//! Whoever sends answers: connections that are kept open, each with one request under way.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One connection of HTTP/1.1.
pub(crate) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
    head: String,
}

impl Connection {
    /// `more` is added to the head of every request.
    pub(crate) async fn open(address: &str, more: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let head = format!(
            "POST /agent/callback HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n{more}content-length: "
        );
        Ok(Self { stream, answer: Vec::new(), head })
    }

    /// Posts a body; the status of the whole answer.
    pub(crate) async fn post(&mut self, body: &str) -> anyhow::Result<u16> {
        let request = format!("{}{}\r\n\r\n{body}", self.head, body.len());
        self.stream.write_all(request.as_bytes()).await?;
        self.answer.clear();
        loop {
            anyhow::ensure!(self.stream.read_buf(&mut self.answer).await? > 0, "the connection was closed");
            let Some(end) = self.answer.windows(4).position(|part| part == b"\r\n\r\n") else { continue };
            let head = std::str::from_utf8(&self.answer[..end])?.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.context("an answer without a length")?.trim().parse()?;
            if self.answer.len() >= end + 4 + length {
                let status = head.split(' ').nth(1).context("no status")?;
                return Ok(status.parse()?);
            }
        }
    }
}

/// Answers a second over this many connections, for about this long. `body` is asked for the n-th of a connection.
pub(crate) async fn rate(
    address: &str,
    more: &str,
    connections: usize,
    lasting: Duration,
    body: impl Fn(usize, u64) -> String + Clone + Send + 'static,
) -> anyhow::Result<f64> {
    let mut senders = Vec::new();
    for at in 0..connections {
        let (mut connection, body) = (Connection::open(address, more).await?, body.clone());
        senders.push(async move {
            let until = Instant::now() + lasting;
            let mut sent = 0;
            while Instant::now() < until {
                let status = connection.post(&body(at, sent)).await?;
                anyhow::ensure!(status == 202, "an answer was not accepted: {status}");
                sent += 1;
            }
            anyhow::Ok(sent)
        });
    }
    let begun = Instant::now();
    let senders: Vec<_> = senders.into_iter().map(tokio::spawn).collect();
    let mut sent = 0;
    for sender in senders {
        sent += sender.await??;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let sent = sent as f64;
    Ok(sent / begun.elapsed().as_secs_f64())
}
