//! What people type or paste: dates, months, addresses, cards and links.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;

use jiff::civil;
use maille_protocol::card::{Card, ShareLink, TextError};
use maille_protocol::id::{GrantId, SliceId};
use maille_protocol::time::Timestamp;
use maille_schemas::document::Month;

use crate::cli::failure::Failure;
use crate::i18n::Clock;

/// Milliseconds in a day.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Longest file that may hold a pasted card or link: both are under 4 KiB.
const PASTED_BYTES_MAX: u64 = 64 * 1024;

/// The end of a share: `2027-01-31` is the last moment of that day on the person's own
/// calendar, `90d` is so many days from now. Whether it lies ahead is for the machine
/// to say.
pub(crate) fn until(typed: &str, now: Timestamp, clock: &Clock) -> Result<Timestamp, Failure> {
    let bad = || Failure::BadDate {
        typed: typed.to_owned(),
    };
    let trimmed = typed.trim();
    if let Some(days) = trimmed.strip_suffix(['d', 'j', 'D', 'J']) {
        let days: u64 = days.trim().parse().map_err(|_| bad())?;
        return Ok(now.plus_millis(days.checked_mul(DAY_MS).ok_or_else(bad)?));
    }
    let day: civil::Date = trimmed.parse().map_err(|_| bad())?;
    if trimmed.len() != "2027-01-31".len() {
        return Err(bad()); // a time of day would be dropped without a word
    }
    clock.end_of(day).ok_or_else(bad)
}

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

/// A port of `ip` that is free for TCP and UDP.
fn free_port(ip: IpAddr) -> io::Result<u16> {
    let mut tries = 0;
    loop {
        let tcp = TcpListener::bind((ip, 0))?;
        let port = tcp.local_addr()?.port();
        match UdpSocket::bind((ip, port)) {
            Ok(_) => return Ok(port),
            Err(error) if tries == 16 => return Err(error),
            Err(_) => tries += 1, // free for one but not for the other
        }
    }
}

/// A card, pasted or in a file.
pub(crate) fn card(typed: &str) -> Result<Card, Failure> {
    pasted(typed)?
        .parse()
        .map_err(|error: TextError| Failure::BadCard {
            reason: error.into(),
        })
}

/// A share link, pasted or in a file.
pub(crate) fn link(typed: &str) -> Result<ShareLink, Failure> {
    pasted(typed)?
        .parse()
        .map_err(|error: TextError| Failure::BadLink {
            reason: error.into(),
        })
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
    let Some(metadata) = short_enough.then(|| path.metadata().ok()).flatten() else {
        return Ok(typed.trim().to_owned());
    };
    let unreadable = |reason: String| Failure::FileUnreadable {
        file: path.to_owned(),
        reason,
    };
    if !metadata.is_file() || metadata.len() > PASTED_BYTES_MAX {
        return Err(unreadable(format!("{} B", metadata.len())));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use jiff::tz::{Offset, TimeZone};

    use super::*;

    #[test]
    fn a_date_is_the_end_of_that_day_where_the_person_is() {
        let paris = Clock::in_zone(TimeZone::get("Europe/Paris").unwrap());
        let utc = Clock::in_zone(Offset::UTC.to_time_zone());
        let now = Timestamp::from_millis(0);
        assert_eq!(
            until("2027-01-31", now, &utc).unwrap().to_string(),
            "2027-01-31T23:59:59.999Z"
        );
        assert_eq!(
            until("2027-01-31", now, &paris).unwrap().to_string(),
            "2027-01-31T22:59:59.999Z"
        );
    }

    #[test]
    fn days_count_from_now() {
        let clock = Clock::in_zone(TimeZone::UTC);
        let now = Timestamp::from_millis(5);
        assert_eq!(
            until("90d", now, &clock).unwrap().as_millis(),
            5 + 90 * DAY_MS
        );
        assert_eq!(until("1j", now, &clock).unwrap().as_millis(), 5 + DAY_MS);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let clock = Clock::in_zone(TimeZone::UTC);
        let now = Timestamp::from_millis(0);
        for typed in [
            "",
            "d",
            "demain",
            "2027-13-01",
            "31/01/2027",
            "2027-02-30",
            "2027-01-31T10:00",
            "-3d",
            "99999999999999999999d",
        ] {
            assert!(until(typed, now, &clock).is_err(), "{typed}");
        }
    }

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
