//! CBOR as a tree, to change one thing in an object and leave the rest right.

use std::ops::{Index, IndexMut};

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

use crate::crypto::SigningKey;

/// One item of an object.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::vectors) enum Item {
    Number(u64),
    Bytes(Vec<u8>),
    Text(String),
    List(Vec<Self>),
    Bool(bool),
    Null,
}

impl Item {
    #[track_caller]
    pub(in crate::vectors) fn read(bytes: &[u8]) -> Self {
        let mut decoder = Decoder::new(bytes);
        let item = Self::next(&mut decoder);
        assert_eq!(decoder.position(), bytes.len());
        item
    }

    fn next(decoder: &mut Decoder<'_>) -> Self {
        match decoder.datatype().unwrap() {
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => Self::Number(decoder.u64().unwrap()),
            Type::Bytes => Self::Bytes(decoder.bytes().unwrap().to_vec()),
            Type::String => Self::Text(decoder.str().unwrap().to_owned()),
            Type::Array => {
                let count = decoder.array().unwrap().unwrap();
                Self::List((0..count).map(|_| Self::next(decoder)).collect())
            }
            Type::Bool => Self::Bool(decoder.bool().unwrap()),
            Type::Null => {
                decoder.null().unwrap();
                Self::Null
            }
            other => panic!("{other} is in none of our objects"),
        }
    }

    pub(in crate::vectors) fn to_bytes(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        self.write(&mut encoder);
        encoder.into_writer()
    }

    fn write(&self, encoder: &mut Encoder<Vec<u8>>) {
        match self {
            Self::Number(number) => encoder.u64(*number).unwrap(),
            Self::Bytes(bytes) => encoder.bytes(bytes).unwrap(),
            Self::Text(text) => encoder.str(text).unwrap(),
            Self::Bool(value) => encoder.bool(*value).unwrap(),
            Self::Null => encoder.null().unwrap(),
            Self::List(items) => {
                encoder.array(items.len().try_into().unwrap()).unwrap();
                for item in items {
                    item.write(encoder);
                }
                encoder
            }
        };
    }

    #[track_caller]
    pub(in crate::vectors) fn list(&mut self) -> &mut Vec<Self> {
        let Self::List(items) = self else {
            panic!("{self:?} is no list");
        };
        items
    }

    #[track_caller]
    pub(in crate::vectors) fn bytes(&mut self) -> &mut Vec<u8> {
        let Self::Bytes(bytes) = self else {
            panic!("{self:?} is no byte string");
        };
        bytes
    }

    /// Changes one bit of a byte string.
    #[track_caller]
    pub(in crate::vectors) fn flip(&mut self) {
        *self.bytes().last_mut().expect("not empty") ^= 1;
    }

    /// Changes the object inside a byte string.
    #[track_caller]
    pub(in crate::vectors) fn inside(&mut self, change: impl FnOnce(&mut Self)) {
        let bytes = self.bytes();
        *bytes = edited(bytes, change);
    }

    /// Changes the record of `[record bytes, signature]` and signs it again.
    #[track_caller]
    pub(in crate::vectors) fn signed(
        &mut self,
        domain: &str,
        key: &SigningKey,
        change: impl FnOnce(&mut Self),
    ) {
        self[0].inside(change);
        let signature = key.sign(domain, self[0].bytes());
        self[1] = Self::Bytes(signature.to_vec());
    }
}

impl Index<usize> for Item {
    type Output = Self;

    #[track_caller]
    fn index(&self, at: usize) -> &Self {
        let Self::List(items) = self else {
            panic!("{self:?} is no list");
        };
        &items[at]
    }
}

impl IndexMut<usize> for Item {
    #[track_caller]
    fn index_mut(&mut self, at: usize) -> &mut Self {
        &mut self.list()[at]
    }
}

/// Returns the object `bytes` after one change, in the one encoding that it then has.
#[track_caller]
pub(in crate::vectors) fn edited(bytes: &[u8], change: impl FnOnce(&mut Item)) -> Vec<u8> {
    let mut item = Item::read(bytes);
    assert_eq!(item.to_bytes(), bytes);
    change(&mut item);
    item.to_bytes()
}

/// An id of thirty-two times the same byte.
pub(in crate::vectors) fn id(byte: u8) -> Item {
    Item::Bytes(vec![byte; 32])
}
