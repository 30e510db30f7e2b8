//! Rows of the store, what is sealed in them, and lines of the ledger.

use serde::Serialize;

use super::FORM;

pub fn rows() -> Vec<Vec<u8>> {
    vec![
        vec![1, 0, 5, b'd', b'e', b'v', b'i', b's', 1, 1, 9],
        vec![1, 1, 7, 9],
        vec![1, 2, 7, b't', b'o', b'o', b'-', b'o', b'l', b'd', 3],
    ]
}

/// Epoch and number in a key.
const NUMBER: [u8; 12] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
/// In milliseconds.
const MOMENT: i64 = 1_795_507_200_000;

fn plain(row: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(row).expect("a vector grows")
}

/// A row of the first version under a key.
fn under(key: &[&[u8]], row: &impl Serialize) -> Vec<u8> {
    let key = key.concat();
    [&[key.len() as u8][..], &key, &[1], &plain(row)].concat()
}

/// What an erasure, a record that was written anew, and an expiry have pending; an erasure that is done; a caller's key; a tombstone.
pub fn erasures() -> Vec<Vec<u8>> {
    let leaves = vec![("devis", vec![(1_u32, 9_u64), (1, 600)])];
    let cuts =
        vec![("devis", 1_u32, 0_u64, vec![(3_u16, 9_u16), (11, 12)], false), ("lettre", 1, 2, vec![], true)];
    let traces = (Some(20_000_u32), None::<u32>, Some(20_150_u32));
    let papers = (vec![1_u8, 2], vec![3_u8], vec![("devis", vec![4_u8])]);
    let done = Some((MOMENT, 7_u64));
    let erasure =
        (MOMENT, Some("person-request"), vec![("devis", 2_u64)], 1_u64, 5_u64, traces, papers, done);
    vec![
        under(&[b"p", &NUMBER], &leaves),
        under(&[b"w", &NUMBER, b"devis"], &leaves),
        under(&[b"x"], &(20_000_u32, cuts)),
        under(&[b"e", &NUMBER], &erasure),
        under(&[b"r", &[7; 32]], &(1_u32, 9_u64, [7_u8; 32])),
        under(&[&[0, 0, 2, 1], &[7; 32]], &vec!["devis", "lettre"]),
    ]
}

/// A pass, an event, a stub, a restriction, mails that wait.
pub fn besides() -> Vec<Vec<u8>> {
    let pass = (1_u32, 9_u64, [7_u8; 12], vec![7_u8; 40]);
    let letters = (
        1_u32,
        vec![("welcome", MOMENT, 0_u32, MOMENT, [7_u8; 16])],
        Some(MOMENT),
        None::<i64>,
        None::<i64>,
        None::<i64>,
    );
    let mut stub = under(&[&[0, 0, 2, 1], &[7; 32], &9_u64.to_be_bytes()], &());
    // Two days, then what is sealed.
    stub.pop();
    stub.extend_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x5e, 0x20, 1]);
    stub.extend_from_slice(&[7; 80]);
    vec![
        under(&[b"rdevis\0", &NUMBER, &[1], &3_u64.to_be_bytes(), &[7; 32]], &pass),
        under(&[b"devis\0", &NUMBER], &(Some("objection"), MOMENT, 20_100_u32)),
        under(&[b"devis\0", &NUMBER], &letters),
        stub,
    ]
}

/// A feed, a block of it, how far an erasure is followed, an entry of the list of who objected, whose an address is that is awaited.
pub fn feeds() -> Vec<Vec<u8>> {
    let runs = vec![(1_u32, 9_u64, 3_u32), (1, 600, 1)];
    let block = (1_u64, MOMENT, "erased", "devis", runs, None::<&str>, Some(MOMENT), Some((1_u32, 4_u64)));
    let feed = (4_u64, 1_u64, 4_u64, 0_u64, Some(MOMENT), 0_u64, None::<i64>, 0_u64, 0_u64);
    vec![
        under(&[b"bcrm\0", &4_u64.to_be_bytes()], &block),
        under(&[b"fcrm"], &feed),
        under(&[b"e", &NUMBER, b"crm"], &(4_u64, Some(MOMENT), None::<i64>)),
        under(&[b"h", &[7; 32]], &(1_u32, 9_u64, MOMENT, MOMENT)),
        under(&[b"h", &[7; 32]], &vec![9_u64]),
    ]
}

/// What is sealed of an event of a consent, and of a stub.
pub fn kept_evidence() -> Vec<Vec<u8>> {
    let event = (
        "email_optin",
        "confirmed",
        1_795_507_200_i64,
        "person",
        Some(1_800_000_000_i64),
        Some([7_u8; 32]),
        Some("fr"),
    );
    let ticked = ("email_optin", "email_optin", Some([7_u8; 32]), "given", 1_795_507_200_i64, None::<i64>);
    let grounds = (Some([7_u8; 32]), None::<[u8; 32]>, Some("fr"), Some(FORM));
    let stub = ("devis", FORM, grounds, vec![ticked], vec![event], "erased");
    vec![plain(&event), plain(&stub)]
}

/// Lines of the ledger: an erasure, a change of the list of who objected, consents that were taken back.
pub fn ledgers() -> Vec<Vec<u8>> {
    let erased = (
        Some((1_u32, 4_u64)),
        Some("person-request"),
        vec!["devis"],
        vec![[7_u8; 32]],
        vec![("devis", 1_u32, 9_u64)],
    );
    let objected = vec![(vec![b'h', 7], Some(vec![1_u8, 2])), (vec![b'n', 7], None)];
    let said = (MOMENT, vec!["email_optin"], vec!["city"], "person", None::<[u8; 32]>, Some("fr"));
    let back = ((1_u32, 7_u64), ("devis", 1_u32, 9_u64), "objected", said);
    vec![plain(&(MOMENT, 0_u32, erased)), plain(&(MOMENT, 1_u32, objected)), plain(&(MOMENT, 3_u32, back))]
}
