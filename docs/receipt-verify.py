#!/usr/bin/env python3
"""Verifies a receipt of erasure that tamis signed. It knows the public key and nothing else.

    python3 receipt-verify.py KEY FILE

KEY is the public key (name+id+key), FILE the signed receipt as it was handed out. If its signature holds, prints the receipt
as JSON and ends with 0; else says why not and ends with 1; with 2 if it was called wrongly. Needs Python 3.8 and the package
`cryptography` (Debian: python3-cryptography). The format: https://c2sp.org/signed-note.
"""
import base64
import hashlib
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def need(holds, why):
    if not holds:
        raise ValueError(why)


def read_key(text):
    name, given, encoded = text.split("+", 2)
    key = base64.b64decode(encoded, validate=True)
    need(len(key) == 33 and key[0] == 1, "not an Ed25519 key")
    key_id = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    need(given == key_id.hex(), "the id is not the key's")
    return name, key_id, Ed25519PublicKey.from_public_bytes(key[1:])


def open_note(note, name, key_id, public):
    need(not any(letter < " " and letter != "\n" for letter in note), "it has control characters")
    text, separator, lines = note.rpartition("\n\n")
    need(separator and lines.endswith("\n"), "it ends in no signature")
    text, held = text + "\n", 0
    for line in lines[:-1].split("\n"):
        dash, signer, encoded = line.split(" ")
        signature = base64.b64decode(encoded, validate=True)
        need(dash == "\u2014" and signer and "+" not in signer and len(signature) > 4, "no signature line")
        if (signer, signature[:4]) == (name, key_id):
            public.verify(signature[4:], text.encode())
            held += 1
    need(held, "it was not signed by this key")
    return text


if len(sys.argv) != 3:
    print(__doc__, file=sys.stderr)
    sys.exit(2)
try:
    with open(sys.argv[2], "rb") as file:
        print(open_note(file.read().decode(), *read_key(sys.argv[1])), end="")
except InvalidSignature:
    sys.exit("its signature does not hold: the text was changed, or somebody else signed it")
except (OSError, ValueError) as why:
    sys.exit(f"no receipt of this key: {why}")
