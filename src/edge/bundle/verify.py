#!/usr/bin/env python3
"""Checks this folder without allclear:  python3 verify.py [COPY-OF-THE-LOG.db]

It needs Python 3.6 or newer and nothing else, and only reads. Each event's hash is the SHA-256 of
seven lines: hash of the event before it in the log, number, time in nanoseconds since 1970, ticket,
who (as a JSON string), version, and the event as it was stored.
"""
import hashlib, json, os, pathlib, sqlite3, sys

log = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else None
os.chdir(os.path.dirname(os.path.abspath(__file__)))
faults = []

def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()

def link(previous, seq, at_ns, ticket, by, version, body):
    lines = [previous, seq, at_ns, ticket, json.dumps(by, ensure_ascii=False), version, body]
    return hashlib.sha256("".join("%s\n" % line for line in lines).encode()).hexdigest()

def files():
    with open("SHA256SUMS", encoding="utf-8") as lines:
        sums = {name: digest for digest, name in (line.rstrip("\n").split("  ", 1) for line in lines)}
    for name, digest in sums.items():
        if not os.path.isfile(name):
            faults.append("%s stands in SHA256SUMS and is not here" % name)
        elif sha256(name) != digest:
            faults.append("%s is not what SHA256SUMS says" % name)
    here = {path.as_posix() for path in pathlib.Path(".").rglob("*") if path.is_file()}
    faults.extend("%s stands in no list: nothing vouches for it" % name for name in here - set(sums) - {"SHA256SUMS"})

def events():
    with open("events.jsonl", encoding="utf-8", newline="\n") as lines:
        found = [json.loads(line) for line in lines]
    last = {"seq": 0, "hash": "0" * 64}
    for event in found:
        fields = [event[key] for key in ("previous", "seq", "at_ns", "ticket", "by", "version", "body")]
        if link(*fields) != event["hash"]:
            faults.append("event %s is not what was written: its hash does not fit" % event["seq"])
        if event["seq"] <= last["seq"]:
            faults.append("event %s stands behind event %s" % (event["seq"], last["seq"]))
        elif event["seq"] == last["seq"] + 1 and event["previous"] != last["hash"]:
            faults.append("event %s does not follow upon event %s" % (event["seq"], last["seq"]))
        last = event
    with open("ticket.json", encoding="utf-8") as file:
        known = {event["seq"]: event["hash"] for event in json.load(file)["events"]}
    held = {event["seq"]: event["hash"] for event in found}
    faults.extend("event %s of ticket.json is left out" % seq for seq in known if seq not in held)
    faults.extend("event %s is not that of ticket.json" % seq for seq in held if held[seq] != known.get(seq))
    return found

def evidence(found):
    kept = 0
    for event in found:
        body = json.loads(event["body"])
        run = body.get("run_ended", {}) if isinstance(body, dict) else {}
        for file in run.get("evidence", []) + run.get("ledgers", []):
            kept += 1
            if not os.path.isfile(file["path"]):
                faults.append("%s is not here, and event %s says that it was kept" % (file["path"], event["seq"]))
            elif sha256(file["path"]) != file["sha256"]:
                faults.append("%s is not the file that event %s tells of" % (file["path"], event["seq"]))
    return kept

def whole_log(found):
    held = {event["seq"]: event["hash"] for event in found}
    rows = sqlite3.connect(pathlib.Path(log).as_uri() + "?mode=ro", uri=True).execute(
        "SELECT seq, at_ns, ticket, by, version, body, hash FROM event ORDER BY seq")
    seq, previous = 0, "0" * 64
    for row in rows:
        if row[0] != seq + 1 or link(previous, *row[:6]) != row[6]:
            faults.append("event %s of the log does not follow upon event %s" % (row[0], seq))
        seq, previous = row[0], row[6]
        if row[2] == found[0]["ticket"] and seq <= found[-1]["seq"] and held.pop(seq, None) != previous:
            faults.append("event %s of the log is not here, or another one" % seq)
    faults.extend("event %s is not in the log" % seq for seq in held)
    return "the log's %s events are one chain, and all of this ticket up to its last event here are here" % seq

try:
    files()
    found = events()
    kept = evidence(found)
    whole = whole_log(found) if log else "give a copy of the log (allclear backup) to check that none is left out"
except (ValueError, KeyError, IndexError, TypeError, OSError, sqlite3.Error) as error:
    faults.append("it cannot be read to its end: %s: %s" % (type(error).__name__, error))
for fault in faults:
    print("NOT SOUND:", fault.encode("ascii", "backslashreplace").decode())
if not faults:
    print("sound: %s events and %s evidence files are as they were recorded;" % (len(found), kept), whole)
sys.exit(1 if faults else 0)
