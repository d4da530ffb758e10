#!/usr/bin/env python3
"""Lookups by key a second (`pgbench -S`): direct, through pgbouncer (session mode), and through the gateway with masks and
detectors on, once with every read durable and once with reads buffered.

    tests/bench/postgres_rate.py [--bin FOLDER] [--seconds 2] [--rounds 4] [--json]

Every leg has TLS unless `--plain-upstream` says that both proxies speak to PostgreSQL without. All servers run all the time
and the runs of a round follow each other, so that what else the machine does meets each alike. About four minutes.
"""

import os
import re
import subprocess
import sys

from stand import COLUMN_MASK, DETECTORS, GRANTS, PASSWORD, SUBJECT, USER, Stand, fsync_floor, median, need, options, \
    program_path, progress, report, table

DATA = """
CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL, ssn text NOT NULL);
CREATE TABLE wide (id integer PRIMARY KEY, ssn text NOT NULL);
INSERT INTO customers SELECT id, 'Customer ' || id, '987-65-432' || id % 10 FROM generate_series(1, 1000) AS id;
"""


def run(port, user, password, mode, clients, seconds, stand):
    """Transactions a second."""
    environment = {**os.environ, **stand.pg_environment(port, user, password)}
    # On a machine that does much else, connecting alone may take a short run's time.
    for length in (seconds, 2 * seconds, 5 * seconds):
        command = [program_path("pgbench"), "-n", "-S", "-M", mode, "-c", str(clients), "-j", "2", "-T", str(int(max(1, length)))]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        rate = re.search(r"tps = ([0-9.]+)", done.stdout)
        if done.returncode or rate:
            break
    failed = re.search(r"number of failed transactions: ([1-9][0-9]*)", done.stdout)
    if done.returncode or failed or not rate:
        sys.exit(f"pgbench -M {mode} -c {clients}: {done.stdout}{done.stderr}")
    return float(rate.group(1))


def main():
    parser = options(__doc__, seconds=2, rounds=4)
    parser.add_argument("--modes", default="simple,extended,prepared")
    parser.add_argument("--clients", default="8,32")
    parser.add_argument("--paths", default="direct,pgbouncer,durable,buffered")
    parser.add_argument("--scale", type=int, default=5, help="of pgbench's tables: 100,000 rows each")
    parser.add_argument("--plain-upstream", action="store_true")
    arguments = parser.parse_args()
    need("postgres", "pgbench", "pgbouncer", "openssl")
    modes, clients = arguments.modes.split(","), [int(count) for count in arguments.clients.split(",")]
    with Stand(arguments.bin) as stand:
        progress("starting the servers")
        direct = stand.postgres([DATA])
        environment = {**os.environ, **stand.pg_environment(direct, USER, PASSWORD)}
        subprocess.run([program_path("pgbench"), "-q", "-i", "-s", str(arguments.scale)], env=environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        paths = {"direct": (direct, USER, PASSWORD)}
        tls = not arguments.plain_upstream
        wanted = arguments.paths.split(",")
        if "pgbouncer" in wanted:
            paths["pgbouncer"] = (stand.pgbouncer(tls), USER, PASSWORD)
        for reads in ("durable", "buffered"):
            if reads in wanted:
                gateway = stand.gateway(GRANTS + COLUMN_MASK + DETECTORS, reads, tls)
                paths[reads] = (gateway.ports["orders-prod"], SUBJECT, gateway.token)
        paths = {name: paths[name] for name in wanted}
        floors, rates = [fsync_floor(stand.folder)], {}
        for name, path in paths.items():
            run(*path, modes[0], clients[0], 1, stand)  # warms caches and connections
        for round_number in range(1, arguments.rounds + 1):
            for mode in modes:
                for count in clients:
                    for name, path in paths.items():
                        rate = run(*path, mode, count, arguments.seconds, stand)
                        rates.setdefault((mode, count, name), []).append(rate)
                        progress(f"round {round_number}: {mode}, {count} clients, {name}: {rate:.0f}/s")
            floors.append(fsync_floor(stand.folder))
    show(arguments, list(paths), modes, clients, rates, floors)


def show(arguments, paths, modes, clients, rates, floors):
    rows, figures = [], []
    for mode in modes:
        for count in clients:
            medians = {name: median(rates[mode, count, name]) for name in paths}
            figure = {"mode": mode, "clients": count, "per_second": {name: round(value) for name, value in medians.items()}}
            row = [mode, count, *(f"{medians[name]:.0f}" for name in paths)]
            for name in ("durable", "buffered"):
                if "pgbouncer" in medians and name in medians:
                    # Of each round on its own, then the median: what changed between rounds falls out.
                    pairs = zip(rates[mode, count, name], rates[mode, count, "pgbouncer"])
                    figure[f"{name}_of_pgbouncer"] = round(median([own / peer for own, peer in pairs]), 3)
                    row.append(f"{figure[f'{name}_of_pgbouncer']:.2f}")
            rows.append(row)
            figures.append(figure)
    ratios = [f"{name} / pgbouncer" for name in ("durable", "buffered") if name in paths and "pgbouncer" in paths]
    floor = {"median_us": round(median([floor["median_us"] for floor in floors])), "p99_us": max(floor["p99_us"] for floor in floors)}
    legs = "client" if arguments.plain_upstream else "every leg"
    document = {"benchmark": "postgres_rate", "tls": legs, "seconds": arguments.seconds, "rounds": arguments.rounds,
                "fdatasync": floor, "figures": figures, "runs": {f"{mode}/{count}/{name}": values for (mode, count, name), values in rates.items()}}
    report(arguments, document, [
        (f"pgbench -S, lookups a second, median of {arguments.rounds} runs of {arguments.seconds:g} s (TLS: {legs})",
         table(["mode", "clients", *paths, *ratios], rows)),
        ("The disk's floor: one append of 512 bytes and fdatasync",
         table(["median", "p99"], [[f"{floor['median_us']} us", f"{floor['p99_us']} us"]])),
    ])


if __name__ == "__main__":
    main()
