"""Known answers for receipts, by a second implementation that shares nothing with the first.

    python3 tests/data/receipt/vectors.py > tests/data/receipt/vectors.json

Needs the package `cryptography` (Debian: python3-cryptography), which signs with OpenSSL. Seeds are RFC 8032's and
SHA-256("tamis/receipt/vectors" || n), n = 0, 1, ... as 32 bits little-endian.
"""

import base64
import hashlib
import html
import json
import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

DASH = "\u2014 "


def seed(n):
    return hashlib.sha256(b"tamis/receipt/vectors" + struct.pack("<I", n)).digest()


class Key:
    def __init__(self, name, seed):
        self.name, self.seed = name, seed
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = hashlib.sha256(name.encode() + b"\n\x01" + self.public).digest()[:4]

    def vkey(self):
        public = base64.b64encode(b"\x01" + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{public}"

    def line(self, text, id=None):
        signed = (id or self.id) + self.private.sign(text.encode())
        return f"{DASH}{self.name} {base64.b64encode(signed).decode()}\n"

    def note(self, text):
        return f"{text}\n{self.line(text)}"


def receipt(**changed):
    told = {
        "tamis_receipt": 1,
        "number": "1-17",
        "follows": None,
        "asked": "2026-11-29T19:25:00Z",
        "done": "2026-11-29T19:25:01Z",
        "asked_by": "person",
        "why": "person-request",
        "controller": {
            "name": "Atelier Lumen SARL",
            "address": "12 rue des Lices, 49100 Angers",
            "email": "vie-privee@lumen.example",
        },
        "records": [
            {
                "purpose": "devis",
                "title": {
                    "de": "Ihre Angebotsanfrage beantworten",
                    "en": "Answer your request for a quote",
                    "fr": "Répondre à votre demande de devis",
                },
                "count": 2,
            },
            {"purpose": "lettre", "title": {"fr": "Vous envoyer notre lettre d’information"}, "count": 1},
        ],
        "references": 1,
        "unread": 3,
        "keyring_generation": 412,
        "trail_line": 10734,
        "remains": {
            "key_backups_until": "2026-12-06",
            "tombstones_until": "2027-04-30",
            "day_keys_until": "2026-12-07",
            "trail_line_until": "2027-11-30",
            "log_key_until": "2027-01-01",
            "suppression_until": None,
            "meta_until": "2027-02-27",
        },
        "to_be_told": [
            {"name": "CRM Nuage SAS", "country": "FR", "role": "processor"},
            {"name": "Partner & Söhne GmbH", "country": "DE", "role": "controller"},
        ],
        "exported_locally": True,
        "key_storage": "copy-on-write",
    }
    return {**told, **changed}


def line(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


ours = Key("leads.lumen.example/receipts", seed(0))
other = Key("leads.lumen.example/receipts", seed(1))
named = Key("leads.other.example/receipts", seed(0))
text = line(receipt())
note = ours.note(text)
bare = receipt(
    number="2-1",
    follows="1-17",
    asked_by="authority",
    why="error",
    records=[],
    references=0,
    unread=None,
    remains={**dict.fromkeys(receipt()["remains"]), "trail_line_until": "2027-11-30", "suppression_until": "2029-11-29"},
    to_be_told=[],
    exported_locally=False,
    key_storage="in-place",
)
nothing = receipt(
    tamis_receipt=2,
    number="1-18",
    records=[],
    references=0,
    unread=None,
    remains={**dict.fromkeys(receipt()["remains"]), "tombstones_until": "2027-04-30", "trail_line_until": "2027-11-30"},
    to_be_told=None,
    exported_locally=None,
)
dated = receipt(tamis_receipt=3, remains={**receipt()["remains"], "sealed_bytes_until": "2026-12-30"})
nothing_dated = {**nothing, "tamis_receipt": 3, "remains": {**nothing["remains"], "sealed_bytes_until": None}}
without = {name: value for name, value in nothing.items() if name != "to_be_told"}
signature = note[note.rindex(" ") + 1 : -1]
twisted = base64.b64encode(base64.b64decode(signature)[:-1] + b"\x00").decode()


def page(*texts):
    return "<!DOCTYPE html>\n<title>Receipt</title>\n" + "".join(f'<pre lang="en">{text}</pre>\n' for text in texts)


def prose(note):
    return f"Receipt of erasure\n\nSigned text\n-----------\n{note}"


# Each a file, what becomes of it under our key as a note, and, where that is something else, as a paper in which there is one.
judged = [
    ("as it was signed", note, "good"),
    ("another of ours", ours.note(line(bare)), "good"),
    ("a further signature by somebody else", note + named.line(text), "good"),
    ("somebody else's first", f"{text}\n{named.line(text)}{ours.line(text)}", "good"),
    ("a signature of another kind", note + f"{DASH}example.com/witness {base64.b64encode(b'abcdefgh').decode()}\n", "good"),
    ("our own twice", note + ours.line(text), "good"),
    ("a digit changed", note.replace('"count":2', '"count":3'), "receipt-forged"),
    ("a date changed", note.replace("2026-12-06", "2026-12-05"), "receipt-forged"),
    ("a letter added", note.replace("Lumen SARL", "Lumen SARLU"), "receipt-forged"),
    ("a line added", note.replace("\n\n", "\n{}\n\n", 1), "receipt-forged"),
    ("an empty line added", note.replace("\n\n", "\n\n\n", 1), "receipt-forged", "good"),
    ("the signature twisted", note.replace(signature, twisted), "receipt-forged"),
    ("one of ours good, one not", note + ours.line(text + "x"), "receipt-forged"),
    ("signed by another under our key's id", f"{text}\n{other.line(text, ours.id)}", "receipt-forged"),
    ("a short signature", f"{text}\n{DASH}{ours.name} {base64.b64encode(ours.id + b'short').decode()}\n", "receipt-forged"),
    ("another key of our name", other.note(text), "receipt-key-unknown"),
    ("our key under another name", named.note(text), "receipt-key-unknown"),
    ("nothing", "", "receipt-malformed"),
    ("the text alone", text, "receipt-malformed"),
    ("the text and an empty line", text + "\n", "receipt-malformed"),
    ("no line's end", note[:-1], "receipt-malformed", "good"),
    ("a line after it", note + "and more\n", "receipt-malformed"),
    ("an empty line after it", note + "\n", "receipt-malformed", "good"),
    ("Windows' line ends", note.replace("\n", "\r\n"), "receipt-malformed", "good"),
    ("Windows' line ends, and none at the end", note[:-1].replace("\n", "\r\n"), "receipt-malformed", "good"),
    ("spaces at the ends of lines", note.replace("\n", " \t\n"), "receipt-malformed", "good"),
    ("the empty line lost", note.replace("\n\n", "\n"), "receipt-malformed"),
    ("a line broken", note.replace(',"why"', ',\n"why"'), "receipt-forged"),
    ("a byte order mark", "\ufeff" + note, "receipt-forged", "good"),
    ("prose above it", prose(note), "receipt-forged", "good"),
    ("prose above it, with what no note may have", "\tReceipt\x0b\n" + note, "receipt-malformed", "good"),
    ("prose below it", note + "\nGoodbye\n", "receipt-malformed"),
    ("prose alone", "Receipt of erasure\n\nSigned text\n", "receipt-malformed"),
    ("prose above one that was changed", prose(note.replace('"count":2', '"count":3')), "receipt-forged"),
    ("prose above another key's", prose(other.note(text)), "receipt-key-unknown"),
    ("two notes", note + "\n" + ours.note(line(bare)), "receipt-forged", "receipt-malformed"),
    ("the same note twice", prose(note) + "\n" + note, "receipt-forged", "receipt-malformed"),
    ("another key's note above it", prose(other.note(text)) + "\n\n" + note, "receipt-forged", "receipt-malformed"),
    ("a page", page(html.escape(note)), "receipt-malformed", "good"),
    ("a page as browsers keep it", page(html.escape(note, quote=False)).replace("\n", "\r\n"), "receipt-malformed", "good"),
    ("a page with numbers for characters", page(html.escape(note, False).replace("é", "&#233;").replace('"', "&#x22;")), "receipt-malformed", "good"),
    ("a page in capitals", page(html.escape(note)).replace("<pre", "<PRE").replace("</pre", "</Pre"), "receipt-malformed", "good"),
    ("a page whose text was changed", page(html.escape(note.replace('"count":2', '"count":3'))), "receipt-malformed", "receipt-forged"),
    ("a page without a note", page("all is well\n"), "receipt-malformed"),
    ("a page that carries nothing", page(), "receipt-malformed"),
    ("a page with two", page(html.escape(note), html.escape(ours.note(line(bare)))), "receipt-malformed"),
    ("a page with one and something else like it", page("more", html.escape(note)), "receipt-malformed"),
    ("a page with markup in its note", page(html.escape(note).replace("devis", "<b>devis</b>")), "receipt-malformed"),
    ("a hyphen for the dash", note.replace(DASH, "- "), "receipt-malformed"),
    ("two spaces", note.replace(f"{DASH}{ours.name} ", f"{DASH}{ours.name}  "), "receipt-malformed"),
    ("no key's name", note.replace(f"{DASH}{ours.name} ", DASH), "receipt-malformed"),
    ("a plus in a name", note.replace(f"{DASH}{ours.name} ", f"{DASH}a+b "), "receipt-malformed"),
    ("no base64", note.replace(signature, "****"), "receipt-malformed"),
    ("base64 without its end", note.replace(signature, signature.rstrip("=")), "receipt-malformed"),
    ("an id and nothing more", note.replace(signature, base64.b64encode(ours.id).decode()), "receipt-malformed"),
    ("a hundred and one signatures", text + "\n" + ours.line(text) * 101, "receipt-malformed"),
    ("a control character", ours.note(text.replace("SARL", "S\tARL")), "receipt-malformed"),
    ("signed, and no JSON", ours.note("all is well\n"), "receipt-unreadable"),
    ("signed, and on two lines", ours.note(text.replace(',"why"', ',\n"why"')), "receipt-unreadable"),
    ("a later version's", ours.note(line(receipt(tamis_receipt=4))), "receipt-unreadable"),
    ("a field that nobody knows", ours.note(line(receipt(more=1))), "receipt-unreadable"),
    ("a word that nobody knows", ours.note(line(receipt(why="spring-cleaning"))), "receipt-unreadable"),
    ("a moment in another spelling", ours.note(line(receipt(done="2026-11-29T19:25:01.0Z"))), "receipt-unreadable"),
    ("a number in another spelling", ours.note(line(receipt(number="01-17"))), "receipt-unreadable"),
    ("nothing found, by the second version", ours.note(line(nothing)), "good"),
    ("the second version, and something found", ours.note(line(receipt(tamis_receipt=2))), "receipt-unreadable"),
    ("the second version, which does not say of whom nothing is known", ours.note(line(without)), "receipt-unreadable"),
    ("the first version without its recipients", ours.note(line(receipt(to_be_told=None))), "receipt-unreadable"),
    ("the third version", ours.note(line(dated)), "good"),
    ("nothing found, by the third version", ours.note(line(nothing_dated)), "good"),
    ("the third version, which does not say until when sealed bytes lie there", ours.note(line(receipt(tamis_receipt=3))), "receipt-unreadable"),
    ("the third version, where records were and no day is named", ours.note(line({**dated, "remains": nothing_dated["remains"]})), "receipt-unreadable"),
    ("the first version with what the third has", ours.note(line({**dated, "tamis_receipt": 1})), "receipt-unreadable"),
    ("a day that is none", ours.note(text.replace("2026-12-06", "2026-02-30")), "receipt-unreadable"),
]

rfc8032 = [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
]
signed = [
    {"name": key.name, "seed": key.seed.hex(), "vkey": key.vkey(), "text": text, "note": key.note(text)}
    for key in [Key(f"example.com/rfc8032/{n}", bytes.fromhex(seed)) for n, seed in enumerate(rfc8032)] + [ours, other, named]
    for text in ["\n", "One line.\n", "Two lines,\n\nan empty one between them, and é.\n", line(receipt()), line(bare), line(nothing), line(dated)]
]
print(
    json.dumps(
        {
            "vkey": ours.vkey(),
            "signed": signed,
            "judged": [{"what": what, "note": note, "verdict": of[0], "in_paper": of[-1]} for what, note, *of in judged],
        },
        ensure_ascii=False,
        indent=1,
    )
)
