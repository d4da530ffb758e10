#!/usr/bin/env python3
"""A PostgreSQL result of 60 MB, in MB/s: direct, through pgbouncer, and through the gateway without masks, with a masked
column, and with detectors in every text beside it.

    tests/bench/wide_result.py [--bin FOLDER] [--megabytes 60] [--rounds 5] [--plain-upstream] [--json]

TLS on every leg unless `--plain-upstream` says otherwise. Under a minute.
"""

import time

from stand import COLUMN_MASK, DETECTORS, GRANTS, PASSWORD, SUBJECT, USER, Stand, median, need, options, progress, report, table
from wire import PgClient

# About 600 bytes a row: prose in which nothing has to be hidden, and a number that does.
DATA = """
CREATE TABLE customers (id integer PRIMARY KEY, ssn text NOT NULL);
CREATE TABLE wide (id integer PRIMARY KEY, name text NOT NULL, ssn text NOT NULL, city text NOT NULL, notes text NOT NULL);
INSERT INTO wide SELECT id, 'Customer ' || id, '987-65-432' || id % 10, 'Lisbon',
    'Order ' || id || ' ' || repeat('left with the neighbour on the second floor, called back in the morning; ', 7)
    FROM generate_series(1, {rows}) AS id;
VACUUM ANALYZE wide;
"""
ROW = 590


def main():
    parser = options(__doc__, rounds=5)
    parser.add_argument("--megabytes", type=int, default=60)
    parser.add_argument("--plain-upstream", action="store_true")
    arguments = parser.parse_args()
    need("postgres", "pgbouncer", "openssl")
    tls = not arguments.plain_upstream
    with Stand(arguments.bin) as stand:
        progress("starting the servers")
        rows = arguments.megabytes * 1_000_000 // ROW
        direct = stand.postgres([DATA.replace("{rows}", str(rows))])
        paths = {"direct": (direct, USER, PASSWORD), "pgbouncer": (stand.pgbouncer(tls), USER, PASSWORD)}
        policies = {"gateway": GRANTS, "gateway, masked column": GRANTS + COLUMN_MASK,
                    "gateway, masked column and detectors": GRANTS + COLUMN_MASK + DETECTORS}
        for name, policy in policies.items():
            gateway = stand.gateway(policy, "durable", tls)
            paths[name] = (gateway.ports["orders-prod"], SUBJECT, gateway.token)
        figures = measure(arguments, stand, paths, rows)
    show(arguments, figures, tls)


def measure(arguments, stand, paths, rows):
    rates = {name: [] for name in paths}
    for round_number in range(arguments.rounds + 1):
        for name, (port, user, password) in paths.items():
            client = PgClient(port, user, password, stand.client_tls())
            start = time.perf_counter()
            count, first = client.drain(f"SELECT * FROM wide LIMIT {rows if round_number else 1000}")
            taken = time.perf_counter() - start
            client.close()
            hidden = b"987-65-432" not in first
            assert hidden == ("masked" in name), f"{name}: the column is {'' if hidden else 'not '}masked"
            if round_number:  # the first warms caches
                rates[name].append(count / taken / 1e6)
                progress(f"round {round_number}: {name}: {count / 1e6:.1f} MB, {rates[name][-1]:.0f} MB/s")
    return rates


def show(arguments, rates, tls):
    figures, rows = [], []
    for name, values in rates.items():
        ratios = {peer: round(median([own / other for own, other in zip(values, rates[peer])]), 3) for peer in ("direct", "pgbouncer")}
        figures.append({"path": name, "mb_per_second": round(median(values), 1), **{f"of_{peer}": ratio for peer, ratio in ratios.items()}})
        rows.append([name, f"{median(values):.0f}", *(f"{ratio:.2f}" for ratio in ratios.values())])
    legs = "every leg" if tls else "client"
    report(arguments, {"benchmark": "wide_result", "tls": legs, "megabytes": arguments.megabytes, "rounds": arguments.rounds, "figures": figures},
           [(f"A result of {arguments.megabytes} MB, median of {arguments.rounds} (TLS: {legs})",
             table(["through", "MB/s", "/ direct", "/ pgbouncer"], rows))])


if __name__ == "__main__":
    main()
