//! The witness as it lies on the disk, held against what this process last recorded: a store whose witness is gone does
//! not start, and as long as tamis runs it knows what stood there.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::attention::{AttentionCode, Concern};
use crate::machine::identity::FileId;
use crate::machine::own::{self, Access, Directory};
use crate::store::sled::engine::witness::{BLOCK_BYTES, SLOTS, Testimony, Witness, read_slot, write_slot};

/// What a look found at the witness's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// What was last recorded.
    Same,
    Missing,
    Damaged,
    /// This store's, of an earlier commit.
    Older,
    /// Another store's, one that is ahead, one of a later version, or no file.
    Foreign,
}

impl Witness {
    /// Writes it again where it was lost or damaged, and gives what only a person can mend.
    pub fn look_after(&mut self, path: &Path) -> Option<Concern> {
        if self.failed.is_some() {
            return None; // the store has halted over it, and has said so
        }
        let found = match self.find(path) {
            Ok(Found::Same) => return None,
            Ok(Found::Foreign) => return Some(Concern::of(AttentionCode::WitnessReplaced)),
            Ok(found) => found,
            Err(error) => return Some(Concern::io(AttentionCode::WitnessLost, error.kind())),
        };
        match self.write_again(path) {
            Ok(()) => {
                tracing::warn!(witness.found = ?found, witness.commit = self.last.commit, "store.witness-written-again");
                None
            }
            Err(error) => Some(Concern::io(AttentionCode::WitnessLost, error.kind())),
        }
    }

    fn find(&self, path: &Path) -> io::Result<Found> {
        let Some(there) = FileId::at(path)? else { return Ok(Found::Missing) };
        if there == FileId::of_open(&self.file)? {
            return Ok(match newest(&self.file) {
                Ok(Some(last)) if last == self.last => Found::Same,
                Err(error) if error.kind() != ErrorKind::Unsupported => return Err(error),
                _ => Found::Damaged,
            });
        }
        // Through no link, no pipe is waited for, and of nobody else's.
        let opened =
            Directory::own_of(path).and_then(|(directory, name)| directory.open_own(name, Access::Read));
        let Ok(other) = opened else { return Ok(Found::Foreign) };
        Ok(match newest(&other) {
            Ok(None) => Found::Damaged,
            Ok(Some(found)) if found == self.last => Found::Older,
            Ok(Some(found))
                if found.instance == self.last.instance
                    && (found.epoch, found.commit) < (self.last.epoch, self.last.commit) =>
            {
                Found::Older
            }
            _ => Found::Foreign,
        })
    }

    /// Puts a file that says the same in the place: another one, so that a failure leaves what is there.
    fn write_again(&mut self, path: &Path) -> io::Result<()> {
        let (directory, name) = Directory::own_of(path)?;
        let new = own::name_of(&path.with_extension("new"))?;
        directory.discard(&new)?;
        let file = directory.create_new(&new)?;
        let written = self.fill(&file).and_then(|()| directory.rename(&new, &name));
        if written.is_err() {
            // At best; the next one removes it as well.
            let _ = directory.discard(&new);
        }
        written?;
        self.file = file;
        directory.sync()
    }

    fn fill(&self, file: &File) -> io::Result<()> {
        file.set_len(SLOTS * BLOCK_BYTES as u64)?;
        if newest(&self.file).ok().flatten() == Some(self.last) {
            // Removed, not damaged: what is held open still has all of it.
            let mut bytes = vec![0; usize::try_from(self.file.metadata()?.len()).unwrap_or(0)];
            self.file.read_exact_at(&mut bytes, 0)?;
            file.write_all_at(&bytes, 0)?;
        } else {
            write_slot(file, self.sequence, &self.last)?;
        }
        file.sync_all()
    }
}

/// What the newest valid slot says.
fn newest(file: &File) -> io::Result<Option<Testimony>> {
    let mut newest: Option<(u64, Testimony)> = None;
    for slot in 0..SLOTS {
        if let Some(read) = read_slot(file, slot)?
            && newest.as_ref().is_none_or(|(held, _)| *held < read.0)
        {
            newest = Some(read);
        }
    }
    Ok(newest.map(|(_, testimony)| testimony))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use std::path::PathBuf;

    use super::*;
    use crate::keyring::InstanceId;

    fn at(commit: u64) -> Testimony {
        Testimony { instance: InstanceId([7; 16]), epoch: 1, commit, db_bytes: commit * 1_000 }
    }

    fn fresh() -> (tempfile::TempDir, PathBuf, Witness) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("witness");
        let mut witness = Witness::create(&path, &at(1)).expect("created");
        witness.record(&at(2)).expect("recorded");
        (directory, path, witness)
    }

    fn code(witness: &mut Witness, path: &Path) -> Option<AttentionCode> {
        witness.look_after(path).map(|concern| concern.code)
    }

    /// After the next start it says this, and it goes on.
    fn says(path: &Path, mut witness: Witness, commit: u64) {
        let read = |path: &Path| Witness::open(path).expect("readable").expect("valid").last().commit;
        assert_eq!(read(path), commit);
        witness.record(&at(commit + 1)).expect("recorded");
        assert_eq!(read(path), commit + 1, "what is recorded now is in the file at the place");
    }

    #[test]
    fn a_removed_one_is_written_again_with_what_was_recorded_meanwhile() {
        let (_directory, path, mut witness) = fresh();
        assert_eq!(code(&mut witness, &path), None);
        fs::remove_file(&path).expect("removed");
        witness.record(&at(3)).expect("recorded, into a file without a name");
        assert_eq!(code(&mut witness, &path), None);
        says(&path, witness, 3);
    }

    #[test]
    fn a_damaged_or_older_one_is_written_over() {
        let (_directory, path, mut witness) = fresh();
        let older = fs::read(&path).expect("there");
        witness.record(&at(3)).expect("recorded");
        let whole = fs::read(&path).expect("there");
        for bad in [Vec::new(), vec![0x5a; whole.len()], whole[..100].to_vec(), older.clone()] {
            fs::write(&path, &bad).expect("written in place");
            assert_eq!(code(&mut witness, &path), None);
            let aside = path.with_extension("aside");
            fs::write(&aside, &bad).expect("written");
            fs::rename(&aside, &path).expect("put in its place");
            assert_eq!(code(&mut witness, &path), None);
        }
        says(&path, witness, 3);
    }

    #[test]
    fn another_store_s_and_one_that_is_ahead_are_left_alone() {
        let (directory, path, mut witness) = fresh();
        let aside = directory.path().join("aside");
        for foreign in [Testimony { instance: InstanceId([8; 16]), ..at(1) }, at(3)] {
            let _ = fs::remove_file(&aside);
            drop(Witness::create(&aside, &foreign).expect("created"));
            let theirs = fs::read(&aside).expect("there");
            fs::rename(&aside, &path).expect("put in its place");
            assert_eq!(code(&mut witness, &path), Some(AttentionCode::WitnessReplaced));
            assert!(fs::read(&path).expect("there") == theirs);
        }
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("a directory");
        assert_eq!(code(&mut witness, &path), Some(AttentionCode::WitnessReplaced));
        fs::remove_dir(&path).expect("removed");
        assert_eq!(code(&mut witness, &path), None);
        says(&path, witness, 2);
    }
}
