//! Checkpoints against a second implementation (tests/data/checkpoint/vectors.py), and what is read of a log.

use serde::Deserialize;

use super::*;
use crate::secret::Key;
use crate::trail::{Action, Entry, chain};

#[derive(Deserialize)]
struct Vectors {
    vkey: String,
    seed: String,
    signed: Vec<Signed>,
    renamed: String,
    judged: Vec<Judged>,
}

#[derive(Deserialize)]
struct Signed {
    lines: u64,
    head: String,
    written: Option<String>,
    note: String,
}

#[derive(Deserialize)]
struct Judged {
    what: String,
    note: String,
    verdict: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../tests/data/checkpoint/vectors.json")).expect("vectors")
}

fn signer(seed: &str, name: &str) -> SigningKey {
    let seed = hex::decode(seed).expect("hex").try_into().expect("32 bytes");
    SigningKey::from_seed(KeyName::parse(name).expect("a name"), Key::new(seed))
}

impl Signed {
    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            lines: self.lines,
            head: hex::decode(&self.head).expect("hex").try_into().expect("32 bytes"),
            written: self.written.as_ref().map(|text| text.parse().expect("a moment")),
        }
    }
}

#[test]
fn a_checkpoint_is_signed_as_the_second_implementation_writes_it_and_reads_back() {
    let Vectors { vkey, seed, signed, .. } = vectors();
    let key = signer(&seed, "leads.lumen.example/trail");
    assert_eq!((key.verifier().to_string(), signed.len()), (vkey, 4));
    for expected in signed {
        assert_eq!(expected.checkpoint().sign(&key).as_ref(), Ok(&expected.note));
        assert_eq!(Checkpoint::open(expected.note.as_bytes(), &key.verifier()), Ok(expected.checkpoint()));
    }
}

#[test]
fn whatever_is_no_checkpoint_of_this_key_is_refused_with_its_reason() {
    let Vectors { vkey, judged, .. } = vectors();
    let key = VerifierKey::parse(&vkey).expect("a key");
    assert!(judged.len() >= 20);
    for Judged { what, note, verdict } in judged {
        let found = Checkpoint::open(note.as_bytes(), &key).map_or_else(CheckpointFault::as_str, |_| "good");
        assert_eq!(found, verdict, "{what}");
    }
}

#[test]
fn an_instance_that_has_another_address_now_knows_what_it_signed_under_the_one_before() {
    let Vectors { vkey, signed, renamed, judged, .. } = vectors();
    let key = VerifierKey::parse(&vkey).expect("a key");
    assert_eq!(Checkpoint::open(renamed.as_bytes(), &key), Err(CheckpointFault::KeyUnknown));
    assert_eq!(Checkpoint::open_by_any_name(renamed.as_bytes(), &key), Ok(signed[2].checkpoint()));
    let changed = renamed.replace("\n17\n", "\n18\n");
    assert_eq!(Checkpoint::open_by_any_name(changed.as_bytes(), &key), Err(CheckpointFault::Forged));
    // Another's key under our name stays another's, and a receipt is no checkpoint under any name.
    for Judged { what, note, verdict } in judged {
        let found = Checkpoint::open_by_any_name(note.as_bytes(), &key).is_ok();
        assert_eq!(found, ["good"].contains(&&*verdict), "{what}");
    }
}

#[test]
fn a_line_makes_its_checkpoint_in_whole_seconds_and_no_line_that_of_none() {
    let time = "2026-11-25T08:47:38.912Z".parse().expect("a moment");
    let (line, _) = chain(&Key::new([7; 32]), &[3; 32], 9, time, Entry::by_system(Action::Stored));
    let made = Checkpoint::of(Some(&line));
    assert_eq!((made.lines(), made.head), (9, line.mac));
    assert_eq!(made.written().map(|at| at.to_string()).as_deref(), Some("2026-11-25T08:47:38Z"));
    let none = Checkpoint::of(None);
    assert_eq!((none.lines(), none.head, none.written()), (0, [0; 32], None));
    let key = signer(&vectors().seed, "leads.lumen.example/trail");
    for checkpoint in [made, none] {
        let note = checkpoint.sign(&key).expect("signed");
        assert_eq!(Checkpoint::open(note.as_bytes(), &key.verifier()), Ok(checkpoint));
    }
}

#[test]
fn a_note_is_read_whole_and_out_of_lines_of_either_format() {
    let note = &vectors().signed[2].note;
    // Also as it comes out of a mail.
    for as_it_comes in
        [note.clone(), note.replace('\n', "\r\n"), note.replace('\n', " \n"), format!("{note}\n")]
    {
        assert_eq!(kept(as_it_comes.as_bytes()), Ok(vec![Kept { line: None, note: note.clone() }]));
    }
    let json = serde_json::json!({"time": "2026-11-25T08:47:38.120Z", "checkpoint.note": note}).to_string();
    let plain = format!(
        "2026-11-25T08:47:38.120Z INFO  trail.checkpoint checkpoint.lines=17 checkpoint.note={note:?}"
    );
    let log = format!("tamis.log:{json}\nsomething else\nunit[1]: {plain} more=\"\\\\\"\n");
    let found = kept(log.as_bytes()).expect("lines");
    let expected = [1, 3].map(|line| Kept { line: Some(line), note: note.clone() });
    assert_eq!(found, expected);
}

#[test]
fn what_is_cut_off_too_long_or_no_text_is_said_to_be_so() {
    let note = &vectors().signed[2].note;
    let plain = format!("checkpoint.note={note:?}\n");
    for cut in ["checkpoint.note=".len(), "checkpoint.note=\"leads".len(), plain.len() - 2] {
        assert_eq!(kept(format!("\n{}\n", &plain[..cut]).as_bytes()), Err(NotKept::Cut(2)), "{cut}");
    }
    assert_eq!(kept(b"{\"checkpoint.note\":7}"), Err(NotKept::Cut(1)));
    assert_eq!(kept(b"checkpoint.note=\"\\u{7}\""), Err(NotKept::Cut(1)));
    assert_eq!(kept(b"\xff"), Err(NotKept::NotText));
    assert_eq!(kept(&vec![b'a'; KEPT_BYTES_MAX + 1]), Err(NotKept::TooMany));
    let many = "checkpoint.note=\"\"\n".repeat(KEPT_MAX);
    assert_eq!(kept(many.as_bytes()).map(|all| all.len()), Ok(KEPT_MAX));
    assert_eq!(kept(format!("{many}checkpoint.note=\"\"").as_bytes()), Err(NotKept::TooMany));
}
