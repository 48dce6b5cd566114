//! Bytes: deterministic CBOR, one encoding per value, bounded.
//!
//! [`decode()`] is the only way in. It checks the size before it looks at anything, refuses
//! trailing bytes, and encodes the value again to refuse every other spelling of it (longer
//! integers, indefinite lengths, extra fields). So equal values have equal bytes and hash alike.
//!
//! Every object starts with its version ([`V1`] today); another version gives
//! [`WireError::Version`], so that a node can say "update Maille" instead of "broken bytes".

use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};
use minicbor::{Decode, Encode};

/// Longest frame of a session. One frame is held in memory whole, per peer.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Longest entry. A flush aims at 16 KiB; a quarter of a frame leaves room for batching.
pub const ENTRY_BYTES_MAX: usize = 256 * 1024;
/// Longest entry header, without its signature. Headers travel alone later; they stay small.
pub const HEADER_BYTES_MAX: usize = 512;
/// Longest signed statement of most kinds.
pub const STATEMENT_BYTES_MAX: usize = 4096;
/// Longest removal, extension or checkpoint: they list logs.
pub const LISTING_BYTES_MAX: usize = 64 * 1024;
/// Longest chain of grants. Each link costs the reader one signature check and one authority.
pub const CHAIN_MAX: usize = 5;

/// Why bytes were refused. Whoever made them is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// More bytes than this kind may have; nothing was read.
    #[error("{got} bytes, more than the {max} allowed")]
    TooLong {
        /// How many bytes there are.
        got: usize,
        /// How many there may be.
        max: usize,
    },
    /// Not the expected structure, or a bound inside it was passed.
    #[error("malformed at byte {position}")]
    Malformed {
        /// Near which byte.
        position: usize,
    },
    /// A version that this program does not know.
    #[error("version {got} is not known here")]
    Version {
        /// The version found.
        got: u64,
    },
    /// Bytes after the end of the value.
    #[error("{count} bytes too many")]
    Trailing {
        /// How many.
        count: usize,
    },
    /// The value is readable, but written in another way than the one allowed.
    #[error("not in canonical form")]
    NotCanonical,
}

/// Returns the one encoding of `value`.
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to memory does not fail")
}

/// Reads one value of at most `max` bytes, in canonical form and with nothing after it.
///
/// # Errors
/// See [`WireError`]; the size is checked before anything else.
pub fn decode<'b, T>(bytes: &'b [u8], max: usize) -> Result<T, WireError>
where
    T: Decode<'b, ()> + Encode<()>,
{
    if bytes.len() > max {
        return Err(WireError::TooLong {
            got: bytes.len(),
            max,
        });
    }
    if has_indefinite_length(bytes) {
        return Err(match foreign_version(bytes) {
            Some(got) => WireError::Version { got },
            None => WireError::NotCanonical,
        });
    }
    let mut decoder = Decoder::new(bytes);
    let value: T = match decoder.decode() {
        Ok(value) => value,
        Err(error) => {
            return Err(match foreign_version(bytes) {
                Some(got) => WireError::Version { got },
                None => WireError::Malformed {
                    position: error.position().unwrap_or_else(|| decoder.position()),
                },
            });
        }
    };
    if decoder.position() != bytes.len() {
        return Err(WireError::Trailing {
            count: bytes.len() - decoder.position(),
        });
    }
    let mut expected = Expected(bytes);
    if minicbor::encode(&value, &mut expected).is_err() || !expected.0.is_empty() {
        return Err(WireError::NotCanonical);
    }
    Ok(value)
}

/// Takes the bytes that it expects and no others: a value is compared with its encoding without a
/// second copy of it, which would cost memory and might hold secrets.
struct Expected<'b>(&'b [u8]);

/// Another byte was written than expected.
struct Unexpected;

impl Write for Expected<'_> {
    type Error = Unexpected;

    fn write_all(&mut self, written: &[u8]) -> Result<(), Unexpected> {
        self.0 = self.0.strip_prefix(written).ok_or(Unexpected)?;
        Ok(())
    }
}

/// Returns whether something in `bytes` is of indefinite length, or ends such a thing.
///
/// No canonical encoding holds one. Left to the decoder, they would cost memory: to step over what it
/// does not know, such as a field too many, it keeps 16 bytes for each level of arrays without length,
/// and a level is one byte. This looks at the heads of items one after another, however they nest.
fn has_indefinite_length(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some((&head, after)) = rest.split_first() {
        let (major, argument) = (head >> 5, head & 0x1f);
        let length_of_argument = match argument {
            0..=23 => 0,
            24..=27 => 1 << (argument - 24),
            31 => return true,
            _ => return false, // no CBOR: the decoder says where
        };
        let Some((bytes_of_argument, after)) = after.split_at_checked(length_of_argument) else {
            return false;
        };
        let argument = match bytes_of_argument {
            [] => u64::from(argument),
            big_endian => big_endian
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte)),
        };
        let content = match major {
            2 | 3 => usize::try_from(argument).unwrap_or(usize::MAX),
            _ => 0,
        };
        let Some((_, after)) = after.split_at_checked(content) else {
            return false;
        };
        rest = after;
    }
    false
}

/// Returns the version an object claims, if it claims one that is not 1.
fn foreign_version(bytes: &[u8]) -> Option<u64> {
    let mut decoder = Decoder::new(bytes);
    decoder.array().ok()??;
    decoder.u64().ok().filter(|version| *version != 1)
}

/// Version 1 of an object, its first field: the integer 1 and nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct V1;

impl<C> Encode<C> for V1 {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.u8(1)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for V1 {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        match d.u64()? {
            1 => Ok(Self),
            _ => Err(decode::Error::message("unknown version").at(at)),
        }
    }
}

/// For `#[cbor(decode_with)]`: text of at most `MAX` bytes.
pub fn text<Ctx, const MAX: usize>(
    d: &mut Decoder<'_>,
    _: &mut Ctx,
) -> Result<String, decode::Error> {
    let at = d.position();
    let text = d.str()?;
    if text.len() > MAX {
        return Err(decode::Error::message("text too long").at(at));
    }
    Ok(text.to_owned())
}

/// For `#[cbor(decode_with)]`: bytes, at most `MAX` of them.
pub fn bytes<Ctx, const MAX: usize>(
    d: &mut Decoder<'_>,
    _: &mut Ctx,
) -> Result<Vec<u8>, decode::Error> {
    let at = d.position();
    let bytes = d.bytes()?;
    if bytes.len() > MAX {
        return Err(decode::Error::message("bytes too long").at(at));
    }
    Ok(bytes.to_vec())
}

/// For `#[cbor(decode_with)]`: a list of at most `MAX` items, refused before the first is read.
pub fn list<'b, Ctx, T: Decode<'b, Ctx>, const MAX: usize>(
    d: &mut Decoder<'b>,
    ctx: &mut Ctx,
) -> Result<Vec<T>, decode::Error> {
    let at = d.position();
    let too_long = || decode::Error::message("list too long, or of unknown length").at(at);
    let count = d.array()?.ok_or_else(too_long)?;
    let count = usize::try_from(count)
        .ok()
        .filter(|count| *count <= MAX)
        .ok_or_else(too_long)?;
    (0..count).map(|_| d.decode_with(ctx)).collect()
}

/// For `#[cbor(decode_with)]`: a list of at most `COUNT` texts of at most `BYTES` bytes each. A text
/// is a byte on the wire and 24 in memory, so the bound must stand before the first.
pub fn texts<Ctx, const COUNT: usize, const BYTES: usize>(
    d: &mut Decoder<'_>,
    ctx: &mut Ctx,
) -> Result<Vec<String>, decode::Error> {
    struct Text<const BYTES: usize>(String);

    impl<'b, Ctx, const BYTES: usize> Decode<'b, Ctx> for Text<BYTES> {
        fn decode(d: &mut Decoder<'b>, ctx: &mut Ctx) -> Result<Self, decode::Error> {
            text::<Ctx, BYTES>(d, ctx).map(Self)
        }
    }

    let texts = list::<Ctx, Text<BYTES>, COUNT>(d, ctx)?;
    Ok(texts.into_iter().map(|text| text.0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Encode, Decode)]
    #[cbor(array)]
    struct Thing {
        #[n(0)]
        version: V1,
        #[n(1)]
        #[cbor(decode_with = "text::<Ctx, 4>")]
        name: String,
        #[n(2)]
        #[cbor(decode_with = "list::<Ctx, u32, 3>")]
        numbers: Vec<u32>,
        #[n(3)]
        #[cbor(
            decode_with = "bytes::<Ctx, 2>",
            encode_with = "minicbor::bytes::encode"
        )]
        blob: Vec<u8>,
    }

    fn thing() -> Thing {
        Thing {
            version: V1,
            name: "abcd".into(),
            numbers: vec![1, 2, 3],
            blob: vec![8, 9],
        }
    }

    const BYTES: &[u8] = b"\x84\x01\x64abcd\x83\x01\x02\x03\x42\x08\x09";

    #[test]
    fn a_value_has_one_encoding() {
        assert_eq!(encode(&thing()), BYTES);
        assert_eq!(decode(BYTES, BYTES.len()), Ok(thing()));
    }

    #[test]
    fn other_spellings_of_a_value_are_refused() {
        for (spelling, why) in [
            (
                b"\x9f\x01\x64abcd\x83\x01\x02\x03\x42\x08\x09\xff".as_slice(),
                "indefinite array",
            ),
            (
                b"\x98\x04\x01\x64abcd\x83\x01\x02\x03\x42\x08\x09",
                "long array length",
            ),
            (
                b"\x84\x18\x01\x64abcd\x83\x01\x02\x03\x42\x08\x09",
                "long integer",
            ),
            (
                b"\x84\x01\x78\x04abcd\x83\x01\x02\x03\x42\x08\x09",
                "long text length",
            ),
            (
                b"\x85\x01\x64abcd\x83\x01\x02\x03\x42\x08\x09\x00",
                "an extra field",
            ),
            (
                b"\x84\x01\x7f\x64abcd\xff\x83\x01\x02\x03\x42\x08\x09",
                "indefinite text",
            ),
            (
                b"\x84\x01\x64abcd\x9f\x01\x02\x03\xff\x42\x08\x09",
                "indefinite list",
            ),
            (
                b"\x84\x01\x64abcd\x83\x01\x02\x03\x5f\x42\x08\x09\xff",
                "indefinite bytes",
            ),
            (
                b"\x85\x01\x64abcd\x83\x01\x02\x03\x42\x08\x09\x82\x00\x9f\xff",
                "an indefinite list in an extra field",
            ),
        ] {
            assert_eq!(
                decode::<Thing>(spelling, 99),
                Err(WireError::NotCanonical),
                "{why}"
            );
        }
        for (spelling, why) in [
            (
                b"\xc1\x84\x01\x64abcd\x83\x01\x02\x03\x42\x08\x09".as_slice(),
                "a tag",
            ),
            (
                b"\x84\x01\x64ab\xff\xff\x83\x01\x02\x03\x42\x08\x09",
                "not UTF-8",
            ),
        ] {
            let got = decode::<Thing>(spelling, 99);
            assert!(
                matches!(got, Err(WireError::Malformed { .. })),
                "{why}: {got:?}"
            );
        }
    }

    #[test]
    fn size_comes_first_then_version_then_the_end() {
        let max = BYTES.len() - 1;
        let too_long = WireError::TooLong {
            got: BYTES.len(),
            max,
        };
        assert_eq!(decode::<Thing>(BYTES, max), Err(too_long));
        let mut bytes = BYTES.to_vec();
        bytes[1] = 2;
        assert_eq!(
            decode::<Thing>(&bytes, 99),
            Err(WireError::Version { got: 2 })
        );
        bytes[1] = 1;
        bytes.extend([0, 0]);
        assert_eq!(
            decode::<Thing>(&bytes, 99),
            Err(WireError::Trailing { count: 2 })
        );
        for cut in 0..BYTES.len() {
            assert!(decode::<Thing>(&BYTES[..cut], 99).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn one_past_a_bound_is_refused() {
        let too_much = [
            Thing {
                name: "abcde".into(),
                ..thing()
            },
            Thing {
                numbers: vec![0; 4],
                ..thing()
            },
            Thing {
                blob: vec![0; 3],
                ..thing()
            },
        ];
        for thing in too_much {
            let got = decode::<Thing>(&encode(&thing), 99);
            assert!(matches!(got, Err(WireError::Malformed { .. })), "{thing:?}");
        }
    }

    #[test]
    fn lengths_that_lie_cost_nothing() {
        // A list, a text and bytes of 2^64 - 1 items; and nesting as deep as it fits.
        for bytes in [
            b"\x84\x01\x64abcd\x9b\xff\xff\xff\xff\xff\xff\xff\xff".as_slice(),
            b"\x84\x01\x7b\xff\xff\xff\xff\xff\xff\xff\xffabcd",
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x01\x64abcd",
        ] {
            assert!(decode::<Thing>(bytes, 99).is_err());
        }
        let mut deep = b"\x85\x01\x64abcd\x83\x01\x02\x03\x42\x08\x09".to_vec();
        deep.resize(FRAME_BYTES_MAX, 0x81);
        assert!(decode::<Thing>(&deep, FRAME_BYTES_MAX).is_err());
    }
}
