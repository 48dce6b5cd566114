//! En français.

use maille_core::command::{CommandError, RelayShown, RoomShown};
use maille_protocol::relay::WhyNotPut;

use super::{Offered, RelayText, reached, short, waiting};
use crate::cli::failure::Sentence;
use crate::cli::relay;
use crate::cli::sync::Synced;
use crate::i18n::Clock;
use crate::i18n::fr::{French, counted, quoted};
use crate::i18n::numbers::Numbers;

/// The help text of a command or an argument about relays.
pub(crate) fn help(key: &str) -> Option<&'static str> {
    Some(match key {
        "relay" => {
            "Être un relais : garder pour d'autres ce qu'ils s'échangent sans être là ensemble ; vous n'en pouvez rien lire"
        }
        "relay offer" => {
            "Crée un code : qui le détient peut laisser ici autant, jusqu'à cette date"
        }
        "relay offer --room" => "Combien peut se trouver ici par ce code : 500Mo, 2Go",
        "relay offer --until" => {
            "Jusqu'à quand on peut laisser quelque chose ici : 90j, 1an, 2027-12-31"
        }
        "relay list" => "Montre les codes que vous avez donnés, et ce qui se trouve ici par chacun",
        "relay end" => "Reprend un code : ce qui se trouve ici par lui est effacé",
        "relay end CODE" => "Le code, ou le début de son numéro (`maille relay list`)",
        "sync" => {
            "Voit qui est là, un court moment, puis s'arrête : pour un téléphone qui se réveille"
        }
        "sync --once" => {
            "Une fois, c'est tout ce que cela fait ; pour continuer, il y a `maille run`"
        }
        "sync --budget" => "Combien de temps au plus : 20s, 2min",
        "circle relay" => {
            "Relais d'un cercle : ce que les membres écrivent y attend ceux qui sont absents"
        }
        "circle relay use" => {
            "Fait porter le cercle par un relais, pour tous ses membres ; les admins le peuvent"
        }
        "circle relay use CIRCLE" => "Le nom du cercle, ou le début de son identifiant",
        "circle relay use CODE" => "Le code du relais, ou un fichier qui le contient",
        "circle relay drop" => "Ne fait plus porter le cercle par un relais",
        "circle relay drop CIRCLE" => "Le nom du cercle, ou le début de son identifiant",
        "circle relay drop RELAY" => {
            "Le début de l'identifiant du relais (`maille circle relay list CERCLE`)"
        }
        "circle relay list" => "Montre les relais d'un cercle, et ce qui attend d'y être laissé",
        "circle relay list CIRCLE" => "Le nom du cercle, ou le début de son identifiant",
        "device relay" => "Relais de vos appareils : ce que l'un écrit y attend les autres",
        "device relay use" => "Fait porter par un relais ce qui va d'un de vos appareils à l'autre",
        "device relay use CODE" => "Le code du relais, ou un fichier qui le contient",
        "device relay drop" => "Ne le fait plus porter par un relais",
        "device relay drop RELAY" => {
            "Le début de l'identifiant du relais (`maille device relay list`)"
        }
        "device relay list" => {
            "Montre les relais de vos appareils, et ce qui attend d'y être laissé"
        }
        _ => return None,
    })
}

/// What went wrong with a relay.
pub(crate) fn error(error: &CommandError) -> Option<Sentence> {
    Some(match error {
        CommandError::UnknownRelay { relay } => Sentence::new(format!(
            "aucun relais n'est connu ici comme {}",
            quoted(relay)
        ))
        .hint("donnez le début de son identifiant, tel que `maille circle relay list CERCLE` le montre"),
        CommandError::UnknownRelayCode { relay } => Sentence::new(format!(
            "vous n'avez donné aucun code de relais connu comme {}",
            quoted(relay)
        ))
        .hint("donnez le code, ou le début de son numéro : `maille relay list`"),
        CommandError::OwnRelay => {
            Sentence::new("ce code est celui de cet appareil, qui ne se rend pas visite à lui-même")
                .hint("demandez un code à quelqu'un d'autre, ou créez-en un sur un autre ordinateur : `maille relay offer`")
        }
        CommandError::OneDevice => Sentence::new("vous n'avez pas encore d'autre appareil")
            .hint("ajoutez-en d'abord un : `maille device add`"),
        CommandError::TooLittleRoom { min } => Sentence::new(format!(
            "c'est trop peu de place : au moins {}",
            French.size(*min)
        )),
        _ => return None,
    })
}

fn why_not(why: WhyNotPut) -> &'static str {
    match why {
        WhyNotPut::Code => "son code n'est plus valable : demandez-en un autre, et faites-en `use`",
        WhyNotPut::Room => {
            "la place que donne son code est pleine : demandez-en un autre, et faites-en `use`"
        }
        WhyNotPut::Quota => "cet appareil y a laissé autant qu'on peut",
        WhyNotPut::Mailbox | WhyNotPut::Control | WhyNotPut::Ticket | WhyNotPut::Entry => {
            "il n'a pas pris ce qui y a été laissé ; nouvel essai plus tard"
        }
    }
}

impl RelayText for French {
    fn no_relays(&self, own: bool) -> &'static str {
        if own {
            "Aucun relais : vos appareils ne se voient que lorsque deux d'entre eux sont là en même temps."
        } else {
            "Aucun relais : les membres ne se voient que lorsque deux d'entre eux sont là en même temps."
        }
    }

    fn relay(&self, it: &RelayShown, clock: &Clock) -> Vec<String> {
        let state = match (it.connected, it.met) {
            (true, _) => "connecté".to_owned(),
            (false, Some(at)) => format!("visité le {}", clock.spell(at, self)),
            (false, None) => "jamais joint encore".to_owned(),
        };
        let mut lines = vec![format!(
            "{}…  {state}, jusqu'au {}",
            relay::short(it),
            clock.spell(it.until, self)
        )];
        lines.extend(it.addresses.iter().map(|at| format!("  à {at}")));
        if it.waiting > 0 {
            let things = counted(it.waiting, "chose attend", "choses attendent");
            lines.push(format!("  {things} d'y être laissées"));
        }
        lines.extend(it.problem.map(|why| format!("  {}", why_not(why))));
        if it.lost > 0 {
            lines.push(format!(
                "  il a perdu {} ce qu'il gardait ; tout y a été laissé à nouveau",
                counted(u64::from(it.lost), "fois", "fois")
            ));
        }
        if it.withheld > 0 {
            lines.push(format!(
                "  il retient {} que d'autres y ont lues : utilisez aussi un autre relais",
                counted(u64::from(it.withheld), "entrée", "entrées")
            ));
        }
        lines
    }

    fn relay_offered(&self, offered: &Offered<'_>, clock: &Clock) -> Vec<String> {
        let code = &offered.room.code;
        let mut lines = vec![
            format!(
                "Qui détient ce code peut laisser {} ici, jusqu'au {}. Vous n'en pourrez rien lire.",
                self.size(code.bytes),
                clock.spell(code.until, self)
            ),
            "Remettez-le à une personne à qui vous confiez cette place : elle tape `maille circle relay use CERCLE CODE`.".to_owned(),
        ];
        if code.addresses.is_empty() || offered.here_only {
            lines.push(
                "Personne ne le joint encore depuis un autre ordinateur : écoutez à une adresse de votre réseau (`maille run --listen IP:PORT`), puis créez un nouveau code."
                    .to_owned(),
            );
        } else if !offered.running {
            lines.push("Un relais doit être là : laissez tourner `maille run`.".to_owned());
        }
        lines
    }

    fn no_rooms(&self) -> &'static str {
        "Vous n'avez donné aucun code : cet appareil n'est pas un relais. `maille relay offer` en crée un."
    }

    fn room(&self, room: &RoomShown, clock: &Clock) -> String {
        let state = if room.open {
            "jusqu'au"
        } else {
            "ouvert jusqu'au"
        };
        format!(
            "{}  {} sur {} utilisés, {}, {state} {}",
            short(room),
            self.size(room.used),
            self.size(room.code.bytes),
            counted(u64::from(room.mailboxes), "boîte", "boîtes"),
            clock.spell(room.code.until, self)
        )
    }

    fn synced(&self, synced: &Synced) -> Vec<String> {
        let (there, all) = reached(&synced.peers);
        if all == 0 {
            return vec!["Il n'y a encore personne à voir.".to_owned()];
        }
        let mut lines = vec![format!(
            "{there} sur {} ; {}.",
            counted(
                all,
                "appareil ou relais joint",
                "appareils et relais joints"
            ),
            match synced.news {
                0 => "rien de nouveau n'est arrivé".to_owned(),
                news => counted(news, "nouvelle est arrivée", "nouvelles sont arrivées"),
            }
        )];
        match waiting(&synced.peers) {
            0 => lines.push("Tout ce qui était dû a été pris.".to_owned()),
            due => lines.push(format!(
                "{} pour qui n'était pas là.",
                counted(
                    due,
                    "chose attend encore ici",
                    "choses attendent encore ici"
                )
            )),
        }
        if synced.cut_short {
            lines.push("Le temps s'est écoulé avant la fin : donnez-en plus (`--budget`), ou `maille run`.".to_owned());
        }
        lines
    }

    fn relay_ended(&self, room: &RoomShown) -> String {
        format!(
            "Le code {} est repris ; ce qui se trouvait ici par lui est effacé ({}).",
            short(room),
            self.size(room.used)
        )
    }
}
