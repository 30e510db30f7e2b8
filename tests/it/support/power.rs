//! Power cuts: what `kill -9` cannot show, since the kernel keeps what a killed process wrote.
//!
//! A daemon runs with `tests/data/unsynced.c` loaded, which writes down every change of its files, every sync and every
//! answer. From that the files are rebuilt as a power cut at a chosen moment would have left them: of each file what its
//! last finished sync covers, of each directory the names that its last finished sync covers; and of what came after
//! nothing, or a part that chance chooses, torn at sectors. A daemon that starts on them must know whatever had been
//! answered before.

mod log;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub use self::log::{Record, What, layer, library, records};
use super::senders::Chance;

/// A disk takes sectors whole, or not at all.
const SECTOR_BYTES: usize = 512;

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

/// Where something stands now: in which directory, under which name; none: it has no name any more.
type Place = Option<(usize, String)>;

#[derive(Default)]
struct Inode {
    durable: Vec<u8>,
    /// Not covered by a finished sync, in order.
    pending: Vec<Change>,
    /// How many changes have become durable: places in `pending` are counted from there.
    settled: usize,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    File(usize),
    Directory(usize),
}

/// One step's changes of the names of one directory: what stands at them afterwards.
type Naming = Vec<(String, Option<Node>)>;

#[derive(Default)]
struct Directory {
    durable: BTreeMap<String, Node>,
    pending: Vec<Naming>,
    settled: usize,
    now: BTreeMap<String, Node>,
    place: Place,
}

enum Synced {
    File(usize, usize),
    Directory(usize, usize),
}

/// The root of a [`Disk`].
const ROOT: usize = 0;

/// The files as they are, and as a power cut would leave them. What is renamed from one directory into another is gone from the one once
/// that is synced and has come to the other once that is: harsher than a journal that knows the two as one.
pub struct Disk {
    root: PathBuf,
    files: Vec<Inode>,
    directories: Vec<Directory>,
    by_inode: HashMap<u64, Node>,
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

fn apply(naming: &Naming, names: &mut BTreeMap<String, Node>) {
    for (name, node) in naming {
        match node {
            Some(node) => names.insert(name.clone(), *node),
            None => names.remove(name),
        };
    }
}

impl Disk {
    /// An empty directory, in which everything else will be made.
    pub fn new(root: &Path) -> Self {
        let inode = fs::metadata(root).expect("a directory").ino();
        Self {
            root: root.to_owned(),
            files: Vec::new(),
            directories: vec![Directory::default()],
            by_inode: HashMap::from([(inode, Node::Directory(ROOT))]),
            syncs: HashMap::new(),
        }
    }

    /// A directory as it is, all of it durable.
    pub fn holding(root: &Path) -> Self {
        let mut disk = Self::new(root);
        disk.hold(ROOT, root);
        disk
    }

    fn hold(&mut self, directory: usize, path: &Path) {
        for entry in fs::read_dir(path).expect("readable") {
            let path = entry.expect("readable").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8").to_owned();
            let data = fs::symlink_metadata(&path).expect("there");
            let place = Some((directory, name.clone()));
            let node = if data.is_dir() {
                self.directories.push(Directory { place, ..Directory::default() });
                Node::Directory(self.directories.len() - 1)
            } else {
                let durable = fs::read(&path).expect("readable");
                self.files.push(Inode { durable, place, ..Inode::default() });
                Node::File(self.files.len() - 1)
            };
            self.by_inode.insert(data.ino(), node);
            self.directories[directory].durable.insert(name.clone(), node);
            self.directories[directory].now.insert(name, node);
            if let Node::Directory(below) = node {
                self.hold(below, &path);
            }
        }
    }

    /// Which part of the house a sync is of.
    pub fn room_of(&self, record: &Record<'_>) -> &'static str {
        match self.syncs.get(&record.at) {
            Some(Synced::File(file, _)) => self.room_at(Node::File(*file)).unwrap_or("other"),
            Some(Synced::Directory(directory, _)) => {
                self.room_at(Node::Directory(*directory)).unwrap_or("other")
            }
            None => "other",
        }
    }

    /// Where something stands, below the root; none: nowhere any more.
    fn path_of(&self, node: Node) -> Option<PathBuf> {
        let place = match node {
            Node::Directory(ROOT) => return Some(PathBuf::new()),
            Node::Directory(directory) => &self.directories[directory].place,
            Node::File(file) => &self.files[file].place,
        };
        let (within, name) = place.as_ref()?;
        Some(self.path_of(Node::Directory(*within))?.join(name))
    }

    fn room_at(&self, node: Node) -> Option<&'static str> {
        self.path_of(node).map(|path| room(&path))
    }

    /// How many changes of files and names no finished sync covers, by part of the house: what a power cut drops.
    pub fn unsynced(&self) -> BTreeMap<&'static str, usize> {
        let files = self.files.iter().enumerate().map(|(at, file)| (Node::File(at), file.pending.len()));
        let names = self.directories.iter().enumerate();
        let names = names.map(|(at, names)| (Node::Directory(at), names.pending.len()));
        let mut by_room = BTreeMap::new();
        for (node, changes) in files.chain(names).filter(|(_, changes)| *changes > 0) {
            if let Some(room) = self.room_at(node) {
                *by_room.entry(room).or_default() += changes;
            }
        }
        by_room
    }

    /// The part of the house that a record changes; none: it changes nothing.
    pub fn changed(&self, record: &Record<'_>) -> Option<&'static str> {
        match record.what {
            What::Write | What::Truncate => self.room_at(*self.by_inode.get(&record.inode)?),
            What::SyncBegin | What::SyncEnd | What::Answer => None,
            _ => {
                let path = PathBuf::from(record.paths().0);
                Some(room(path.strip_prefix(&self.root).unwrap_or(&path)))
            }
        }
    }

    /// True if something becomes durable with this record, which is not taken in yet.
    pub fn settles(&self, record: &Record<'_>) -> bool {
        let sync = self.syncs.get(&record.at).filter(|_| record.what == What::SyncEnd);
        sync.is_some_and(|sync| match *sync {
            Synced::File(file, upto) => upto > self.files[file].settled,
            Synced::Directory(directory, upto) => upto > self.directories[directory].settled,
        })
    }

    /// Takes one record in.
    pub fn take(&mut self, record: &Record<'_>) {
        match record.what {
            What::Answer => {}
            What::Write | What::Truncate => {
                let Some(Node::File(file)) = self.by_inode.get(&record.inode) else {
                    panic!("a file that was not made here")
                };
                let at = usize::try_from(record.at).expect("a place");
                self.files[*file].pending.push(match record.what {
                    What::Write => Change::Write { at, bytes: record.payload.to_vec() },
                    _ => Change::Truncate(at),
                });
            }
            // An inode's number is used again when its file is gone; the file that comes then is another one.
            What::Create => {
                self.files.push(Inode::default());
                self.make(record, Node::File(self.files.len() - 1));
            }
            What::MakeDirectory => {
                self.directories.push(Directory::default());
                self.make(record, Node::Directory(self.directories.len() - 1));
            }
            What::Rename | What::Exchange => {
                let (from, to) = record.paths();
                let ((from, name), (to, new)) = (self.split(from), self.split(to));
                let node = *self.directories[from].now.get(&name).expect("something that was made here");
                let other = match record.what {
                    What::Exchange => self.directories[to].now.get(&new).copied(),
                    _ => None,
                };
                match from == to {
                    true => self.name(from, vec![(name, other), (new, Some(node))]),
                    false => {
                        self.name(from, vec![(name, other)]);
                        self.name(to, vec![(new, Some(node))]);
                    }
                }
            }
            What::Unlink | What::RemoveDirectory => {
                let (directory, name) = self.split(record.paths().0);
                self.name(directory, vec![(name, None)]);
            }
            What::SyncBegin => {
                let covered = self.by_inode.get(&record.inode).map(|node| match *node {
                    Node::Directory(at) => {
                        let directory = &self.directories[at];
                        Synced::Directory(at, directory.settled + directory.pending.len())
                    }
                    Node::File(at) => Synced::File(at, self.files[at].settled + self.files[at].pending.len()),
                });
                self.syncs.extend(covered.map(|covered| (record.at, covered)));
            }
            What::SyncEnd => self.finish(record.at),
        }
    }

    fn finish(&mut self, sync: u64) {
        match self.syncs.remove(&sync) {
            Some(Synced::File(file, upto)) => {
                let Inode { durable, pending, settled, place: _ } = &mut self.files[file];
                let count = upto.saturating_sub(*settled);
                pending.drain(..count).for_each(|change| change.apply(durable));
                *settled += count;
            }
            Some(Synced::Directory(directory, upto)) => {
                let Directory { durable, pending, settled, .. } = &mut self.directories[directory];
                let count = upto.saturating_sub(*settled);
                pending.drain(..count).for_each(|naming| apply(&naming, durable));
                *settled += count;
            }
            None => {}
        }
    }

    fn make(&mut self, record: &Record<'_>, node: Node) {
        self.by_inode.insert(record.inode, node);
        let (directory, name) = self.split(record.paths().0);
        self.name(directory, vec![(name, Some(node))]);
    }

    /// Gives names of a directory to others, in one step.
    fn name(&mut self, directory: usize, naming: Naming) {
        for (name, node) in &naming {
            let was = self.directories[directory].now.get(name).copied();
            // What has come to stand elsewhere by the same step has its place there.
            if let Some(was) = was.filter(|was| *self.place(*was) == Some((directory, name.clone()))) {
                *self.place(was) = None;
            }
            if let Some(node) = node {
                *self.place(*node) = Some((directory, name.clone()));
            }
            apply(&vec![(name.clone(), *node)], &mut self.directories[directory].now);
        }
        self.directories[directory].pending.push(naming);
    }

    fn place(&mut self, node: Node) -> &mut Place {
        match node {
            Node::File(file) => &mut self.files[file].place,
            Node::Directory(directory) => &mut self.directories[directory].place,
        }
    }

    /// The directory that a path lies in, and its name there.
    fn split(&self, path: &str) -> (usize, String) {
        let below = Path::new(path).strip_prefix(&self.root).expect("below the root");
        let name = below.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let parts = below.parent().expect("a parent").iter().map(|part| part.to_str().expect("UTF-8"));
        let directory = parts.fold(ROOT, |within, part| match self.directories[within].now.get(part) {
            Some(Node::Directory(directory)) => *directory,
            _ => panic!("{path}: its directory was not made here"),
        });
        (directory, name)
    }

    /// Writes the files as a power cut now would leave them.
    pub fn rebuild(&self, to: &Path, unsynced: Unsynced, chance: &Chance) {
        self.rebuild_directory(ROOT, to, unsynced, chance);
    }

    fn rebuild_directory(&self, directory: usize, to: &Path, unsynced: Unsynced, chance: &Chance) {
        let Directory { durable, pending, .. } = &self.directories[directory];
        let mut names = durable.clone();
        let upto = match unsynced {
            Unsynced::Gone => 0,
            Unsynced::InPart => chance.place(pending.len() + 1),
            Unsynced::Kept => pending.len(),
        };
        pending.iter().take(upto).for_each(|naming| apply(naming, &mut names));
        for (name, node) in names {
            match node {
                Node::Directory(directory) => {
                    make_private(&to.join(&name));
                    self.rebuild_directory(directory, &to.join(&name), unsynced, chance);
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

/// Which part of the house a path below the root belongs to.
fn room(below: &Path) -> &'static str {
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

fn make_private(path: &Path) {
    fs::create_dir_all(path).expect("a directory");
    private(path, 0o700);
}

fn private(path: &Path, mode: u32) {
    let mode = PermissionsExt::from_mode(mode);
    fs::set_permissions(path, mode).expect("a mode");
}
