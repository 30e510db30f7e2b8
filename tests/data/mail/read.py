"""Reads a raw mail on stdin as mail programs do, and prints what is in it as JSON."""
import email.policy
import json
import sys

raw = sys.stdin.buffer.read()
mail = email.message_from_bytes(raw, policy=email.policy.default)


def read(part):
    """A part as text; one of several kinds as what is in it."""
    if part.is_multipart():
        return {"type": part.get_content_type(), "parts": [read(inner) for inner in part.iter_parts()]}
    content = part.get_content()
    return {
        "type": part.get_content_type(),
        "charset": part.get_content_charset(),
        "encoding": part["content-transfer-encoding"],
        "name": part.get_filename(),
        "text": (content if isinstance(content, str) else content.decode("utf-8")).replace("\r\n", "\n"),
        "defects": [type(defect).__name__ for defect in part.defects],
    }


parts = [read(part) for part in mail.iter_parts()]
print(json.dumps({
    "headers": [[name.lower(), str(value)] for name, value in mail.items()],
    "defects": [type(defect).__name__ for defect in mail.defects]
    + [type(defect).__name__ for value in mail.values() for defect in value.defects],
    "type": mail.get_content_type(),
    "date": mail["date"].datetime.isoformat(),
    "from": [[a.display_name, a.addr_spec] for a in mail["from"].addresses],
    "to": [[a.display_name, a.addr_spec] for a in mail["to"].addresses],
    "longest": max(len(line) for line in raw.split(b"\r\n")),
    "bare": raw.replace(b"\r\n", b"").count(b"\n") + raw.replace(b"\r\n", b"").count(b"\r"),
    "ascii": raw.isascii(),
    "parts": parts,
}))
