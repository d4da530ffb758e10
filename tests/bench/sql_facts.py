#!/usr/bin/env python3
"""Scores `hpol facts postgres` against labelled statements.

    tests/bench/sql_facts.py STATEMENTS.jsonl [--hpol PATH]

A line holds `id`, `class` (`abuse` or `benign`), `sql` and `truth` with `reads`, `writes`, `kinds` and `dangerous`.
Each fact must be as stated, or unknown with nothing in it that is not stated: an unknown fact widens no access. A
dangerous statement is missed if facts are fully known and show nothing that a policy could catch it by. A benign
statement is taken for dangerous if it is refused or one of its facts is unknown. Ends with 1 below the goals.
"""

import argparse
import json
import subprocess
import sys

GOAL = 0.95

# The kinds of the labels in verbs of the vocabulary; kinds that are not here are verbs.
KINDS = {
    "empty": [], "tx": ["transaction"], "values": ["select"], "upsert": ["insert", "update"],
    "copy-in": ["copy"], "copy-out": ["copy"], "declare-cursor": ["declare"], "select-into": ["select", "create"],
    "alter-table": ["alter"], "alter-system": ["alter"], "alter-role": ["alter"],
    "alter-default-privileges": ["alter"], "import-foreign-schema": ["create"], "reassign-owned": ["alter"],
    "drop-owned": ["drop"], "security-label": ["other"],
}
# What a policy catches a statement by, where only reading verbs are seen: `select` alone tells nothing.
READING = {"select", "explain", "show", "transaction", "prepare", "deallocate"}


def verbs(kind):
    if kind in KINDS:
        return KINDS[kind]
    return ["create"] if kind.startswith("create-") else [kind]


def holds(fact, stated, answer):
    """Exactly what is stated; or unknown, with nothing beyond what is stated."""
    known = set(answer["facts"].get(fact, []))
    if fact in answer["unknown"]:
        return "*" in stated or known <= stated or "refused" in answer
    return known == stated


def caught(answer):
    facts = answer["facts"]
    return (
        "refused" in answer or bool(answer["unknown"]) or bool(set(facts["verbs"]) - READING)
        or bool(facts["reads"]) or bool(facts["writes"]) or bool(facts["functions"]) or facts["statements"] > 1
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("statements")
    parser.add_argument("--hpol", default="hpol")
    arguments = parser.parse_args()
    with open(arguments.statements, encoding="utf-8") as file:
        cases = [json.loads(line) for line in file if line.strip()]
    lines = "".join(json.dumps({"id": case["id"], "sql": case["sql"]}) + "\n" for case in cases)
    run = subprocess.run([arguments.hpol, "facts", "postgres"], input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [case["id"] for case in cases]

    right = {"verbs": 0, "reads": 0, "writes": 0}
    exact = dict(right)
    missed, alarmed = [], []
    for case, answer in zip(cases, answers):
        truth = case["truth"]
        stated = {
            "verbs": {verb for kind in truth["kinds"] for verb in verbs(kind)},
            "reads": set(truth["reads"]), "writes": set(truth["writes"]),
        }
        for fact, wanted in stated.items():
            good = holds(fact, wanted, answer)
            right[fact] += good
            exact[fact] += set(answer["facts"].get(fact, [])) == wanted and fact not in answer["unknown"]
            if not good:
                print(f"{case['id']} {fact}: stated {sorted(wanted)}, found {answer['facts'].get(fact)}"
                      f"{' (unknown)' if fact in answer['unknown'] else ''}: {case['sql']!r}")
        if case["class"] == "benign" and ("refused" in answer or answer["unknown"]):
            alarmed.append(case["id"])
            print(f"{case['id']} benign, but {answer.get('refused') or answer['unknown']}: {case['sql']!r}")
        if truth["dangerous"] and not caught(answer):
            missed.append(case["id"])
            print(f"{case['id']} missed: {truth['dangerous']}: {case['sql']!r}")
    for fact, count in right.items():
        print(f"{fact:7} {count}/{len(cases)} = {count / len(cases):.3f} as stated; {exact[fact]} fully known")
    print(f"dangerous and missed: {missed}\nbenign and taken for dangerous: {alarmed}")
    return int(bool(missed or alarmed) or min(right.values()) < GOAL * len(cases))


if __name__ == "__main__":
    sys.exit(main())
