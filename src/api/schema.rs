//! What ids, words and moments look like in the document. Written here and not beside the types, whose rooms need know
//! nothing of a document.

mod asking;
mod inbox;
mod numbers;
mod parts;
mod requests;
mod rights;
mod suppressions;

pub(super) use numbers::epoch_number;
pub(super) use parts::{of, text, whole, words};
pub(super) use rights::grounds;

use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::api::Moment;
use crate::api::access::{Access, EvidenceCause, SentMailKind};
use crate::api::backups::BackUp;
use crate::api::bounces::Bounce;
use crate::api::consents::{Became, Confirm, Withdraw};
use crate::api::corrections::Correction;
use crate::api::erasures::{Erase, ErasureState};
use crate::api::evidence::{ConsentOutcome, EventEntity, EventState};
use crate::api::find::{Find, SubmissionState};
use crate::api::id_text::EpochNumber;
use crate::api::inbox::{DropHeld, Requeue, RetryPage};
use crate::api::passes::GivePass;
use crate::api::problem::ProblemCode;
use crate::api::reconfirmations::{AskingKind, ListDue, PauseAsking, SayAsked};
use crate::api::requests::{AnswerRequest, ExtendRequest, OpenRequest};
use crate::api::restrictions::Restrict;
use crate::api::schema::asking::{bounce, list_due, pause_asking, say_asked};
use crate::api::schema::inbox::{back_up, drop_held, find, requeue, retry_page};
use crate::api::schema::numbers::record_id;
use crate::api::schema::parts::{META_ID, PURPOSE, list, moment};
use crate::api::schema::requests::{answer_request, extend_request, open_request};
use crate::api::schema::rights::{access, confirm, correction, erase, give_pass, restrict, withdraw};
use crate::api::schema::suppressions::{remove_suppression, suppress};
use crate::api::status::ClockTrust;
use crate::api::suppressions::{ContactKind, RemoveSuppression, Suppress};
use crate::api::tokens::TokenName;
use crate::attention::AttentionCode;
use crate::forget::{ChangeKind, TellingState, Untold};
use crate::id::{FormId, PageId};
use crate::notification::ParkCode;
use crate::purpose::form_check::{FindingCode, Severity};
use crate::purpose::law::{ExtensionGround, RequestKind, TransferBasis};
use crate::purpose::{Asked, Basis, Channel, DifferenceCode, DropCode, PurposeId, RecordId, UnfedCode};
use crate::trail::{Action, Outcome, Reason, Role};

/// What stands in no name, as the inside of a class.
macro_rules! not_plain {
    () => {
        concat!(
            r"\u0000-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f",
            r"\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb",
            "\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}",
        )
    };
}

/// What `visible::is_plain` takes, no blank at either end: what `http/admin/tokens.rs` takes for a name. Readers of patterns
/// have no common way to write a character beyond U+FFFF but the character itself.
const TOKEN_NAME: &str =
    concat!("^[^", " ", not_plain!(), "]([^", not_plain!(), "]*[^", " ", not_plain!(), "])?$");

/// Declares how types of other rooms are written.
macro_rules! written {
    ($($type:ty: $schema:expr;)+) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }
        impl ToSchema for $type {}
    )+};
}

written! {
    FormId: text(META_ID, "Meta's id of a form.").examples(["901000000000001"]);
    PageId: text(META_ID, "Meta's id of a page.").examples(["104000000000001"]);
    PurposeId: text(PURPOSE, "A purpose, as the config names it.").examples(["devis"]);
    EpochNumber: epoch_number();
    RecordId: text(&record_id(), "PURPOSE-EPOCH-NUMBER: a record's id, and a cursor. Number 0 stands before the first record.")
        .examples(["devis-1-7"]);
    Moment: moment();
    ProblemCode: list::<ProblemCode>("Why a call was not answered.");
    DropCode: list::<DropCode>("Why an answer is not kept.");
    ParkCode: list::<ParkCode>("Why a submission is not stored.");
    AttentionCode: list::<AttentionCode>("What needs a person.");
    UnfedCode: list::<UnfedCode>("Why a field gets no answer from a form.");
    FindingCode: list::<FindingCode>("What a look at a form finds.");
    Severity: list::<Severity>("How much a finding matters.");
    ClockTrust: list::<ClockTrust>("How far the clock is trusted.");
    SubmissionState: list::<SubmissionState>("What a submission is now.");
    DifferenceCode: list::<DifferenceCode>("In what a form is no copy of another.");
    Asked: list::<Asked>("What brings an answer: a question that people see, a hidden parameter, a question that hangs on another's answer.");
    Basis: list::<Basis>("The basis in law (GDPR art. 6(1)).");
    Role: list::<Role>("What an operator may do.");
    Reason: list::<Reason>("Why data is read or changed; it stands in the trail.");
    Action: list::<Action>("What was done.");
    Outcome: list::<Outcome>("How it ended.");
    TokenName: text(TOKEN_NAME, "1 to 64 characters that show themselves, no blank at either end.").min_length(Some(1)).max_length(Some(64));
    ChangeKind: list::<ChangeKind>("What became of a record that a recipient was handed.");
    ErasureState: list::<ErasureState>("How far an erasure is.");
    TellingState: list::<TellingState>("How far the letter is that goes before an erasure.");
    Untold: list::<Untold>("Why somebody was not told before their erasure.");
    Channel: list::<Channel>("By what means a person may be contacted, or who else may.");
    ConsentOutcome: list::<ConsentOutcome>("What a box of a form comes to.");
    Access: access();
    TransferBasis: list::<TransferBasis>("What allows data to leave the European Economic Area (GDPR chapter V).");
    RequestKind: list::<RequestKind>("What a person asks for by right.");
    ExtensionGround: list::<ExtensionGround>("Why an answer takes two months more (GDPR art. 12(3)).");
    AskingKind: list::<AskingKind>("What was done, or is to be done, about somebody's agreement.");
    Bounce: bounce();
    PauseAsking: pause_asking();
    ListDue: list_due();
    SayAsked: say_asked();
    OpenRequest: open_request();
    ExtendRequest: extend_request();
    AnswerRequest: answer_request();
    Erase: erase();
    Find: find();
    Requeue: requeue();
    DropHeld: drop_held();
    BackUp: back_up();
    Correction: correction();
    Withdraw: withdraw();
    Became: list::<Became>("What a withdrawal made of a record.");
    Confirm: confirm();
    EvidenceCause: list::<EvidenceCause>("How a record ended of which evidence is left.");
    SentMailKind: list::<SentMailKind>("What a mail was for.");
    EventState: list::<EventState>("What a consent is from an event on.");
    EventEntity: list::<EventEntity>("Who an event is of.");
    Restrict: restrict();
    GivePass: give_pass();
    RetryPage: retry_page();
    ContactKind: list::<ContactKind>("What an address is.");
    Suppress: suppress();
    RemoveSuppression: remove_suppression();
}
