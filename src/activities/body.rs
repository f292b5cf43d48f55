//! Bodies of answers, read to a limit: whatever answers may never end.

use anyhow::ensure;
use reqwest::Response;

/// What a service says of itself is far smaller.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The whole body; one that is larger than 4 MiB is an error.
pub async fn read(mut answer: Response) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        ensure!(body.len() + chunk.len() <= MAX_BYTES, "the answer is larger than {MAX_BYTES} bytes");
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
