#!/usr/bin/env python3
"""Workloads of rules and requests: makes them, puts them into hpol, and compares decisions with the expected ones.

    workload.py generate FOLDER --rules 20 --requests 50 --seed 7 [--large]
    workload.py translate RULES.json REQUESTS.json FOLDER
    workload.py compare EXPECTED.jsonl ANSWERS.jsonl
    workload.py run RULES.json REQUESTS.json [--hpol PATH] [--bench]
    workload.py peers [--sizes 10 100 1000 10000] [--from FOLDER] [--hpol PATH]

A rule is `{"id", "effect": "allow|block|approve|mask", "when": [condition, ...]}` and matches if every condition holds. A
request carries `expected`: the decision (`block` over `approval` over `allow`; `deny` where nothing matches) and the
matching rules by effect, of a block those that block. A `mask` rule grants and masks, which in hpol is two rules: `r1` masks and `r1_grant` allows.
`run` translates, then checks, builds and decides with `hpol`, from the policy files and from the bundle. `peers` has the
same rules and requests decided by hpol, Cedar and Rego in one process each size (`peers/`), and prints how long it took;
without a folder of `rules-N.json` and `requests-N.json` it makes them.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

VOCABULARY = pathlib.Path(__file__).with_name("workload.toml")
PACKAGE = "workload"
RULES_PER_FILE = 500
HEAD = """
group approvers = subject.groups has "approvers"

data secret {
    detector us_ssn
}
"""
# The decisions of the workload in words of hpol; `deny` is the block of `default_deny`.
VERDICTS = {"allow": "allow", "approval": "require_approval", "block": "block", "deny": "block"}
EFFECTS = {
    "allow": "satisfies AC-3\n    allow",
    "block": "satisfies AC-3\n    block",
    "approve": "satisfies AC-3\n    require approval by 1 of approvers within 15m",
    "mask": "satisfies AC-4(23)\n    mask secret",
}


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def table(name):
    return ".".join(quoted(part) for part in name.split("."))


def condition(part):
    """The clause that a condition stands in, and its text."""
    kind, value, values = part["type"], part.get("value"), part.get("values")
    if kind == "group":
        return "who", f"subject.groups has {quoted(value)}"
    return "when", {
        "conn_name": lambda: f"target.name == {quoted(value)}",
        "conn_kind": lambda: f"target.kind == {value}",
        "conn_env": lambda: f"target.env == {value}",
        "action_in": lambda: f"request.action in [{', '.join(map(quoted, values))}]",
        "tables_any": lambda: f"request.tables has any [{', '.join(map(table, values))}]",
        "row_gt": lambda: f"request.rows > {value}",
        "path_prefix": lambda: f"request.path starts with {quoted(value)}",
        "has_where_false": lambda: "not request.has_where",
    }[kind]()


def rule_text(name, effect, conditions):
    clauses = {"who": [], "when": []}
    for part in conditions:
        clause, text = condition(part)
        clauses[clause].append(text)
    lines = [f"    {clause} {' and '.join(texts)}" for clause, texts in clauses.items() if texts]
    return "\n".join([f"rule {name} {{", *lines, f"    {EFFECTS[effect]}", "}"])


def policy_files(rules):
    """The texts of the policy's files."""
    texts = []
    for rule in rules:
        texts.append(rule_text(rule["id"], rule["effect"], rule["when"]))
        if rule["effect"] == "mask":
            texts.append(rule_text(f"{rule['id']}_grant", "allow", rule["when"]))
    heads = [f"package {PACKAGE}\n{HEAD}"]
    for start in range(0, len(texts), RULES_PER_FILE):
        head = heads.pop() if heads else f"package {PACKAGE}\n"
        yield head + "\n" + "\n\n".join(texts[start:start + RULES_PER_FILE]) + "\n"


def facts(request):
    # No rule reads a protocol's facts, so that any kind gives the same decision.
    return {"id": request["id"], "kind": "http", "facts": {
        "subject.id": request["identity"]["sub"], "subject.groups": request["identity"]["groups"],
        "target.name": request["connection"]["name"], "target.kind": request["connection"]["kind"],
        "target.env": request["connection"]["env"], "request.action": request["action"]["kind"],
        "request.tables": request["tables"], "request.has_where": request["has_where"],
        "request.rows": request["row_estimate"], "request.path": request["path"],
    }}


HOLDS = {
    "group": lambda part, request: part["value"] in request["identity"]["groups"],
    "conn_name": lambda part, request: part["value"] == request["connection"]["name"],
    "conn_kind": lambda part, request: part["value"] == request["connection"]["kind"],
    "conn_env": lambda part, request: part["value"] == request["connection"]["env"],
    "action_in": lambda part, request: request["action"]["kind"] in part["values"],
    "tables_any": lambda part, request: any(table in part["values"] for table in request["tables"]),
    "row_gt": lambda part, request: request["row_estimate"] > part["value"],
    "path_prefix": lambda part, request: request["path"].startswith(part["value"]),
    "has_where_false": lambda part, request: not request["has_where"],
}


def matches(rule, request):
    return all(HOLDS[part["type"]](part, request) for part in rule["when"])


def decision(rules, request):
    """What the rules say of a request, by the shortest evaluator there is, with every list complete."""
    lists = {effect: [] for effect in ("block", "approve", "mask", "allow")}
    for rule in rules:
        if matches(rule, request):
            lists[rule["effect"]].append(rule["id"])
    word = ("block" if lists["block"] else "approval" if lists["approve"]
            else "allow" if lists["allow"] or lists["mask"] else "deny")
    return {"decision": word, **lists}


def expected(rules, request):
    """The decision with every list complete; it must be the one that the request states."""
    wanted, stated = decision(rules, request), request["expected"]
    # Beside a block a request states no other list.
    told = {key: wanted[key] for key in (("decision", "block") if wanted["decision"] == "block" else stated)}
    if any(stated[key] != value for key, value in told.items()):
        sys.exit(f"request {request['id']} states {stated}, the rules say {wanted}")
    lists = {effect: sorted(wanted[effect]) for effect in ("block", "approve", "allow", "mask")}
    # No rule of a workload limits.
    return {"id": request["id"], "verdict": VERDICTS[wanted["decision"]], **lists, "limit": []}


def decided(answer):
    """An answer of `hpol eval` in the form of `expected`; the grants of masks must be those of the masks that match."""
    lists = {effect: sorted(name.removeprefix(f"{PACKAGE}.") for name in names) for effect, names in answer["rules"].items()}
    grants = [name for name in lists["allow"] if name.endswith("_grant")]
    lists["allow"] = [name for name in lists["allow"] if not name.endswith("_grant")]
    if grants != [f"{name}_grant" for name in lists["mask"]]:
        lists["grants"] = grants
    return {"id": answer["id"], "verdict": answer["verdict"], **lists}


def write_lines(path, values):
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")


def read_lines(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines()]


def translate_rules(rules, folder):
    policy = folder / "policy"
    policy.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(policy_files(rules)):
        (policy / f"rules_{number:03}.hpol").write_text(text, encoding="utf-8")
    (folder / "vocabulary.toml").write_bytes(VOCABULARY.read_bytes())


def translate(rules, requests, folder):
    translate_rules(rules, folder)
    write_lines(folder / "requests.jsonl", map(facts, requests))
    write_lines(folder / "expected.jsonl", (expected(rules, request) for request in requests))


def compare(wanted, answers, name):
    """How many decisions differ; prints the first few."""
    differ = [pair for pair in zip(wanted, map(decided, answers)) if pair[0] != pair[1]]
    for want, got in differ[:5]:
        print(f"  expected {want}\n  decided  {got}")
    missing = abs(len(wanted) - len(answers))
    print(f"{name}: {len(wanted) - len(differ) - missing} of {len(wanted)} decisions and lists of rules as expected")
    return len(differ) + missing


def run(arguments):
    rules = json.loads(pathlib.Path(arguments.rules).read_text(encoding="utf-8"))
    requests = json.loads(pathlib.Path(arguments.requests).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        translate(rules, requests, folder)

        def hpol(*words):
            started = time.monotonic()
            done = subprocess.run([arguments.hpol, *words], cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"hpol {' '.join(words)}: {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
            return done.stdout, time.monotonic() - started

        own = ["--vocabulary", "vocabulary.toml"]
        _, check = hpol("check", "policy", *own)
        hpol("keygen", "key")
        _, build = hpol("build", "policy", *own, "--key", "key", "-o", "bundle")
        size = (folder / "bundle").stat().st_size
        print(f"{len(rules)} rules: check {check:.2f} s, build {build:.2f} s, bundle {size} bytes")
        wanted = read_lines(folder / "expected.jsonl")
        wrong = 0
        for name, words in {"policy files": ["policy", *own], "bundle": ["bundle", "--key", "key.pub"]}.items():
            answers, _ = hpol("eval", *words, "--requests", "requests.jsonl")
            wrong += compare(wanted, [json.loads(line) for line in answers.splitlines()], name)
        if arguments.bench:
            figures, _ = hpol("bench", "bundle", "--key", "key.pub", "--requests", "requests.jsonl")
            print(figures, end="")
    return int(wrong > 0)


# ---- generate ----

GROUPS = [f"{team}-{role}" for team in ("orders", "billing", "search") for role in ("dev", "sre", "auditor")]
TARGETS = [(f"{kind}-{team}-{env}", kind, env)
           for kind, env in (("postgres", "prod"), ("ssh", "staging"), ("http", "dev"), ("aws", "prod"))
           for team in ("orders", "billing")]
ACTIONS = ["select", "update", "delete", "sudo", "scp", "get", "post", "s3_get"]
TABLES = [f"{schema}.{name}" for schema in ("public", "app") for name in ("orders", "items", "Audit")]
PATHS = ["/", "/db", "/db/orders", "/home/a", "/home/ab", "/orders-bucket/1"]
ROWS = [0, 20, 500, 50_000]


def random_condition(rng, kind):
    target = rng.choice(TARGETS)
    return {"type": kind, **{
        "group": lambda: {"value": rng.choice(GROUPS)},
        "conn_name": lambda: {"value": target[0]},
        "conn_kind": lambda: {"value": target[1]},
        "conn_env": lambda: {"value": target[2]},
        "action_in": lambda: {"values": rng.sample(ACTIONS, rng.randint(1, 4))},
        "tables_any": lambda: {"values": rng.sample(TABLES, rng.randint(1, 3))},
        "row_gt": lambda: {"value": rng.choice(ROWS)},
        "path_prefix": lambda: {"value": rng.choice(PATHS)},
        "has_where_false": dict,
    }[kind]()}


def random_request(rng, number, rules):
    name, kind, env = rng.choice(TARGETS)
    path, rows = rng.choice(PATHS), rng.choice(ROWS)
    request = {
        "id": number,
        "identity": {"sub": f"user{rng.randint(1, 9)}@example.com", "groups": rng.sample(GROUPS, rng.randint(0, 4))},
        "connection": {"name": name, "kind": kind, "env": env}, "action": {"kind": rng.choice(ACTIONS)},
        "tables": rng.sample(TABLES, rng.randint(0, 3)), "has_where": rng.random() < 0.5,
        "row_estimate": rows + rng.randint(0, 1), "path": path + rng.choice(["", "/x", "b"]),
    }
    return {**request, "expected": decision(rules, request)}


# ---- generate --large: so many names that of any number of rules few concern one request ----

LARGE_GROUPS = [f"{team}-{role}" for team in range(20) for role in ("dev", "sre", "auditor", "admin", "support",
                "contractor", "owner", "lead", "bot", "intern")]
LARGE_TARGETS = [(f"{kind}-{number}-{env}", kind, env) for number in range(5)
                 for kind, env in (("postgres", "prod"), ("postgres", "dev"), ("ssh", "staging"), ("ssh", "prod"),
                                   ("http", "dev"), ("http", "prod"), ("http", "staging"), ("aws", "prod"),
                                   ("aws", "staging"), ("aws", "dev"))]
LARGE_TABLES = [f"{schema}.t{number}" for schema in ("public", "app", "audit") for number in range(160)]
LARGE_PATHS = [f"/db/{area}/{number}" for area in ("orders", "billing", "search", "people") for number in range(300)]


def large_rule(rng, number, effect):
    name, kind, env = rng.choice(LARGE_TARGETS)
    more = {
        "conn_kind": lambda: {"value": kind},
        "conn_env": lambda: {"value": env},
        "action_in": lambda: {"values": rng.sample(ACTIONS, rng.randint(1, 3))},
        "tables_any": lambda: {"values": rng.sample(LARGE_TABLES, 3)},
        "row_gt": lambda: {"value": rng.choice(ROWS)},
        "path_prefix": lambda: {"value": rng.choice(LARGE_PATHS)},
        "has_where_false": dict,
    }
    when = [{"type": "group", "value": rng.choice(LARGE_GROUPS)}, {"type": "conn_name", "value": name}]
    when += [{"type": part, **more[part]()} for part in rng.sample(sorted(more), rng.randint(1, 2))]
    return {"id": f"r{number:05}", "effect": effect, "when": when}


def large_request(rng, number, rules, by_target):
    """Three of five requests are made to match a rule, the others as they come."""
    target = rng.choice(LARGE_TARGETS)
    request = {
        "id": number, "identity": {"sub": f"user{number}@example.com", "groups": rng.sample(LARGE_GROUPS, rng.randint(1, 3))},
        "connection": dict(zip(("name", "kind", "env"), target)), "action": {"kind": rng.choice(ACTIONS)},
        "tables": rng.sample(LARGE_TABLES, rng.randint(0, 3)), "has_where": rng.random() < 0.5,
        "row_estimate": rng.choice(ROWS) + rng.randint(0, 1), "path": rng.choice(LARGE_PATHS),
    }
    if rng.random() < 0.6:
        for part in rng.choice(rules)["when"]:
            meet(rng, part, request)
    # Every rule names its target.
    return {**request, "expected": decision(by_target.get(request["connection"]["name"], []), request)}


def meet(rng, part, request):
    """Changes the request so that the condition holds."""
    value = part.get("value")
    {
        "group": lambda: request["identity"]["groups"].append(value),
        "conn_name": lambda: request.update(connection=dict(zip(
            ("name", "kind", "env"), next(target for target in LARGE_TARGETS if target[0] == value)))),
        "conn_kind": lambda: None,
        "conn_env": lambda: None,
        "action_in": lambda: request.update(action={"kind": rng.choice(part["values"])}),
        "tables_any": lambda: request["tables"].append(rng.choice(part["values"])),
        "row_gt": lambda: request.update(row_estimate=value + 1),
        "path_prefix": lambda: request.update(path=value + "/x"),
        "has_where_false": lambda: request.update(has_where=False),
    }[part["type"]]()


def large(count, requests, seed):
    rng = random.Random(seed)
    effects = ["allow", "allow", "block", "approve", "mask"]
    rules = [large_rule(rng, number, effects[number % len(effects)]) for number in range(count)]
    by_target = {}
    for rule in rules:
        by_target.setdefault(rule["when"][1]["value"], []).append(rule)
    return rules, [large_request(rng, number, rules, by_target) for number in range(requests)]


def generate(arguments):
    if arguments.large:
        rules, requests = large(arguments.rules, arguments.requests, arguments.seed)
        translate(rules, requests, pathlib.Path(arguments.folder))
        return 0
    rng = random.Random(arguments.seed)
    kinds = ["group", "conn_name", "conn_kind", "conn_env", "action_in", "tables_any", "row_gt", "path_prefix",
             "has_where_false"]
    effects = ["allow", "allow", "block", "approve", "mask"]
    rules = [{"id": f"r{number:05}", "effect": effects[number % len(effects)],
              "when": [random_condition(rng, kind) for kind in rng.sample(kinds, rng.randint(1, 3))]}
             for number in range(arguments.rules)]
    requests = [random_request(rng, number, rules) for number in range(arguments.requests)]
    translate(rules, requests, pathlib.Path(arguments.folder))
    return 0


# ---- peers ----

PEERS = pathlib.Path(__file__).with_name("peers") / "Cargo.toml"


def peers(arguments):
    """A table of what each engine takes for a decision, by the number of rules."""
    cargo = ["cargo", "build", "--release", "--quiet", "--locked", "--manifest-path", str(PEERS), "--message-format", "json"]
    built = subprocess.run(cargo, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    program = next(message["executable"] for message in map(json.loads, built) if message.get("executable"))
    print("| rules | engine | decisions as expected | p50 | p99 |\n|---|---|---|---|---|")
    for size in arguments.sizes:
        if arguments.source:
            names = (pathlib.Path(arguments.source) / f"{name}-{size}.json" for name in ("rules", "requests"))
            rules, requests = (json.loads(name.read_text(encoding="utf-8")) for name in names)
        else:
            rules, requests = large(size, arguments.requests, arguments.seed)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            translate_rules(rules, folder)
            for name, values in (("rules", rules), ("requests", requests)):
                (folder / f"{name}.json").write_text(json.dumps(values), encoding="utf-8")
            for words in (["keygen", "key"], ["build", "policy", "--vocabulary", "vocabulary.toml", "--key", "key", "-o", "bundle"]):
                subprocess.run([arguments.hpol, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            output = subprocess.run([program, str(folder)], check=True, stdout=subprocess.PIPE, text=True).stdout
        for figures in map(json.loads, output.splitlines()):
            print(f"| {size:,} | {figures['engine']} | {figures['as_expected']:,} of {figures['requests']:,} "
                  f"| {figures['p50_ns']:,} ns | {figures['p99_ns']:,} ns |", flush=True)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("generate")
    verb.add_argument("folder")
    for name, default in (("--rules", 20), ("--requests", 50), ("--seed", 7)):
        verb.add_argument(name, type=int, default=default)
    verb.add_argument("--large", action="store_true")
    verb = verbs.add_parser("peers")
    verb.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1_000, 10_000])
    verb.add_argument("--from", dest="source")
    verb.add_argument("--requests", type=int, default=2_000)
    verb.add_argument("--seed", type=int, default=42)
    verb.add_argument("--hpol", type=os.path.abspath, default="target/release/hpol")
    for name in ("translate", "run"):
        verb = verbs.add_parser(name)
        verb.add_argument("rules")
        verb.add_argument("requests")
        if name == "translate":
            verb.add_argument("folder")
        else:
            verb.add_argument("--hpol", default="hpol")
            verb.add_argument("--bench", action="store_true")
    verb = verbs.add_parser("compare")
    verb.add_argument("expected")
    verb.add_argument("answers")
    arguments = parser.parse_args()
    if arguments.verb == "generate":
        return generate(arguments)
    if arguments.verb == "translate":
        texts = (pathlib.Path(path).read_text(encoding="utf-8") for path in (arguments.rules, arguments.requests))
        translate(*map(json.loads, texts), pathlib.Path(arguments.folder))
        return 0
    if arguments.verb == "compare":
        return int(compare(read_lines(arguments.expected), read_lines(arguments.answers), arguments.answers) > 0)
    if arguments.verb == "peers":
        return peers(arguments)
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
