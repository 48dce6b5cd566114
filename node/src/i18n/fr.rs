//! French.

use std::path::Path;

use maille_core::KnownDevice;
use maille_core::command::{
    Aside, AsideReason, Checkup, CommandError, ContactStatus, DeviceShown, GivenShare,
    ReceivedShare, SentEntry, SentWhat, SentWhy, ShareState, Status,
};
use maille_core::io::Event;
use maille_node::backup::Summary;
use maille_protocol::id::PersonId;
use maille_protocol::pairing::PairCode;
use maille_schemas::domain::mobility::Mode;
use maille_schemas::factors::{ElectricityFactor, FactorSetInfo, FactorUsed, Per, Scope};
use maille_schemas::import::{
    DateFault, Format, ImportError, LooksLike, NoteKind, Place, SkipReason,
};
use maille_schemas::time::Moment;

use crate::cli::failure::{Failure, Mistyped, Pasted, Sentence};
use crate::i18n::circle::help_fr;
use crate::i18n::clock::spell_month;
use crate::i18n::{CircleText as _, os, poll, relay, validity};
use crate::i18n::{Clock, Lang, Numbers, OsFault, Text, purpose_or};

/// French sentences.
#[derive(Debug)]
pub(crate) struct French;

/// « 1 ligne », « 2 lignes »: in French zero is singular.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    let word = if count < 2 { one } else { many };
    format!("{} {word}", French.count(count))
}

pub(super) fn quoted(word: &str) -> String {
    format!("« {word} »")
}

/// A moment of a file on its own wall clock: `2022-10-30 02:30`.
fn figures(moment: Moment) -> String {
    let text = moment.to_string();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

/// What is wrong with something pasted; `what` and `this` name what was asked for.
fn mistyped(what: &str, this: &str, reason: Mistyped, got: Option<Pasted>) -> String {
    match (reason, got) {
        (Mistyped::NotOne, _) => format!("ceci n'est pas {what}"),
        (Mistyped::Checksum, _) => {
            format!("{this} comporte une faute : un caractère a changé ou manque")
        }
        (Mistyped::WrongKind, Some(got)) => {
            let got = match got {
                Pasted::Card => "une carte",
                Pasted::Link => "un lien de partage",
                Pasted::Invite => "une invitation dans un cercle",
                Pasted::PairCode => "un code d'appareil",
                Pasted::RelayCode => "un code de relais",
                Pasted::ShareId => "l'identifiant d'un partage",
                Pasted::PersonId => "l'identifiant d'une personne",
            };
            format!("ceci n'est pas {what}, mais {got}")
        }
        (Mistyped::WrongKind, None) => format!("ceci n'est pas {what}, mais autre chose de Maille"),
        (Mistyped::WrongLength, _) => format!("{this} est coupé avant la fin, ou trop long"),
        (Mistyped::Content, _) => {
            format!("{this} est illisible, ou vient d'une version plus récente de Maille")
        }
    }
}

/// The formats that can be read, as people know them.
const FORMATS: &str =
    "les traces GPX, les trajets Coach CO2 (GeoJSON), la courbe de charge Linky (CSV d'Enedis)";

/// What to do about a file that was refused.
fn import_hint(reason: &ImportError) -> String {
    let then = match reason {
        ImportError::UnknownFormat { .. } => {
            return format!("rien de ce fichier n'a été gardé ; Maille lit {FORMATS}");
        }
        ImportError::WrongFormat { .. } => "laissez Maille reconnaître le format : sans `--as`",
        ImportError::TooLarge { .. } => "coupez-le en fichiers plus petits, puis recommencez",
        ImportError::NotALoadCurve { .. } => {
            "chez Enedis, téléchargez la « courbe de charge » (au pas de 30 minutes)"
        }
        _ => "corrigez-le ou téléchargez-le de nouveau, puis recommencez",
    };
    format!("rien de ce fichier n'a été gardé ; {then}")
}

fn command_error(error: &CommandError, clock: &Clock) -> Sentence {
    match error {
        CommandError::UnknownLens { lens } => Sentence::new(format!("aucune vue ne s'appelle {}", quoted(lens)))
            .hint("voyez les vues qui existent : `maille lens list`"),
        CommandError::EndsInThePast { until, .. } => {
            Sentence::new(format!("cela finirait avant de commencer, le {}", clock.spell(*until, &French)))
                .hint("choisissez une date à venir, par exemple `--until 90j`")
        }
        CommandError::EndsTooLate { until, days_max } => {
            Sentence::new(format!("cela durerait trop longtemps, jusqu'au {}", clock.spell(*until, &French)))
                .detail(format!("{} au plus ; vous pourrez recommencer ensuite", counted(u64::from(*days_max), "jour", "jours")))
                .hint(format!("par exemple `--until {days_max}j`"))
        }
        CommandError::Oneself => Sentence::new("cette carte ou ce lien est le vôtre")
            .hint("utilisez la carte de l'autre personne : chez elle, `maille card` l'affiche"),
        CommandError::UnknownShare { share } => Sentence::new(format!("aucun partage n'est connu sous {}", quoted(share)))
            .hint("voyez vos partages : `maille share list` ou `maille received list`"),
        CommandError::AmbiguousShare { share, count, candidates } => {
            Sentence::new(format!("{} correspondent à {}", counted(*count, "partage", "partages"), quoted(share)))
                .details(candidates)
                .hint("donnez le début de l'un de ces identifiants")
        }
        CommandError::AlreadyEnded { share } => Sentence::new("ce partage est déjà terminé").detail(share.to_string())
            .hint("voyez où il en est : `maille share list`"),
        CommandError::ForSomebodyElse { to } => Sentence::new("ce lien est pour une autre personne")
            .detail(to.to_string())
            .hint("donnez votre carte (`maille card`) à qui veut partager avec vous, et demandez un lien fait pour vous"),
        CommandError::LinkMismatch { share } => Sentence::new("ce lien ne dit pas la même chose que le partage que vous avez déjà")
            .detail(share.to_string())
            .hint("gardez le partage que vous avez ; demandez à la personne d'où vient ce lien"),
        CommandError::LinkExpired { until } => {
            Sentence::new(format!("ce lien a expiré le {}", clock.spell(*until, &French)))
                .hint("demandez un nouveau lien à la personne qui vous l'a donné")
        }
        CommandError::UnknownCircle { circle } => {
            Sentence::new(format!("aucun cercle ne s'appelle « {circle} »"))
                .hint("voyez leurs noms : `maille circle list`")
        }
        CommandError::AmbiguousCircle { circle, candidates } => {
            Sentence::new(format!("plusieurs cercles s'appellent « {circle} »"))
                .details(candidates)
                .hint("donnez le début de l'identifiant de celui que vous voulez")
        }
        CommandError::NotAllowedInCircle { circle } => {
            Sentence::new(format!("vous ne pouvez pas faire cela dans « {circle} »"))
                .hint("seuls ses administrateurs invitent et retirent des membres, et seuls ses membres écrivent")
        }
        CommandError::AlreadyInCircle { circle } => {
            Sentence::new(format!("vous êtes déjà membre de « {circle} »"))
                .hint("voyez où il en est : `maille circle list`")
        }
        CommandError::UnknownMember { member } => {
            Sentence::new(format!("aucun membre ne s'appelle « {member} »"))
                .hint("voyez leurs noms : `maille circle status CERCLE`")
        }
        CommandError::AmbiguousMember { member, candidates } => {
            Sentence::new(format!("plusieurs membres s'appellent « {member} »"))
                .details(candidates)
                .hint("donnez le début de l'identifiant de celui que vous voulez")
        }
        CommandError::DeviceRemoved => Sentence::new("cet appareil a été retiré par un autre de vos appareils")
            .hint("il montre ce qu'il contient et ne change plus rien ; pour le réutiliser, mettez ce dossier de côté et ajoutez-le comme nouvel appareil"),
        CommandError::NotAllowedOfDevice => Sentence::new("cet appareil ne peut pas faire cela")
            .hint("un appareil ajoute et retire ceux qui sont au-dessous : faites-le sur un appareil au-dessus des deux (`maille device list`)"),
        CommandError::NoDeviceAsks => Sentence::new("aucun appareil ne demande à être ajouté")
            .hint("`maille device add` affiche un code ; sur le nouvel appareil : `maille device join CODE`"),
        CommandError::ThisDevice => Sentence::new("c'est l'appareil que vous utilisez")
            .hint("retirez-le depuis un autre de vos appareils, placé au-dessus"),
        CommandError::UnknownDevice { device } => {
            Sentence::new(format!("aucun de vos appareils ne s'appelle « {device} »"))
                .hint("voyez leurs noms : `maille device list`")
        }
        CommandError::AmbiguousDevice { device, candidates } => {
            Sentence::new(format!("plusieurs de vos appareils s'appellent « {device} »"))
                .details(candidates)
                .hint("donnez le début de l'identifiant de celui que vous voulez dire")
        }
        CommandError::UnknownInvite { invite } => {
            Sentence::new(format!("aucune de vos invitations n'est « {invite} »"))
                .hint("donnez son lien, ou le début de son numéro : `maille circle status CERCLE` les montre")
        }
        CommandError::UnknownItem { item } => {
            Sentence::new(format!("rien dans la liste ne s'appelle « {item} »"))
                .hint("donnez son numéro (`maille circle items CERCLE`), ou son texte entier")
        }
        CommandError::BadText { field, bytes_max } => {
            let field = match field.as_str() {
                "name" => "le nom",
                "purpose" => "la raison du partage",
                "as" => "le nom que vous prenez",
                "text" => "le texte",
                "question" => "la question",
                "choice" => "un choix",
                _ => field,
            };
            Sentence::new(format!("{field} est vide, trop long, ou contient un retour à la ligne"))
                .hint(format!("de 1 à {bytes_max} caractères (un peu moins avec des accents)"))
        }
        CommandError::Disk { reason } => os::refused_write(
            Sentence::new("le disque a refusé l'écriture ; rien n'a changé"),
            reason,
            Path::new("DOSSIER"),
            "libérez de la place, puis recommencez",
            &French,
        ),
        CommandError::TooMany { what, max } => {
            let what = match what.as_str() {
                "circles" => "cercles",
                "open invites" => "invitations ouvertes",
                "uses of one invite" => "personnes par invitation",
                "items of a list" => "choses dans une liste",
                "relay codes" => "codes de relais",
                "relays of a circle" => "relais d'un cercle",
                "polls of one device" => "votes ouverts depuis un appareil",
                "votes of one person in a poll" => "voix données par une personne dans un vote",
                "members of a circle that votes" => "membres dans un cercle qui vote",
                other => other,
            };
            let hint = match what {
                "invitations ouvertes" => Some("reprenez celles qui ne servent plus : `maille circle status CERCLE`, puis `maille circle uninvite`"),
                "personnes par invitation" => Some("faites plusieurs invitations"),
                "choses dans une liste" => Some("ôtez ce qui est fait : `maille circle drop`"),
                _ => None,
            };
            let sentence = Sentence::new(format!("la limite est atteinte : {} {what} au plus", French.count(*max)));
            match hint {
                Some(hint) => sentence.hint(hint),
                None => sentence,
            }
        }
        CommandError::Damaged { key } => Sentence::new("une donnée enregistrée est illisible ; rien n'a changé")
            .detail(key.clone())
            .hint("gardez une copie du dossier telle quelle, puis regardez avec `maille doctor`"),
        CommandError::BeginsAfterEnd { from, until } => {
            Sentence::new(format!(
                "ce partage ne montrerait rien : il commence en {}, après sa fin, le {}",
                spell_month(*from, &French),
                clock.spell(*until, &French)
            ))
            .hint("choisissez un mois plus tôt (`--from`) ou une fin plus tard (`--until`)")
        }
        CommandError::OtherContactsNode { person } => {
            Sentence::new("cette carte désigne l'appareil d'un autre de vos contacts")
                .detail(person.to_string())
                .hint("demandez une nouvelle carte, et comparez-la avec la personne par un autre moyen")
        }
        CommandError::NotTheirNode { person } => {
            Sentence::new("cette carte place une personne que vous connaissez sur un appareil qui n'est pas le sien")
                .detail(person.to_string())
                .hint("elle est fausse ou erronée : demandez-lui-en une nouvelle par un autre moyen")
        }
        other => (poll::error_fr(other, clock).or_else(|| relay::error_fr(other)))
            .unwrap_or_else(|| Sentence::new(other.to_string())),
    }
}

/// Why something that a contact sent was of no use, and what to do.
fn aside_reason(reason: AsideReason, clock: Option<&Clock>) -> String {
    match (reason, clock) {
        (AsideReason::TooManyOffers, _) => {
            "trop de partages proposés que vous n'avez pas acceptés : le dernier n'est pas gardé".to_owned()
        }
        (AsideReason::BeginsLater { at }, Some(clock)) => format!(
            "un partage qui commence plus tard, le {} : vérifiez votre horloge, puis acceptez de nouveau son lien",
            clock.spell(at, &French)
        ),
        (AsideReason::BeginsLater { .. }, None) => {
            "un partage qui commence plus tard : vérifiez votre horloge, puis acceptez de nouveau son lien".to_owned()
        }
        (AsideReason::NewerContent, _) => {
            "des lignes que cette version de Maille ne sait pas lire : installez-en une plus récente".to_owned()
        }
    }
}

/// How a share that I gave stands.
fn given_state(share: &GivenShare, clock: &Clock) -> String {
    match share.state {
        ShareState::Offered | ShareState::Pending => "en préparation".to_owned(),
        ShareState::Active if share.accepted.is_none() => format!(
            "proposé, jusqu'au {} ; {} ne l'a pas encore accepté",
            clock.spell(share.until, &French),
            share.name
        ),
        ShareState::Active => format!("en cours, jusqu'au {}", clock.spell(share.until, &French)),
        ShareState::Revoked { at } => format!("arrêté par vous le {}", clock.spell(at, &French)),
        ShareState::Expired { at } => format!("terminé le {}", clock.spell(at, &French)),
    }
}

/// What the end of a share that I gave means, truthfully.
fn given_end(share: &GivenShare) -> Vec<String> {
    let mut lines = vec![format!(
        "{} garde ce qui lui est déjà parvenu ({} au plus) et peut l'avoir copié : cela ne se reprend pas",
        share.name,
        French.rows(share.rows)
    )];
    lines.push("rien de ce qui est écrit depuis ne lui est lisible".to_owned());
    lines.push(if share.end_acknowledged {
        "son appareil a confirmé la fin du partage".to_owned()
    } else {
        "son appareil ne l'a pas encore appris : il l'apprendra quand vous serez en ligne en même temps".to_owned()
    });
    lines
}

impl Text for French {
    fn lang(&self) -> Lang {
        Lang::Fr
    }

    fn month_name(&self, month: i8) -> &'static str {
        const NAMES: [&str; 12] = [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ];
        NAMES[usize::try_from(month - 1).unwrap_or(0).min(11)]
    }

    fn day(&self, year: i16, month: i8, day: i8) -> String {
        let first = if day == 1 { "er" } else { "" };
        format!("{day}{first} {} {year}", self.month_name(month))
    }

    fn moment(&self, year: i16, month: i8, day: i8, hour: i8, minute: i8) -> String {
        format!("{} à {hour} h {minute:02}", self.day(year, month, day))
    }

    fn help(&self, key: &str) -> Option<&'static str> {
        Some(match key {
            "" => "Maille : vos données chez vous, et ce que vous choisissez d'en partager.",
            "--home" => {
                "Le dossier de vos données (sinon MAILLE_HOME, sinon ~/.local/share/maille)"
            }
            "--json" => "Répond par un seul objet JSON sur la sortie standard, erreurs comprises",
            "--lang" => "La langue, fr ou en (sinon celle de LANG, sinon le français)",
            "--verbose" => "Raconte davantage sur la sortie d'erreur (-vv : encore plus)",
            "--passphrase-file" => "Un fichier dont la première ligne est votre phrase de passe",
            "--help" => "Affiche cette aide",
            "--version" => "Affiche la version",
            "init" => {
                "Prépare ce dossier pour vous et montre, une seule fois, votre phrase de secours"
            }
            "init --words-lang" => "La langue des douze mots, fr ou en (sinon celle des messages)",
            "init --words-file" => {
                "Écrit les douze mots dans ce fichier neuf, lisible par vous seul, au lieu de les montrer"
            }
            "init --no-check" => "Ne redemande pas trois des mots",
            "init --passphrase" => "Demande une phrase de passe, exigée ensuite à chaque commande",
            "recover" => "Vous rend à vous-même dans un dossier vide, par les douze mots",
            "recover --from" => {
                "La carte ou un lien de qui interroger : un autre de vos appareils, ou un contact"
            }
            "recover --backup" => "Ramène plutôt tout de cette sauvegarde, comme `backup restore`",
            "recover --yes" => {
                "Retire l'appareil perdu bien qu'aucun de ceux que vous gardez n'ait répondu"
            }
            "recover --lost" => {
                "Un appareil perdu ou volé, par son nom ou identifiant : il ne parle plus pour vous"
            }
            "recover --as" => "Comment s'appelle cet appareil (sinon le nom de l'ordinateur)",
            "recover --words-file" => "Lit les douze mots dans ce fichier au lieu de les demander",
            "recover --passphrase" => {
                "Demande une phrase de passe, qu'il faudra ensuite à chaque commande"
            }
            "card" => "Affiche votre carte, à donner à qui veut partager avec vous",
            "run" => "Met Maille en marche : reçoit et envoie ce qui est partagé, jusqu'à Ctrl-C",
            "run --listen" => {
                "Où écouter, par exemple 192.168.1.10:4001 ; retenu pour la suite (au début : cet ordinateur seulement)"
            }
            "run --nearby" => {
                "Trouve sur ce Wi-Fi qui vous connaissez, où qu'il soit ; dit à tous ceux qui y sont que ce nœud est là"
            }
            "status" => "Dit comment vont vos données, vos contacts et les envois en attente",
            "import" => "Lit des fichiers et garde ce qu'ils contiennent",
            "import FILE" => "Les fichiers à lire",
            "import --as" => "Le format, s'il n'est pas reconnu tout seul",
            "import --dry-run" => "Lit et raconte, mais ne garde rien",
            "trip" => "Vos trajets",
            "trip list" => "Affiche vos trajets, du plus ancien au plus récent",
            "trip list --month" => "Seulement ce mois, par exemple 2027-01",
            "show" => "Vos bilans",
            "show footprint" => "Affiche vos émissions par mois et par mode, et votre électricité",
            "show footprint --factors" => {
                "Les facteurs d'émission : base-carbone-v22 (par défaut) ou coach-co2"
            }
            "lens" => "Les vues qui peuvent être partagées",
            "lens list" => "Affiche les vues et ce que chacune montre",
            "lens preview" => {
                "Affiche, ligne par ligne, ce que verrait l'autre personne ; rien ne part"
            }
            "lens preview NAME" => "Le nom de la vue, par exemple mobility.weekly",
            "lens preview --from" => "Le premier mois montré, par exemple 2027-01",
            "share" => "Ce que vous partagez",
            "share create" => "Partage une vue avec une personne, jusqu'à une date",
            "share create --lens" => "Le nom de la vue, par exemple mobility.weekly",
            "share create --with" => {
                "La carte de la personne (chez elle : `maille card`), ou un fichier qui la contient"
            }
            "share create --until" => {
                "La fin du partage : 2027-01-31 (ce jour compris), 30j, 2 semaines, 3 mois, 1 an"
            }
            "share create --name" => "Le nom que vous donnez à cette personne ; vous seul le voyez",
            "share create --from" => "Le premier mois partagé (sinon tout ce que vous avez)",
            "share create --purpose" => "Pourquoi, dans vos mots ; l'autre personne le lit",
            "share list" => "Affiche ce que vous partagez ou avez partagé, et où cela en est",
            "share revoke" => "Arrête un partage",
            "share revoke SHARE" => "L'identifiant du partage (grant1…), ou le nom de la personne",
            "received" => "Ce que d'autres partagent avec vous",
            "received accept" => "Accepte un partage, attend ses données et les affiche",
            "received accept LINK" => {
                "Le lien que la personne vous a donné, ou un fichier qui le contient"
            }
            "received accept --name" => {
                "Le nom que vous donnez à cette personne ; vous seul le voyez"
            }
            "received accept --wait" => "Combien de secondes attendre les données (30 sinon)",
            "received list" => "Affiche ce que vous recevez ou avez reçu, et où cela en est",
            "received show" => "Affiche les données d'un partage reçu",
            "received show SHARE" => "L'identifiant du partage (grant1…), ou le nom de la personne",
            "doctor" => "Vérifie que ce qui est gardé ici est entier",
            "doctor --rebuild" => {
                "Refait les documents qui diffèrent à partir de leurs écritures signées"
            }
            "backup" => "Une copie de tout, dans un seul fichier scellé",
            "backup make" => "Écrit tout ce dossier dans un nouveau fichier scellé",
            "backup make FILE" => "Le nouveau fichier à écrire",
            "backup make --with-passphrase" => {
                "Demande une phrase de passe qui l'ouvre, en plus de vos douze mots"
            }
            "backup check" => {
                "Lit une sauvegarde jusqu'au dernier octet et dit ce qu'elle contient ; ne garde rien"
            }
            "backup check FILE" => "La sauvegarde",
            "backup check --words" => {
                "L'ouvre avec vos douze mots, bien qu'elle ait une phrase de passe"
            }
            "backup check --words-file" => {
                "Un fichier dont la première ligne contient vos douze mots"
            }
            "backup restore" => "Ramène une sauvegarde, dans un dossier vide",
            "backup restore FILE" => "La sauvegarde",
            "backup restore --words" => {
                "L'ouvre avec vos douze mots, bien qu'elle ait une phrase de passe"
            }
            "backup restore --words-file" => {
                "Un fichier dont la première ligne contient vos douze mots"
            }
            "device" => "Vos appareils : tous gardent vos données et parlent pour vous",
            "device add" => "Affiche un code qui ajoute un autre appareil, et l'attend",
            "device add --senior" => {
                "Au-dessus de tous ceux que cet appareil peut ajouter (sinon au-dessous) : il pourra les retirer"
            }
            "device add --as" => "Comment s'appelle cet appareil (sinon le nom de l'ordinateur)",
            "device add --no-wait" => {
                "Affiche le code et s'arrête ; le Maille en marche attend l'appareil"
            }
            "device add --no-qr" => "N'affiche pas le code comme image à photographier",
            "device confirm" => {
                "Dit que le nouvel appareil affiche ces trois mots ; sinon, rien n'est ajouté"
            }
            "device confirm WORD" => "Les trois mots que le nouvel appareil affiche",
            "device join" => {
                "Fait de ce dossier un appareil de plus pour vous, par le code qu'un autre affiche"
            }
            "device join CODE" => {
                "Le code (`maille device add` sur l'autre appareil), ou un fichier qui le contient"
            }
            "device join --as" => {
                "Comment s'appelle ce nouvel appareil (sinon le nom de l'ordinateur)"
            }
            "device join --passphrase" => {
                "Demande une phrase de passe, qu'il faudra ensuite à chaque commande"
            }
            "device list" => "Montre vos appareils, celui qui est au-dessus des autres en premier",
            "device remove" => {
                "Retire un appareil perdu ou vendu : il ne reçoit plus rien et ne parle plus pour vous"
            }
            "device remove DEVICE" => "Le nom de l'appareil, ou le début de son identifiant",
            "device remove --yes" => "Ne demande pas si vous êtes sûr",
            "log" => "Ce qui est sorti de votre appareil",
            "log sent" => {
                "Affiche les accès, lignes, clefs et fins de partage qui sont partis, vers qui, et pourquoi"
            }
            "export" => "Écrit toutes vos données en JSON, lisibles sans Maille",
            "export --out" => "Le fichier neuf où écrire (sinon la sortie standard)",
            "demo" => "Montre l'essentiel en moins d'une minute, avec des personnes inventées",
            "demo --keep" => {
                "Garde les dossiers des personnes inventées ici, au lieu de les effacer"
            }
            _ => {
                return help_fr(key)
                    .or_else(|| poll::help_fr(key))
                    .or_else(|| relay::help_fr(key));
            }
        })
    }

    fn help_after(&self, path: &str) -> Option<&'static str> {
        Some(match path {
            "" => {
                "Pour commencer :\n  \
                 maille demo                      voir l'essentiel, sans rien préparer\n  \
                 maille init                      préparer votre dossier\n  \
                 maille import trajet.gpx         y mettre vos données\n  \
                 maille show footprint            voir vos émissions\n\n\
                 Codes de sortie : 0 fait ; 1 à corriger par vous ; 2 commande mal écrite ; 3 réseau ou autre\n\
                 appareil ; 70 défaut de Maille.\n\
                 Avec --json : {\"version\":1,\"done\":…} ou {\"version\":1,\"error\":{\"code\":…,\"hint\":…}}, toujours sur la\n\
                 sortie standard."
            }
            "run" => {
                "Gardez Maille en marche tant que vous partagez : ce que vous ajoutez part, et ce qu'on vous\n\
                 envoie arrive. `maille received accept` s'en passe, si l'appareil de l'autre personne est en\n\
                 marche. Vos propres bilans s'en passent toujours."
            }
            "import" => {
                "Maille lit les traces GPX, les trajets Coach CO2 (GeoJSON) et la courbe de charge Linky\n\
                 (CSV d'Enedis). D'une trace sont gardés départ, arrivée, heures, distance, mode et titre ; ses\n\
                 points ne le sont pas.\n\
                 Chaque fichier est gardé en entier ou pas du tout ; un fichier refusé n'empêche pas les autres.\n\
                 Importer deux fois le même fichier ne change rien.\n\n\
                 Exemples :\n  \
                 maille import trajets/*.gpx\n  \
                 maille import --dry-run mes-puissances-30min.csv"
            }
            "share create" => {
                "Le lien va sur la sortie standard, le reste sur la sortie d'erreur.\n\n\
                 Exemple :\n  \
                 maille share create --lens mobility.weekly --with carte-de-marc.txt --name Marc --until 90j"
            }
            "device add" => {
                "Les deux appareils affichent alors trois mots : ne dites oui que s'ils sont les mêmes.\n\n\
                 Exemple :\n  \
                 maille device add --as portable          sur cet appareil\n  \
                 maille device join CODE --as téléphone   sur le nouveau"
            }
            "recover" => {
                "Les mots prouvent qui vous êtes ; ils ne disent pas où vous étiez. Quelqu'un est donc interrogé, à qui l'on montre\n\
                 une signature et jamais les mots : un autre de vos appareils, qui rend aussi vos données, ou un contact, qui sait\n\
                 qui parle pour vous.\n\
                 maille recover --from CARTE --lost portable"
            }
            "backup restore" => {
                "Ce qui revient est le même appareil : ne l'utilisez que si l'ancien n'existe plus. S'il est perdu ou volé,\n\
                 retirez-le plutôt depuis un autre de vos appareils (`maille device remove`)."
            }
            "doctor" => {
                "Les écritures signées font foi ; chaque document en est fait. Sans `--rebuild`, rien ne change."
            }
            "device remove" => {
                "Ce que l'appareil contient déjà y reste : cela ne peut pas être repris. Vos cercles changent de clés."
            }
            "share revoke" => {
                "L'autre personne garde ce qui lui est déjà parvenu ; rien de ce qui est écrit ensuite ne lui est lisible."
            }
            _ => return None,
        })
    }

    fn help_usage(&self) -> &'static str {
        "Utilisation :"
    }

    fn help_commands(&self) -> &'static str {
        "Commandes "
    }

    fn help_options(&self) -> &'static str {
        "Options "
    }

    fn help_arguments(&self) -> &'static str {
        "Arguments "
    }

    fn help_value(&self, english: &'static str) -> &'static str {
        match english {
            "ADDR" => "ADRESSE",
            "CARD" => "CARTE",
            "CHOICE" => "CHOIX",
            "CIRCLE" => "CERCLE",
            "COUNT" => "NOMBRE",
            "DEVICE" => "APPAREIL",
            "DIR" => "DOSSIER",
            "FILE" => "FICHIER",
            "INVITE" => "INVITATION",
            "ITEM" => "CHOSE",
            "LINK" => "LIEN",
            "NAME" => "NOM",
            "PERSON" => "PERSONNE",
            "POLL" => "VOTE",
            "RELAY" => "RELAIS",
            "SECONDS" => "SECONDES",
            "SET" => "JEU",
            "SHARE" => "PARTAGE",
            "SIZE" => "TAILLE",
            "TEXT" => "TEXTE",
            "WORD" => "MOT",
            "YYYY-MM" => "AAAA-MM",
            other => other,
        }
    }

    fn help_command_word(&self) -> &'static str {
        "COMMANDE"
    }

    fn error_head(&self) -> &'static str {
        "Erreur :"
    }

    fn hint_head(&self) -> &'static str {
        "Astuce :"
    }

    fn failure(&self, failure: &Failure, clock: &Clock) -> Sentence {
        match failure {
            Failure::Command(error) => command_error(error, clock),
            Failure::NoHome { home } => Sentence::new(format!("il n'y a encore rien dans {}", home.display()))
                .hint("préparez ce dossier : `maille init`, ou choisissez-en un autre avec `--home`"),
            Failure::HomeExists { home } => Sentence::new(format!("{} est déjà préparé", home.display()))
                .detail("vos données y sont intactes")
                .hint("pour une autre personne, choisissez un autre dossier avec `--home`"),
            Failure::HomeInUse { home } => {
                Sentence::new(format!("une autre commande Maille utilise déjà {}", home.display()))
                    .hint("attendez la fin de l'autre commande (ou que Maille finisse de démarrer), puis recommencez")
            }
            Failure::AlreadyRunning { home } => {
                Sentence::new(format!("Maille est déjà en marche pour {}", home.display()))
                    .hint("laissez-le : les autres commandes passent par lui ; pour le relancer autrement, arrêtez-le d'abord (Ctrl-C dans son terminal)")
            }
            Failure::HomeNotEmpty { home, found } => {
                Sentence::new(format!("{} contient déjà autre chose", home.display())).detail(found.clone())
                    .hint("choisissez un dossier vide ou nouveau avec `--home`")
            }
            Failure::HomeOpenToOthers { home } => {
                Sentence::new(format!("d'autres utilisateurs de cet ordinateur peuvent lire {}", home.display()))
                    .hint(format!("fermez-le : `chmod go-rwx {}`", home.display()))
            }
            Failure::HomeSomebodyElses { home } => {
                Sentence::new(format!("{} est à un autre utilisateur de cet ordinateur", home.display()))
                    .hint("choisissez un dossier à vous avec `--home`")
            }
            Failure::HomeMixed { home } => {
                Sentence::new(format!("les données dans {} ont été faites avec une autre clef", home.display()))
                    .detail("`store.redb` et `key` viennent de deux personnes, ou de deux copies")
                    .hint("remettez ensemble les deux fichiers d'une même personne")
            }
            Failure::HomeUnusable { home, reason } => {
                let sentence = Sentence::new(format!("{} est inutilisable", home.display()));
                if OsFault::of(reason) == Some(OsFault::NotAFolder) {
                    sentence
                        .detail("c'est un fichier, il faut un dossier")
                        .hint("choisissez un dossier neuf, ou celui que vous avez préparé, avec `--home`")
                } else {
                    let otherwise = "vérifiez que ce dossier est à vous et que le disque a de la place";
                    os::refused_write(sentence, reason, home, otherwise, self)
                }
            }
            Failure::HomeDamaged { home, reason } => Sentence::new(format!("{} ne se laisse pas lire", home.display()))
                .detail(reason.clone())
                .hint("gardez une copie du dossier telle quelle avant d'essayer autre chose"),
            Failure::WrongPassphrase { home } => Sentence::new("ce n'est pas la bonne phrase de passe")
                .detail(home.display().to_string())
                .hint("recommencez ; rien n'a changé"),
            Failure::PassphraseNeeded { home } => Sentence::new("il faut votre phrase de passe")
                .detail(home.display().to_string())
                .hint("lancez la commande dans un terminal, ou donnez `--passphrase-file FICHIER`"),
            Failure::PassphraseUnusable => {
                Sentence::new("la phrase de passe est vide, ou les deux ne sont pas pareilles").hint("recommencez ; rien n'a été créé")
            }
            Failure::FileUnreadable { file, reason } => {
                let sentence = Sentence::new(format!("{} ne peut pas être lu", file.display()));
                let otherwise = "vérifiez le nom du fichier et que vous avez le droit de le lire";
                os::refused(sentence, reason, file, otherwise, self)
            }
            Failure::FileUnwritable { file, reason } => {
                let sentence = Sentence::new(format!("{} ne peut pas être écrit", file.display()));
                let otherwise = "vérifiez que le dossier existe et que le disque a de la place";
                os::refused_write(sentence, reason, file, otherwise, self)
            }
            Failure::FileExists { file } => Sentence::new(format!("{} existe déjà", file.display()))
                .hint("choisissez un autre nom : rien n'est jamais écrasé"),
            Failure::FileRefused { file, place, reason } => {
                Sentence::new(format!("{} n'a pas été importé : {}", file.display(), self.import_error(reason)))
                    .detail(self.place(*place))
                    .hint(import_hint(reason))
            }
            Failure::NothingToKeep { file, undated } => {
                let sentence = Sentence::new(format!("{} : rien n'a pu en être gardé", file.display()));
                if *undated {
                    sentence
                        .detail("aucune heure n'y est notée : Maille ne saurait pas quand vous avez fait ce trajet")
                        .hint("exportez la trace de nouveau avec ses heures, depuis la montre ou l'application qui l'a enregistrée")
                } else {
                    sentence.hint("ce qui a été laissé de côté est dit plus haut ; exportez de nouveau ce qui manque")
                }
            }
            Failure::PartlyKept { file, added } => {
                Sentence::new(format!("{} n'a été gardé qu'en partie", file.display()))
                    .detail(counted(*added, "enregistrement ajouté", "enregistrements ajoutés"))
                    .hint("libérez de la place, puis importez-le de nouveau : ce qui est là ne sera pas doublé")
            }
            Failure::UnknownFormat { format, known } => Sentence::new(format!("le format {} est inconnu", quoted(format)))
                .hint(format!("les formats lus : {}", known.join(", "))),
            Failure::UnknownFactors { factors, known } => {
                Sentence::new(format!("les facteurs {} sont inconnus", quoted(factors)))
                    .hint(format!("choisissez parmi : {}", known.join(", ")))
            }
            Failure::BadCard { reason: reason @ Mistyped::NotOne, .. } => {
                Sentence::new(mistyped("une carte", "cette carte", *reason, None))
                    .hint("donnez une carte, qui commence par `maille1`, ou le nom d'un fichier qui la contient ; chez l'autre personne, `maille card` l'affiche")
            }
            Failure::BadCard { got: got @ Some(Pasted::Link), reason } => {
                Sentence::new(mistyped("une carte", "cette carte", *reason, *got))
                    .hint("un lien s'accepte : `maille received accept LIEN` ; pour partager, demandez sa carte à la personne (`maille card`)")
            }
            Failure::BadCard { reason, got } => Sentence::new(mistyped("une carte", "cette carte", *reason, *got))
                .hint("redemandez la carte et copiez-la en entier : chez l'autre personne, `maille card` l'affiche"),
            Failure::BadLink { reason: reason @ Mistyped::NotOne, .. } => {
                Sentence::new(mistyped("un lien de partage", "ce lien", *reason, None))
                    .hint("donnez le lien, qui commence par `maille:share#`, entre guillemets, ou le nom d'un fichier qui le contient")
            }
            Failure::BadLink { got: got @ Some(Pasted::Card), reason } => {
                Sentence::new(mistyped("un lien de partage", "ce lien", *reason, *got))
                    .hint("une carte sert à partager avec cette personne (`maille share create --with`) ; pour recevoir, demandez-lui un lien")
            }
            Failure::BadLink { got: got @ Some(Pasted::Invite), reason } => {
                Sentence::new(mistyped("un lien de partage", "ce lien", *reason, *got))
                    .hint("une invitation s'accepte avec `maille circle join LIEN`")
            }
            Failure::BadLink { reason, got } => Sentence::new(mistyped("un lien de partage", "ce lien", *reason, *got))
                .hint("redemandez le lien et copiez-le en entier, entre guillemets"),
            Failure::BadPairCode { reason, got } => Sentence::new(mistyped("un code d'appareil", "ce code", *reason, *got))
                .hint("copiez-le en entier depuis l'autre appareil, où `maille device add` l'affiche ; il commence par `maille:device#`"),
            Failure::BadRelayCode { reason, got } => Sentence::new(mistyped("un code de relais", "ce code", *reason, *got))
                .hint("qui tient le relais en crée un avec `maille relay offer` ; il commence par `maille:relay#` : copiez-le en entier, entre guillemets"),
            Failure::BadWords { place: Some(place) } => {
                Sentence::new(format!("le mot {place} n'est dans aucune des deux listes"))
                    .hint("vérifiez son orthographe : les mots sont tous français, ou tous anglais")
            }
            Failure::BadWords { place: None } => Sentence::new("ce ne sont pas douze mots qui vont ensemble")
                .hint("l'un est faux ou manque, ou deux sont intervertis : comparez avec votre feuille"),
            Failure::BadBackup { file, reason } => {
                Sentence::new(format!("{} n'est pas une sauvegarde que ce Maille sait lire", file.display()))
                    .detail(reason.clone())
                    .hint("donnez un fichier écrit par `maille backup make`")
            }
            Failure::BackupDamaged { file, values } => {
                Sentence::new(format!("{} a été modifié ou coupé : après {values} valeurs, il ne va plus", file.display()))
                    .hint("rien n'a été restauré ; prenez-en une autre copie, ou une sauvegarde plus ancienne")
            }
            Failure::BackupLocked { file } => {
                Sentence::new(format!("cela n'ouvre pas {}", file.display()))
                    .hint("essayez sa phrase de passe, ou vos douze mots (`--words`)")
            }
            Failure::BadInvite { got: got @ Some(Pasted::Link), reason } => {
                Sentence::new(mistyped("une invitation", "cette invitation", *reason, *got))
                    .hint("un lien de partage s'accepte avec `maille received accept LIEN`")
            }
            Failure::BadInvite { got: got @ Some(Pasted::PairCode), reason } => {
                Sentence::new(mistyped("une invitation", "cette invitation", *reason, *got))
                    .hint("un code d'appareil sert à ajouter un appareil à vous, dans un dossier neuf : `maille device join CODE`")
            }
            Failure::BadInvite { got: got @ Some(Pasted::Card), reason } => {
                Sentence::new(mistyped("une invitation", "cette invitation", *reason, *got))
                    .hint("une carte dit qui est quelqu'un ; pour entrer dans son cercle, demandez-lui une invitation (`maille circle invite`)")
            }
            Failure::BadInvite { reason: reason @ Mistyped::NotOne, .. } => {
                Sentence::new(mistyped("une invitation", "cette invitation", *reason, None))
                    .hint("donnez le lien, qui commence par `maille:join#`, entre guillemets, ou le nom d'un fichier qui le contient")
            }
            Failure::BadInvite { reason, got } => Sentence::new(mistyped("une invitation", "cette invitation", *reason, *got))
                .hint("redemandez le lien et copiez-le en entier, entre guillemets"),
            Failure::NotWelcome { circle, inviter, why } => self.circle_not_welcome(circle, inviter, *why),
            Failure::NoWelcomeYet { circle, inviter, seconds, here_only, running } => {
                self.circle_no_welcome_yet(circle, inviter, *seconds, *here_only, *running)
            }
            Failure::NotWell { newer: true, .. } => Sentence::new("un Maille plus récent a écrit des documents ici : celui-ci les laisse tels quels")
                .hint("installez sur cet appareil la version de Maille qu'ont vos autres appareils"),
            Failure::NotWell { entries_are_whole: true, .. } => Sentence::new("des documents ne disent pas ce que disent leurs écritures")
                .hint("refaites-les à partir d'elles : `maille doctor --rebuild`"),
            Failure::NotWell { entries_are_whole: false, .. } => {
                Sentence::new("des écritures sont perdues ou illisibles : le disque est peut-être en fin de vie")
                    .hint("gardez une copie du dossier ; ce qu'ont vos autres appareils ou une sauvegarde revient de là")
            }
            Failure::NotRunning => Sentence::new("Maille n'est pas en marche ici")
                .hint("lancez-le dans un autre terminal (`maille run`), ou enlevez `--no-wait`"),
            Failure::NowhereToAsk => Sentence::new("les mots disent qui vous êtes, pas où sont vos données")
                .hint("`maille recover --from CARTE`, avec la carte ou un lien d'un autre de vos appareils ou d'un contact ; ou `--backup FICHIER`"),
            Failure::NodeNotReached => Sentence::new("personne ne répond aux endroits que disent ces cartes : vous n'êtes pas de retour, rien n'a changé")
                .hint("Maille doit y être en marche (`maille run`) ; essayez la carte d'un autre appareil ou d'un contact, ou `maille recover --backup FICHIER`"),
            Failure::WordsNotKnown => Sentence::new("là-bas, personne n'est connu par ces mots")
                .hint("vérifiez les mots, et que ceux d'une seconde feuille ne les ont pas remplacés ; sinon prenez la carte d'un autre de vos appareils, de quelqu'un avec qui vous partagiez, ou `--backup FICHIER`"),
            Failure::RootReplaced => Sentence::new("ces mots ne peuvent plus parler pour vous : rien n'a changé")
                .hint("ceux d'une seconde feuille les ont remplacés : ajoutez cet appareil depuis un autre (`maille device add`), ou `maille recover --backup FICHIER`"),
            Failure::DeviceNotReached => Sentence::new("l'autre appareil ne répond pas")
                .hint("il doit afficher le code en ce moment même et être sur le même réseau ; `maille run --listen` y règle où on le joint"),
            Failure::PairingOver => Sentence::new("ce code a servi, est trop vieux ou n'a jamais été affiché : aucun appareil n'a été ajouté")
                .hint("un code vaut dix minutes et un seul appareil : `maille device add` en affiche un autre"),
            Failure::WordsDiffer => Sentence::new("les mots ne sont pas les mêmes : aucun appareil n'a été ajouté")
                .hint("quelqu'un d'autre a peut-être vu le code : affichez-en un autre (`maille device add`) à l'abri des regards"),
            Failure::NotDone => Sentence::new("rien n'a été fait"),
            Failure::BadShareId { reason } => Sentence::new(mistyped("un identifiant de partage", "cet identifiant", *reason, None))
                .hint("copiez-le en entier depuis `maille share list` ou `maille received list`"),
            Failure::BadDate { typed } => Sentence::new(format!("{} n'est pas une date", quoted(typed)))
                .hint("écrivez l'année d'abord, par exemple `2027-01-31`, ou une durée : `30j`, `2 semaines`, `3 mois`, `1 an`, `demain`"),
            Failure::BadMonth { typed } => {
                Sentence::new(format!("{} n'est pas un mois", quoted(typed))).hint("écrivez par exemple `2027-01`")
            }
            Failure::BadAddress { typed } => Sentence::new(format!("{} n'est pas une adresse", quoted(typed)))
                .hint("écrivez par exemple `192.168.1.10:4001`"),
            Failure::CannotListen { reason } => {
                let sentence = Sentence::new("impossible d'écouter à cette adresse");
                match OsFault::of(reason) {
                    Some(OsFault::Denied) => sentence
                        .detail("ce port est réservé à l'administrateur de cet ordinateur")
                        .hint("choisissez un port à partir de 1024"),
                    _ => os::refused(
                        sentence,
                        reason,
                        Path::new("--listen"),
                        "choisissez un autre port, ou laissez Maille en choisir un : sans `--listen`",
                        self,
                    ),
                }
            }
            Failure::NobodyNearby { reason: None } => Sentence::new("personne autour de vous ne peut vous joindre : ce nœud n'écoute que sur cet ordinateur")
                .hint("donnez-lui un port du réseau : `maille run --nearby --listen 0.0.0.0:4001`"),
            Failure::NobodyNearby { reason: Some(reason) } => Sentence::new("impossible de demander au réseau local qui est là")
                .detail(reason.clone())
                .hint("connectez-vous d'abord à un réseau, ou démarrez sans `--nearby`"),
            Failure::NotArrived { name, seconds } => {
                Sentence::new(format!("{name} n'a pas répondu en {}", counted(*seconds, "seconde", "secondes")))
                    .detail("le partage est accepté : ses données arriveront quand vos deux appareils seront en ligne en même temps")
                    .hint("gardez Maille en marche avec `maille run`, et demandez-lui d'en faire autant")
            }
            Failure::DaemonLost { reason } => Sentence::new("Maille est en marche mais ne répond plus")
                .detail(reason.clone())
                .hint("arrêtez `maille run` et relancez-le"),
            Failure::DemoFailed { step, seen } => {
                Sentence::new(format!("la démonstration a échoué à l'étape {}", quoted(step))).detail(seen.clone())
                    .hint("relancez-la ; si cela recommence, signalez-le : c'est un défaut de Maille")
            }
            Failure::Usage { what, hint } => {
                Sentence { message: what.clone(), details: Vec::new(), hint: hint.clone() }
            }
            Failure::Told { .. } => Sentence::new(""),
            Failure::Bug { what } => Sentence::new("un défaut de Maille a arrêté cette commande")
                .detail(what.clone())
                .hint("vos données sont intactes ; signalez ce message"),
        }
    }

    fn usage_unknown_argument(&self, argument: &str) -> String {
        format!("l'option {} n'existe pas ici", quoted(argument))
    }

    fn usage_extra_word(&self, word: &str) -> String {
        format!("{} est de trop", quoted(word))
    }

    fn usage_quote_pasted(&self) -> &'static str {
        "un espace a coupé le lien ou la carte : mettez-le entre guillemets, \"maille…\""
    }

    fn usage_quote_words(&self) -> &'static str {
        "ce qui contient un espace se met entre guillemets : \"Marc D.\", \"2 semaines\""
    }

    fn usage_unknown_command(&self, command: &str) -> String {
        format!("la commande {} n'existe pas", quoted(command))
    }

    fn usage_bad_value(&self, argument: &str, value: &str) -> String {
        if value.is_empty() {
            format!("il manque une valeur après {}", quoted(argument))
        } else {
            format!(
                "{} ne convient pas pour {}",
                quoted(value),
                quoted(argument)
            )
        }
    }

    fn usage_missing(&self, arguments: &str) -> String {
        format!("il manque {arguments}")
    }

    fn usage_conflict(&self, argument: &str, other: &str) -> String {
        format!(
            "{} et {} ne vont pas ensemble",
            quoted(argument),
            quoted(other)
        )
    }

    fn usage_other(&self) -> String {
        "cette commande est mal écrite".to_owned()
    }

    fn usage_did_you_mean(&self, suggestion: &str) -> String {
        format!("vouliez-vous dire `{suggestion}` ?")
    }

    fn usage_see_help(&self, command: &str) -> String {
        format!("voyez `{command} --help`")
    }

    fn os_fault(&self, fault: OsFault, at: &str) -> (&'static str, String) {
        match fault {
            OsFault::NotFound => (
                "il n'y a rien de ce nom",
                "vérifiez le nom, et le dossier où vous êtes".to_owned(),
            ),
            OsFault::NoFolder => (
                "le dossier n'existe pas",
                "créez ce dossier, ou choisissez-en un autre".to_owned(),
            ),
            OsFault::Denied => (
                "cet ordinateur vous le défend",
                format!("voyez à qui il est : `ls -ld {at}`"),
            ),
            OsFault::IsAFolder => (
                "c'est un dossier",
                format!(
                    "nommez un fichier ; tous ceux d'un dossier : `{}/*.gpx`",
                    at.trim_end_matches('/')
                ),
            ),
            OsFault::NotAFolder => (
                "c'est un fichier, il faut un dossier",
                "vérifiez le chemin : ce qui précède un `/` doit être un dossier".to_owned(),
            ),
            OsFault::DiskFull => (
                "le disque est plein",
                "libérez de la place, puis recommencez".to_owned(),
            ),
            OsFault::ReadOnly => (
                "ce disque ne peut qu'être lu",
                "choisissez un dossier sur un disque où vous pouvez écrire".to_owned(),
            ),
            OsFault::BadName => (
                "ce nom est trop long ou impossible",
                "choisissez un nom plus court".to_owned(),
            ),
            OsFault::PortTaken => (
                "un autre programme écoute déjà à ce port",
                "choisissez un autre port, ou laissez Maille en choisir un : sans `--listen`"
                    .to_owned(),
            ),
            OsFault::NotOurAddress => (
                "cette adresse n'est pas une de cet ordinateur",
                "donnez une adresse de cet ordinateur : `ip address` les montre".to_owned(),
            ),
        }
    }

    fn average_mix(&self, year: &str) -> String {
        format!("mix moyen de {year}, consommation")
    }

    fn mode(&self, mode: Mode) -> &'static str {
        match mode {
            Mode::Walking => "marche",
            Mode::Running => "course à pied",
            Mode::OnFoot => "à pied",
            Mode::Bicycling => "vélo",
            Mode::BicyclingElectric => "vélo électrique",
            Mode::ScooterElectric => "trottinette électrique",
            Mode::Car => "voiture",
            Mode::CarElectric => "voiture électrique",
            Mode::Carpool => "covoiturage",
            Mode::CarpoolElectric => "covoiturage électrique",
            Mode::InVehicle => "véhicule, lequel est inconnu",
            Mode::Moped => "cyclomoteur",
            Mode::MotorbikeSmall => "moto jusqu'à 250 cm³",
            Mode::MotorbikeLarge => "moto de plus de 250 cm³",
            Mode::Bus => "bus",
            Mode::BusElectric => "bus électrique",
            Mode::Coach => "autocar",
            Mode::Tramway => "tramway",
            Mode::Subway => "métro",
            Mode::Train => "train",
            Mode::TrainRegional => "TER",
            Mode::TrainMainLine => "train Intercités",
            Mode::TrainHighSpeed => "TGV",
            Mode::Plane => "avion",
            Mode::AirOrHighSpeedRail => "avion ou TGV, lequel est inconnu",
            Mode::Unknown => "inconnu",
        }
    }

    fn format(&self, format: Format) -> &'static str {
        match format {
            Format::Gpx => "trace GPX",
            Format::CozyGeojson => "trajets Coach CO2 (Cozy)",
            Format::LinkyCsv => "courbe de charge Linky (Enedis)",
        }
    }

    fn import_error(&self, error: &ImportError) -> String {
        match error {
            ImportError::Empty => "le fichier est vide".to_owned(),
            ImportError::TooLarge { bytes, max } => {
                format!(
                    "il fait {}, et {} au plus sont lus",
                    self.size(*bytes),
                    self.size(*max)
                )
            }
            ImportError::UnknownFormat { looked_like } => {
                format!(
                    "ce n'est pas un format connu ; on dirait {}",
                    self.looks_like(*looked_like)
                )
            }
            ImportError::WrongFormat { expected, got } => {
                format!(
                    "ce n'est pas le format {expected} ; on dirait {}",
                    self.looks_like(*got)
                )
            }
            ImportError::InvalidUtf8 { .. } => {
                "le texte est abîmé (ce n'est pas de l'UTF-8)".to_owned()
            }
            ImportError::Truncated { .. } => "le fichier est coupé avant la fin".to_owned(),
            ImportError::Malformed { reason, .. } => format!("le contenu est mal formé ({reason})"),
            ImportError::NotALoadCurve { what, unit, .. } => {
                format!(
                    "il contient {} en {}, pas une courbe de charge en W",
                    quoted(what),
                    quoted(unit)
                )
            }
            other => other.to_string(),
        }
    }

    fn skip_reason(&self, reason: &SkipReason) -> String {
        match reason {
            SkipReason::Waypoints { count } => counted(
                *count,
                "point marqué, qui n'est pas un trajet",
                "points marqués, qui ne sont pas des trajets",
            ),
            SkipReason::Routes { count } => counted(
                *count,
                "itinéraire prévu, pas forcément parcouru",
                "itinéraires prévus, pas forcément parcourus",
            ),
            SkipReason::NoDate => "sans date".to_owned(),
            SkipReason::BadDate(fault) => match fault {
                DateFault::Malformed => "ce n'est pas une date".to_owned(),
                DateFault::NoOffset => "date sans fuseau horaire".to_owned(),
                DateFault::OutOfRange => "date avant 1970 ou après 2199".to_owned(),
            },
            SkipReason::TooFewPoints { count } => {
                format!(
                    "{}, il en faut deux au moins",
                    counted(*count, "point", "points")
                )
            }
            SkipReason::NoSections => "aucune étape".to_owned(),
            SkipReason::BadDistance => "distance absente ou impossible".to_owned(),
            SkipReason::BadLocation => "coordonnées hors de la Terre".to_owned(),
            SkipReason::TooManySections { max } => {
                format!("plus de {}", counted(*max, "étape", "étapes"))
            }
            SkipReason::NoValue => "sans valeur".to_owned(),
            SkipReason::BadValue { text } => {
                format!("{} n'est pas un nombre entier de watts", quoted(text))
            }
            SkipReason::Contradicts { line } => {
                format!("contredit la ligne {line}, qui est gardée")
            }
            SkipReason::Overlaps => "chevauche le relevé précédent".to_owned(),
            SkipReason::NoStep => "rien ne dit la durée de ce relevé".to_owned(),
            SkipReason::NotALoadCurve { what, unit } => {
                format!(
                    "{} en {}, pas une courbe de charge en W",
                    quoted(what),
                    quoted(unit)
                )
            }
            SkipReason::Columns { expected, got } => {
                format!("{got} colonnes au lieu de {expected}")
            }
            other => other.to_string(),
        }
    }

    fn import_note(&self, note: &NoteKind) -> String {
        match note {
            NoteKind::Gap { from, to, missing } => format!(
                "rien de mesuré du {} au {} ({})",
                figures(*from),
                figures(*to),
                counted(*missing, "relevé manque", "relevés manquent")
            ),
            NoteKind::StepInferred { minutes } => {
                format!(
                    "le fichier ne dit pas la durée des relevés : {minutes} minutes, d'après les dates"
                )
            }
            NoteKind::UnknownMode { word: Some(word) } => {
                format!("mode de transport inconnu ({})", quoted(word))
            }
            NoteKind::UnknownMode { word: None } => "mode de transport inconnu".to_owned(),
            NoteKind::EndsBeforeItBegins => {
                "finit avant de commencer : compté sans durée".to_owned()
            }
            NoteKind::OutOfOrder => "points dans le désordre".to_owned(),
            NoteKind::Repeats { line } => format!("répète la ligne {line}"),
            NoteKind::MadeUp => "données inventées, d'après le fichier lui-même".to_owned(),
            other => other.to_string(),
        }
    }

    fn labelled(&self, label: &str, what: &str) -> String {
        format!("{label} : {what}")
    }

    fn place(&self, place: Place) -> String {
        match place {
            Place::File => "tout le fichier".to_owned(),
            Place::Line(number) => format!("ligne {number}"),
            Place::Byte(number) => format!("octet {number}"),
            Place::Track(number) => format!("trace {number}"),
            Place::Trip(number) => format!("trajet {number}"),
            Place::Section { trip, section } => format!("trajet {trip}, étape {section}"),
        }
    }

    fn looks_like(&self, what: LooksLike) -> &'static str {
        match what {
            LooksLike::Gpx => "une trace GPX",
            LooksLike::CozyGeojson => "un export Coach CO2 (Cozy)",
            LooksLike::LinkyCsv => "un export Enedis",
            LooksLike::Zeros => "un fichier plein de zéros",
            LooksLike::Fit => "un fichier FIT de montre",
            LooksLike::Zip => "une archive ZIP (ouvrez-la d'abord)",
            LooksLike::Pdf => "un PDF",
            LooksLike::Html => "une page web",
            LooksLike::Xml => "du XML d'une autre sorte",
            LooksLike::Json => "du JSON d'une autre sorte",
            LooksLike::Calendar => "un agenda",
            LooksLike::Text => "un texte d'une autre sorte",
            LooksLike::Binary => "un fichier qui n'est pas du texte",
        }
    }

    fn rows(&self, count: u64) -> String {
        counted(count, "ligne", "lignes")
    }

    fn trips(&self, count: u64) -> String {
        counted(count, "trajet", "trajets")
    }

    fn readings(&self, count: u64) -> String {
        counted(count, "relevé d'énergie", "relevés d'énergie")
    }

    fn passphrase_new(&self) -> &'static str {
        "Choisissez une phrase de passe : "
    }

    fn passphrase_again(&self) -> &'static str {
        "La même, encore une fois : "
    }

    fn passphrase_ask(&self) -> &'static str {
        "Phrase de passe : "
    }

    fn words_head(&self) -> &'static str {
        "Votre phrase de secours, à recopier sur papier, dans cet ordre :"
    }

    fn words_foot(&self) -> &'static str {
        "Elle n'est gardée nulle part et ne sera plus jamais montrée. Si vous perdez cet appareil, elle seule\n\
         prouvera que vous êtes vous. Ne la donnez à personne."
    }

    fn words_written(&self) -> &'static str {
        "Appuyez sur Entrée quand ils sont sur le papier : l'écran s'efface, et trois vous sont redemandés."
    }

    fn words_ask_back(&self, number: usize) -> String {
        format!("Mot numéro {number} :")
    }

    fn words_wrong(&self, number: usize) -> String {
        format!("Le mot numéro {number} est un autre. Les voici à nouveau :")
    }

    fn words_known(&self) -> &'static str {
        "C'est bien cela. Gardez ce papier avec ce qui ne doit pas se perdre."
    }

    fn words_in_file(&self, file: &str) -> String {
        format!(
            "Votre phrase de secours est dans {file}, lisible par vous seul. Recopiez-la sur papier, puis effacez ce\n\
             fichier : elle n'est gardée nulle part ailleurs et ne sera plus jamais montrée."
        )
    }

    fn home_ready(&self, home: &str, passphrase: bool) -> Vec<String> {
        let key = if passphrase {
            "Votre phrase de passe sera demandée à chaque commande : sans elle, ces données sont perdues."
        } else {
            "Sans phrase de passe, qui copie ce dossier peut lire vos données (`init --passphrase` l'évite)."
        };
        vec![
            format!("Tout est prêt dans {home}."),
            key.to_owned(),
            "Ensuite : `maille import FICHIER` pour y mettre vos données, `maille demo` pour voir comment partager.".to_owned(),
        ]
    }

    fn card_note(&self, addresses: &[String]) -> Vec<String> {
        let mut lines = vec![
            "Voici votre carte : donnez-la à qui veut partager avec vous. Elle dit qui vous êtes et où vous joindre,\n\
             rien de vos données."
                .to_owned(),
        ];
        if addresses.is_empty() {
            lines.push("Elle ne dit pas encore où vous joindre : mettez d'abord Maille en marche avec `maille run`.".to_owned());
        } else {
            lines.push(format!("Adresses : {}", addresses.join(", ")));
        }
        lines
    }

    fn running(&self, listening: &[String]) -> Vec<String> {
        let mut lines = vec!["Maille est en marche. Ctrl-C pour l'arrêter.".to_owned()];
        lines.extend(
            listening
                .iter()
                .map(|address| format!("  à l'écoute sur {address}")),
        );
        lines
    }

    fn stopped(&self) -> &'static str {
        "Maille est arrêté ; tout est enregistré."
    }

    fn event(&self, event: &Event, name: &str) -> String {
        match event {
            Event::ContactOnline { .. } => format!("{name} est en ligne"),
            Event::ContactOffline { .. } => format!("{name} n'est plus en ligne"),
            Event::ShareOffered { .. } => format!(
                "{name} vous propose un partage : rien n'en est pris tant que vous n'acceptez pas son lien"
            ),
            Event::SetAside { why, .. } => format!("{name} : {}", aside_reason(*why, None)),
            Event::ShareArrived { .. } => format!("{name} : le partage est arrivé"),
            Event::RowsArrived { rows, .. } => {
                format!(
                    "{name} : {}",
                    counted(*rows, "ligne nouvelle", "lignes nouvelles")
                )
            }
            Event::ShareEnded { .. } => {
                format!("{name} : le partage est terminé ; vous gardez ce que vous avez reçu")
            }
            Event::Delivered { .. } => format!("{name} a tout reçu"),
            Event::DeviceAsks { .. } => format!(
                "l'appareil « {name} » demande à être le vôtre : `maille device list` montre les mots à comparer"
            ),
            Event::PairingRefused => {
                "un appareil est venu avec le code, mais sa demande n'est pas en ordre : le code affiché est brûlé"
                    .to_owned()
            }
            Event::DeviceRemoved => self.device_removed().to_owned(),
            Event::CircleJoined { .. } => format!("vous êtes dans le cercle {name}"),
            Event::JoinRefused { why, .. } => {
                format!(
                    "le cercle {name} ne vous laisse pas entrer : {}",
                    self.why_not(*why)
                )
            }
            Event::MemberJoined { name: who, .. } => {
                format!("{who} est entré dans le cercle {name} par votre invitation")
            }
            Event::InviteRefused { why, .. } => {
                format!(
                    "quelqu'un est venu au cercle {name} par une invitation qui ne vaut plus : {}",
                    self.why_not(*why)
                )
            }
            Event::CircleNews { .. } => format!("du nouveau dans le cercle {name}"),
            Event::Violation { what, .. } => {
                format!("un appareil a mal parlé, la liaison est coupée : {what}")
            }
        }
    }

    fn words_ask(&self) -> &'static str {
        "Vos douze mots, dans l'ordre (non affichés) : "
    }

    fn backup_made(&self, file: &str, summary: &Summary, passphrase: bool) -> Vec<String> {
        let opens = if passphrase {
            "Vos douze mots l'ouvrent, la phrase de passe aussi."
        } else {
            "Vos douze mots l'ouvrent, et rien d'autre."
        };
        vec![
            format!(
                "{} dans {file}",
                counted(summary.values, "valeur écrite", "valeurs écrites")
            ),
            opens.to_owned(),
            "Pour l'essayer : maille backup check FICHIER".to_owned(),
        ]
    }

    fn backup_whole(&self, summary: &Summary, clock: &Clock) -> Vec<String> {
        vec![
            format!("De : {}", summary.person),
            format!(
                "Entière : {}, faite le {}",
                counted(summary.values, "valeur", "valeurs"),
                clock.spell(summary.created, self)
            ),
        ]
    }

    fn checked_up(&self, report: &Checkup) -> Vec<String> {
        let mut lines = vec![format!(
            "Examinés : {}, {}",
            counted(report.documents, "document", "documents"),
            counted(report.entries, "écriture", "écritures")
        )];
        for it in &report.differing {
            let mut what = Vec::new();
            if it.newer {
                let what =
                    "écrit par un Maille plus récent, laissé tel quel : installez celui-ci ici";
                lines.push(format!("  {} : {what}", it.document));
                continue;
            }
            if it.unreadable {
                what.push("illisible".to_owned());
            }
            if it.lacks > 0 {
                let changes = counted(it.lacks, "modification", "modifications");
                what.push(format!("il y manque {changes}"));
            }
            if it.unsaid > 0 {
                let changes = counted(it.unsaid, "modification", "modifications");
                what.push(format!("contient {changes} sans aucune écriture"));
            }
            let done = if it.rebuilt { " ; refait" } else { "" };
            lines.push(format!("  {} : {}{done}", it.document, what.join(", ")));
        }
        if !report.unreadable_entries.is_empty() {
            let count = report.unreadable_entries.len() as u64;
            lines.push(counted(count, "écriture illisible", "écritures illisibles"));
        }
        if report.missing_entries > 0 {
            let count = report.missing_entries;
            lines.push(counted(count, "écriture manquante", "écritures manquantes"));
        }
        if report.out_of_place > 0 {
            let changes = counted(report.out_of_place, "modification", "modifications");
            lines.push(format!(
                "{changes} hors de tout document : ce qui précède n'est pas ici"
            ));
        }
        if report.is_well() {
            lines.push("Tout est en ordre.".to_owned());
        }
        lines
    }

    fn backup_restored(&self, home: &str, summary: &Summary, clock: &Clock) -> Vec<String> {
        vec![
            format!(
                "{home} est comme le {}. Ce qui a été écrit depuis n'y est plus.",
                clock.spell(summary.created, self)
            ),
            "C'est le même appareil : ne l'utilisez que si l'ancien n'existe plus.".to_owned(),
            "Vos contacts et vos cercles suivent dès qu'il tourne : maille run".to_owned(),
        ]
    }

    fn device_code(&self, code: &PairCode, here_only: bool, clock: &Clock) -> Vec<String> {
        let mut lines = vec![
            "Sur le nouvel appareil, d'ici dix minutes : maille device join CODE".to_owned(),
            format!(
                "Qui a ce code peut demander à être vous, une fois, jusqu'au {} : ne le montrez à personne d'autre.",
                clock.spell(code.until, self)
            ),
        ];
        if here_only {
            lines.push(
                "Il ne vaut que sur cet ordinateur : pour qu'un autre le joigne, faites d'abord `maille run --listen 192.168.1.10:4001` avec votre adresse."
                    .to_owned(),
            );
        }
        lines
    }

    fn device_asks(&self, name: &str, [own, other]: &[String; 2]) -> Vec<String> {
        vec![
            format!("L'appareil « {name} » demande à être ajouté. Il doit afficher ces mots :"),
            format!("    {own}"),
            format!("    (en anglais : {other})"),
        ]
    }

    fn device_same_words(&self) -> &'static str {
        "Le nouvel appareil affiche-t-il les mêmes mots ? [o/n]"
    }

    fn device_confirm_elsewhere(&self) -> &'static str {
        "Si oui : maille device confirm MOT MOT MOT"
    }

    fn device_asking(&self) -> &'static str {
        "À la recherche de l'autre appareil…"
    }

    fn device_compare(&self, [own, other]: &[String; 2]) -> Vec<String> {
        vec![
            "Comparez ces mots avec ceux de l'autre appareil, et dites là-bas s'ils sont les mêmes :".to_owned(),
            format!("    {own}"),
            format!("    (en anglais : {other})"),
        ]
    }

    fn device_arriving(&self) -> &'static str {
        "Cet appareil est maintenant le vôtre ; vos données arrivent…"
    }

    fn device_joined(&self, status: &Status, home: &str) -> Vec<String> {
        vec![
            format!(
                "Déjà là : {}, {}, dans {home}",
                self.trips(status.trips),
                self.readings(status.readings)
            ),
            "La suite arrive quand les deux tournent : maille run".to_owned(),
        ]
    }

    fn recover_asking(&self) -> &'static str {
        "Qui a ces mots ? La question est posée…"
    }

    fn recover_devices_head(&self) -> &'static str {
        "Vos appareils, d'après ceux à qui la question a été posée :"
    }

    fn recover_device(&self, device: &KnownDevice) -> String {
        let names = match device.names.is_empty() {
            true => "(aucun de vos appareils n'a dit son nom)".to_owned(),
            false => device.names.join(" / "),
        };
        let state = match (device.answered, device.is_somewhere) {
            (true, _) => "a répondu",
            (false, true) => "n'a pas répondu",
            (false, false) => "pas interrogé : personne ne sait où il est",
        };
        format!("  {names} : {state} · {}", device.device)
    }

    fn recover_contact(&self, contact: &PersonId, answered: bool) -> String {
        let state = if answered {
            "a répondu"
        } else {
            "n'a pas répondu"
        };
        format!("  le contact d'une carte : {state} · {contact}")
    }

    fn recover_unsure(&self) -> Vec<String> {
        vec![
            "Aucun des appareils que vous gardez n'a répondu. Ce que vous retirez maintenant le reste, et un appareil que le".to_owned(),
            "perdu aurait ajouté à l'insu de ceux qui précèdent est écarté aussi : `maille device add` le remettra.".to_owned(),
            "Un appareil que le perdu aurait retiré entre-temps parlerait à nouveau pour vous. Pour en interroger d'autres,".to_owned(),
            "ajoutez `--from CARTE`.".to_owned(),
        ]
    }

    fn recover_unsure_sure(&self) -> &'static str {
        "Le retirer quand même ? [o/n]"
    }

    fn recover_which_lost(&self) -> &'static str {
        "Lequel est perdu ou volé ? Son nom ou son identifiant ; rien si aucun :"
    }

    fn recovered(&self, home: &str, lost: usize) -> Vec<String> {
        let mut lines = vec![format!(
            "Vous êtes de retour : {home} est un appareil à vous, et aucun n'est au-dessus."
        )];
        match lost {
            0 => {}
            1 => lines.push("L'appareil perdu ne parle plus pour vous ; les autres l'apprennent en rencontrant celui-ci.".to_owned()),
            _ => lines.push(format!("{lost} appareils perdus ne parlent plus pour vous ; les autres l'apprennent en rencontrant celui-ci.")),
        }
        lines
    }

    fn recovered_alone(&self, own: bool, in_vain: usize) -> Vec<String> {
        let tried = match (own, in_vain) {
            (false, 0) => "On ne sait où joindre aucun autre de vos appareils.",
            (true, _) => "L'appareil à vous qui a répondu ne les a pas encore données.",
            (false, _) => "Aucun de vos appareils n'a répondu.",
        };
        vec![
            format!("Pas de retour : vos données. {tried} Elles sont où vous les avez laissées : sur un autre"),
            "appareil, dans une sauvegarde, et chez vos contacts pour ce que vous avez partagé.".to_owned(),
            "Allumez un autre de vos appareils et lancez Maille sur les deux (`maille run`) ; ou, dans un dossier vide,".to_owned(),
            "`maille recover --from CARTE` avec sa carte, ou `maille recover --backup FICHIER`.".to_owned(),
        ]
    }

    fn recovered_not(&self) -> &'static str {
        "Les partages donnés ou reçus vivaient sur l'appareil perdu : donnez-les et demandez-les à nouveau depuis celui-ci."
    }

    fn device_removed(&self) -> &'static str {
        "Cet appareil a été retiré par un autre de vos appareils : il ne reçoit plus rien."
    }

    fn device(&self, device: &DeviceShown, clock: &Clock) -> String {
        let state = if device.me {
            "cet appareil".to_owned()
        } else if device.connected {
            "en ligne".to_owned()
        } else {
            match device.last_seen {
                Some(at) => format!("vu le {}", clock.spell(at, self)),
                None => "pas encore vu".to_owned(),
            }
        };
        let behind = if device.behind {
            ", n'a pas encore tout"
        } else {
            ""
        };
        let name = if device.name.is_empty() {
            "(sans nom pour l'instant)"
        } else {
            &device.name
        };
        format!(
            "{name} : {state}{behind} · rang {} · {}",
            device.rank, device.device
        )
    }

    fn device_removing(&self, device: &str) -> Vec<String> {
        vec![
            format!("« {device} » ne recevra plus rien et ne parlera plus pour vous ; vos cercles changent de clés."),
            "Ce qu'il contient déjà y reste. Pour revenir, il devra être ajouté comme nouvel appareil.".to_owned(),
        ]
    }

    fn device_remove_sure(&self) -> &'static str {
        "Le retirer ? [o/n]"
    }

    fn usage_add_yes(&self) -> &'static str {
        "il n'y a personne à qui demander : ajoutez `--yes` si vous êtes sûr"
    }

    fn qr_too_wide(&self) -> &'static str {
        "(Pas d'image à photographier : ce terminal est trop étroit pour elle.)"
    }

    fn yes_or_no(&self, answer: &str) -> Option<bool> {
        match answer.to_lowercase().as_str() {
            "o" | "oui" => Some(true),
            "n" | "non" => Some(false),
            _ => None,
        }
    }

    fn status(&self, status: &Status, running: bool) -> Vec<String> {
        let mut lines = vec![
            format!("Vous : {}", status.person),
            format!(
                "Vos données : {}, {}, dans {}",
                self.trips(status.trips),
                self.readings(status.readings),
                counted(status.documents, "document", "documents")
            ),
        ];
        if status.malformed > 0 {
            lines.push(format!(
                "{} que cette version ne sait pas lire : un de vos appareils, plus récent ou défaillant, en est l'auteur (`maille device list`)",
                counted(status.malformed, "autre donnée", "autres données")
            ));
        }
        if running {
            lines.push("Maille est en marche".to_owned());
            lines.extend(
                status
                    .listening
                    .iter()
                    .map(|address| format!("  à l'écoute sur {address}")),
            );
        } else {
            lines.push(
                "Maille n'est pas en marche : rien n'arrive ni ne part (`maille run` pour cela)"
                    .to_owned(),
            );
        }
        lines
    }

    fn contacts_head(&self) -> &'static str {
        "Vos contacts :"
    }

    fn contact(&self, contact: &ContactStatus, clock: &Clock) -> String {
        let seen = match (contact.connected, contact.last_seen) {
            (true, _) => "en ligne".to_owned(),
            (false, Some(at)) => format!("vu le {}", clock.spell(at, self)),
            (false, None) => "jamais vu".to_owned(),
        };
        let waiting = match contact.waiting {
            0 => "rien en attente".to_owned(),
            count => counted(count, "envoi en attente", "envois en attente"),
        };
        format!("{seen}, {waiting}")
    }

    fn set_aside(&self, aside: &Aside, clock: &Clock) -> String {
        format!(
            "{} : {}",
            clock.spell(aside.at, self),
            aside_reason(aside.reason, Some(clock))
        )
    }

    fn import_head(&self, file: &str, format: Format) -> String {
        format!("{file} : {}", self.format(format))
    }

    fn import_read(&self, trips: u64, readings: u64) -> String {
        match (trips, readings) {
            (0, 0) => "rien à garder dans ce fichier".to_owned(),
            (_, 0) => format!("lu : {}", self.trips(trips)),
            (0, _) => format!("lu : {}", self.readings(readings)),
            _ => format!("lu : {}, {}", self.trips(trips), self.readings(readings)),
        }
    }

    fn import_kept(&self, added: u64, unchanged: u64, differing: u64) -> String {
        let mut line = format!(
            "{}, {}",
            counted(added, "nouveau", "nouveaux"),
            counted(unchanged, "déjà là", "déjà là")
        );
        if differing > 0 {
            line.push_str(&format!(
                ", {} de ce que vous aviez : ce que vous aviez reste",
                counted(differing, "différent", "différents")
            ));
        }
        line
    }

    fn import_dry_run(&self) -> &'static str {
        "essai seulement : rien n'a été gardé"
    }

    fn import_skipped(&self, count: u64) -> String {
        counted(
            count,
            "passage laissé de côté :",
            "passages laissés de côté :",
        )
    }

    fn import_notes(&self, count: u64) -> String {
        counted(count, "remarque :", "remarques :")
    }

    fn and_more(&self, count: u64) -> String {
        format!("… et {} de plus (tous avec --json)", self.count(count))
    }

    fn import_mixed(&self, kept: u64, refused: u64) -> String {
        format!(
            "{}, {}",
            counted(kept, "fichier importé", "fichiers importés"),
            counted(refused, "refusé", "refusés")
        )
    }

    fn no_trips(&self) -> &'static str {
        "Aucun trajet pour l'instant. `maille import FICHIER` lit des traces GPX ou un export Cozy."
    }

    fn month(&self, year: i16, month: i8) -> String {
        format!("{} {year}", self.month_name(month))
    }

    fn total(&self) -> &'static str {
        "total"
    }

    fn footprint_mobility(&self) -> &'static str {
        "Vos déplacements"
    }

    fn footprint_electricity(&self) -> &'static str {
        "Votre électricité"
    }

    fn footprint_columns(&self) -> [&'static str; 5] {
        ["mode", "trajets", "distance", "émissions", "entre"]
    }

    fn unknown_emissions(&self) -> &'static str {
        "inconnues"
    }

    fn footprint_unknown(&self, distance_mm: u64) -> String {
        format!(
            "plus {} dont les émissions sont inconnues",
            self.distance_mm(distance_mm)
        )
    }

    fn between(&self, low_mg: u64, high_mg: u64) -> String {
        format!("{} – {}", self.mass_mg(low_mg), self.mass_mg(high_mg))
    }

    fn electricity(&self, energy_j: u64, co2e_mg: u64, readings: u64) -> String {
        format!(
            "{}, {} ({})",
            self.energy_j(energy_j),
            self.mass_mg(co2e_mg),
            self.readings(readings)
        )
    }

    fn footprint_empty(&self) -> &'static str {
        "Rien à compter pour l'instant : `maille import FICHIER`."
    }

    fn footprint_factors(&self, factors: &FactorSetInfo) -> Vec<String> {
        vec![
            format!("Compté avec : {} ({})", factors.version, factors.id),
            format!(
                "Source : {} ; licence : {}",
                // English words of ours, among the names of sources.
                factors
                    .source
                    .replace(", after ADEME", ", d'après l'ADEME,"),
                factors
                    .licence
                    .replace("figures only", "chiffres seulement")
            ),
        ]
    }

    fn factor(&self, mode: Mode, factor: &FactorUsed) -> String {
        let per = match factor.per {
            Per::Person => "par personne",
            Per::Vehicle => "par véhicule, divisé par le nombre d'occupants",
        };
        let scope = match factor.scope {
            Scope::Use => "usage seul",
            Scope::UseAndMaking => "usage et fabrication",
        };
        let uncertainty = factor
            .uncertainty_pct
            .filter(|pct| *pct > 0)
            .map(|pct| format!(", ± {pct} %"))
            .unwrap_or_default();
        let validity = validity::spell(&factor.validity, self);
        let entry = match (factor.id.as_str(), factor.validity.as_str()) {
            ("-", "-") => String::new(),
            ("-", _) => format!(" ({validity})"),
            (id, _) => format!(" (facteur {id}, {validity})"),
        };
        format!(
            "{} : {} kg CO2e/km {per}, {scope}{uncertainty}{entry}",
            self.mode(mode),
            match factor.micrograms_per_m {
                0 => "0".to_owned(),
                figure => self.decimal(figure, 1_000_000, 5),
            }
        )
    }

    fn electricity_factor(&self, factor: &ElectricityFactor) -> String {
        let uncertainty = factor
            .uncertainty_pct
            .map(|pct| format!(", ± {pct} %"))
            .unwrap_or_default();
        format!(
            "électricité : {} kg CO2e/kWh{uncertainty} (facteur {}, {})",
            self.decimal(factor.milligrams_per_kwh, 1_000_000, 4),
            factor.id,
            validity::spell(factor.validity, self)
        )
    }

    fn preview_foot(&self, rows: u64) -> String {
        format!(
            "{} : c'est tout ce qui serait vu. Rien n'est parti.",
            self.rows(rows)
        )
    }

    fn no_rows(&self) -> &'static str {
        "(aucune ligne)"
    }

    fn weekly_columns(&self) -> [&'static str; 5] {
        ["semaine", "mode", "trajets", "distance", "émissions"]
    }

    fn share_will_see(&self, name: &str) -> String {
        format!("Ce que verra {name} :")
    }

    fn share_will_show(&self, share: &GivenShare, clock: &Clock) -> Vec<String> {
        let from = match share.from {
            Some(month) => format!("dès {}", spell_month(month, self)),
            None => "depuis le début".to_owned(),
        };
        vec![
            format!(
                "Aujourd'hui {}, {from}, puis ce que vous ajouterez, jusqu'au {}.",
                self.rows(share.rows),
                clock.spell(share.until, self)
            ),
            "Vous pourrez arrêter à tout moment (`maille share revoke`) ; ce qui lui sera parvenu lui restera.".to_owned(),
        ]
    }

    fn share_link_note(&self, share: &GivenShare, running: bool) -> Vec<String> {
        let mut lines = vec![format!(
            "Donnez ce lien à {} seulement ; chez elle ou lui : `maille received accept LIEN`.",
            share.name
        )];
        if !running {
            lines.push(
                "Rien ne partira tant que Maille n'est pas en marche chez vous : `maille run`."
                    .to_owned(),
            );
        }
        lines
    }

    fn someone(&self) -> &'static str {
        "quelqu'un"
    }

    fn no_purpose(&self) -> &'static str {
        "sans raison donnée"
    }

    fn no_given(&self) -> &'static str {
        "Vous ne partagez rien."
    }

    fn no_received(&self) -> &'static str {
        "Personne ne partage rien avec vous pour l'instant."
    }

    fn given(&self, share: &GivenShare, clock: &Clock) -> Vec<String> {
        let mut lines = vec![
            format!(
                "{} · {} · {}",
                share.name,
                share.lens,
                given_state(share, clock)
            ),
            format!(
                "pourquoi : {}",
                purpose_or(&share.purpose, self.no_purpose())
            ),
        ];
        match share.state {
            ShareState::Active if share.accepted.is_none() => {
                lines.push("rien n'en est sorti : donnez-lui le lien".to_owned());
            }
            ShareState::Offered | ShareState::Pending | ShareState::Active => {
                lines.push(match share.acknowledged {
                    Some(at) => format!(
                        "{}, toutes reçues par son appareil le {}",
                        self.rows(share.rows),
                        clock.spell(at, self)
                    ),
                    None => format!(
                        "{}, pas encore toutes reçues par son appareil",
                        self.rows(share.rows)
                    ),
                })
            }
            ShareState::Revoked { .. } | ShareState::Expired { .. } => {
                lines.extend(given_end(share))
            }
        }
        lines.push(share.id.to_string());
        lines
    }

    fn revoked(&self, share: &GivenShare, clock: &Clock) -> Vec<String> {
        let mut lines = vec![format!(
            "{} · {} · {}",
            share.name,
            share.lens,
            given_state(share, clock)
        )];
        lines.extend(given_end(share));
        lines
    }

    fn received(&self, share: &ReceivedShare, clock: &Clock) -> Vec<String> {
        let state = match share.state {
            ShareState::Offered => {
                format!(
                    "proposé, jusqu'au {} ; pas accepté",
                    clock.spell(share.until, self)
                )
            }
            ShareState::Pending => "accepté ; son appareil n'a pas encore répondu".to_owned(),
            ShareState::Active => format!("en cours, jusqu'au {}", clock.spell(share.until, self)),
            ShareState::Revoked { at } => {
                format!("arrêté par {} le {}", share.name, clock.spell(at, self))
            }
            ShareState::Expired { at } => format!("terminé le {}", clock.spell(at, self)),
        };
        let mut lines = vec![format!("{} · {} · {state}", share.name, share.lens)];
        if !share.purpose.is_empty() {
            lines.push(format!("pourquoi : {}", share.purpose));
        }
        let rows = self.rows(share.rows);
        lines.push(match share.state {
            ShareState::Offered => format!(
                "rien n'en a été pris : pour accepter, demandez le lien à {}, puis `maille received accept LIEN`",
                share.name
            ),
            ShareState::Revoked { .. } | ShareState::Expired { .. } => {
                format!("vous gardez ce que vous avez reçu ({rows}) ; vous ne recevrez rien de ce qui est écrit depuis")
            }
            ShareState::Pending | ShareState::Active => match share.updated {
                Some(at) => format!("{rows}, la dernière fois le {}", clock.spell(at, self)),
                None => rows,
            },
        });
        lines.push(share.id.to_string());
        lines
    }

    fn waiting_for(&self, name: &str, seconds: u64) -> String {
        format!(
            "{name} : j'attends les données, {} au plus…",
            counted(seconds, "seconde", "secondes")
        )
    }

    fn nothing_sent(&self) -> &'static str {
        "Rien n'est sorti de votre appareil."
    }

    fn sent(&self, entry: &SentEntry, clock: &Clock) -> String {
        let what = match entry.what {
            SentWhat::Grant => "l'accès au partage".to_owned(),
            SentWhat::Rows { rows } => self.rows(rows),
            SentWhat::Keys => "de nouvelles clefs".to_owned(),
            SentWhat::End => "l'annonce de la fin".to_owned(),
            SentWhat::Circle => "ce qui se dit et s'écrit dans un cercle".to_owned(),
        };
        let (of, purpose) = match &entry.why {
            SentWhy::Share { lens, purpose, .. } => (lens, purpose_or(purpose, self.no_purpose())),
            SentWhy::Circle { called, .. } => (called, "cercle"),
        };
        let to = match entry.to {
            Some(_) => &entry.name,
            None => "un relais, scellé",
        };
        format!(
            "{}  {} → {}  ({}, {}, {})",
            clock.figures(entry.at),
            what,
            to,
            of,
            purpose,
            self.size(entry.bytes)
        )
    }

    fn exported(&self, file: &str, records: u64) -> Vec<String> {
        vec![
            format!(
                "Toutes vos données sont dans {file} : {}.",
                counted(records, "enregistrement", "enregistrements")
            ),
            "Ce fichier n'est pas chiffré : gardez-le en lieu sûr.".to_owned(),
        ]
    }
}
