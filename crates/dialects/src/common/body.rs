//! Bodies of requests that are read as a whole, within a bound in size and in
//! time.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

/// How long a body may take to arrive; a phone on a bad line needs less for what
/// a body may hold.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a body was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is larger than allowed.
    TooLarge,
    /// It did not arrive in time.
    Timeout,
    /// The client broke it off.
    Broken,
}

/// Reads a body of at most so many bytes.
///
/// # Errors
/// See [`Refusal`].
pub async fn read(body: Body, most: usize) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > most as u64 {
        return Err(Refusal::TooLarge);
    }
    match timeout(PATIENCE, Limited::new(body, most).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge),
        Ok(Err(_)) => Err(Refusal::Broken),
        Err(_) => Err(Refusal::Timeout),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_has_a_bound_in_size_and_in_time() {
        let pieces = |count| {
            let piece = Ok::<_, Infallible>(Bytes::from_static(b"12345"));
            stream::iter(std::iter::repeat_n(piece, count))
        };
        let read = async |body| read(body, 10).await.err();
        assert_eq!(read(Body::from_stream(pieces(2))).await, None);
        let too_large = Some(Refusal::TooLarge);
        assert_eq!(read(Body::from_stream(pieces(3))).await, too_large);
        assert_eq!(read(Body::from("12345678901")).await, too_large);
        let endless = pieces(1).chain(stream::pending());
        assert_eq!(
            read(Body::from_stream(endless)).await,
            Some(Refusal::Timeout)
        );
    }
}
