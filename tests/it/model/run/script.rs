//! How Meta is made to misbehave.

use super::*;

impl Run<'_> {
    pub(super) fn script(&mut self, script: &Script) {
        let any = Match::any;
        let matching = |calls: &Calls| match calls {
            Calls::Any => vec![any()],
            Calls::Single => vec![any().single()],
            Calls::Form => FORM_IDS.iter().map(|form| any().path(form)).collect(),
        };
        let (calls, what, times) = match script {
            Script::Code(calls, code, 0, times) => (matching(calls), Misbehaviour::code(*code), *times),
            Script::Code(calls, code, subcode, times) => {
                (matching(calls), Misbehaviour::code_and_subcode(*code, *subcode), *times)
            }
            Script::Quoting(calls, code, times) => (matching(calls), Misbehaviour::quoting(*code), *times),
            Script::LoseReply(calls, times) => (matching(calls), Misbehaviour::Reset, *times),
            Script::HalfReply(calls, times) => (matching(calls), Misbehaviour::HalfBody, *times),
            Script::Garbage(calls, times) => (matching(calls), Misbehaviour::garbage(), *times),
            Script::Html(calls, times) => (matching(calls), Misbehaviour::html(502), *times),
            Script::Text(calls, text, times) => (matching(calls), Misbehaviour::json(text), *times),
            Script::WrongForm(times) => {
                self.model.wrong_forms = true;
                (vec![any()], Misbehaviour::WrongFormId("901000000000777".to_owned()), *times)
            }
            Script::UsedUp(page, minutes) => {
                let usage = Usage::leadgen(PAGES[*page], 97, *minutes);
                (vec![any().page(PAGES[*page])], Misbehaviour::Usage(usage), 1)
            }
        };
        self.model.scripted = true;
        for when in calls {
            self.world.meta.simulator.misbehave(Rule::times(times, when, what.clone()));
        }
    }
}
