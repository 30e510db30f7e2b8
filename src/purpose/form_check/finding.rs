//! What a look at a form may find, how much it matters, and what to do next.

use crate::purpose::law::Delicate;
use crate::purpose::{ConsentKey, PurposeId};

crate::codes! {
    /// What a look at a form finds.
    pub enum FindingCode {
        /// The notice of a purpose of the form lacks something: its leads are held.
        NoticeIncomplete = "notice-incomplete",
        /// It asks what no field of its purposes takes, and what the law protects most.
        QuestionSpecial = "question-special",
        /// It links no privacy policy.
        LinkMissing = "link-missing",
        /// It links the notice of a purpose that is none of its own.
        LinkOtherPurpose = "link-other-purpose",
        /// A box is ticked when the form opens.
        BoxPreTicked = "box-pre-ticked",
        /// A consent's box is not on the form.
        BoxAbsent = "box-absent",
        /// It asks what no field of its purposes takes.
        QuestionUnneeded = "question-unneeded",
        /// It links another page than its notice.
        LinkElsewhere = "link-elsewhere",
        /// No purpose claims it.
        FormUnclaimed = "form-unclaimed",
        /// Graph does not give its definition.
        FormUnreadable = "form-unreadable",
        /// Graph gave it some days ago, and not since.
        FormNotSeen = "form-not-seen",
        /// Nobody knows how its boxes stand when it opens.
        BoxDefaultUnknown = "box-default-unknown",
        /// Nobody knows what it links.
        LinkUnknown = "link-unknown",
        /// People see another form than before.
        FormChanged = "form-changed",
    }
}

crate::codes! {
    /// How much a finding matters.
    pub enum Severity {
        /// Somebody must act: people are asked, told or held to something that cannot stand.
        Serious = "serious",
        /// Somebody should look.
        Warning = "warning",
        /// Worth knowing.
        Note = "note",
    }
}

/// One thing that a look found. No word of it is a person's; a question's key is the form author's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What.
    pub code: FindingCode,
    /// Of this purpose; none: of the form as a whole.
    pub purpose: Option<PurposeId>,
    /// About this consent's box.
    pub consent: Option<ConsentKey>,
    /// About the question with this key, of which at most `QUESTION_BYTES_MAX` bytes stand here.
    pub question: Option<String>,
}

/// A longer key is cut.
pub const QUESTION_BYTES_MAX: usize = 200;

impl Finding {
    /// Of the form as a whole.
    pub(super) fn of(code: FindingCode, severity: Severity) -> Self {
        Self { severity, code, purpose: None, consent: None, question: None }
    }

    /// About a question.
    pub(super) fn about(code: FindingCode, severity: Severity, key: &str) -> Self {
        let mut end = key.len().min(QUESTION_BYTES_MAX);
        while !key.is_char_boundary(end) {
            end -= 1;
        }
        Self { question: Some(key[..end].to_owned()), ..Self::of(code, severity) }
    }

    /// What a question seems to ask, where that says much of a person; by its key alone.
    pub fn asks(&self) -> Option<Delicate> {
        Delicate::of(self.question.as_deref()?, "")
    }
}

impl FindingCode {
    /// What was found, in a sentence.
    pub const fn means(self) -> &'static str {
        match self {
            Self::NoticeIncomplete => {
                "the notice of one of its purposes lacks something that the law asks for, so its leads are held"
            }
            Self::QuestionSpecial => {
                "it asks what no field of its purposes takes, and what the law protects most (GDPR arts. 5(1)(c), 9, 10, 87)"
            }
            Self::LinkMissing => "it links no privacy policy: who fills it in is told nothing (GDPR art. 13)",
            Self::LinkOtherPurpose => {
                "it links the notice of a purpose that it does not serve: people are told something else than what is done"
            }
            Self::BoxPreTicked => {
                "a box is ticked when the form opens: its tick is no consent (GDPR art. 4(11); CJEU C-673/17)"
            }
            Self::BoxAbsent => "a consent's box is not on the form: nobody can give it there",
            Self::QuestionUnneeded => {
                "it asks what no field of its purposes takes: people are asked for more than is needed (GDPR art. 5(1)(c))"
            }
            Self::LinkElsewhere => "its privacy link leads to another page than the notice of its purpose",
            Self::FormUnclaimed => "no purpose claims it: its leads are held",
            Self::FormUnreadable => "Graph does not give its definition: nobody can say what it asks",
            Self::FormNotSeen => "Graph has not given it for three days: what it asks today is not known",
            Self::BoxDefaultUnknown => {
                "whether a box is ticked when the form opens is not known, and its ticks count"
            }
            Self::LinkUnknown => "Graph does not give its privacy link: where it leads is not known",
            Self::FormChanged => "people see another form than before, for 30 days at the most",
        }
    }

    /// What to do next.
    pub const fn mend(self) -> &'static str {
        match self {
            Self::NoticeIncomplete => "Give the config what `tamis check` names, and reload.",
            Self::QuestionSpecial | Self::QuestionUnneeded => {
                "Publish a form without the question. If it is needed: give it a field, and say `why`."
            }
            Self::LinkMissing | Self::LinkElsewhere | Self::LinkOtherPurpose => {
                "Publish a form whose privacy link is `public.url` + `/notice/` + its purpose; \
                 a page of your own must say what `tamis notice PURPOSE --format md` says."
            }
            Self::BoxPreTicked => "Publish a form whose box is empty.",
            Self::BoxAbsent => "Put Meta's `checkbox_key` of that form into `from`, or the box on the form.",
            Self::FormUnclaimed => {
                "Add its id to a purpose's `forms`, and reload; what is not yours may stay held."
            }
            Self::FormUnreadable | Self::FormNotSeen => {
                "Look at the page's token and its permissions, and at the form in Meta."
            }
            Self::BoxDefaultUnknown | Self::LinkUnknown => "Look at the form in Meta.",
            Self::FormChanged => "Look at it: `tamis form ID --revision HEX` shows what people see.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_says_what_it_means_and_what_to_do() {
        for code in FindingCode::ALL {
            assert!(code.means().len() > 20 && code.mend().ends_with('.'), "{code}");
        }
    }

    #[test]
    fn a_key_without_end_is_cut_between_two_letters() {
        let finding = Finding::about(FindingCode::QuestionUnneeded, Severity::Warning, &"xé".repeat(100));
        assert_eq!(finding.question.map(|key| key.len()), Some(199));
    }
}
