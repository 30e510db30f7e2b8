//! Power cuts: what `kill -9` cannot show, since the kernel keeps what a killed process wrote.
//!
//! A daemon runs with `tests/data/unsynced.c` loaded, which writes down every change of its files, every sync and every
//! answer. From that the files are rebuilt as a power cut at a chosen moment would have left them: of each file what its
//! last finished sync covers, of each directory the names that its last finished sync covers; and of what came after
//! nothing, or a part that chance chooses, torn at sectors. A daemon that starts on them must know whatever had been
//! answered before.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::senders::Chance;

/// A disk takes sectors whole, or not at all.
const SECTOR_BYTES: usize = 512;

/// Compiles the layer that is loaded into the daemon; the library.
pub fn layer(directory: &Path) -> PathBuf {
    let library = directory.join("unsynced.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/unsynced.c");
    let compiled =
        Command::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    assert!(compiled.expect("a C compiler").success(), "the layer does not compile");
    library
}

/// One record of the log.
#[derive(Clone, Copy)]
pub struct Record<'l> {
    pub what: What,
    /// Where in the log it begins.
    pub begins: usize,
    inode: u64,
    at: u64,
    payload: &'l [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Write,
    Truncate,
    SyncBegin,
    SyncEnd,
    Create,
    MakeDirectory,
    Rename,
    Unlink,
    Answer,
}

/// All whole records. A process that was killed may leave half of the last.
pub fn records(log: &[u8]) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    let mut rest = log;
    while let Some((head, after)) = rest.split_at_checked(24) {
        let number = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
        let long = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
        let what = match number(0) {
            1 => What::Write,
            2 => What::Truncate,
            3 => What::SyncBegin,
            4 => What::SyncEnd,
            5 => What::Create,
            6 => What::MakeDirectory,
            7 => What::Rename,
            8 => What::Unlink,
            9 => What::Answer,
            other => panic!("no record: {other}"),
        };
        let Some((payload, after)) = after.split_at_checked(number(4) as usize) else { break };
        let begins = log.len() - rest.len();
        records.push(Record { what, begins, inode: long(8), at: long(16), payload });
        rest = after;
    }
    records
}

impl Record<'_> {
    /// What is answered.
    pub fn answer(&self) -> Option<&str> {
        (self.what == What::Answer).then(|| std::str::from_utf8(self.payload).expect("UTF-8"))
    }

    /// The id of the request that is answered.
    pub fn request_id(&self) -> Option<String> {
        let text = String::from_utf8_lossy(self.payload);
        let line = text.lines().find_map(|line| line.strip_prefix("tamis-request-id: "))?;
        (self.what == What::Answer).then(|| line.to_owned())
    }
}

/// What happens to what no sync covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    /// All of it is gone.
    Gone,
    /// Chance says: each sector of each write is there or not; of the names a part, in their order.
    InPart,
    /// All of it is there: no cut, a kill.
    Kept,
}

enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

#[derive(Default)]
struct Inode {
    durable: Vec<u8>,
    /// Not covered by a finished sync, in order.
    pending: Vec<Change>,
    /// How many changes have become durable: places in `pending` are counted from there.
    settled: usize,
}

#[derive(Clone, Copy)]
enum Node {
    File(usize),
    Directory,
}

enum Naming {
    Put(String, Node),
    Remove(String),
    Rename(String, String),
}

#[derive(Default)]
struct Directory {
    durable: BTreeMap<String, Node>,
    pending: Vec<Naming>,
    settled: usize,
}

enum Synced {
    File(usize, usize),
    Directory(PathBuf, usize),
}

/// The files as they are, and as a power cut would leave them.
pub struct Disk {
    root: PathBuf,
    files: Vec<Inode>,
    by_inode: HashMap<u64, usize>,
    names: HashMap<PathBuf, usize>,
    directories: HashMap<PathBuf, Directory>,
    directory_of: HashMap<u64, PathBuf>,
    syncs: HashMap<u64, Synced>,
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Truncate(length) => content.resize(*length, 0),
            Self::Write { at, bytes } => overwrite(content, *at, bytes),
        }
    }

    fn apply_in_part(&self, content: &mut Vec<u8>, chance: &Chance) {
        match self {
            Self::Truncate(_) if chance.below(2) == 0 => {}
            Self::Truncate(_) => self.apply(content),
            Self::Write { at, bytes } => {
                // Half of the writes whole or not at all, the others sector by sector.
                let whole = chance.below(4);
                let mut from = 0;
                while from < bytes.len() {
                    let sector_end = (*at + from + 1).next_multiple_of(SECTOR_BYTES) - *at;
                    let to = sector_end.min(bytes.len());
                    if whole == 0 || (whole > 1 && chance.below(2) == 0) {
                        overwrite(content, *at + from, &bytes[from..to]);
                    }
                    from = to;
                }
            }
        }
    }
}

fn overwrite(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), 0);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<String, Node>) {
        match self {
            Self::Put(name, node) => {
                names.insert(name.clone(), *node);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }
}

fn split(path: &Path) -> (PathBuf, String) {
    let name = path.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
    (path.parent().expect("a parent").to_owned(), name)
}

impl Disk {
    /// An empty directory, in which everything else will be made.
    pub fn new(root: &Path) -> Self {
        let mut directories = HashMap::new();
        directories.insert(root.to_owned(), Directory::default());
        let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(root).expect("a directory"));
        Self {
            root: root.to_owned(),
            files: Vec::new(),
            by_inode: HashMap::new(),
            names: HashMap::new(),
            directories,
            directory_of: HashMap::from([(inode, root.to_owned())]),
            syncs: HashMap::new(),
        }
    }

    /// A directory as it is, all of it durable.
    pub fn holding(root: &Path) -> Self {
        let mut disk = Self::new(root);
        disk.hold(root);
        disk
    }

    fn hold(&mut self, directory: &Path) {
        use std::os::unix::fs::MetadataExt;
        for entry in fs::read_dir(directory).expect("readable") {
            let path = entry.expect("readable").path();
            let (data, (_, name)) = (fs::symlink_metadata(&path).expect("there"), split(&path));
            let node = if data.is_dir() {
                self.directories.insert(path.clone(), Directory::default());
                self.directory_of.insert(data.ino(), path.clone());
                self.hold(&path);
                Node::Directory
            } else {
                let file = self.files.len();
                let durable = fs::read(&path).expect("readable");
                self.files.push(Inode { durable, ..Inode::default() });
                self.by_inode.insert(data.ino(), file);
                self.names.insert(path.clone(), file);
                Node::File(file)
            };
            self.directory(directory).durable.insert(name, node);
        }
    }

    /// Which part of the house a sync is of.
    pub fn room_of(&self, record: &Record<'_>) -> &'static str {
        match self.syncs.get(&record.at) {
            Some(Synced::File(file, _)) => {
                let path = self.names.iter().find(|(_, id)| *id == file).map(|(path, _)| path.clone());
                path.map_or("other", |path| self.room(&path))
            }
            Some(Synced::Directory(path, _)) => self.room(path),
            None => "other",
        }
    }

    /// Which part of the house a path belongs to.
    fn room(&self, path: &Path) -> &'static str {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        if below.starts_with("store/inbox") {
            "journal"
        } else if below.starts_with("store/db") {
            "sled"
        } else if below.starts_with("keys/witness") {
            "witness"
        } else if below.starts_with("keys/inbox-witness") {
            "inbox-witness"
        } else if below.starts_with("keys") {
            "keyring"
        } else {
            "other"
        }
    }

    /// How many changes of files and names no finished sync covers, by part of the house: what a power cut drops.
    pub fn unsynced(&self) -> BTreeMap<&'static str, usize> {
        let files = self.names.iter().map(|(path, file)| (path, self.files[*file].pending.len()));
        let names = self.directories.iter().map(|(path, directory)| (path, directory.pending.len()));
        let mut by_room = BTreeMap::new();
        for (path, changes) in files.chain(names).filter(|(_, changes)| *changes > 0) {
            *by_room.entry(self.room(path)).or_default() += changes;
        }
        by_room
    }

    /// The part of the house that a record changes; none: it changes nothing.
    pub fn changed(&self, record: &Record<'_>) -> Option<&'static str> {
        match record.what {
            What::Write | What::Truncate => {
                let file = self.by_inode.get(&record.inode)?;
                self.names.iter().find(|(_, id)| *id == file).map(|(path, _)| self.room(path))
            }
            What::Create | What::MakeDirectory | What::Rename | What::Unlink => {
                let text = String::from_utf8_lossy(record.payload);
                Some(self.room(Path::new(text.split('\0').next().unwrap_or_default())))
            }
            What::SyncBegin | What::SyncEnd | What::Answer => None,
        }
    }

    /// Takes one record in.
    pub fn take(&mut self, record: &Record<'_>) {
        let text = || String::from_utf8(record.payload.to_vec()).expect("UTF-8");
        match record.what {
            What::Answer => {}
            What::Write | What::Truncate => {
                let file = *self.by_inode.get(&record.inode).expect("a file that was made here");
                let at = usize::try_from(record.at).expect("a place");
                self.files[file].pending.push(match record.what {
                    What::Write => Change::Write { at, bytes: record.payload.to_vec() },
                    _ => Change::Truncate(at),
                });
            }
            What::Create => {
                // An inode's number is used again when its file is gone; the file that comes then is another one.
                let file = self.files.len();
                self.files.push(Inode::default());
                self.by_inode.insert(record.inode, file);
                self.directory_of.remove(&record.inode);
                self.put(PathBuf::from(text()), Node::File(file));
            }
            What::MakeDirectory => {
                let path = PathBuf::from(text());
                self.directories.insert(path.clone(), Directory::default());
                self.directory_of.insert(record.inode, path.clone());
                self.by_inode.remove(&record.inode);
                self.put(path, Node::Directory);
            }
            What::Rename => {
                let both = text();
                let (from, to) = both.split_once('\0').expect("two names");
                let ((from_in, from_name), (to_in, to_name)) = (split(Path::new(from)), split(Path::new(to)));
                assert!(from_in == to_in, "a rename across directories is not rebuilt");
                let file = self.names.remove(Path::new(from)).expect("a file that was made here");
                self.names.insert(PathBuf::from(to), file);
                self.directory(&from_in).pending.push(Naming::Rename(from_name, to_name));
            }
            What::Unlink => {
                let (directory, name) = split(Path::new(&text()));
                self.names.remove(Path::new(&text()));
                self.directory(&directory).pending.push(Naming::Remove(name));
            }
            What::SyncBegin => {
                let covered = if let Some(path) = self.directory_of.get(&record.inode) {
                    let directory = &self.directories[path];
                    Some(Synced::Directory(path.clone(), directory.settled + directory.pending.len()))
                } else {
                    self.by_inode.get(&record.inode).map(|file| {
                        let inode = &self.files[*file];
                        Synced::File(*file, inode.settled + inode.pending.len())
                    })
                };
                if let Some(covered) = covered {
                    self.syncs.insert(record.at, covered);
                }
            }
            What::SyncEnd => self.finish(record.at),
        }
    }

    fn finish(&mut self, sync: u64) {
        match self.syncs.remove(&sync) {
            Some(Synced::File(file, upto)) => {
                let Inode { durable, pending, settled } = &mut self.files[file];
                let count = upto.saturating_sub(*settled);
                pending.drain(..count).for_each(|change| change.apply(durable));
                *settled += count;
            }
            Some(Synced::Directory(path, upto)) => {
                let Directory { durable, pending, settled } = self.directory(&path);
                let count = upto.saturating_sub(*settled);
                pending.drain(..count).for_each(|naming| naming.apply(durable));
                *settled += count;
            }
            None => {}
        }
    }

    fn put(&mut self, path: PathBuf, node: Node) {
        let (directory, name) = split(&path);
        self.directory(&directory).pending.push(Naming::Put(name, node));
        if let Node::File(file) = node {
            self.names.insert(path, file);
        }
    }

    fn directory(&mut self, path: &Path) -> &mut Directory {
        self.directories.get_mut(path).unwrap_or_else(|| panic!("{} was not made here", path.display()))
    }

    /// Writes the files as a power cut now would leave them.
    pub fn rebuild(&self, to: &Path, unsynced: Unsynced, chance: &Chance) {
        self.rebuild_directory(&self.root, to, unsynced, chance);
    }

    fn rebuild_directory(&self, path: &Path, to: &Path, unsynced: Unsynced, chance: &Chance) {
        let Some(directory) = self.directories.get(path) else { return };
        let mut names = directory.durable.clone();
        let upto = match unsynced {
            Unsynced::Gone => 0,
            Unsynced::InPart => chance.place(directory.pending.len() + 1),
            Unsynced::Kept => directory.pending.len(),
        };
        directory.pending.iter().take(upto).for_each(|naming| naming.apply(&mut names));
        for (name, node) in names {
            match node {
                Node::Directory => {
                    make_private(&to.join(&name));
                    self.rebuild_directory(&path.join(&name), &to.join(&name), unsynced, chance);
                }
                Node::File(file) => {
                    let inode = &self.files[file];
                    let mut content = inode.durable.clone();
                    inode.pending.iter().for_each(|change| match unsynced {
                        Unsynced::Gone => {}
                        Unsynced::InPart => change.apply_in_part(&mut content, chance),
                        Unsynced::Kept => change.apply(&mut content),
                    });
                    fs::write(to.join(&name), content).expect("a file");
                    private(&to.join(&name), 0o600);
                }
            }
        }
    }
}

fn make_private(path: &Path) {
    fs::create_dir_all(path).expect("a directory");
    private(path, 0o700);
}

fn private(path: &Path, mode: u32) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
    fs::set_permissions(path, mode).expect("a mode");
}
