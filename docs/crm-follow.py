#!/usr/bin/env python3
"""Keeps a copy of leads in step with tamis: python3 crm-follow.py URL TOKEN_FILE COPY.sqlite

New leads are stored, corrected ones replaced, restricted ones set aside, erased and expired ones deleted; then tamis is told. Run it
every minute, with a token of role exporter. A page is one transaction: killed anywhere it goes on, and what comes twice is done twice alike.
"""
import json, sqlite3, sys, urllib.error, urllib.request

LIMIT = 500
url, token_file, copy = sys.argv[1:]


def ask(path, method="GET"):
    call = urllib.request.Request(url + "/admin/v1" + path, method=method)
    call.add_header("Authorization", "Bearer " + open(token_file).read().strip())
    with urllib.request.urlopen(call, timeout=90) as answer:  # raises if it is refused or breaks off: the next run goes on
        return json.load(answer)


def keep(lead):  # here and in the next: write to the CRM instead, under the key lead["id"]
    db.execute("REPLACE INTO leads VALUES (?, ?, 1)", [lead["id"], json.dumps(lead)])


def follow(kind, purpose, id):
    if kind == "restricted":
        return db.execute("UPDATE leads SET usable = 0 WHERE id = ?", [id])
    if kind not in ("erased", "expired"):  # corrected, released, stored, withdrawn, ended, confirmed, and what may come
        try:
            return keep(ask(f"/purposes/{purpose}/leads/{id}"))
        except urllib.error.HTTPError as refusal:
            code = json.load(refusal)["code"]
            if code == "record-restricted":
                return follow("restricted", purpose, id)
            if code not in ("record-gone", "record-unknown", "record-withheld"):
                raise
    db.execute("DELETE FROM leads WHERE id = ?", [id])


def compare(purpose, why):  # nobody will tell what became of part of the copy: what is in no page is looked after one by one
    others = {id for [id] in db.execute("SELECT id FROM leads") if id.rsplit("-", 2)[0] == purpose}
    after, more = "", True
    with db:  # all of it, or nothing
        while more:
            page = ask(f"/purposes/{purpose}/leads?format=json&limit={LIMIT}{after}")
            [keep(lead) for lead in page["leads"]]
            others -= {lead["id"] for lead in page["leads"]}
            after, more = f"&after={page['next_cursor']}", page["more"]
        [follow("compared", purpose, id) for id in others]
        db.execute("REPLACE INTO cursors VALUES (?, ?)", [purpose, page["next_cursor"]])
    print(f"tamis: {why}; {purpose} was compared, {len(others)} records were in no page", file=sys.stderr)


db = sqlite3.connect(copy)
db.execute("PRAGMA secure_delete = ON")
db.execute("CREATE TABLE IF NOT EXISTS leads (id TEXT PRIMARY KEY, lead TEXT, usable INTEGER)")
db.execute("CREATE TABLE IF NOT EXISTS cursors (purpose TEXT PRIMARY KEY, cursor TEXT)")
purposes = [purpose["id"] for purpose in ask("/purposes")["purposes"]]
for purpose in purposes:
    more = True
    while more:
        known = db.execute("SELECT cursor FROM cursors WHERE purpose = ?", [purpose]).fetchone()
        path = f"/purposes/{purpose}/leads?format=json&limit={LIMIT}"
        try:
            page = ask(path + (f"&after={known[0]}" if known else ""))
        except urllib.error.HTTPError as refusal:
            if json.load(refusal)["code"] != "cursor-ahead":
                raise
            compare(purpose, "its store was put back")
            break
        with db:  # the page and the place after it, or neither
            [keep(lead) for lead in page["leads"]]
            db.execute("REPLACE INTO cursors VALUES (?, ?)", [purpose, page["next_cursor"]])
        more = page["more"]
more = True
while more:  # last: what was erased while it was read is in here
    page = ask(f"/changes?limit={LIMIT}")
    if page.get("dropped_to", 0) > page["applied"]:
        [compare(purpose, "changes were dropped unread") for purpose in purposes]
        ask(f"/changes/{page['dropped_to']}/applied", "POST")
    with db:
        [follow(change["kind"], change["purpose"], change["id"]) for change in page["changes"]]
    if page["changes"]:  # only now: it is durable here
        ask(f"/changes/{page['changes'][-1]['n']}/applied", "POST")
    more = page["more"]
