//! What the codes of the trail, and of warnings of the config, are called in a paper that people read. A code that has no word here is shown as it is: it may be a later
//! version's. Programs read the codes themselves.

use crate::language::Language;

/// A code, and its word in French, English, German.
type Row = (&'static str, [&'static str; 3]);

/// In what role somebody acts.
const ROLES: &[Row] = &[
    ("viewer", ["lecture des comptes", "viewer", "Einsicht in Zahlen"]),
    ("exporter", ["exportation", "exporter", "Export"]),
    ("officer", ["réponse aux personnes", "officer", "Auskunft an Personen"]),
    ("admin", ["administration", "admin", "Verwaltung"]),
    ("local", ["sur la machine", "local", "am Rechner selbst"]),
    ("system", ["tamis", "tamis", "tamis"]),
    ("person", ["la personne", "the person", "die Person"]),
];

/// Why.
const REASONS: &[Row] = &[
    ("crm-sync", ["transfert vers le CRM", "transfer into the CRM", "Übertragung in das CRM"]),
    ("campaign", ["campagne", "campaign", "Kampagne"]),
    ("person-request", ["demande de la personne", "request of the person", "Verlangen der Person"]),
    ("withdrawal", ["retrait du consentement", "withdrawal", "Widerruf"]),
    ("objection", ["opposition", "objection", "Widerspruch"]),
    ("error", ["erreur", "error", "Fehler"]),
    ("audit", ["contrôle", "audit", "Prüfung"]),
    ("support", ["assistance", "support", "Hilfe beim Betrieb"]),
];

/// How it ended.
const RESULTS: &[Row] = &[
    ("done", ["fait", "done", "getan"]),
    ("nothing", ["rien trouvé", "nothing there", "nichts gefunden"]),
    ("refused", ["refusé", "refused", "abgelehnt"]),
];

/// What was done.
const ACTIONS: &[Row] = &[
    ("stored", ["fiches enregistrées", "records stored", "Datensätze gespeichert"]),
    ("exported", ["fiches exportées", "records exported", "Datensätze exportiert"]),
    ("found", ["fiche cherchée, vue masquée", "looked up, shown masked", "nachgeschlagen, verdeckt gezeigt"]),
    (
        "found-unmasked",
        ["fiche cherchée, vue entière", "looked up, shown in full", "nachgeschlagen, ganz gezeigt"],
    ),
    ("accessed", ["copie pour la personne", "copy for the person", "Auskunft zusammengestellt"]),
    ("pass-given", ["lien personnel donné", "personal link given", "Link für die Person ausgestellt"]),
    (
        "meta-deletion-asked",
        ["suppression demandée par Meta", "deletion asked by Meta", "Löschung von Meta verlangt"],
    ),
    (
        "meta-deauthorized",
        ["autorisation retirée chez Meta", "app deauthorized at Meta", "Freigabe bei Meta entzogen"],
    ),
    ("requeued", ["envois remis en file", "submissions queued again", "Einsendungen neu eingereiht"]),
    ("page-retried", ["page relancée", "page retried", "Seite erneut versucht"]),
    ("held-dropped", ["envois retenus abandonnés", "held submissions let go", "Zurückgehaltenes verworfen"]),
    ("token-created", ["jeton créé", "token created", "Token erstellt"]),
    ("token-revoked", ["jeton révoqué", "token revoked", "Token widerrufen"]),
    ("tokens-listed", ["jetons listés", "tokens listed", "Token aufgelistet"]),
    ("trail-read", ["journal des accès lu", "trail read", "Zugriffsprotokoll gelesen"]),
    ("clock-confirmed", ["horloge confirmée", "clock confirmed", "Uhr bestätigt"]),
    ("clock-lowered", ["horloge corrigée", "clock corrected", "Uhr berichtigt"]),
    ("references-missing", ["envois manquants", "submissions missing", "Einsendungen fehlen"]),
    ("erasure-tried", ["effacement estimé", "erasure estimated", "Löschung abgeschätzt"]),
    ("erasure-shown", ["effacement consulté", "erasure shown", "Löschung angesehen"]),
    ("erasure-asked", ["effacement demandé", "erasure asked for", "Löschung veranlasst"]),
    ("erased", ["clés détruites", "keys destroyed", "Schlüssel vernichtet"]),
    ("records-expired", ["fiches arrivées à terme", "records ended by their time", "Datensätze abgelaufen"]),
    (
        "records-lapsed",
        ["fiches sans réponse effacées", "records ended by silence", "Datensätze ohne Antwort gelöscht"],
    ),
    ("period-shortened", ["durée raccourcie", "period shortened", "Frist verkürzt"]),
    ("trimmed", ["champs retirés", "fields taken out", "Felder entfernt"]),
    (
        "trail-closed",
        ["anciennes lignes du journal ôtées", "old lines of the trail gone", "alte Protokollzeilen entfernt"],
    ),
    ("suppressed", ["opposition inscrite", "put on the list", "in die Sperrliste aufgenommen"]),
    ("suppressions-listed", ["liste d’opposition lue", "list read", "Sperrliste gelesen"]),
    ("suppression-removed", ["opposition retirée", "taken off the list", "aus der Sperrliste genommen"]),
    (
        "suppression-closed",
        ["opposition levée par un oui", "entry ended by a yes", "Sperre durch ein Ja beendet"],
    ),
    ("suppression-ended", ["opposition arrivée à terme", "entry ended by its time", "Sperre abgelaufen"]),
    ("corrected", ["fiche rectifiée", "record corrected", "Datensatz berichtigt"]),
    ("withdrawn", ["consentement retiré", "consent withdrawn", "Einwilligung widerrufen"]),
    ("confirmed", ["accord confirmé", "agreement confirmed", "Einwilligung bestätigt"]),
    ("restricted", ["fiche limitée", "record restricted", "Datensatz eingeschränkt"]),
    ("restriction-lifted", ["limitation levée", "restriction lifted", "Einschränkung aufgehoben"]),
    ("restriction-ended", ["limitation arrivée à terme", "restriction ended", "Einschränkung abgelaufen"]),
    ("restrictions-listed", ["limitations listées", "restrictions listed", "Einschränkungen aufgelistet"]),
    ("request-opened", ["demande inscrite", "request opened", "Antrag eingetragen"]),
    ("request-extended", ["délai prolongé", "request extended", "Frist des Antrags verlängert"]),
    ("request-answered", ["demande traitée", "request answered", "Antrag beantwortet"]),
    ("requests-listed", ["demandes listées", "requests listed", "Anträge aufgelistet"]),
    ("requests-ended", ["anciennes demandes ôtées", "old requests gone", "alte Anträge entfernt"]),
    (
        "mail-begun",
        ["fiche lue pour un message", "record read for a mail", "Datensatz für eine Nachricht gelesen"],
    ),
    ("welcomed", ["premier message envoyé", "first mail sent", "erste Nachricht gesendet"]),
    ("asked", ["accord redemandé", "asked again", "erneut gefragt"]),
    ("reminded", ["rappel envoyé", "reminded", "erinnert"]),
    ("asking-paused", ["demandes d’accord suspendues", "asking paused", "Nachfragen angehalten"]),
    ("asking-resumed", ["demandes d’accord reprises", "asking resumed", "Nachfragen fortgesetzt"]),
    ("asking-run", ["demandes d’accord lancées", "asking run", "Nachfragen ausgelöst"]),
    ("asking-listed", ["personnes à redemander listées", "people to ask listed", "zu Fragende aufgelistet"]),
    ("unreachable", ["adresse injoignable notée", "address out of reach", "Adresse nicht erreichbar"]),
    ("backed-up", ["sauvegarde faite", "backup made", "Sicherung angelegt"]),
    ("link-asked", ["lien perdu redemandé", "lost link asked for", "verlorener Link verlangt"]),
    ("link-sent", ["liens envoyés", "links sent", "Links gesendet"]),
    ("copy-sent", ["copie envoyée", "copy sent", "Kopie gesendet"]),
    ("erasure-to-tell", ["effacement annoncé d’abord", "erasure, told first", "Löschung mit Ankündigung"]),
    ("erasure-told", ["effacement annoncé", "erasure told", "Löschung angekündigt"]),
    ("erasure-untold", ["effacement non annoncé", "erasure not told", "Löschung nicht angekündigt"]),
    ("evidence-ended", ["preuve échue effacée", "evidence at its end", "abgelaufener Nachweis gelöscht"]),
    ("vacuumed", ["restes scellés nettoyés", "store vacuumed", "versiegelte Reste entfernt"]),
    ("restored", ["sauvegarde restaurée", "backup restored", "Sicherung zurückgespielt"]),
    ("changes-read", ["changements lus", "changes read", "Änderungen gelesen"]),
    ("changes-applied", ["changements appliqués", "changes applied", "Änderungen übernommen"]),
    ("changes-dropped", ["changements abandonnés", "changes dropped", "Änderungen verworfen"]),
    ("feeds-listed", ["suivi des destinataires lu", "feeds listed", "Stand der Empfänger gelesen"]),
    ("redated", ["durées recalculées", "periods set right", "Fristen berichtigt"]),
];

/// What `tamis check` warns of, of a config that is taken.
const WARNINGS: &[Row] = &[
    ("nothing-claimed", ["aucun formulaire", "no form", "kein Formular"]),
    ("notice-incomplete", ["notice incomplète", "notice incomplete", "Hinweise unvollständig"]),
    ("special-category", ["catégorie particulière", "special category", "besondere Kategorie"]),
    (
        "email-without-consent",
        ["adresse e-mail sans accord", "e-mail address without consent", "E-Mail-Adresse ohne Einwilligung"],
    ),
    ("consent-not-required", ["aucun accord exigé", "no consent required", "keine Einwilligung verlangt"]),
    ("consent-long", ["accord de longue durée", "consent of long duration", "lange geltende Einwilligung"]),
    (
        "trade-forbids-calls",
        [
            "appels interdits dans ce métier",
            "calls forbidden in this trade",
            "Anrufe in diesem Gewerbe verboten",
        ],
    ),
    ("box-pre-ticked", ["case cochée d’avance", "box ticked beforehand", "vorab angekreuztes Kästchen"]),
    (
        "box-default-unknown",
        [
            "état initial de la case inconnu",
            "initial state of the box unknown",
            "Anfangszustand des Kästchens unbekannt",
        ],
    ),
    ("type-unknown", ["type de question inconnu", "unknown type of question", "unbekannte Art der Frage"]),
    (
        "type-advised",
        ["formulaires d’une seule langue", "forms in one language only", "nur Formulare einer Sprache"],
    ),
    (
        "language-missing",
        ["texte absent dans une langue", "no text in a language", "Text fehlt in einer Sprache"],
    ),
    ("retention-long", ["longue durée de conservation", "long retention", "lange Aufbewahrung"]),
    ("no-effect", ["sans effet", "no effect", "ohne Wirkung"]),
    ("exposed", ["joignable par le réseau", "within reach of the network", "vom Netz erreichbar"]),
    ("path-overlap", ["emplacements qui se recouvrent", "places that overlap", "überlappende Ablageorte"]),
    ("memory-large", ["beaucoup de mémoire", "much memory", "viel Arbeitsspeicher"]),
    (
        "url-webhook",
        [
            "adresse du webhook à la place de l’hôte",
            "address of the webhook",
            "Adresse des Webhooks statt der des Rechners",
        ],
    ),
];

/// What a warning is about; none: nothing is known of it beyond its code.
pub(in crate::desk) fn warning(code: &str, language: Language) -> Option<&'static str> {
    WARNINGS.iter().find(|(known, _)| *known == code).map(|(_, words)| words[language.index()])
}

/// What a role is called.
pub(in crate::desk) fn role(code: &str, language: Language) -> &str {
    word(ROLES, code, language)
}

/// What was done.
pub(in crate::desk) fn action(code: &str, language: Language) -> &str {
    word(ACTIONS, code, language)
}

/// Why.
pub(in crate::desk) fn reason(code: &str, language: Language) -> &str {
    word(REASONS, code, language)
}

/// How it ended.
pub(in crate::desk) fn result(code: &str, language: Language) -> &str {
    word(RESULTS, code, language)
}

fn word<'w>(table: &[Row], code: &'w str, language: Language) -> &'w str {
    let known = table.iter().find(|(known, _)| *known == code);
    known.map_or(code, |(_, words)| words[language.index()])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::language::lints;
    use crate::trail::{Action, Outcome, Reason, Role};

    fn tables() -> [(&'static [Row], Vec<&'static str>); 4] {
        [
            (ROLES, Role::ALL.iter().map(|role| role.as_str()).collect()),
            (ACTIONS, Action::ALL.iter().map(|action| action.as_str()).collect()),
            (REASONS, Reason::ALL.iter().map(|reason| reason.as_str()).collect()),
            (RESULTS, Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect()),
        ]
    }

    #[test]
    fn every_code_of_the_trail_has_words_of_its_own_in_every_language() {
        for (table, codes) in tables() {
            let listed: BTreeSet<&str> = table.iter().map(|(code, _)| *code).collect();
            assert_eq!(listed, codes.iter().copied().collect(), "each has a row, and no row is of nothing");
            assert_eq!(listed.len(), table.len(), "one row each");
            for language in Language::ALL {
                let words: BTreeSet<&str> = codes.iter().map(|code| word(table, code, language)).collect();
                assert_eq!(words.len(), codes.len(), "{language:?}: two have one word");
            }
        }
        assert_eq!(action("of-a-later-version", Language::Fr), "of-a-later-version");
        assert_eq!(warning("of-a-later-version", Language::Fr), None);
    }

    #[test]
    fn words_are_set_as_texts_are() {
        for table in tables().into_iter().map(|(table, _)| table).chain([WARNINGS]) {
            let of = |at: usize| table.iter().map(|(code, words)| (*code, words[at])).collect::<Vec<_>>();
            let tables = [of(0), of(1), of(2)];
            lints::take_the_same_in(&tables);
            lints::are_set_as_french_is(&tables);
            // Codes are put together by hyphens; words for people, in French and German, are not.
            for (code, words) in table {
                assert!(words[0] != *code || !code.contains('-'), "{code}");
                assert!(words[2] != *code || !code.contains('-'), "{code}");
            }
        }
    }
}
