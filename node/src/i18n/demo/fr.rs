//! In French.

use maille_core::command::{PollOutcome, PollShown};

use super::{DemoDevices, DemoStep, DemoText, DemoView};
use crate::demo::Recovered;
use crate::i18n::fr::{French, counted, quoted};
use crate::i18n::{CircleText as _, Text as _};

impl DemoText for French {
    fn demo_step(&self, step: DemoStep) -> &'static str {
        match step {
            DemoStep::Found => "Inès, Marc et Zoé préparent chacun leur dossier",
            DemoStep::Import => {
                "Inès importe ses fichiers : une trace GPX, un export Cozy, sa courbe Linky"
            }
            DemoStep::Footprint => "Inès voit ses émissions, calculées chez elle",
            DemoStep::Share => {
                "Inès regarde ce que verrait Marc, puis partage ses semaines avec lui"
            }
            DemoStep::Accept => "Marc accepte le lien ; les lignes d'Inès arrivent",
            DemoStep::Live => {
                "Inès importe deux semaines de plus ; elles apparaissent chez Marc sans qu'il demande rien"
            }
            DemoStep::Stranger => {
                "Zoé, qui connaît adresses et identifiants mais n'a rien reçu, n'obtient rien"
            }
            DemoStep::Revoke => "Inès arrête le partage ; Marc l'apprend et garde ce qu'il avait",
            DemoStep::After => "Inès importe encore ; rien de nouveau n'arrive chez Marc",
            DemoStep::Log => "Inès relit ce qui est sorti de son appareil",
            DemoStep::Circle => {
                "Inès crée un cercle de huit ; les sept autres y entrent par ses invitations"
            }
            DemoStep::Poll => "Léo pose une question au cercle ; on vote, et il clôt le vote",
            DemoStep::List => {
                "Tous les huit écrivent dans sa liste en même temps ; tous les huit ont la même"
            }
            DemoStep::Remove => {
                "Inès retire Marc ; ce qu'elle et Léo écrivent ensuite ne lui parvient pas"
            }
            DemoStep::Device => {
                "Inès ajoute son téléphone par un code et trois mots, y retrouve tout, puis le perd"
            }
            DemoStep::Recover => {
                "Inès ajoute une tablette et perd son ordinateur ; ses douze mots la ramènent sur une autre machine"
            }
        }
    }

    fn demo_intro(&self) -> Vec<String> {
        vec![
            "Démonstration : des personnes inventées, des fichiers fabriqués (dans de vrais formats), de vrais".to_owned(),
            "appareils Maille qui se parlent par le réseau de cette machine.".to_owned(),
        ]
    }

    fn demo_done(&self, seconds: u64) -> String {
        format!(
            "Tout s'est passé comme dit, vérifié pas à pas, en {}.",
            counted(seconds, "seconde", "secondes")
        )
    }

    fn demo_kept(&self, folder: &str) -> Vec<String> {
        vec![
            format!("Les dossiers sont gardés dans {folder}."),
            format!("Essayez par exemple : maille --home {folder}/marc received list"),
        ]
    }

    fn demo_circle(&self) -> &'static str {
        "Maison inventée"
    }

    fn demo_circle_seen(&self) -> &'static str {
        "Marc par une invitation pour une personne, qui a ensuite refusé Léo ; lui et cinq autres par une autre, pour six."
    }

    fn demo_question(&self) -> &'static str {
        "Quel soir ?"
    }

    fn demo_choices(&self) -> [&'static str; 3] {
        ["lundi", "mardi", "jeudi"]
    }

    fn demo_counted(&self, poll: &PollShown) -> String {
        let PollOutcome::Chosen { choice } = poll.tally.outcome else {
            return "Rien n'a été choisi.".to_owned();
        };
        let at = choice as usize - 1;
        format!(
            "{}, avec {} de {} ; {} sur {} ont voté, et tous voient la même chose.",
            quoted(&poll.choices[at]),
            poll.tally.votes[at],
            counted(poll.tally.voted, "voix", "voix"),
            poll.tally.voted,
            poll.tally.electors,
        )
    }

    fn demo_items(&self) -> [&'static str; 11] {
        [
            "pain",
            "pompe à vélo",
            "ampoules",
            "café",
            "joints pour le robinet",
            "bocaux",
            "bougies",
            "ficelle",
            "graines (après Marc)",
            "lait (après Marc)",
            "papier, pour les douze mots suivants",
        ]
    }

    fn demo_devices(&self) -> DemoDevices {
        DemoDevices {
            laptop: "ordinateur",
            phone: "téléphone",
            tablet: "tablette",
            new: "nouvel ordinateur",
        }
    }

    fn demo_lost(&self) -> &'static str {
        "Le dossier de l'ordinateur est effacé. Depuis un dossier vide, on demande à qui peut le savoir de qui sont ces mots :"
    }

    fn demo_asked(&self, name: &str, answered: bool) -> String {
        let state = if answered {
            "a répondu"
        } else {
            "n'a pas répondu"
        };
        format!("  {name} : {state}")
    }

    fn demo_back(&self) -> &'static str {
        "Tout ce qu'avait l'ordinateur est revenu ; ce qu'elle et Léo écrivent désormais suit."
    }

    fn demo_recovered(&self, recovered: &Recovered) -> Vec<String> {
        vec![
            format!(
                "Revenu : {}, {}, {}, et le cercle :",
                self.trips(recovered.trips),
                self.readings(recovered.readings),
                counted(recovered.polls, "vote du cercle", "votes du cercle")
            ),
            self.circle(&recovered.circle),
            format!(
                "Pas revenu, car seul l'ordinateur perdu l'avait : {} avec Marc, et {} de ce qui en était sorti.",
                counted(recovered.shares_missing, "partage", "partages"),
                counted(recovered.notes_missing, "mention", "mentions")
            ),
            "La liste, avec ce qui a été écrit depuis :".to_owned(),
        ]
    }

    fn demo_purpose(&self) -> &'static str {
        "comparer nos semaines"
    }

    fn demo_view(&self, view: DemoView) -> &'static str {
        match view {
            DemoView::Footprint => "Chez Inès, ses émissions :",
            DemoView::Received => "Chez Marc, ce qu'il a reçu :",
            DemoView::Given => "Chez Inès, ce qu'elle a partagé :",
            DemoView::List => "Dans le cercle, la liste chez Léo :",
            DemoView::ListRemoved => "La liste chez Marc, retiré avant les deux dernières lignes :",
            DemoView::Poll => {
                "Dans le cercle, le vote tel que tous les huit l'ont vu à sa clôture :"
            }
            DemoView::Recovered => {
                "Chez Inès, de retour sur une autre machine avec ses douze mots :"
            }
            DemoView::Sent => "Chez Inès, ce qui est sorti de son appareil :",
        }
    }
}
