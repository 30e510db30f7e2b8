#!/usr/bin/env python3
"""Verifies a receipt of erasure that tamis signed: python3 receipt-verify.py FILE --key KEY
FILE is the receipt as text, as HTML or its signed text alone; KEY the public key (name+id+key), and nothing else is known. If
the signature holds, prints what was signed, as JSON, and ends with 0; else says why not and ends with 1; called wrongly, with 2.
Needs Python 3.8 and the package `cryptography`. The format of the signed text: https://c2sp.org/signed-note
"""
import base64, hashlib, html, re, sys
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

def find_note(paper):
    if paper.lstrip("\ufeff \t\r\n").startswith("<"):
        texts = re.split(r"<pre(?=[\s>])[^>]*>", paper, flags=re.IGNORECASE)[1:]
        need(len(texts) == 1, "the page has no signed text, or several")
        paper = re.split("</pre", texts[0], flags=re.IGNORECASE)[0]
        need("<" not in paper, "there is markup in the signed text")
        paper = html.unescape(paper)
    lines = "\n".join(line.rstrip(" \t\r") for line in paper.lstrip("\ufeff").split("\n"))
    text, gap, signatures = lines.rstrip("\n").rpartition("\n\n")
    need(gap and not re.search(r"\n\n\u2014 [^\s+]+ [A-Za-z0-9+/]+=*\n", text + "\n"), "it has no signed text, or several")
    return text, signatures.split("\n")

def open_receipt(paper, name, key_id, public):
    text, lines = find_note(paper)
    signatures = []
    for dash, signer, encoded in (line.split(" ") for line in lines):
        signature = base64.b64decode(encoded, validate=True)
        need(dash == "\u2014" and signer and "+" not in signer and len(signature) > 4, "no signature line")
        if (signer, signature[:4]) == (name, key_id):
            signatures.append(signature[4:])
    need(signatures, "it was not signed by this key")
    for signed in text + "\n", text.rstrip("\n").rpartition("\n")[2] + "\n":  # a paper's prose may stand above it
        try:
            for signature in signatures:
                public.verify(signature, signed.encode())
            need(not any(letter < " " and letter != "\n" for letter in signed), "it has control characters")
            return signed
        except InvalidSignature:
            continue
    raise InvalidSignature

if len(sys.argv) != 4 or sys.argv[2] != "--key":
    print(__doc__, file=sys.stderr)
    sys.exit(2)
try:
    with open(sys.argv[1], "rb") as file:
        print(open_receipt(file.read(1 << 23).decode(), *read_key(sys.argv[3])), end="")
except InvalidSignature:
    sys.exit("its signature does not hold: what was signed was changed, or somebody else signed it")
except (OSError, ValueError) as why:
    sys.exit(f"no receipt of this key: {why}")
