//! What people type or paste: months, addresses, cards and links.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;

use maille_core::command::{CommandError, TEXT_BYTES_MAX};
use maille_node::home_dir::free_port;
use maille_protocol::card::{Card, ShareLink, TextError};
use maille_protocol::id::{GrantId, SliceId};
use maille_protocol::invite::InviteLink;
use maille_protocol::pairing::PairCode;
use maille_protocol::relay::RelayCode;
use maille_schemas::document::Month;

use crate::cli::failure::{Failure, Mistyped, Pasted};

/// Longest file that may hold a pasted card or link: both are under 4 KiB.
const PASTED_BYTES_MAX: u64 = 64 * 1024;

/// A month such as `2027-01`.
pub(crate) fn month(typed: &str) -> Result<Month, Failure> {
    typed.trim().parse().map_err(|_| Failure::BadMonth {
        typed: typed.to_owned(),
    })
}

/// Where to listen, as multiaddresses: `192.168.1.10:4001` means QUIC and TCP there;
/// a multiaddress stands as it is. Port 0 is taken for a port that is free now, since
/// contacts remember it.
pub(crate) fn listen(typed: &[String]) -> Result<Vec<String>, Failure> {
    let mut addresses = Vec::new();
    for address in typed {
        if address.starts_with('/') {
            addresses.push(address.clone());
            continue;
        }
        let socket: SocketAddr = address.parse().map_err(|_| Failure::BadAddress {
            typed: address.clone(),
        })?;
        let family = if socket.is_ipv4() { "ip4" } else { "ip6" };
        let ip = socket.ip();
        let port = match socket.port() {
            0 => free_port(ip).map_err(|error| Failure::CannotListen {
                reason: error.to_string(),
            })?,
            port => port,
        };
        addresses.push(format!("/{family}/{ip}/udp/{port}/quic-v1"));
        addresses.push(format!("/{family}/{ip}/tcp/{port}"));
    }
    Ok(addresses)
}

/// Something of ours, pasted or in a file; `refused` is what is said if it is none.
fn read<T: FromStr<Err = TextError>>(
    typed: &str,
    refused: impl FnOnce(Mistyped, Option<Pasted>) -> Failure,
) -> Result<T, Failure> {
    let text = pasted(typed)?;
    text.parse().map_err(|error: TextError| match error.into() {
        Mistyped::NotOne if looks_like_a_path(typed) => no_such_file(typed),
        reason => refused(reason, Pasted::like(&text)),
    })
}

/// A card, pasted or in a file.
pub(crate) fn card(typed: &str) -> Result<Card, Failure> {
    read(typed, |reason, got| Failure::BadCard { reason, got })
}

/// A share link, pasted or in a file.
pub(crate) fn link(typed: &str) -> Result<ShareLink, Failure> {
    read(typed, |reason, got| Failure::BadLink { reason, got })
}

/// The card in anything that names somebody's node: a card, a share link, an invite, pasted or in a file.
pub(crate) fn card_of_any(typed: &str) -> Result<Card, Failure> {
    match (card(typed), link(typed), invite(typed)) {
        (Ok(card), ..) => Ok(card),
        (_, Ok(link), _) => Ok(link.card),
        (.., Ok(invite)) => Ok(invite.card),
        (Err(failure), ..) => Err(failure),
    }
}

/// A pairing code, pasted or in a file.
pub(crate) fn pair_code(typed: &str) -> Result<PairCode, Failure> {
    read(typed, |reason, got| Failure::BadPairCode { reason, got })
}

/// A relay's code, pasted or in a file.
pub(crate) fn relay_code(typed: &str) -> Result<RelayCode, Failure> {
    read(typed, |reason, got| Failure::BadRelayCode { reason, got })
}

/// An invite to a circle, pasted or in a file.
pub(crate) fn invite(typed: &str) -> Result<InviteLink, Failure> {
    read(typed, |reason, got| Failure::BadInvite { reason, got })
}

/// Whether all these places are met from this computer only.
pub(crate) fn only_of_this_computer(addresses: &[String]) -> bool {
    let of_this = |it: &String| it.starts_with("/ip4/127.") || it.starts_with("/ip6/::1/");
    addresses.iter().all(of_this)
}

/// Whether somebody meant a file that is not there: no card, link or id has a point or a slash.
fn looks_like_a_path(typed: &str) -> bool {
    !Path::new(typed).exists() && typed.contains(['.', '/']) && !typed.contains(char::is_whitespace)
}

fn no_such_file(typed: &str) -> Failure {
    let path = Path::new(typed);
    Failure::FileUnreadable {
        file: path.to_owned(),
        reason: path
            .metadata()
            .map_or_else(|error| error.to_string(), |_| String::new()),
    }
}

/// What to call somebody; nothing typed means that they go on being called as before.
pub(crate) fn name(typed: Option<&str>) -> Result<String, Failure> {
    match typed {
        None => Ok(String::new()),
        Some("") => Err(Failure::Command(CommandError::BadText {
            field: "name".to_owned(),
            bytes_max: TEXT_BYTES_MAX,
        })),
        Some(name) => Ok(name.to_owned()),
    }
}

/// A share's id, checked so that a mistyped character is told as such; anything else
/// is taken for a name.
pub(crate) fn share(typed: &str) -> Result<String, Failure> {
    let typed = typed.trim();
    let lower = typed.to_lowercase();
    let whole = GrantId::from_bytes([0; 32]).to_string().len();
    let checked = if lower.starts_with("grant1") && lower.len() < whole {
        return Ok(lower); // the beginning of one
    } else if lower.starts_with("grant1") {
        lower.parse().map(|id: GrantId| id.to_string())
    } else if lower.starts_with("slice1") {
        lower.parse().map(|id: SliceId| id.to_string())
    } else {
        return Ok(typed.to_owned());
    };
    checked.map_err(|error| Failure::BadShareId {
        reason: error.into(),
    })
}

/// What was pasted, or what the file of that name holds.
pub(crate) fn pasted(typed: &str) -> Result<String, Failure> {
    let path = Path::new(typed);
    let short_enough = typed.len() < 4_096; // longest path of the systems we know
    if !short_enough || !path.exists() {
        return Ok(typed.trim().to_owned());
    }
    let mut bytes = Vec::new();
    // What is longer or no text is no card or link, and will be refused as such.
    File::open(path)
        .and_then(|file| file.take(PASTED_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(|error| Failure::FileUnreadable {
            file: path.to_owned(),
            reason: error.to_string(),
        })?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_means_quic_and_tcp() {
        let both = listen(&["192.168.1.10:4001".to_owned()]).unwrap();
        assert_eq!(
            both,
            [
                "/ip4/192.168.1.10/udp/4001/quic-v1",
                "/ip4/192.168.1.10/tcp/4001"
            ]
        );
        assert_eq!(
            listen(&["[::1]:9".to_owned()]).unwrap()[1],
            "/ip6/::1/tcp/9"
        );
        assert_eq!(
            listen(&["/ip4/1.2.3.4/tcp/5".to_owned()]).unwrap(),
            ["/ip4/1.2.3.4/tcp/5"]
        );
        assert!(!listen(&["127.0.0.1:0".to_owned()]).unwrap()[0].contains("/udp/0/"));
        assert!(listen(&["maison:port".to_owned()]).is_err());
    }
}
