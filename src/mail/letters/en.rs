//! English.

use super::Words;

pub(super) const WORDS: Words = Words {
    welcome_subject: "Your form: what we hold",
    welcome_why: "On {day}, you sent our form on Facebook or Instagram.",
    welcome_for: "It was for this: {title}.",
    welcome_meta: "We have these data from Meta, which passed your answers on.",
    welcome_not_you: "You did not send this form? Answer this mail, and we will erase all of it.",
    held: "We hold: {held}.",
    held_until: "We will erase these data on {until} at the latest.",
    rights: "You can see your data, have them corrected or erased, or object to their use. Write to {email}, it is free.",
    complain: "You may also complain to this authority: {authority}, {authority_url}",
    withdraw: "You may withdraw your agreement at any time.",
    notice: "Read how we use your data",
    who: "{house}, {address}",
    and: " and ",
};
