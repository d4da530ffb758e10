#!/usr/bin/env python3
"""HTTP responses of 1 KB and 1 MB: through nginx, through haproxy, and through the gateway with token check, policy and
audit log; with every read durable, with reads buffered, and with detectors on.

    tests/bench/http_rate.py [--bin FOLDER] [--seconds 2] [--rounds 4] [--tls-upstream] [--json]

TLS 1.3 to the client with the same certificate, keep-alive on both sides, an nginx that serves files as the origin of all.
The runs of a round follow each other, so that what else the machine does meets each alike. About two minutes.
"""

import re
import subprocess
import sys

from stand import DETECTORS, GRANTS, Stand, fsync_floor, median, need, options, program_path, progress, report, table

UNITS = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
SIZES = {"1k.json": 1 << 10, "1m.json": 1 << 20}


def document(length):
    """JSON of exactly this length, in which nothing has to be hidden."""
    record = b'{"id": 10457, "status": "shipped", "city": "Lisbon", "note": "left with the neighbour on the second floor"},'
    return (b"[" + record * ((length - 1) // len(record)))[:-1].ljust(length - 1) + b"]"


def run(port, name, token, clients, seconds):
    """Requests a second, bytes a second and the 99th percentile in milliseconds."""
    command = [program_path("wrk"), "-t", "2", "-c", str(clients), "-d", f"{max(1, round(seconds))}s", "--latency",
               "-H", f"Authorization: Bearer {token}", f"https://127.0.0.1:{port}/files/{name}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
    moved = re.search(r"Transfer/sec:\s+([0-9.]+)([KMG]?B)", done.stdout)
    tail = re.search(r"99%\s+([0-9.]+)(us|ms|s)", done.stdout)
    if done.returncode or not (rate and moved and tail) or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        sys.exit(f"wrk {name}: {done.stdout}{done.stderr}")
    unit = {"us": 0.001, "ms": 1, "s": 1000}[tail.group(2)]
    return float(rate.group(1)), float(moved.group(1)) * UNITS[moved.group(2)], float(tail.group(1)) * unit


def main():
    parser = options(__doc__, seconds=2, rounds=4)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--tls-upstream", action="store_true", help="TLS between the proxies and the origin too")
    parser.add_argument("--paths", default="origin,nginx,haproxy,durable,buffered,detectors")
    arguments = parser.parse_args()
    need("nginx", "haproxy", "wrk", "openssl")
    with Stand(arguments.bin) as stand:
        progress("starting the servers")
        wanted = arguments.paths.split(",")
        files = {name: document(length) for name, length in SIZES.items()}
        origin = stand.origin(files, arguments.tls_upstream)
        paths = {}
        if "origin" in wanted and arguments.tls_upstream:
            paths["origin"] = (int(origin.rsplit(":", 1)[1]), "none")
        for name, start in (("nginx", stand.nginx), ("haproxy", stand.haproxy)):
            if name in wanted:
                paths[name] = (start(origin), "none")
        for name, policy, reads in (("durable", GRANTS, "durable"), ("buffered", GRANTS, "buffered"),
                                    ("detectors", GRANTS + DETECTORS, "buffered")):
            if name in wanted:
                gateway = stand.gateway(policy, reads, http=origin)
                paths[name] = (gateway.ports["crm-api"], gateway.token)
        floor, runs = fsync_floor(stand.folder), {}
        for name, (port, token) in paths.items():
            run(port, "1k.json", token, arguments.clients, 1)  # warms connections
        for round_number in range(1, arguments.rounds + 1):
            for file in SIZES:
                for name, (port, token) in paths.items():
                    result = run(port, file, token, arguments.clients, arguments.seconds)
                    runs.setdefault((file, name), []).append(result)
                    progress(f"round {round_number}: {file}, {name}: {result[0]:.0f}/s, {result[1] / 1e6:.0f} MB/s")
    show(arguments, list(paths), runs, floor)


def show(arguments, paths, runs, floor):
    rows, figures = [], []
    for file in SIZES:
        for name in paths:
            results = runs[file, name]
            figure = {"body": file, "path": name, "per_second": round(median([rate for rate, _, _ in results]), 1),
                      "mb_per_second": round(median([moved for _, moved, _ in results]) / 1e6, 1),
                      "p99_ms": round(median([tail for _, _, tail in results]), 2)}
            row = [file, name, f"{figure['per_second']:.0f}", f"{figure['mb_per_second']:.0f}", f"{figure['p99_ms']:.2f}"]
            for peer in ("nginx", "haproxy"):
                if peer in paths:
                    # Of each round on its own, then the median: what changed between rounds falls out.
                    pairs = zip(results, runs[file, peer])
                    figure[f"of_{peer}"] = round(median([own[0] / other[0] for own, other in pairs]), 3)
                    row.append(f"{figure[f'of_{peer}']:.2f}")
            rows.append(row)
            figures.append(figure)
    upstream = "TLS" if arguments.tls_upstream else "plain"
    figures = {"benchmark": "http_rate", "clients": arguments.clients, "upstream": upstream, "seconds": arguments.seconds,
                "rounds": arguments.rounds, "fdatasync": floor, "figures": figures}
    peers = [f"/ {peer}" for peer in ("nginx", "haproxy") if peer in paths]
    report(arguments, figures, [
        (f"HTTP over TLS, {arguments.clients} clients, {upstream} to the origin, median of {arguments.rounds} runs of {arguments.seconds:g} s",
         table(["body", "through", "requests/s", "MB/s", "p99 ms", *peers], rows)),
        ("The disk's floor: one append of 512 bytes and fdatasync",
         table(["median", "p99"], [[f"{floor['median_us']} us", f"{floor['p99_us']} us"]])),
    ])


if __name__ == "__main__":
    main()
