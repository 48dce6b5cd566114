//! In French.

use super::{DemoStep, DemoText, DemoView};
use crate::i18n::fr::{French, counted};

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
                "Inès crée un cercle ; Marc et Léo, qui ne se connaissaient pas, y entrent par son invitation"
            }
            DemoStep::List => {
                "Tous trois écrivent dans sa liste en même temps ; tous trois ont la même"
            }
            DemoStep::Remove => {
                "Inès retire Marc ; ce qu'elle et Léo écrivent ensuite ne lui parvient pas"
            }
            DemoStep::Device => {
                "Inès ajoute son téléphone par un code et trois mots, y retrouve tout, puis le perd"
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

    fn demo_items(&self) -> [&'static str; 5] {
        [
            "pain",
            "pompe à vélo",
            "ampoules",
            "graines (après Marc)",
            "lait (après Marc)",
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
            DemoView::Sent => "Chez Inès, ce qui est sorti de son appareil :",
        }
    }
}
