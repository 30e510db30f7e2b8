#!/usr/bin/env python3
"""Prints the notices of all that is linked into the binary: each crate with its licence and the texts that it brings,
a text once. For /usr/share/doc/tamis/third-party.txt; deploy/package runs it."""
import collections
import json
import pathlib
import re
import subprocess
import sys

NOTICE = re.compile(r"(licen[sc]e|copying|copyright|notice|unlicense)", re.I)


def told(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def linked(metadata):
    """The ids of what tamis needs to run, itself and its workspace left out."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    start = next(p["id"] for p in metadata["packages"] if p["name"] == "tamis")
    seen, waiting = {start}, [start]
    while waiting:
        for dep in nodes[waiting.pop()]["deps"]:
            if dep["pkg"] not in seen and any(kind["kind"] is None for kind in dep["dep_kinds"]):
                seen.add(dep["pkg"])
                waiting.append(dep["pkg"])
    return seen - set(metadata["workspace_members"])


def texts(directory):
    for path in sorted(directory.iterdir()):
        if path.is_file() and NOTICE.match(path.name) and path.suffix.lower() not in (".rs", ".py", ".toml"):
            yield path.read_text(encoding="utf-8", errors="replace").strip()


host = re.search(r"^host: (.+)$", told("rustc", "-vV"), re.M).group(1)
metadata = json.loads(told("cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", host))
ids = linked(metadata)
bearers = collections.defaultdict(list)
print("What is linked into tamis beside its own code, with the notices that it brings.\n")
for package in sorted((p for p in metadata["packages"] if p["id"] in ids), key=lambda p: (p["name"], p["version"])):
    name = f"{package['name']} {package['version']}"
    authors = ", ".join(re.sub(r" *<[^>]*>", "", author) for author in package["authors"])
    print(f"{name}: {package['license']}" + (f" ({authors})" if authors else ""))
    for text in texts(pathlib.Path(package["manifest_path"]).parent):
        bearers[text].append(name)
print("Rust's standard library: MIT OR Apache-2.0 (The Rust Project contributors, https://rust-lang.org)")
for text, names in bearers.items():
    print(f"\n{'-' * 78}\n{', '.join(names)}\n\n{text}")
if not ids or not bearers:
    sys.exit("no crate, or no notice, was found")
