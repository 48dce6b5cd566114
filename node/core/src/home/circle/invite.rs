//! How people come in: invites made, knocks answered, welcomes taken.
//!
//! | at the inviter's node, a knock | answer |
//! |---|---|
//! | of no invite of ours, or a proof that does not hold | a contact: not welcome; a stranger: none, the connection is closed |
//! | from a member | welcome, again |
//! | revoked, expired, used up, or used by them before | not welcome; counted, and shown to our person |
//! | we may admit nobody any more | not welcome |
//! | consent and authority in order | they are admitted; welcome, once that is durable |

use maille_protocol::card::Card;
use maille_protocol::defence::{self, Defence};
use maille_protocol::evaluation::Role;
use maille_protocol::id::{CircleId, PersonId, TransportId};
use maille_protocol::invite::{
    Answer, InviteId, InviteLink, Knock, NAME_BYTES_MAX, USES_MAX, WhyNot,
};
use maille_protocol::principal::{Authority, Charter, UnverifiedAuthority};
use maille_protocol::slice::{OwnerId, SliceCharter};
use maille_protocol::statement::{Consent, Kind};
use maille_protocol::sync::{CircleItem, Frame};
use maille_protocol::time::Timestamp;
use maille_protocol::wire::{self, V1};
use rand_core::CryptoRng;

use super::super::taking::Refused;
use super::super::{Home, check_end, check_text_of};
use super::Circle;
use crate::command::{CommandError, Done, InviteShown, JoiningShown, why_closed};
use crate::io::{ConnectionId, Event, Output, Store};
use crate::layout;
use crate::state::{CircleRecord, Invite, Joining, UsedBy};
use crate::view::ReadError;

/// Longest an invite may stay open.
const INVITE_DAYS_MAX: u32 = 90;
/// Most invites of one circle that are open.
const OPEN_INVITES_MAX: usize = 64;
/// Most nodes that nobody knows and that may be about to knock, at one time.
const STRANGERS_MAX: usize = 16;
/// How long one of them may take.
const STRANGER_MS: u64 = 10_000;

/// A connection to a node that nobody here knows.
pub(in crate::home) struct Stranger {
    peer: TransportId,
    until: Timestamp,
    /// They knocked.
    answered: bool,
}

impl Joining {
    pub(super) fn shown(self) -> JoiningShown {
        JoiningShown {
            circle: self.link.circle,
            name: self.link.name,
            inviter: self.link.inviter,
            called: self.called,
            since: self.since,
            refused: self.refused,
        }
    }
}

impl Invite {
    /// Why it lets nobody in any more; nothing while it is open.
    fn closed(&self, now: Timestamp) -> Option<WhyNot> {
        let uses = (self.used.len(), self.link.uses);
        let uses = if defence::is_off(Defence::InviteUses) {
            (0, USES_MAX)
        } else {
            uses
        };
        why_closed(now, self.revoked, self.link.until, uses)
    }
}

impl<S: Store> Home<S> {
    pub(in crate::home) fn circle_invite(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        circle: &str,
        (uses, until, admin): (u32, Timestamp, bool),
    ) -> Result<Done, CommandError> {
        let id = self.find_circle(circle)?;
        check_end(until, now, INVITE_DAYS_MAX)?;
        if !(1..=USES_MAX).contains(&uses) {
            return Err(CommandError::TooMany {
                what: "uses of one invite".to_owned(),
                max: u64::from(USES_MAX),
            });
        }
        let open = self.invites_of(id)?;
        let open = open.iter().filter(|it| it.closed(now).is_none());
        if open.count() >= OPEN_INVITES_MAX {
            return Err(CommandError::TooMany {
                what: "open invites".to_owned(),
                max: OPEN_INVITES_MAX as u64,
            });
        }
        let mut secret = [0; 16];
        rng.fill_bytes(&mut secret);
        let card = self.card();
        let me = self.me.person;
        self.with_circle(id, |home, circle| {
            let members = circle.replica.circle().members();
            let admitter = members.get(&me).filter(|member| member.role == Role::Admin);
            let Some(admitter) = admitter else {
                return Err(CommandError::NotAllowedInCircle {
                    circle: circle.name(),
                });
            };
            let link = InviteLink {
                version: V1,
                secret,
                card,
                circle: id,
                admitter: admitter.membership,
                role: if admin { Role::Admin } else { Role::Member },
                kind: circle.kind().name().to_owned(),
                name: circle.name(),
                inviter: circle.record.called.clone(),
                uses,
                until,
            };
            let invite = Invite {
                link: link.clone(),
                created: now,
                used: Vec::new(),
                revoked: None,
                refused: 0,
                refused_at: None,
            };
            home.view.write(layout::invite(link.id()), &invite);
            let invite = shown(invite);
            Ok(Done::CircleInvited { link, invite })
        })
    }

    fn invites_of(&self, circle: CircleId) -> Result<Vec<Invite>, ReadError> {
        let mut all: Vec<Invite> = (self.view.scan_read::<Invite>(layout::INVITES)?)
            .into_iter()
            .map(|(_, invite)| invite)
            .collect();
        all.retain(|invite| invite.link.circle == circle);
        all.sort_by_key(|invite| (invite.created, invite.link.id()));
        Ok(all)
    }

    pub(super) fn invites_to(&self, circle: CircleId) -> Result<Vec<InviteShown>, ReadError> {
        Ok(self.invites_of(circle)?.into_iter().map(shown).collect())
    }

    /// Takes an invite back: nobody comes in by it any more.
    pub(in crate::home) fn circle_uninvite(
        &mut self,
        now: Timestamp,
        typed: &str,
    ) -> Result<Done, CommandError> {
        let all = self.view.scan_read::<Invite>(layout::INVITES)?;
        let link = typed.parse::<InviteLink>().ok().map(|link| link.id());
        let mut found: Vec<_> = (all.into_iter())
            .filter(|(_, invite)| {
                let id = invite.link.id();
                link == Some(id)
                    || (typed.len() >= 4 && short(id).starts_with(&typed.to_lowercase()))
            })
            .collect();
        let (Some((at, mut invite)), true) = (found.pop(), found.is_empty()) else {
            return Err(CommandError::UnknownInvite {
                invite: typed.to_owned(),
            });
        };
        invite.revoked = invite.revoked.or(Some(now));
        self.view.write(at, &invite);
        self.load_circles()?;
        let circle = self.circles.get(&invite.link.circle);
        let circle = circle.map(|circle| self.shown_circle(circle)).transpose()?;
        let circle = circle.ok_or_else(|| super::unknown(&invite.link.circle))?;
        Ok(Done::CircleChanged { circle })
    }

    /// What an invite leads to, if our person may take it.
    pub(in crate::home) fn circle_consider(
        &mut self,
        now: Timestamp,
        link: &InviteLink,
    ) -> Result<Done, CommandError> {
        self.check_invite(now, link)?;
        let known = self.contact(link.card.person)?;
        Ok(Done::CircleConsidered {
            known_as: known.map(|contact| contact.name),
            addresses: self.card().addresses,
        })
    }

    /// Refuses what is known here to lead nowhere.
    fn check_invite(&mut self, now: Timestamp, link: &InviteLink) -> Result<(), CommandError> {
        if link.card.person == self.me.person {
            return Err(CommandError::Oneself);
        }
        if link.until <= now {
            return Err(CommandError::LinkExpired { until: link.until });
        }
        self.load_circles()?;
        if let Some(circle) = self.circles.get(&link.circle)
            && circle.has_member(&self.me.person)
        {
            let name = Some(circle.name()).filter(|name| !name.is_empty());
            return Err(CommandError::AlreadyInCircle {
                circle: name.unwrap_or_else(|| link.name.clone()),
            });
        }
        Ok(())
    }

    /// Wants to come into a circle.
    pub(in crate::home) fn circle_join(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        link: InviteLink,
        called: String,
    ) -> Result<Done, CommandError> {
        check_text_of("as", &called, NAME_BYTES_MAX)?;
        self.check_invite(now, &link)?;
        let at = layout::joining(link.circle);
        if self.view.get(&at)?.is_none() {
            self.check_room_for_a_circle()?;
        }
        self.keep_contact_called(now, rng, &link.card, &link.inviter)?;
        let joining = Joining {
            link,
            called,
            since: now,
            refused: None,
        };
        self.view.write(at, &joining);
        let peer = joining.link.card.transport;
        if let Some(connection) = self.session_with(peer) {
            if let Some(live) = self.sessions.get_mut(&connection) {
                live.forget_knock_with(&joining.link.id());
            }
            self.knock(connection, peer)?;
        }
        Ok(Done::CircleJoining {
            joining: joining.shown(),
        })
    }

    /// Knocks with the next invite that was given at this node, those first that were never answered; returns whether
    /// there was one.
    pub(in crate::home) fn knock(
        &mut self,
        connection: ConnectionId,
        peer: TransportId,
    ) -> Result<bool, ReadError> {
        let Some(live) = self.sessions.get(&connection) else {
            return Ok(false);
        };
        let next = (self.view.scan_read::<Joining>(layout::JOINING)?.into_iter())
            .map(|(_, joining)| joining)
            .filter(|joining| {
                joining.link.card.transport == peer
                    && !joining.refused.is_some_and(is_final)
                    && live.may_knock_with(&joining.link.id())
            })
            .min_by_key(|joining| joining.refused.is_some());
        let Some(joining) = next else {
            return Ok(false);
        };
        let link = &joining.link;
        let consent = Consent::of_person(link.circle, link.admitter, self.me.person, link.role);
        let knock = Knock {
            version: V1,
            invite: link.id(),
            proof: link.proof(&self.me.secrets.transport),
            name: joining.called.clone(),
            addresses: self.card().addresses,
            by: self.me.signing.public(),
            consent: consent.sign(&self.me.signing),
            authority: self.me.authority.to_bytes(),
        };
        self.effects.push(Output::Send {
            to: connection,
            frame: Frame::Knock(knock).to_bytes(),
        });
        if let Some(live) = self.sessions.get_mut(&connection) {
            live.knocks_with(link.id());
        }
        Ok(true)
    }

    /// Somebody whom nobody here knows has connected: they may hold an invite or a pairing code of ours, or be a node
    /// of a contact's that is new, or our own person, who comes back.
    pub(in crate::home) fn stranger(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        peer: TransportId,
    ) {
        if self.strangers.len() >= STRANGERS_MAX {
            // A knock comes at once: who has been here longest is least likely to mean to.
            let oldest = self
                .strangers
                .iter()
                .min_by_key(|(_, stranger)| stranger.until);
            if let Some(oldest) = oldest.map(|(connection, _)| *connection) {
                self.drop_stranger(oldest);
            }
        }
        let until = now.plus_millis(STRANGER_MS);
        let stranger = Stranger {
            peer,
            until,
            answered: false,
        };
        self.strangers.insert(connection, stranger);
    }

    /// The first frame of a stranger is a knock, or the last; the second is the last.
    pub(in crate::home) fn stranger_says(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        connection: ConnectionId,
        frame: &[u8],
    ) {
        let Some(stranger) = self.strangers.get_mut(&connection) else {
            return;
        };
        if std::mem::replace(&mut stranger.answered, true) {
            return self.drop_stranger(connection);
        }
        let peer = stranger.peer;
        let answer = match Frame::from_bytes(frame) {
            Ok(Frame::Authority(bytes)) => {
                match self.introduced(now, rng, (connection, peer), &bytes) {
                    Ok(true) => return,
                    Ok(false) => Ok(None),
                    Err(error) => Err(error),
                }
            }
            Ok(Frame::Knock(knock)) => self.knocked(now, rng, &peer, &knock),
            Ok(Frame::Claim(claim)) => match self.claimed(now, peer, &claim) {
                Ok(Some(claimed)) => {
                    return self.answer_stranger(connection, Frame::Claimed(claimed));
                }
                Ok(None) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Ok(Frame::Return(returns)) => match self.returned(now, rng, peer, &returns) {
                Ok(Some(welcome)) => {
                    // It is a node of ours from now on: its hello follows.
                    self.strangers.remove(&connection);
                    self.connected(now, rng, connection, peer, crate::io::Role::Acceptor);
                    return self.answer_stranger(connection, Frame::Paired(welcome));
                }
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            },
            Ok(Frame::Visit(visit)) => {
                return self.came_as_visitor(now, (connection, peer), &visit);
            }
            Ok(Frame::Pair(pair)) if self.asked_to_pair(now, (connection, peer), &pair) => return,
            _ => Ok(None),
        };
        let answer = answer.unwrap_or_else(|_| {
            self.take_back();
            None
        });
        match answer {
            Some(answer) => self.answer_stranger(connection, Frame::Answer(answer)),
            None => self.drop_stranger(connection),
        }
    }

    fn answer_stranger(&mut self, to: ConnectionId, answer: Frame) {
        self.effects.push(Output::Send {
            to,
            frame: answer.to_bytes(),
        });
    }

    pub(in crate::home) fn drop_stranger(&mut self, connection: ConnectionId) {
        self.asking_gone(connection);
        self.strangers.remove(&connection);
        self.effects.push(Output::Close { connection });
    }

    /// A stranger who was waited for may take as long again to hear the answer: it waits for the disk.
    pub(in crate::home) fn strangers_time_begins(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
    ) {
        if let Some(stranger) = self.strangers.get_mut(&connection) {
            stranger.until = now.plus_millis(STRANGER_MS);
        }
    }

    /// Closes connections of strangers who took too long.
    pub(in crate::home) fn drop_slow_strangers(&mut self, now: Timestamp) {
        let slow: Vec<ConnectionId> = (self.strangers.iter())
            .filter(|(_, stranger)| {
                // A time that lies further ahead was set by a clock that was put back.
                stranger.until <= now || stranger.until > now.plus_millis(2 * STRANGER_MS)
            })
            .map(|(connection, _)| *connection)
            .filter(|connection| !self.is_asking(*connection))
            .collect();
        for connection in slow {
            self.drop_stranger(connection);
        }
    }

    pub(in crate::home) fn next_slow_stranger(&self) -> Option<Timestamp> {
        let waits = |connection: &ConnectionId| !self.is_asking(*connection);
        (self.strangers.iter())
            .filter(|(connection, _)| waits(connection))
            .map(|(_, stranger)| stranger.until)
            .min()
    }

    /// Answers a knock; nothing if it does not show an invite of ours.
    pub(in crate::home) fn knocked(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        peer: &TransportId,
        knock: &Knock,
    ) -> Result<Option<Answer>, Refused> {
        let at = layout::invite(knock.invite);
        let Some(mut invite) = self.view.read::<Invite>(&at)? else {
            return Ok(None);
        };
        if !invite.link.is_shown_by(knock, peer) {
            return Ok(None);
        }
        let Some(authority) = authority_of(knock, peer) else {
            return Ok(Some(Answer::NotWelcome(WhyNot::NotInOrder)));
        };
        let id = invite.link.circle;
        let closed = invite.closed(now);
        let answer = self.with_circle(id, |home, circle| {
            home.answer(
                now,
                rng,
                circle,
                (&mut invite, closed),
                (knock, peer, authority),
            )
        })?;
        if let Answer::NotWelcome(why) = answer {
            invite.refused = invite.refused.saturating_add(1);
            invite.refused_at = Some(now);
            self.event(Event::InviteRefused { circle: id, why });
        }
        self.view.write(at, &invite);
        Ok(Some(answer))
    }

    fn answer(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        circle: &mut Circle,
        (invite, closed): (&mut Invite, Option<WhyNot>),
        (knock, peer, mut authority): (&Knock, &TransportId, Authority),
    ) -> Result<Answer, Refused> {
        let person = authority.person();
        // They may have removed the device that knocks, and shown that to us otherwise.
        let contact = self.contact(person)?;
        let of_contact = contact.map(|it| self.authority_of(&it)).transpose()?;
        let in_circle = circle.replica.known().people.get(&person);
        for held in of_contact.flatten().iter().chain(in_circle) {
            authority.merge(held);
        }
        if !is_by(&authority, knock, peer) {
            return Ok(Answer::NotWelcome(WhyNot::NotInOrder));
        }
        let link = &invite.link;
        if !circle.has_member(&person) {
            if let Some(why) = closed {
                return Ok(Answer::NotWelcome(why));
            }
            // Who was removed does not come back by the invite that they came by, however often it may be used.
            if invite.used.iter().any(|by| by.person == person) {
                return Ok(Answer::NotWelcome(WhyNot::UsedUp));
            }
            let named = check_text_of("name", &knock.name, NAME_BYTES_MAX);
            if person == self.me.person || named.is_err() {
                return Ok(Answer::NotWelcome(WhyNot::NotInOrder));
            }
            let me = circle.replica.circle().members().get(&self.me.person);
            if me.is_none_or(|me| me.role != Role::Admin || me.membership != link.admitter) {
                return Ok(Answer::NotWelcome(WhyNot::NotAdmitter));
            }
            let kind = Kind::Person {
                person,
                role: link.role,
                by: knock.by,
                consent: knock.consent,
            };
            let consent = Consent::of_person(circle.id(), link.admitter, person, link.role);
            if !consent.holds(&knock.by, &knock.consent) {
                return Ok(Answer::NotWelcome(WhyNot::NotInOrder)); // nothing of them stays
            }
            let comes_back = circle.had_member(&person);
            circle.replica.meet(authority.clone());
            let subject = circle.subject();
            if self.say_in_circle(circle, subject, kind).is_err() || !circle.has_member(&person) {
                return Ok(Answer::NotWelcome(WhyNot::NotInOrder));
            }
            self.keep_item(circle, CircleItem::Person(authority.to_bytes()), None)?;
            if comes_back {
                self.grant_again(now, circle)?;
            }
            invite.used.push(UsedBy {
                person,
                at: now,
                name: knock.name.clone(),
            });
            let card = Card::new(person, *peer, knock.addresses.clone());
            if let Ok(card) = card {
                // Where it can't be kept they are met when they dial us.
                let _ = self.keep_contact_called(now, rng, &card, &knock.name);
            }
            self.do_duties(now, rng, circle)?;
            self.event(Event::MemberJoined {
                circle: circle.id(),
                name: knock.name.clone(),
            });
        }
        Ok(Answer::Welcome {
            circle: circle.record.charter.to_vec(),
            slice: circle.record.slice.to_vec(),
            tag_key: circle.record.tag_key.clone(),
        })
    }

    /// Takes in what came of our knock.
    pub(in crate::home) fn answered(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (person, invite): (PersonId, InviteId),
        answer: Answer,
    ) -> Result<(), Refused> {
        let mut asked = self.view.scan_read::<Joining>(layout::JOINING)?;
        asked.retain(|(_, it)| it.link.card.person == person && it.link.id() == invite);
        let Some((at, joining)) = asked.pop() else {
            return Ok(()); // our person took another invite to that circle meanwhile
        };
        let id = joining.link.circle;
        match answer {
            Answer::NotWelcome(why) => {
                let refused = Some(why);
                self.view.write(at, &Joining { refused, ..joining });
                self.event(Event::JoinRefused { circle: id, why });
                Ok(())
            }
            Answer::Welcome {
                circle,
                slice,
                tag_key,
            } => {
                if !is_of(&circle, &slice, id) {
                    return Err(Refused::Peer("a welcome to another circle".to_owned()));
                }
                let name = joining.link.name.clone();
                let welcomed_by = Some(joining.link.card.transport);
                self.view.delete(at);
                self.load_circles()?;
                let circle_here = self.circles.get(&id);
                let was_there = circle_here.is_some_and(|it| it.had_member(&self.me.person));
                let before = self.view.read::<CircleRecord>(&layout::circle(id))?;
                let record = match before {
                    // We were there before, and left: all that was said since comes again.
                    Some(before) if was_there => CircleRecord {
                        called: joining.called,
                        welcomed_by,
                        ..before
                    },
                    // An earlier welcome came to nothing: whoever gave it may have lied.
                    Some(before) => CircleRecord {
                        slice: slice.into(),
                        tag_key,
                        called: joining.called,
                        welcomed_by,
                        ..before
                    },
                    None => CircleRecord {
                        charter: circle.into(),
                        slice: slice.into(),
                        tag_key,
                        called: joining.called,
                        since: now,
                        next: 1,
                        logs_over: 0,
                        next_edit: 1,
                        own: false,
                        welcomed_by,
                        wide: false,
                    },
                };
                self.view.write(layout::circle(id), &record);
                self.circles.remove(&id);
                let me = CircleItem::Person(self.me.authority.to_bytes());
                self.with_circle(id, |home, circle| {
                    home.keep_item(circle, me, None)?;
                    home.took(now, rng, circle)
                })?;
                self.pass_on_circle(now, rng, id)?;
                // What came of the circle before the welcome was of no use: it is to come again.
                self.take_feed_again(now, person)?;
                self.event(Event::CircleJoined { circle: id, name });
                Ok(())
            }
        }
    }
}

/// Whether these are the charters of the circle and of a slice of it.
pub(super) fn is_of(circle: &[u8], slice: &[u8], expected: CircleId) -> bool {
    let people = maille_protocol::principal::People::default();
    let circle = Charter::decode(circle).ok();
    let circle = circle.is_some_and(|charter| {
        maille_protocol::principal::Circle::begin(charter, expected, &people).is_ok()
    });
    let slice = wire::decode::<SliceCharter>(slice, wire::STATEMENT_BYTES_MAX);
    circle && slice.is_ok_and(|slice| slice.owner == OwnerId::Circle(expected))
}

/// The authority in a knock, if it is whole, names the node that it comes from, and the key that consents.
fn authority_of(knock: &Knock, peer: &TransportId) -> Option<Authority> {
    let unverified = UnverifiedAuthority::decode(&knock.authority).ok()?;
    let person = unverified.claimed_person()?;
    let authority = unverified.verify(person).ok()?;
    is_by(&authority, knock, peer).then_some(authority)
}

fn is_by(authority: &Authority, knock: &Knock, peer: &TransportId) -> bool {
    let device = authority.device_of_transport(peer);
    device.is_some_and(|device| device.signing.as_bytes() == &knock.by)
}

/// Nothing that comes later changes it.
const fn is_final(why: WhyNot) -> bool {
    matches!(
        why,
        WhyNot::Expired | WhyNot::UsedUp | WhyNot::Revoked | WhyNot::NotInOrder
    )
}

/// An invite as listed.
fn shown(invite: Invite) -> InviteShown {
    InviteShown {
        id: short(invite.link.id()),
        created: invite.created,
        until: invite.link.until,
        uses: invite.link.uses,
        admin: invite.link.role == Role::Admin,
        used: (invite.used.iter())
            .map(|by| (by.name.clone(), by.at))
            .collect(),
        revoked: invite.revoked,
        refused: invite.refused,
        refused_at: invite.refused_at,
    }
}

/// How an invite is named on a screen: by the beginning of its id.
fn short(id: InviteId) -> String {
    id.0[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}
