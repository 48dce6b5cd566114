//! Frames on a stream of bytes: a length (4 bytes, big endian), then that many bytes.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use maille_protocol::wire::FRAME_BYTES_MAX;
use tokio::time::timeout;

/// Send an empty frame after this long without another one.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A stream on which nothing came for this long is dead: three empty frames are missing.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// How long one frame may take to cross: 1 MiB at 140 kbit/s.
const FRAME_WITHIN: Duration = Duration::from_secs(60);

/// Reads the next frame that is not empty.
///
/// The length is refused before anything is allocated, and memory grows with what really comes.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>> {
    loop {
        let mut length = [0; 4];
        timeout(SILENCE_MAX, stream.read_exact(&mut length)).await??;
        let length = u32::from_be_bytes(length);
        if length == 0 {
            continue;
        }
        if length as usize > FRAME_BYTES_MAX {
            let what = format!("a frame of {length} bytes, at most {FRAME_BYTES_MAX} are allowed");
            return Err(Error::new(ErrorKind::InvalidData, what));
        }
        let mut frame = Vec::new();
        timeout(
            FRAME_WITHIN,
            stream.take(length.into()).read_to_end(&mut frame),
        )
        .await??;
        if frame.len() < length as usize {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        return Ok(frame);
    }
}

/// Writes a frame; an empty one keeps the stream alive.
pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> Result<()> {
    let length = u32::try_from(frame.len())
        .ok()
        .filter(|&it| it as usize <= FRAME_BYTES_MAX);
    let length = length.ok_or(ErrorKind::InvalidInput)?;
    let both = async {
        stream.write_all(&length.to_be_bytes()).await?;
        stream.write_all(frame).await
    };
    timeout(FRAME_WITHIN, both).await?
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::io::Cursor;

    #[tokio::test]
    async fn a_frame_comes_back_whole_and_empty_ones_are_passed_over() {
        let mut bytes = Vec::new();
        write(&mut bytes, b"").await.unwrap();
        write(&mut bytes, b"one").await.unwrap();
        let largest = vec![7; FRAME_BYTES_MAX];
        write(&mut bytes, &largest).await.unwrap();
        let mut stream = Cursor::new(bytes);
        assert_eq!(read(&mut stream).await.unwrap(), b"one");
        assert_eq!(read(&mut stream).await.unwrap(), largest);
        assert!(read(&mut stream).await.is_err());
    }

    #[tokio::test]
    async fn a_frame_one_byte_too_long_is_neither_sent_nor_read() {
        assert!(
            write(&mut Vec::new(), &vec![0; FRAME_BYTES_MAX + 1])
                .await
                .is_err()
        );
        let length = u32::try_from(FRAME_BYTES_MAX + 1).unwrap().to_be_bytes();
        let error = read(&mut Cursor::new(length)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let error = read(&mut Cursor::new([0xff; 4])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn a_frame_cut_short_is_an_error() {
        for cut in [0, 1, 3, 4, 6] {
            let whole = [0, 0, 0, 3, b'o', b'n', b'e'];
            let error = read(&mut Cursor::new(&whole[..cut])).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "cut at {cut}");
        }
    }
}
