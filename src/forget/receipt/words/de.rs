//! German.

use crate::forget::receipt::content::{AskedBy, Ground, KeyStorage};
use crate::forget::receipt::words::sheet::Words;
use crate::language::Language;
use crate::purpose::law::RecipientRole;

pub(super) const WORDS: Words = Words {
    language: Language::De,
    title: "Löschbestätigung",
    intro: "Dieses Schreiben hält fest, was {controller} gelöscht hat, was noch übrig ist und wie lange.",
    adds: "Es ergänzt die Bestätigung {number}: Die Einsendungen, die damals noch nicht gelesen waren, sind inzwischen gelesen.",

    number: "Nummer",
    issuer: "Ausgestellt von",
    asked: "Verlangt am",
    done: "Ausgeführt am",
    asked_by: "Veranlasst von",
    why: "Grund",
    by: |by| match by {
        AskedBy::Person => "der betroffenen Person",
        AskedBy::Controller => "{controller} selbst",
        AskedBy::Authority => "einer Behörde oder einem Gericht",
    },
    ground: |ground| match ground {
        Ground::PersonRequest => "die Person hat die Löschung verlangt",
        Ground::Withdrawal => "die Person hat ihre Einwilligung widerrufen",
        Ground::Objection => "die Person hat der Nutzung ihrer Daten widersprochen",
        Ground::Error => "die Daten waren zu Unrecht gespeichert",
        Ground::Audit => "eine Prüfung ergab, dass die Daten nicht länger aufbewahrt werden sollten",
    },

    erased: "Was gelöscht wurde",
    purpose: "Wozu die Daten dienten",
    records: "Gelöschte Datensätze",
    how: "Ein Datensatz enthält die Antworten aus einem abgeschickten Formular. Jeder war mit einem eigenen Schlüssel \
        verschlüsselt. Die Datensätze wurden entfernt und ihre Schlüssel vernichtet. Ohne seinen Schlüssel kann niemand einen \
        Datensatz lesen, auch {controller} nicht. Die einzige Ausnahme sind ältere Sicherungskopien, siehe unten.",
    references_one: "Eine Einsendung war von Meta angekündigt, aber noch nicht gelesen. Sie wurde gestrichen und wird nicht mehr \
        gelesen.",
    references_many: "{count} Einsendungen waren von Meta angekündigt, aber noch nicht gelesen. Sie wurden gestrichen und werden \
        nicht mehr gelesen.",
    nothing: "Es wurde kein Datensatz gefunden; zu löschen war also nichts. Wurde früher schon gelöscht, gibt es dafür eine \
        eigene Bestätigung.",

    remains: "Was noch übrig ist, und wie lange",
    what: "Was noch übrig ist",
    until: "Längstens bis",
    backups: "Ältere Sicherungskopien der Schlüssel. Zusammen mit einer alten Kopie der Datensätze ließen sich die gelöschten Daten \
        damit noch lesen. Diese Sicherungskopien werden spätestens an diesem Tag gelöscht.",
    tombstones: "Ein Fingerabdruck der Einsendung: ein Code, der mit einem geheimen Schlüssel aus der Nummer berechnet wurde, die \
        Meta dem abgeschickten Formular gegeben hat. Er dient nur dazu, die Einsendung abzuweisen, falls sie noch einmal \
        eintrifft. Solange es seinen Schlüssel gibt, gehört er zu den personenbezogenen Daten.",
    day_keys: "Die Meta-Nummer dessen, was ungelesen gestrichen wurde, in verschlüsselter Form. Der Schlüssel wird spätestens an \
        diesem Tag vernichtet.",
    trail: "Der Eintrag im Verzeichnis der Vorgänge: die Nummer des Datensatzes, dass er gelöscht wurde, wann und warum. Keine der \
        Antworten.",
    trail_alone: "Der Eintrag im Verzeichnis der Vorgänge: dass diese Löschung verlangt wurde, wann und warum.",
    log: "Zeilen im technischen Protokoll, in denen ein kurzer Code für die Einsendung steht. Der Schlüssel, mit dem sich der Code \
        der Einsendung zuordnen ließe, wird spätestens an diesem Tag vernichtet.",
    suppression: "Ein Fingerabdruck der E-Mail-Adresse oder Telefonnummer. Daran wird sie erkannt und nicht wieder gespeichert, soweit \
        das auf einer Einwilligung oder einem berechtigten Interesse beruht. Er gehört zu den personenbezogenen Daten.",
    meta: "Die Kopie bei Meta (Facebook, Instagram). {controller} kann sie nicht löschen; Meta löscht sie nach eigenen Angaben nach \
        90\u{a0}Tagen.",
    evidence: "Der Nachweis der Einwilligung: die angekreuzten Felder, das Datum und was daraus wurde. Er enthält keine der Antworten. Er \
        ist über einen Fingerabdruck der Adresse oder Nummer auffindbar, der mit einem geheimen Schlüssel gebildet ist. Er gehört zu \
        den personenbezogenen Daten.",
    residue: "Verschlüsselte Reste in den Dateien der Datenbank. Ihre Schlüssel wurden vernichtet: Ohne eine der oben \
        genannten Sicherungskopien kann niemand sie lesen. Bis dahin können dieselben Dateien auch einen Fingerabdruck der Einsendung \
        enthalten, mit der Nummer des Datensatzes und einem Tag. Er gehört zu den personenbezogenen Daten.",
    residue_until: "zum nächsten Neuschreiben dieser Dateien",
    memory: "Spuren im Arbeitsspeicher des Rechners. Das Programm überschreibt sie mit Nullen, sobald es diesen Speicher freigibt.",
    storage: |storage| match storage {
        KeyStorage::InPlace => None,
        KeyStorage::CopyOnWrite => Some(
            "Alte Kopien der vernichteten Schlüssel auf dem Datenträger selbst, der Änderungen an eine andere Stelle schreibt. Sie \
             sind mit dem Hauptschlüssel verschlüsselt.",
        ),
        KeyStorage::Overlay | KeyStorage::Network | KeyStorage::Unknown => Some(
            "Möglicherweise alte Kopien der vernichteten Schlüssel auf dem Datenträger: Das Programm kann nicht feststellen, ob sie \
             dort wirklich überschrieben wurden. Sie sind mit dem Hauptschlüssel verschlüsselt.",
        ),
    },
    no_date: "nicht absehbar",

    others: "Wer die Daten sonst noch hatte",
    to_be_told: "Diese Empfänger hatten die Daten erhalten oder können sie erhalten haben. Ihnen muss die Löschung mitgeteilt werden (Artikel\u{a0}19 DSGVO). Ob das \
        schon geschehen ist, steht hier nicht, denn diese Bestätigung wird nie geändert; {controller} kann es Ihnen sagen.",
    role: |role| match role {
        RecipientRole::Processor => "handelt im Auftrag von {controller}",
        RecipientRole::JointController => "entscheidet gemeinsam mit {controller} über die Nutzung der Daten",
        RecipientRole::Controller => "entscheidet selbst über die Nutzung der Daten",
    },
    nobody: "Dieses System hatte die hier gelöschten Daten an keinen Empfänger weitergegeben.",
    not_known: "Es wurde nichts gefunden; darum ist hier nicht bekannt, ob jemand Daten erhalten hatte. Wurde früher schon \
        gelöscht, steht es in der Bestätigung von damals.",
    locally: "Die Daten waren auch in Dateien bei {controller} exportiert worden. Diese Dateien erreicht die Löschung nicht: \
        {controller} muss sie selbst löschen.",
    elsewhere: "Von Ausdrucken und von Kopien, die auf anderem Weg entstanden sind, weiß das Programm nichts.",

    unread: "Was noch nicht gelesen war",
    unread_none: "Zum Zeitpunkt der Löschung wartete keine Einsendung darauf, gelesen zu werden.",
    unread_one: "Zum Zeitpunkt der Löschung war eine Einsendung eingegangen, aber noch nicht gelesen; von wem sie kam, wusste \
        niemand. Beim Lesen wird sie mit der Adresse oder Nummer aus der Anfrage verglichen. Stimmt sie überein, wird die \
        Einsendung nicht gespeichert. Eine zweite Bestätigung folgt.",
    unread_many: "Zum Zeitpunkt der Löschung waren {count} Einsendungen eingegangen, aber noch nicht gelesen; von wem sie kamen, \
        wusste niemand. Beim Lesen wird jede mit der Adresse oder Nummer aus der Anfrage verglichen. Stimmt sie überein, wird die \
        Einsendung nicht gespeichert. Eine zweite Bestätigung folgt.",

    questions: "Fragen und Beschwerden",
    ask: "Schreiben Sie an {controller}: {email}. Sie können sich auch bei Ihrer Datenschutzbehörde beschweren.",

    genuine: "Ist diese Bestätigung echt?",
    check: "Zu dieser Bestätigung gehört ein signierter Text, der dasselbe sagt. Wird an diesem Text etwas geändert, gilt seine \
        Signatur nicht mehr. Zum Prüfen speichern Sie diese Bestätigung oder nur den signierten Text unverändert als Datei. \
        Außerdem brauchen Sie den öffentlichen Schlüssel, den Sie bei {controller} erfragen können. Dieser Befehl zeigt, was \
        signiert wurde:",
    command: "tamis receipt verify DATEI --key SCHLÜSSEL",
    key_name: "Signiert mit dem Schlüssel",
    key_id: "Kennung des Schlüssels",
    generation: "Stand des Schlüsselbunds",
    line: "Eintrag im Verzeichnis",
    note: "Signierter Text",

    moment: "{date}, {hour}:{minute}\u{a0}Uhr (UTC)",
    colon: ":",
    thousands: ".",
};
