"""Known answers for the key tree, by a second implementation that shares nothing with the first.

    python3 tests/data/tree/vectors.py > tests/data/tree/vectors.json

Pure Python, no package. The tree is kept here as what it is: a set of nodes by place, from which nodes are taken and to which
siblings are added. Nodes made anew are SHA-256("tamis/tree/vectors" || n), n = 0, 1, ... as 32 bits little-endian, in the order
of their places from the left; a tree's root is the first of its numbers.
"""

import hashlib
import json
import struct

HEIGHT = 9
LEAVES = 1 << HEIGHT
KINDS = {"record": 1, "consent_event": 2, "mail": 3, "page_token": 4}


def chacha20_block(key, counter, nonce):
    """RFC 8439, section 2.3."""
    rotate = lambda value, bits: (value << bits | value >> 32 - bits) & 0xFFFFFFFF
    start = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key))
    start += [counter] + list(struct.unpack("<3I", nonce))
    state = list(start)

    def quarter(a, b, c, d):
        for one, other, turned, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[one] = state[one] + state[other] & 0xFFFFFFFF
            state[turned] = rotate(state[turned] ^ state[one], bits)

    for _ in range(10):
        for column in range(4):
            quarter(column, 4 + column, 8 + column, 12 + column)
        for diagonal in range(4):
            quarter(diagonal, 4 + (diagonal + 1) % 4, 8 + (diagonal + 2) % 4, 12 + (diagonal + 3) % 4)
    return struct.pack("<16I", *((now + then & 0xFFFFFFFF) for now, then in zip(state, start)))


# RFC 8439, section 2.3.2.
assert chacha20_block(bytes(range(32)), 1, bytes.fromhex("000000090000004a00000000")).hex() == (
    "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
    "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"
)


def children(node):
    block = chacha20_block(node, 0, b"tamis/tree/1")
    return block[:32], block[32:]


def sub_key(leaf, kind, n):
    return chacha20_block(leaf, 0, struct.pack("<IQ", kind, n))[:32]


class Tree:
    def __init__(self, first):
        self.fresh = first
        self.nodes = {(0, LEAVES): self.random()}  # (first leaf, how many) -> node
        self.dead = set()
        self.bounds = []

    def random(self):
        self.fresh += 1
        return hashlib.sha256(b"tamis/tree/vectors" + struct.pack("<I", self.fresh - 1)).digest()

    def over(self, leaf):
        return next(((at, n) for at, n in self.nodes if at <= leaf < at + n), None)

    def split(self, place):
        """Puts both children in a node's place."""
        node, (at, n) = self.nodes.pop(place), place
        self.nodes[at, n // 2], self.nodes[at + n // 2, n // 2] = children(node)

    def puncture(self, start, end):
        for leaf in range(start, end):
            if leaf in self.dead:
                continue
            while self.over(leaf)[1] > 1:
                self.split(self.over(leaf))
            del self.nodes[leaf, 1]
            self.dead.add(leaf)
        self.tidy()

    def renew(self, start):
        crossing = lambda: next((p for p in self.nodes if p[0] < start < p[0] + p[1]), None)
        while crossing():
            self.split(crossing())
        self.nodes = {place: node for place, node in self.nodes.items() if place[0] < start}
        at = start
        while at < LEAVES:
            n = 1 if at in self.dead else 0
            if not n:
                # The widest aligned run of living leaves that begins here.
                n = 1
                while at % (2 * n) == 0 and at + 2 * n <= LEAVES and not self.dead & set(range(at, at + 2 * n)):
                    n *= 2
                self.nodes[at, n] = self.random()
            at += n
        self.bounds = [bound for bound in self.bounds if bound < start] + [start]
        self.tidy()

    def tidy(self):
        """Each bound is a living leaf; one lives below the first; none twice."""
        living = [leaf for leaf in range(LEAVES) if leaf not in self.dead]
        moved = {min((leaf for leaf in living if leaf >= bound), default=None) for bound in self.bounds}
        self.bounds = sorted(bound for bound in moved if bound is not None and bound > living[0])

    def key(self, leaf, kind, n):
        place = self.over(leaf)
        if place is None:
            return None
        (at, width), node = place, self.nodes[place]
        while width > 1:
            left, right = children(node)
            width //= 2
            node, at = (left, at) if leaf < at + width else (right, at + width)
        return sub_key(node, kind, n).hex()

    def encoded(self):
        runs = []
        for leaf in sorted(self.dead):
            if runs and sum(runs[-1]) == leaf:
                runs[-1][1] += 1
            else:
                runs.append([leaf, 1])
        numbers = [len(self.bounds), *self.bounds, len(runs), *(number for run in runs for number in run)]
        nodes = b"".join(self.nodes[place] for place in sorted(self.nodes))
        return (struct.pack(f"<{len(numbers)}H", *numbers) + nodes).hex()


TREES = [
    [],
    [("puncture", 0, 1), ("puncture", 511, 512), ("puncture", 200, 201), ("puncture", 200, 201)],
    [("puncture", 0, 300), ("puncture", 310, 311), ("puncture", 300, 310)],
    [("renew", 7), ("puncture", 3, 4), ("renew", 100), ("puncture", 100, 101), ("puncture", 98, 103), ("renew", 100)],
    [("renew", 0), ("renew", 511), ("puncture", 0, 5), ("renew", 3), ("renew", 6), ("puncture", 5, 6)],
    [("puncture", leaf, leaf + 1) for leaf in range(1, 60, 6)] + [("renew", 47), ("renew", 20)],
]
ASKED = [(0, "record", 0), (3, "record", 0), (7, "consent_event", 0), (99, "consent_event", 1), (200, "mail", 2),
         (310, "page_token", (1 << 64) - 1), (511, "record", 0)]


def answers(tree):
    keys = [{"leaf": leaf, "kind": kind, "n": n, "key": tree.key(leaf, KINDS[kind], n)} for leaf, kind, n in ASKED]
    return {"frontier": tree.encoded(), "keys": keys}


def told(number, steps):
    tree = Tree(1000 * number)
    found = {"first": 1000 * number, "new": answers(tree), "steps": []}
    for step in steps:
        getattr(tree, step[0])(*step[1:])
        found["steps"].append({"do": list(step), **answers(tree)})
    return found


print(json.dumps({"trees": [told(number, steps) for number, steps in enumerate(TREES)]}, indent=1))
