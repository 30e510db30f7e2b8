//! German.

use super::Words;

pub(super) const WORDS: Words = Words {
    welcome_subject: "Ihr Formular: was wir speichern",
    welcome_why: "Am {day} haben Sie unser Formular auf Facebook oder Instagram abgeschickt.",
    welcome_for: "Es ging um Folgendes: {title}.",
    welcome_meta: "Diese Daten haben wir von Meta, das Ihre Antworten weitergegeben hat.",
    welcome_not_you: "Das waren nicht Sie? Antworten Sie auf diese E-Mail, und wir löschen alles.",
    asked_subject: "Bitte bestätigen oder löschen",
    reminded_subject: "Erinnerung: bitte bestätigen oder löschen",
    asked_agreed: "Am {day} haben Sie dem zugestimmt: {title}.",
    asked_requested: "Am {day} haben Sie uns um dies gebeten: {title}.",
    asked_now: "Von Zeit zu Zeit fragen wir, ob das noch gilt.",
    reminded_why: "Wir haben Sie schon gefragt, ob das noch gilt. Dies ist unsere einzige Erinnerung.",
    asked_silence: "Ohne Ihre Antwort löschen wir diese Daten am {until}.",
    asked_choose: "Die drei Links führen auf Ihre Seite. Nichts geschieht, bevor Sie Ihre Wahl dort bestätigen.",
    yes: "Ja, das gilt noch",
    no: "Nein, löschen Sie meine Daten",
    see: "Meine Daten sehen oder berichtigen",
    held: "Wir speichern: {held}.",
    held_until: "Spätestens am {until} löschen wir diese Daten.",
    rights: "Sie können Ihre Daten einsehen, berichtigen oder löschen lassen oder ihrer Nutzung widersprechen. Schreiben Sie an {email}, es kostet nichts.",
    complain: "Sie können sich auch bei dieser Behörde beschweren: {authority}, {authority_url}",
    withdraw: "Ihre Einwilligung können Sie jederzeit widerrufen.",
    notice: "Lesen, wie wir Ihre Daten nutzen",
    who: "{house}, {address}",
    and: " und ",
};
