#!/usr/bin/env python3
"""Checks this folder without allclear:  python3 verify.py [COPY-OF-THE-LOG.db]

It needs Python 3.6 or newer and nothing else, and only reads. Each event's hash is the SHA-256 of
seven lines: hash of the event before it in the log, number, time in nanoseconds since 1970, ticket,
who (as a JSON string), version, and the event as it was stored. What those events say is told over
again and compared with what the documents say; what cannot be compared is named at the end.
"""
import calendar, hashlib, json, os, pathlib, re, sqlite3, sys, time

log = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else None
os.chdir(os.path.dirname(os.path.abspath(__file__)))
faults = []
DOCUMENTS = "ticket.json", "report.json"

def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()

def link(previous, seq, at_ns, ticket, by, version, body):
    lines = [previous, seq, at_ns, ticket, json.dumps(by, ensure_ascii=False), version, body]
    return hashlib.sha256("".join("%s\n" % line for line in lines).encode()).hexdigest()

def nanoseconds(text):
    whole, fraction = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", text).groups()
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return seconds * 10**9 + int((fraction or "").ljust(9, "0"))

def count(number, noun):
    return "%s %s%s" % (number, noun, "" if number == 1 else "s")

def parts(body):
    """The kind of an event, and what is stored of it."""
    stored = json.loads(body)
    return (stored, {}) if isinstance(stored, str) else next(iter(stored.items()))

def document(name):
    with open(name, encoding="utf-8") as file:
        return json.load(file)

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
        seq = event["seq"]
        fields = [event[key] for key in ("previous", "seq", "at_ns", "ticket", "by", "version", "body")]
        if link(*fields) != event["hash"]:
            faults.append("event %s is not what was written: its hash does not fit" % seq)
        if (event["kind"], nanoseconds(event["at"])) != (parts(event["body"])[0], event["at_ns"]):
            faults.append("event %s has another kind or time beside what was written" % seq)
        if event["ticket"] != found[0]["ticket"]:
            faults.append("event %s is of another ticket" % seq)
        if seq <= last["seq"]:
            faults.append("event %s stands behind event %s" % (seq, last["seq"]))
        elif seq == last["seq"] + 1 and event["previous"] != last["hash"]:
            faults.append("event %s does not follow upon event %s" % (seq, last["seq"]))
        last = event
    return found

def listed(name, found):
    """Whether a document lists the events that are here, and no others."""
    keys = "hash", "kind", "by", "at"
    known = {event["seq"]: [event[key] for key in keys] for event in document(name)["events"]}
    held = {event["seq"]: [event[key] for key in keys] for event in found}
    faults.extend("event %s of %s is left out" % (seq, name) for seq in known if seq not in held)
    faults.extend("event %s is not that of %s" % (seq, name) for seq in held if held[seq] != known.get(seq))

def evidence(found):
    kept = 0
    for event in found:
        kind, run = parts(event["body"])
        if kind != "run_ended":
            continue
        for file in run.get("evidence", []) + run.get("ledgers", []):
            kept += 1
            if not os.path.isfile(file["path"]):
                faults.append("%s is not here, and event %s says that it was kept" % (file["path"], event["seq"]))
            elif sha256(file["path"]) != file["sha256"]:
                faults.append("%s is not the file that event %s tells of" % (file["path"], event["seq"]))
    return kept

def who(hosts, address, mac=None):
    """The machine with that MAC address, else the one with that address and no other MAC address."""
    same = [host for host in hosts if mac and host["mac"] == mac]
    same += [host for host in hosts if host["host"] == address and (not mac or not host["mac"])]
    return same[0] if same else None

def meant(hosts, address):
    waits = [host for host in hosts if host["host"] == address and host["state"] == "infected"]
    return waits[0] if waits else who(hosts, address)

def told(found):
    """What the events say of the ticket, one after the other."""
    says = {"id": found[0]["ticket"], "phase": "reported", "since": found[0]["at"], "relapses": 0, "reports": [],
            "hosts": [], "runs": {}, "signed": {}, "listing": None, "listing_at": None}
    hosts, runs = says["hosts"], says["runs"]
    for event in found:
        kind, what = parts(event["body"])
        if kind == "opened":
            says.update(ref=what["reference"], site=what["site"], playbook=what["playbook"], public=what["public"])
        elif kind == "report_added":
            keys = "malware", "seen", "clock_error_s", "remote", "port", "source_port", "protocol", "origin"
            says["reports"].append({key: what["report"].get(key) for key in keys})
        elif kind == "host_blamed":
            host = who(hosts, what["host"], what["mac"])
            if host is None:
                host = {"mac": None, "cleaned": None}
                hosts.append(host)
            host.update(host=what["host"], mac=host["mac"] or what["mac"], state="infected")
        elif kind in ("host_cleaned", "host_retired"):
            cleaned = what["cleaned"] if kind == "host_cleaned" else event["at"]
            meant(hosts, what["host"]).update(state=kind[5:], cleaned=cleaned)
        elif kind == "host_withdrawn":
            hosts.remove(meant(hosts, what["host"]))
        elif kind == "run_started":
            runs[what["run"]] = {"stage": what["stage"], "occurrence": what["occurrence"], "outcome": None,
                                 "verdict": None, "reasons": [], "evidence": [], "ledgers": []}
        elif kind == "run_ended":
            paths = {key: [file["path"] for file in what.get(key, [])] for key in ("evidence", "ledgers")}
            runs[what["run"]].update({key: what[key] for key in ("outcome", "verdict", "reasons")}, **paths)
            for seen in what["exposures"]:
                host = who(hosts, seen["host"], seen["mac"])
                if host:
                    host["mac"] = host["mac"] or seen["mac"]
        elif kind == "relapsed":
            says["relapses"] += 1
        elif kind == "phase_changed":
            says.update(phase=what["to"], since=event["at"])
            if what["to"] == "clean":
                [host.update(state="clean") for host in hosts if host["state"] == "cleaned"]
        elif kind == "signed":
            says["signed"][what["item"]] = event["by"]
        elif kind == "signature_withdrawn":
            says["signed"].pop(what["item"], None)
        elif kind == "listing_answered":
            if says["listing"] is None or nanoseconds(what["at"]) >= nanoseconds(says["listing_at"]):
                says.update(listing=what["answer"], listing_at=what["at"])
    return says

def compare(name, says):
    """Whether a document says the same. A night that never ran has no number there, and no verdict."""
    has = document(name)
    def same(what, here, there):
        if here != there:
            faults.append("%s says otherwise than the events: %s" % (name, what))
    for key in ("id", "ref", "site", "playbook", "public", "phase", "relapses"):
        same(key, has[key], says[key])
    same("reports", [{key: report[key] for key in of} for report, of in zip(has["reports"], says["reports"])]
         + has["reports"][len(says["reports"]):], says["reports"])
    keys = "host", "mac", "state", "cleaned"
    same("hosts", [[host[key] for key in keys] for host in has["hosts"]],
         [[host[key] for key in keys] for host in says["hosts"]])
    same("checklist", {item["item"]: item["signed_by"] for item in has["checklist"] if item["signed_by"]},
         {item: by for item, by in says["signed"].items() if item in [known["item"] for known in has["checklist"]]})
    same("listing", (has["clean"]["listing"], has["clean"]["listing_at"]), (says["listing"], says["listing_at"]))
    runs = {run["id"]: run for run in has["runs"] if run["id"] in says["runs"]}
    same("which runs there were", sorted(runs), sorted(says["runs"]))
    for number, run in runs.items():
        for key, value in says["runs"][number].items():
            same("%s of run %s" % (key, number), run[key], value)
    unwatched = [run for run in has["runs"] if run["id"] not in says["runs"]]
    same("a verdict of a night that never ran", [run["id"] for run in unwatched if run["verdict"] or run["evidence"]], [])

def whole_log(found):
    held = {event["seq"]: event["hash"] for event in found}
    rows = sqlite3.connect(pathlib.Path(log).as_uri() + "?mode=ro", uri=True).execute(
        "SELECT seq, at_ns, ticket, by, version, body, hash FROM event ORDER BY seq")
    seq, previous, later = 0, "0" * 64, 0
    for row in rows:
        if row[0] != seq + 1 or link(previous, *row[:6]) != row[6]:
            faults.append("event %s of the log does not follow upon event %s" % (row[0], seq))
        seq, previous = row[0], row[6]
        if row[2] == found[0]["ticket"] and seq > found[-1]["seq"]:
            later += 1
        elif row[2] == found[0]["ticket"] and held.pop(seq, None) != previous:
            faults.append("event %s of the log is not here, or another one" % seq)
    faults.extend("event %s is not in the log" % seq for seq in held)
    return seq, later

def summary(found, says):
    name = "%s (%s)" % (says["id"], says["ref"]) if says["ref"] else says["id"]
    yield "ticket %s, %s at %s, %s" % (name, says["playbook"], says["site"], says["public"])
    yield "%s since %s; relapses: %s; listing: %s" % (
        says["phase"], says["since"], says["relapses"], says["listing"] or "not asked")
    for host in says["hosts"]:
        yield "machine %s (%s) is %s, cleaned: %s" % (
            host["host"], host["mac"] or "MAC address not known", host["state"], host["cleaned"] or "never")
    for item, by in sorted(says["signed"].items()):
        yield "%s is signed by %s" % (item, by)
    ended = ["%s %s" % (run["stage"], run["verdict"] or run["outcome"] or "not ended") for run in says["runs"].values()]
    yield "runs: " + (", ".join("%s %s" % (ended.count(one), one) for one in sorted(set(ended))) or "none")
    yield "last event here: %s of %s, hash %s" % (found[-1]["seq"], found[-1]["at"], found[-1]["hash"])

def show(text):
    print(text.encode("ascii", "backslashreplace").decode())

try:
    files()
    found = events()
    for name in DOCUMENTS:
        listed(name, found)
    kept = evidence(found)
    says = told(found)
    for name in DOCUMENTS:
        compare(name, says)
    seq, later = whole_log(found) if log else (None, None)
except (ValueError, KeyError, IndexError, TypeError, AttributeError, OSError, sqlite3.Error) as error:
    faults.append("it cannot be read to its end: %s: %s" % (type(error).__name__, error))
if faults:
    for fault in faults:
        show("NOT SOUND: %s" % fault)
    sys.exit(1)
show("What the events say, whatever is written elsewhere:")
for line in summary(found, says):
    show("    " + line)
show("checked: each event has the hash of what it says, and each file of evidence is the one that its event names")
show("checked: ticket.json and report.json say of phase, machines, reports, signatures, listing, runs and their verdicts "
     "what the events say")
show("NOT checked: report.html and report.txt, and what the .json files count or foresee (passes, exposure, assurance, "
     "dates ahead). Nothing binds them to the events: compare them with the lines above.")
if log:
    show("checked: the log's %s events are one chain, and all of this ticket up to its last event here are here" % seq)
    if later:
        show("LATER: the log has %s of this ticket: ask for a new bundle" % count(later, "more event"))
else:
    show("NOT checked: that none is left out, that the log does not go on, and that these hashes are the log's own. Ask for a "
         "copy of the log (allclear backup), or compare the last event with `allclear ticket show %s --json`." % says["id"])
show("sound, as far as it is checked: %s and %s are as they were recorded"
     % (count(len(found), "event"), count(kept, "file") + " of evidence"))
