//! Somebody who has a copy of every file and the root key, and knows the documents: a second implementation of the pages
//! and the tree, which shares no code with the daemon, down to the cipher. He asks no file for its structure: whatever 32 bytes lie in an opened
//! page may be a node, of any height.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::fs;
use std::path::Path;

use super::cipher::{block, half, open};
use crate::support::disk::visit;

const PAGE: usize = 16 * 1024;
/// More pages than these tests' keyrings have.
const PAGES: u32 = 64;
/// So many looks back he remembers what lay in the pages.
const LOOKS: usize = 4;
/// Of a whole tree.
pub const HEIGHT: u32 = 9;
const LEAVES: u64 = 1 << HEIGHT;

/// What keys of a leaf are for: a record, what became of a consent, a mail, a person's link.
pub const KINDS: [u32; 4] = [1, 2, 3, 4];

/// A node, a leaf, or a key.
pub type Node = [u8; 32];

/// The inside of every page of a keyring that lies in any of these files, at whatever place, under whatever number.
pub fn pages(files: &[(String, Vec<u8>)], root: &Node) -> Vec<Vec<u8>> {
    let mut instances: BTreeSet<[u8; 16]> = BTreeSet::new();
    for (_, bytes) in files {
        for at in memchr::memmem::find_iter(bytes, b"TAMISKEY\x02") {
            instances.extend(bytes[at + 9..].first_chunk::<16>().copied());
        }
    }
    assert!(!instances.is_empty(), "no keyring lies there");
    let mut opened = Vec::new();
    for (_, bytes) in files {
        for at in memchr::memmem::find_iter(bytes, b"TAMISKY2") {
            let Some(page) = bytes.get(at..at + PAGE) else { continue };
            let (prefix, rest) = page.split_at(17);
            let (nonce, text) = rest.split_at(24);
            // XChaCha20-Poly1305: a key from the first sixteen bytes of the nonce, and ChaCha20-Poly1305 under the others.
            let (front, back) = nonce.split_at(16);
            let key = half(root, front.try_into().expect("16 bytes"));
            let mut short = [0; 12];
            short[4..].copy_from_slice(back);
            // Mostly a page lies where it belongs.
            let own = u32::try_from(at / PAGE).expect("few");
            let body = std::iter::once(own).chain(0..PAGES).find_map(|number| {
                instances.iter().find_map(|instance| {
                    let aad = [prefix, &number.to_le_bytes(), instance].concat();
                    open(&key, short, &aad, text)
                })
            });
            opened.extend(body);
        }
    }
    opened
}

/// Every 32 bytes in a row that are not all zeros.
pub fn windows(bodies: &[Vec<u8>]) -> HashSet<Node> {
    let all = bodies.iter().flat_map(|body| body.windows(32));
    all.filter(|window| window.iter().any(|byte| *byte != 0))
        .map(|window| window.try_into().expect("32 bytes"))
        .collect()
}

/// All files below a directory.
pub fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    visit(directory, &mut |path, bytes| files.push((path.display().to_string(), bytes.to_vec())));
    files
}

/// A node's child.
fn child(node: &Node, right: bool) -> Node {
    let block = block(node, b"tamis/tree/1");
    let half = if right { &block[32..] } else { &block[..32] };
    half.try_into().expect("32 bytes")
}

/// A record as it was until it was corrected, or went: it then lay under this leaf of its purpose's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub id: String,
    epoch: u32,
    leaf: u64,
}

/// A record as it lay in a vault.
#[derive(Clone)]
pub struct Sealed {
    pub purpose: String,
    epoch: u32,
    pub number: u64,
    leaf: u64,
    head: Vec<u8>,
    nonce: [u8; 12],
    text: Vec<u8>,
}

impl Sealed {
    fn read(purpose: &str, key: &[u8], value: &[u8]) -> Self {
        let epoch = u32::from_be_bytes(key[..4].try_into().expect("four bytes"));
        let number = u64::from_be_bytes(key[4..].try_into().expect("eight bytes"));
        // A version, the leaf's epoch and number, the day of expiry, the flag of a test; the nonce; the rest is sealed.
        let (head, rest) = value.split_at(18);
        assert_eq!(head[0], 4, "another kind of head: teach it to this file");
        let leaf = u64::from_be_bytes(head[5..13].try_into().expect("eight bytes"));
        let (nonce, text) = rest.split_at(12);
        let (nonce, text) = (nonce.try_into().expect("twelve bytes"), text.to_vec());
        Self { purpose: purpose.to_owned(), epoch, number, leaf, head: head.to_vec(), nonce, text }
    }

    /// As the trail names it.
    pub fn id(&self) -> String {
        format!("{}-{}-{}", self.purpose, self.epoch, self.number)
    }

    /// Which tree it hangs on.
    fn tree(&self) -> Tree {
        let epoch = u32::from_be_bytes(self.head[1..5].try_into().expect("four bytes"));
        Tree { purpose: self.purpose.clone(), epoch, index: self.leaf / LEAVES }
    }

    /// What of the record it is.
    pub fn version(&self) -> Version {
        Version { id: self.id(), epoch: self.tree().epoch, leaf: self.leaf }
    }

    fn opens_by(&self, key: &Node) -> bool {
        self.text_by(key).is_some()
    }

    fn text_by(&self, key: &Node) -> Option<Vec<u8>> {
        let (purpose, number) = (self.purpose.as_bytes(), self.number.to_be_bytes());
        let length = [2, u8::try_from(purpose.len()).expect("short")];
        let epoch = self.epoch.to_be_bytes();
        let parts: [&[u8]; 7] =
            [b"tamis/record", &length, purpose, &epoch, &number, &self.head[1..], &self.head[..1]];
        open(key, self.nonce, &parts.concat(), &self.text)
    }

    /// Whether it opens if these 32 bytes are a key, or a node of whatever height; and of which.
    pub fn opens_under(&self, node: &Node) -> Option<u32> {
        let by_way =
            |height: &u32| way(self.leaf, node, *height).last().is_some_and(|key| self.opens_by(key));
        (0..=HEIGHT).find(by_way).or_else(|| self.opens_by(node).then_some(0))
    }
}

/// Every record in a copy of the store: opening it writes, so never in the daemon's own.
pub fn records(store: &Path) -> Vec<Sealed> {
    // sled takes a snapshot that a kill cut short for a whole one.
    for entry in fs::read_dir(store.join("db")).expect("a copy").flatten() {
        if entry.file_name().to_string_lossy().ends_with(".generating") {
            fs::remove_file(entry.path()).expect("removed");
        }
    }
    let config = sled::Config::new().path(store.join("db")).segment_size(2 * 1024 * 1024);
    let db = config.open().expect("a copy of the store opens");
    let mut records = Vec::new();
    for name in db.tree_names() {
        let name = String::from_utf8_lossy(&name).into_owned();
        let Some(purpose) = name.strip_prefix("vault/") else { continue };
        for row in &db.open_tree(&name).expect("a tree") {
            let (key, value) = row.expect("a row");
            records.push(Sealed::read(purpose, &key, &value));
        }
    }
    records
}

/// All that lies on the way from a node of this height down to a leaf, and the leaf's key of a record.
fn way(leaf: u64, node: &Node, height: u32) -> Vec<Node> {
    let place = leaf % LEAVES;
    let mut way = vec![*node];
    for height in (0..height).rev() {
        let next = child(way.last().expect("one"), place >> height & 1 == 1);
        way.push(next);
    }
    let key = key_of(way.last().expect("one"), 1, 0);
    way.push(key);
    way
}

/// The so-many-th key of a kind that a leaf has.
fn key_of(leaf: &Node, kind: u32, n: u64) -> Node {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&kind.to_le_bytes());
    nonce[4..].copy_from_slice(&n.to_le_bytes());
    block(leaf, &nonce)[..32].try_into().expect("32 bytes")
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tree {
    purpose: String,
    epoch: u32,
    index: u64,
}

/// What he has gathered from every moment before: all records that were ever sealed, as often as they were, and of each every
/// node above it.
#[derive(Default)]
pub struct Memory {
    pub records: BTreeMap<Version, Sealed>,
    /// What stood in them.
    texts: BTreeMap<Version, Vec<u8>>,
    /// Of each tree what it grew from.
    roots: BTreeMap<Tree, Node>,
    /// What lay in the pages when he looked the last times: a tree is made before anything hangs on it, and may be punctured
    /// before he sees a record of it.
    found: VecDeque<HashSet<Node>>,
    /// From the root down to its key.
    ways: BTreeMap<Version, Vec<Node>>,
}

impl Memory {
    /// Takes in what a copy of a home has of records: these. Each must open, and its tree must have been seen whole: what he
    /// cannot open before it was erased proves nothing afterwards.
    pub fn learn(&mut self, copy: &Path, root: &Node) -> BTreeSet<Version> {
        self.found.push_front(windows(&pages(&files(copy), root)));
        self.found.truncate(LOOKS);
        let mut there = BTreeSet::new();
        for record in records(&copy.join("store")) {
            let (version, tree) = (record.version(), record.tree());
            there.insert(version.clone());
            if self.records.contains_key(&version) {
                continue;
            }
            let root = self.roots.entry(tree).or_insert_with(|| {
                let key = |node: &Node| way(record.leaf, node, HEIGHT).pop();
                let whole = |node: &&Node| key(node).is_some_and(|key| record.opens_by(&key));
                let found = self.found.iter().flatten().find(whole);
                *found.unwrap_or_else(|| panic!("{version:?}: its tree was never seen whole"))
            });
            let way = way(record.leaf, root, HEIGHT);
            let text = record.text_by(way.last().expect("a key"));
            self.texts
                .insert(version.clone(), text.unwrap_or_else(|| panic!("{version:?} hangs on another tree")));
            self.ways.insert(version.clone(), way);
            self.records.insert(version, record);
        }
        there
    }

    /// Takes in a record that was never seen, by its name alone: before any correction it hangs on the leaf of its number.
    /// False: its tree was never seen.
    pub fn foresee(&mut self, purpose: &str, epoch: u32, number: u64) -> bool {
        let tree = Tree { purpose: purpose.to_owned(), epoch, index: number / LEAVES };
        let Some(root) = self.roots.get(&tree) else { return false };
        let version = Version { id: format!("{purpose}-{epoch}-{number}"), epoch, leaf: number };
        self.ways.entry(version).or_insert_with(|| way(number, root, HEIGHT));
        true
    }

    /// Of a record as it was once, every node above it that ever was, and its key.
    pub fn way(&self, version: &Version) -> &[Node] {
        &self.ways[version]
    }

    /// The so-many-th key of a kind that the leaf under it has.
    pub fn key(&self, version: &Version, kind: u32, n: u64) -> Node {
        key_of(&self.ways[version][HEIGHT as usize], kind, n)
    }

    /// All that he knows of, read or only foreseen.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        self.ways.keys()
    }

    /// Those of a record.
    pub fn versions_of(&self, id: &str) -> impl Iterator<Item = &Version> {
        let first = Version { id: id.to_owned(), epoch: 0, leaf: 0 };
        self.ways.range(first..).map(|(version, _)| version).take_while(move |version| version.id == id)
    }

    /// What stood in it; none: he never read it.
    pub fn text(&self, version: &Version) -> Option<&[u8]> {
        self.texts.get(version).map(Vec::as_slice)
    }

    /// How many he would know again.
    pub fn len(&self) -> usize {
        self.ways.len()
    }

    /// Which of them opened pages give up: each node that was ever above one, of which it is known that it opens it, is looked
    /// for among all 32 bytes in a row.
    pub fn reached(&self, bodies: &[Vec<u8>]) -> BTreeSet<Version> {
        let found = windows(bodies);
        let reached = self.ways.iter().filter(|(_, way)| way.iter().any(|node| found.contains(node)));
        reached.map(|(version, _)| version.clone()).collect()
    }

    /// Of every tree the leaves that opened pages give up, below the highest under which anything ever lay: whatever had been
    /// there, seen or not, may be none of them unless it is `there` now. Gives those that are given up and may not.
    pub fn left_over(&self, bodies: &[Vec<u8>], there: &BTreeSet<Version>) -> Vec<String> {
        let found = windows(bodies);
        let of = |version: &Version| Tree {
            purpose: version.id.split('-').next().unwrap_or_default().to_owned(),
            epoch: version.epoch,
            index: version.leaf / LEAVES,
        };
        let living: BTreeSet<(Tree, u64)> = there.iter().map(|version| (of(version), version.leaf)).collect();
        let mut left = Vec::new();
        for (tree, root) in &self.roots {
            let given =
                self.ways.keys().filter(|version| of(version) == *tree).map(|version| version.leaf).max();
            // No record has the number 0.
            for leaf in (tree.index * LEAVES).max(1)..=given.unwrap_or(0) {
                let is_reached = way(leaf, root, HEIGHT).iter().any(|node| found.contains(node));
                if is_reached && !living.contains(&(tree.clone(), leaf)) {
                    left.push(format!("leaf {leaf} of {tree:?}"));
                }
            }
        }
        left
    }
}
