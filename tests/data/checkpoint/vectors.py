"""Known answers for checkpoints of the trail, by a second implementation that shares nothing with the first.

    python3 tests/data/checkpoint/vectors.py > tests/data/checkpoint/vectors.json

Needs the package `cryptography` (Debian: python3-cryptography), which signs with OpenSSL. Seeds are
SHA-256("tamis/checkpoint/vectors" || n), n = 0, 1, ... as 32 bits little-endian. The formats:
https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint.
"""

import base64
import hashlib
import json
import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

DASH = "\u2014 "


def seed(n):
    return hashlib.sha256(b"tamis/checkpoint/vectors" + struct.pack("<I", n)).digest()


def head(n):
    return hashlib.sha256(b"a line" + struct.pack("<I", n)).digest()


class Key:
    def __init__(self, name, seed):
        self.name, self.seed = name, seed
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = hashlib.sha256(name.encode() + b"\n\x01" + self.public).digest()[:4]

    def vkey(self):
        public = base64.b64encode(b"\x01" + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{public}"

    def note(self, text):
        signed = base64.b64encode(self.id + self.private.sign(text.encode())).decode()
        return f"{text}\n{DASH}{self.name} {signed}\n"


def text(lines, head, written, origin="leads.lumen.example/trail"):
    said = f"{origin}\n{lines}\n{base64.b64encode(head).decode()}\n"
    return said + (f"written {written}\n" if written else "")


ours = Key("leads.lumen.example/trail", seed(0))
other = Key("leads.lumen.example/trail", seed(1))
receipts = Key("leads.lumen.example/receipts", seed(0))
moved = Key("leads.atelier.example/trail", seed(0))
moment = "2026-11-29T19:25:00Z"
plain = text(17, head(1), moment)
note = ours.note(plain)

signed = [
    {"lines": lines, "head": mac.hex(), "written": written, "note": ours.note(text(lines, mac, written))}
    for lines, mac, written in [
        (0, bytes(32), None),
        (1, head(0), "2026-11-25T08:00:00Z"),
        (17, head(1), moment),
        (2**64 - 1, b"\xff" * 32, "2026-12-31T23:59:59Z"),
    ]
]

# Each a note, and what becomes of it under our key.
judged = [
    ("as it was signed", note, "good"),
    ("a number changed", note.replace("\n17\n", "\n18\n"), "checkpoint-forged"),
    ("a moment changed", note.replace("19:25", "19:26"), "checkpoint-forged"),
    ("another key of our name", other.note(plain), "checkpoint-key-unknown"),
    ("our key under another name", moved.note(plain), "checkpoint-key-unknown"),
    ("a receipt", receipts.note('{"tamis_receipt":1}\n'), "checkpoint-key-unknown"),
    ("the text alone", plain, "checkpoint-malformed"),
    ("nothing", "", "checkpoint-malformed"),
    ("Windows' line ends", note.replace("\n", "\r\n"), "checkpoint-malformed"),
    ("signed, and a receipt", ours.note('{"tamis_receipt":1}\n'), "checkpoint-unreadable"),
    ("signed, and of another log", ours.note(text(17, head(1), moment, "example.com/log")), "checkpoint-unreadable"),
    ("a line more", ours.note(plain + "more\n"), "checkpoint-unreadable"),
    ("no moment", ours.note(text(17, head(1), None)), "checkpoint-unreadable"),
    ("a moment of no line", ours.note(text(0, bytes(32), moment)), "checkpoint-unreadable"),
    ("a hash of no line", ours.note(text(0, head(1), None)), "checkpoint-unreadable"),
    ("a number in another spelling", ours.note(text("017", head(1), moment)), "checkpoint-unreadable"),
    ("a number with a sign", ours.note(text("+17", head(1), moment)), "checkpoint-unreadable"),
    ("a number that is too large", ours.note(text(2**64, head(1), moment)), "checkpoint-unreadable"),
    ("a short hash", ours.note(text(17, head(1)[:31], moment)), "checkpoint-unreadable"),
    ("a moment in another spelling", ours.note(text(17, head(1), "2026-11-29T20:25:00+01:00")), "checkpoint-unreadable"),
    ("an empty line", ours.note(plain + "\n"), "checkpoint-unreadable"),
]
print(
    json.dumps(
        {
            "vkey": ours.vkey(),
            "seed": ours.seed.hex(),
            "signed": signed,
            "renamed": moved.note(text(17, head(1), moment, moved.name)),
            "judged": [{"what": what, "note": note, "verdict": verdict} for what, note, verdict in judged],
        },
        ensure_ascii=False,
        indent=1,
    )
)
