//! En français.

use maille_core::command::{
    CircleKind, CircleMember, CircleShown, CircleStanding, InviteShown, JoiningShown, ListShown,
};
use maille_protocol::evaluation::Role;
use maille_protocol::invite::WhyNot;
use maille_protocol::time::Timestamp;

use super::{CircleText, Invited, Terms, is_final, is_last_admin, typed};
use crate::cli::failure::Sentence;
use crate::i18n::Clock;
use crate::i18n::fr::{French, counted, quoted};

/// The help text of a command or an argument about circles.
pub(crate) fn help(key: &str) -> Option<&'static str> {
    Some(match key {
        "circle" => {
            "Vos cercles : des personnes avec qui vous tenez une liste, entrées par une invitation"
        }
        "circle create" => "Crée un cercle, dont vous êtes l'admin pour commencer",
        "circle create NAME" => "Comment il s'appelle ; tous les membres le voient",
        "circle create --kind" => {
            "Ce qu'il est : household (foyer), colleagues (collègues) ou other (autre)"
        }
        "circle create --as" => {
            "Comment vous vous y appelez (sinon comme dans votre dernier cercle)"
        }
        "circle list" => "Affiche vos cercles, et ceux où vous avez demandé à entrer",
        "circle status" => {
            "Affiche un cercle : ses membres, vos invitations et ce qu'elles sont devenues, ce qui attend"
        }
        "circle status CIRCLE" => "Le nom du cercle, ou le début de son identifiant",
        "circle invite" => "Fait une invitation : qui a son lien peut entrer",
        "circle invite CIRCLE" => "Le nom du cercle, ou le début de son identifiant",
        "circle invite --uses" => "Combien de personnes peuvent entrer avec (1 sinon)",
        "circle invite --until" => "Jusqu'à quand : 7j, 2 semaines, 2027-01-31 (7 jours sinon)",
        "circle invite --admin" => "Qui entre avec est admin : invite et retire, aussi",
        "circle invite --no-qr" => "N'affiche pas le lien comme image à photographier",
        "circle uninvite" => "Reprend une invitation : plus personne n'entre avec",
        "circle uninvite INVITE" => "Son lien, ou le début de son numéro (`maille circle status`)",
        "circle join" => {
            "Montre qui vous invite, où, et ce que les autres verront ; puis demande, et entre"
        }
        "circle join LINK" => "Le lien qu'on vous a donné, ou un fichier qui le contient",
        "circle join --as" => {
            "Comment vous vous y appellerez (sinon comme dans votre dernier cercle)"
        }
        "circle join --yes" => "Ne demande pas si vous voulez entrer",
        "circle join --wait" => "Combien de secondes attendre la réponse (30 sinon)",
        "circle leave" => "Quitte un cercle : vous gardez ce qui est ici, et ne recevez plus rien",
        "circle leave CIRCLE" => "Le nom du cercle, ou le début de son identifiant",
        "circle leave --yes" => "Ne demande pas si vous êtes sûr",
        "circle remove" => "Retire quelqu'un, qui ne reçoit plus rien",
        "circle remove CIRCLE" => "Le nom du cercle, ou le début de son identifiant",
        "circle remove PERSON" => "Son nom dans le cercle, ou le début de son identifiant",
        "circle remove --yes" => "Ne demande pas si vous êtes sûr",
        "circle items" => "Affiche la liste du cercle",
        "circle items CIRCLE" => "Le nom du cercle, ou le début de son identifiant",
        "circle add" => "Ajoute à la liste du cercle",
        "circle add CIRCLE" => "Le nom du cercle, ou le début de son identifiant",
        "circle add TEXT" => "Ce qu'il faut ajouter",
        "circle tick" => "Coche une chose de la liste",
        "circle tick CIRCLE" => "Le nom du cercle, ou le début de son identifiant",
        "circle tick ITEM" => "Son numéro (`maille circle items`), ou son texte entier",
        "circle untick" => "Décoche une chose de la liste",
        "circle untick CIRCLE" => "Le nom du cercle, ou le début de son identifiant",
        "circle untick ITEM" => "Son numéro (`maille circle items`), ou son texte entier",
        "circle drop" => "Ôte une chose de la liste",
        "circle drop CIRCLE" => "Le nom du cercle, ou le début de son identifiant",
        "circle drop ITEM" => "Son numéro (`maille circle items`), ou son texte entier",
        "circle rename" => "Dit autrement une chose de la liste",
        "circle rename CIRCLE" => "Le nom du cercle, ou le début de son identifiant",
        "circle rename ITEM" => "Son numéro (`maille circle items`), ou son texte entier",
        "circle rename TEXT" => "Les nouveaux mots",
        _ => return None,
    })
}

/// « le foyer « Rue des Lilas » ».
fn called(kind: CircleKind, name: &str) -> String {
    let kind = match kind {
        CircleKind::Household => "le foyer",
        CircleKind::Colleagues => "le cercle de collègues",
        CircleKind::Other => "le cercle",
    };
    format!("{kind} {}", quoted(name))
}

fn kind_word(kind: CircleKind) -> &'static str {
    match kind {
        CircleKind::Household => "foyer",
        CircleKind::Colleagues => "collègues",
        CircleKind::Other => "cercle",
    }
}

fn role(admin: bool) -> &'static str {
    if admin { "admin" } else { "membre" }
}

fn people(count: u64) -> String {
    counted(count, "personne", "personnes")
}

fn standing(circle: &CircleShown) -> &'static str {
    match circle.standing {
        CircleStanding::Arriving => "en route vers vous",
        CircleStanding::Member => "vous y êtes membre",
        CircleStanding::Admin => "vous y êtes admin",
        CircleStanding::Removed => "vous n'y êtes plus",
    }
}

/// What a circle is called on a screen, where it may not have arrived.
fn name(circle: &CircleShown) -> &str {
    if circle.name.is_empty() {
        "(son nom est en route)"
    } else {
        &circle.name
    }
}

/// « de Marc », « d'Inès ».
fn of(name: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    let first = name.nfd().next().unwrap_or_default();
    if "aeiouyAEIOUY".contains(first) {
        format!("d'{name}")
    } else {
        format!("de {name}")
    }
}

impl CircleText for French {
    fn circle_created(&self, circle: &CircleShown) -> Vec<String> {
        vec![
            format!(
                "Vous avez créé {} ; vous vous y appelez {} et en êtes admin.",
                called(circle.kind, &circle.name),
                quoted(&circle.called)
            ),
            format!(
                "Ensuite : `maille circle invite {}` pour faire entrer quelqu'un.",
                typed(&circle.name)
            ),
        ]
    }

    fn no_circles(&self) -> &'static str {
        "Vous n'êtes dans aucun cercle. Pour en créer un : `maille circle create NOM --kind household` ; pour entrer dans un : `maille circle join LIEN`."
    }

    fn circle(&self, circle: &CircleShown) -> String {
        let members = u64::try_from(circle.members.len()).unwrap_or(u64::MAX);
        let members = match circle.standing {
            CircleStanding::Member | CircleStanding::Admin => {
                format!(" · {}", counted(members, "membre", "membres"))
            }
            CircleStanding::Arriving | CircleStanding::Removed => String::new(),
        };
        format!(
            "{} · {} · {}{members} · {}",
            name(circle),
            kind_word(circle.kind),
            standing(circle),
            circle.id
        )
    }

    fn circle_joining(&self, joining: &JoiningShown, clock: &Clock) -> Vec<String> {
        let mut lines = vec![format!(
            "{} · demandé par vous le {}, sur invitation {}",
            joining.name,
            clock.spell(joining.since, self),
            of(&joining.inviter)
        )];
        lines.push(match joining.refused {
            None => format!(
                "  l'appareil {} n'a pas encore répondu : Maille continue d'essayer tant qu'il est en marche (`maille run`)",
                of(&joining.inviter)
            ),
            Some(why) if is_final(why) => format!(
                "  entrée refusée : {} ; demandez une nouvelle invitation",
                self.why_not(why)
            ),
            Some(why) => format!(
                "  entrée refusée pour l'instant : {} ; Maille continue d'essayer tant qu'il est en marche",
                self.why_not(why)
            ),
        });
        lines
    }

    fn circle_head(&self, circle: &CircleShown, clock: &Clock) -> Vec<String> {
        let mut lines = vec![
            format!(
                "{} · {} · {}",
                name(circle),
                kind_word(circle.kind),
                standing(circle)
            ),
            format!(
                "Vous vous y appelez {}, depuis le {}.",
                quoted(&circle.called),
                clock.spell(circle.since, self)
            ),
            circle.id.to_string(),
        ];
        lines.push(match circle.standing {
            CircleStanding::Removed => {
                "Vous gardez ce qui était ici ; plus rien n'arrive. Membres à votre départ :"
                    .to_owned()
            }
            CircleStanding::Arriving => "Membres connus pour l'instant :".to_owned(),
            CircleStanding::Member | CircleStanding::Admin => "Membres :".to_owned(),
        });
        lines
    }

    fn circle_member(&self, member: &CircleMember, clock: &Clock) -> String {
        let seen = match (member.me, member.connected, member.last_seen) {
            (true, ..) => "vous".to_owned(),
            (_, true, _) => "en ligne".to_owned(),
            (_, false, Some(at)) => {
                format!("en ligne la dernière fois le {}", clock.spell(at, self))
            }
            (_, false, None) => "jamais en ligne avec vous".to_owned(),
        };
        let behind = if member.behind && !member.me {
            ", n'a pas encore tout"
        } else {
            ""
        };
        format!(
            "{} · {} · {seen}{behind} · {}",
            member.name,
            role(member.admin),
            member.person
        )
    }

    fn circle_invites_head(&self) -> &'static str {
        "Vos invitations :"
    }

    fn circle_invite(&self, invite: &InviteShown, now: Timestamp, clock: &Clock) -> Vec<String> {
        let state = match (invite.closed(now), invite.revoked) {
            (None, _) => format!("ouverte jusqu'au {}", clock.spell(invite.until, self)),
            (_, Some(at)) => format!("reprise le {}", clock.spell(at, self)),
            (Some(WhyNot::Expired), _) => {
                format!("terminée le {}", clock.spell(invite.until, self))
            }
            (Some(_), _) => "épuisée".to_owned(),
        };
        let mut lines = vec![format!(
            "{} · comme {} · servie {} fois sur {} · {state}",
            invite.id,
            role(invite.admin),
            invite.used.len(),
            invite.uses
        )];
        for (who, at) in &invite.used {
            lines.push(format!(
                "  {who} est entré avec le {}",
                clock.spell(*at, self)
            ));
        }
        if let Some(at) = invite.refused_at {
            lines.push(format!(
                "  quelqu'un s'est présenté avec et n'est pas entré, {} fois, la dernière le {}",
                invite.refused,
                clock.spell(at, self)
            ));
        }
        lines
    }

    fn circle_edits_waiting(&self, count: u64) -> String {
        format!(
            "{} ici et partira quand le cercle aura sa nouvelle clef",
            counted(
                count,
                "modification de votre part attend",
                "modifications de votre part attendent"
            )
        )
    }

    fn circle_changes_waiting(&self, count: u64) -> String {
        format!(
            "{} quelque chose qui n'est pas encore arrivé",
            counted(
                count,
                "modification des autres attend",
                "modifications des autres attendent"
            )
        )
    }

    fn circle_change_aside(&self, name: &str, why: &str) -> String {
        let name = if name.is_empty() { "quelqu'un" } else { name };
        format!(
            "une modification {} a été mise de côté, elle n'est pas en règle : {why}",
            of(name)
        )
    }

    fn circle_invited(&self, told: &Invited<'_>, clock: &Clock) -> (Vec<String>, Vec<String>) {
        let link = told.link;
        let what = if link.role == Role::Admin {
            "comme admin, qui fait aussi entrer et sortir les autres"
        } else {
            "comme membre"
        };
        let before = vec![
            format!(
                "Qui a ce lien peut entrer dans {}, {what} : {}, jusqu'au {}.",
                quoted(&link.name),
                people(u64::from(link.uses)),
                clock.spell(link.until, self)
            ),
            "Ne le donnez qu'à qui il est destiné, par un moyen sûr ; sur son appareil :"
                .to_owned(),
            "  maille circle join LIEN".to_owned(),
        ];
        let mut after = vec![format!(
            "Pour le reprendre : maille circle uninvite {}",
            told.invite.id
        )];
        if told.here_only {
            after.push(
                "Il ne vaut que sur cet ordinateur : pour être joint depuis un autre, arrêtez Maille, puis `maille run --listen 192.168.1.10:4001` avec votre adresse, et faites une nouvelle invitation."
                    .to_owned(),
            );
        }
        if !told.running {
            after.push(
                "C'est votre appareil qui fait entrer : personne n'entre tant que Maille n'est pas en marche ici (`maille run`)."
                    .to_owned(),
            );
        }
        (before, after)
    }

    fn circle_uninvited(&self, circle: &CircleShown) -> Vec<String> {
        vec![
            format!(
                "Plus personne n'entre dans {} avec cette invitation.",
                quoted(&circle.name)
            ),
            "Qui est entré avec avant y est toujours (`maille circle remove` retire). Vos invitations :"
                .to_owned(),
        ]
    }

    fn circle_terms(&self, terms: &Terms<'_>, clock: &Clock) -> Vec<String> {
        let link = terms.link;
        let known = match terms.known_as {
            Some("") => "  Vous connaissez déjà cette personne, sans nom.".to_owned(),
            Some(name) => format!("  Vous connaissez déjà cette personne : {}.", quoted(name)),
            None => "  Vous ne connaissez pas encore cette personne. Les noms sont ce que dit le lien : vient-il bien de qui vous pensez ?".to_owned(),
        };
        let what = if link.role == Role::Admin {
            "Vous y seriez admin : lire et écrire, faire entrer et sortir les autres."
        } else {
            "Vous y seriez membre : lire et écrire."
        };
        let met = if terms.addresses.is_empty() {
            String::new()
        } else {
            format!(" ({})", terms.addresses.join(", "))
        };
        vec![
            format!(
                "{} vous invite dans {}.",
                quoted(&link.inviter),
                called(CircleKind::of(&link.kind), &link.name)
            ),
            format!("  {}", link.card.person),
            known,
            what.to_owned(),
            format!(
                "L'invitation vaut pour {}, jusqu'au {}.",
                people(u64::from(link.uses)),
                clock.spell(link.until, self)
            ),
            "Chaque membre, maintenant et plus tard, verra :".to_owned(),
            format!("  votre nom dans le cercle : {}", quoted(terms.called)),
            format!("  votre identifiant, et où joindre votre appareil{met}"),
            "  tout ce que vous écrirez dans le cercle".to_owned(),
            "Rien d'autre de vos données. Vous verrez ce qui y a été écrit avant vous.".to_owned(),
        ]
    }

    fn circle_join_sure(&self) -> &'static str {
        "Entrer ? [o/n]"
    }

    fn circle_ask_name(&self) -> &'static str {
        "Comment vous y appellerez-vous ?"
    }

    fn circle_hint_as(&self) -> &'static str {
        "dites comment vous vous y appelez, par exemple `--as Inès`"
    }

    fn circle_knocking(&self, inviter: &str, seconds: u64) -> String {
        format!(
            "Demande à l'appareil {} de vous faire entrer, {} au plus…",
            of(inviter),
            counted(seconds, "seconde", "secondes")
        )
    }

    fn circle_joined(
        &self,
        circle: &CircleShown,
        name: &str,
        items: usize,
        alone: bool,
    ) -> Vec<String> {
        let here: Vec<&str> = (circle.members.iter())
            .filter(|member| !member.me)
            .map(|member| member.name.as_str())
            .collect();
        let mut lines = vec![if circle.standing == CircleStanding::Arriving {
            format!(
                "Vous êtes dans {} ; ce qui y est écrit est en route.",
                quoted(name)
            )
        } else {
            format!(
                "Vous êtes dans {}, avec {} ; {} dans la liste.",
                quoted(name),
                here.join(", "),
                counted(u64::try_from(items).unwrap_or(u64::MAX), "chose", "choses")
            )
        }];
        lines.push(format!(
            "Pour la voir : maille circle items {}",
            typed(name)
        ));
        if alone {
            lines.push("La suite arrive tant que Maille est en marche : maille run".to_owned());
        }
        lines
    }

    fn circle_leaving(&self, circle: &CircleShown) -> Vec<String> {
        let mut lines = vec![
            format!(
                "Vous ne recevrez plus rien de {}, et n'y écrirez plus.",
                quoted(&circle.name)
            ),
            "Vous gardez ce qui est ici ; les autres gardent ce que vous avez écrit. Pour revenir, il faudra une nouvelle invitation.".to_owned(),
        ];
        if is_last_admin(circle) && circle.members.len() > 1 {
            lines.push(
                "Vous êtes le seul admin : après vous, personne ne pourra faire entrer ni sortir. Avant de partir, vous pouvez en inviter un (`maille circle invite --admin`)."
                    .to_owned(),
            );
        }
        lines
    }

    fn circle_leave_sure(&self) -> &'static str {
        "Quitter ? [o/n]"
    }

    fn circle_left(&self, circle: &CircleShown, running: bool) -> Vec<String> {
        let mut lines = vec![format!(
            "Vous avez quitté {} ; vous gardez ce qui est ici.",
            quoted(&circle.name)
        )];
        if !running {
            lines.push(
                "Les autres l'apprendront quand Maille sera en marche ici : maille run".to_owned(),
            );
        }
        lines
    }

    fn circle_removing(&self, circle: &CircleShown, person: &str) -> Vec<String> {
        vec![
            format!(
                "{} ne recevra plus rien de ce qui s'écrit désormais dans {} : le cercle change de clef.",
                quoted(person),
                quoted(&circle.name)
            ),
            "Ce qui lui est déjà parvenu y reste, et a pu être copié : cela ne se reprend pas. Ce qui vient de cette personne reste dans le cercle.".to_owned(),
            "Cela ne se défait pas ; pour revenir, il lui faudra une nouvelle invitation.".to_owned(),
        ]
    }

    fn circle_remove_sure(&self) -> &'static str {
        "Retirer cette personne ? [o/n]"
    }

    fn circle_removed(
        &self,
        circle: &CircleShown,
        name: &str,
        open: bool,
        running: bool,
    ) -> Vec<String> {
        let mut lines = vec![format!(
            "{name} n'est plus dans {} et ne reçoit plus rien.",
            quoted(&circle.name)
        )];
        if open {
            lines.push(format!(
                "Une invitation de votre part est encore ouverte : qui a son lien peut entrer. Voyez `maille circle status {}`, puis `maille circle uninvite`.",
                typed(&circle.name)
            ));
        }
        if !running {
            lines.push(
                "Les autres l'apprendront quand Maille sera en marche ici, et continuent comme avant d'ici là : maille run"
                    .to_owned(),
            );
        }
        lines
    }

    fn circle_no_items(&self, circle: &str) -> String {
        format!(
            "Rien encore dans la liste de {} : `maille circle add {} TEXTE`",
            quoted(circle),
            typed(circle)
        )
    }

    fn circle_item(&self, number: usize, item: &ListShown) -> String {
        let tick = if item.done { "x" } else { " " };
        format!("{number:>3}. [{tick}] {}  ({})", item.text, item.by)
    }

    fn circle_item_dropped(&self, text: &str) -> String {
        format!("ôté de la liste : {text}")
    }

    fn circle_not_running(&self) -> &'static str {
        "Les autres le recevront quand Maille sera en marche ici : maille run"
    }

    fn why_not(&self, why: WhyNot) -> &'static str {
        match why {
            WhyNot::Expired => "l'invitation a expiré",
            WhyNot::UsedUp => "l'invitation a déjà servi autant de fois que prévu",
            WhyNot::Revoked => "l'invitation a été reprise",
            WhyNot::NotAdmitter => "qui l'a donnée ne peut plus faire entrer personne",
            WhyNot::Undecided => "le cercle doit d'abord en décider",
            _ => "la demande n'est pas en règle",
        }
    }

    fn circle_not_welcome(&self, circle: &str, inviter: &str, why: WhyNot) -> Sentence {
        let sentence = Sentence::new(format!(
            "l'appareil {} ne vous a pas fait entrer dans {} : {}",
            of(inviter),
            quoted(circle),
            self.why_not(why)
        ));
        if is_final(why) {
            sentence.hint(format!("demandez à {inviter} une nouvelle invitation"))
        } else {
            sentence
                .detail("Maille continue d'essayer tant qu'il est en marche")
                .hint(format!(
                    "parlez-en à {inviter}, ou demandez une invitation à un autre admin"
                ))
        }
    }

    fn circle_no_welcome_yet(
        &self,
        circle: &str,
        inviter: &str,
        seconds: u64,
        here_only: bool,
        running: bool,
    ) -> Sentence {
        let mut sentence = Sentence::new(format!(
            "l'appareil {} n'a pas répondu en {}",
            of(inviter),
            counted(seconds, "seconde", "secondes")
        ));
        if here_only {
            sentence = sentence.detail(format!(
                "cette invitation ne désigne que l'ordinateur où elle a été faite : si ce n'est pas celui-ci, {inviter} doit lancer `maille run --listen` avec son adresse, puis en faire une nouvelle"
            ));
        }
        if running {
            sentence
                .detail("le Maille en marche ici continue d'essayer")
                .hint(format!(
                    "demandez à {inviter} de lancer `maille run` ; pour voir où cela en est : `maille circle status {}`",
                    typed(circle)
                ))
        } else {
            sentence
                .detail(
                    "votre demande est gardée : Maille continue d'essayer tant qu'il est en marche",
                )
                .hint(format!(
                    "lancez `maille run`, et demandez à {inviter} d'en faire autant"
                ))
        }
    }
}
