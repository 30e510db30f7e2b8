//! English.

use super::Words;

pub(super) const WORDS: Words = Words {
    welcome_subject: "Your form: what we hold",
    welcome_why: "On {day}, you sent our form on Facebook or Instagram.",
    welcome_for: "It was for this: {title}.",
    welcome_meta: "We have these data from Meta, which passed your answers on.",
    welcome_not_you: "You did not send this form? Answer this mail, and we will erase all of it.",
    asked_subject: "Please confirm or erase",
    reminded_subject: "Reminder: please confirm or erase",
    asked_agreed: "On {day}, you agreed to this: {title}.",
    asked_requested: "On {day}, you asked us for this: {title}.",
    asked_now: "From time to time we ask whether that still holds.",
    reminded_why: "We have already asked you whether that still holds. This is our only reminder.",
    asked_silence: "If you do nothing, we will erase these data on {until}.",
    asked_choose: "The three links lead to your page. Nothing happens before you confirm your choice there.",
    yes: "Yes, that still holds",
    no: "No, erase my data",
    see: "See or correct my data",
    held: "We hold: {held}.",
    held_until: "We will erase these data on {until} at the latest.",
    rights: "You can see your data, have them corrected or erased, or object to their use. Write to {email}, it is free.",
    complain: "You may also complain to this authority: {authority}, {authority_url}",
    withdraw: "You may withdraw your agreement at any time.",
    notice: "Read how we use your data",
    who: "{house}, {address}",
    and: " and ",
};
