#!/usr/bin/env python3
"""What the gateway holds of memory: for an idle session, of PostgreSQL and of HTTP, that has run one operation; and how far
it grows while one result of 1 GiB passes, with a masked column and detectors on.

    tests/bench/memory.py [--bin FOLDER] [--sessions 500] [--gib 1] [--json]

Resident memory as the kernel counts it, of a gateway of its own for each figure. The sessions are opened twice: the second
time shows what one more session takes, without what the first took for good. About two minutes.
"""

import socket
import threading
import time

from stand import COLUMN_MASK, DETECTORS, GRANTS, SUBJECT, Stand, need, options, progress, report, table
from wire import PgClient

DATA = """
CREATE TABLE customers (id integer PRIMARY KEY, ssn text NOT NULL);
INSERT INTO customers SELECT id, '987-65-432' || id % 10 FROM generate_series(1, 1000) AS id;
CREATE TABLE wide (id integer PRIMARY KEY, ssn text NOT NULL, notes text NOT NULL);
INSERT INTO wide SELECT id, '987-65-432' || id % 10, repeat('left with the neighbour on the second floor; ', 22)
    FROM generate_series(1, 10000) AS id;
VACUUM ANALYZE wide;
"""
ROW = 1030
POLICY = GRANTS + COLUMN_MASK + DETECTORS


class HttpClient:
    """One keep-alive connection that has made a request."""

    def __init__(self, port, token, tls):
        raw = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket = tls.wrap_socket(raw, server_hostname="localhost")
        self.socket.sendall(f"GET /files/1k.json HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"]"):
            part = self.socket.recv(65536)
            assert part, answer
            answer += part
        assert answer.startswith(b"HTTP/1.1 200"), answer

    def close(self):
        self.socket.close()


def settled(gateway):
    """Memory once it no longer changes much."""
    seen = [gateway.memory()]
    for _ in range(40):
        time.sleep(0.1)
        seen.append(gateway.memory())
        if len(seen) > 5 and max(seen[-5:]) - min(seen[-5:]) < 64:
            break
    return seen[-1]


def idle(gateway, sessions, connect):
    """KiB that one idle session takes, at first and the second time."""
    figures = []
    for _ in range(2):
        warm = connect()
        before = settled(gateway)
        clients = [connect() for _ in range(sessions)]
        after = settled(gateway)
        figures.append((after - before) / sessions)
        for client in [warm, *clients]:
            client.close()
        time.sleep(1)
    return figures


def growth(gateway, gib, stand):
    """The most that memory grew while the result passed, in MiB, and the bytes that passed."""
    rows = gib * (1 << 30) // ROW
    client = PgClient(gateway.ports["orders-prod"], SUBJECT, gateway.token, stand.client_tls())
    client.drain("SELECT * FROM wide")
    before, most, done = settled(gateway), [0], threading.Event()

    def watch():
        while not done.wait(0.02):
            most[0] = max(most[0], gateway.memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    count, first = client.drain(f"SELECT wide.* FROM wide, generate_series(1, {rows // 10000 + 1}) AS g")
    taken = time.perf_counter() - start
    done.set()
    watcher.join()
    assert b"987-65-432" not in first, "the column is not masked"
    return (most[0] - before) / 1024, count, count / taken / 1e6


def main():
    parser = options(__doc__)
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--gib", type=int, default=1)
    arguments = parser.parse_args()
    need("postgres", "nginx", "openssl")
    limit = arguments.sessions + 50
    with Stand(arguments.bin) as stand:
        progress("starting the servers")
        stand.postgres([DATA], connections=limit)
        origin = stand.origin({"1k.json": b"[" + b"1," * 510 + b"10]"})
        context = stand.client_tls()
        postgres = stand.gateway(POLICY, clients=limit + 50)
        progress(f"{arguments.sessions} PostgreSQL sessions, twice")

        def pg_session():
            client = PgClient(postgres.ports["orders-prod"], SUBJECT, postgres.token, context)
            client.drain("SELECT * FROM customers WHERE id = 7")
            return client

        pg = idle(postgres, arguments.sessions, pg_session)
        web = stand.gateway(POLICY, http=origin, clients=limit + 50)
        progress(f"{arguments.sessions} HTTP sessions, twice")
        http = idle(web, arguments.sessions, lambda: HttpClient(web.ports["crm-api"], web.token, context))
        progress(f"a result of {arguments.gib} GiB")
        grown, count, rate = growth(stand.gateway(POLICY), arguments.gib, stand)
    figures = {"benchmark": "memory", "sessions": arguments.sessions, "postgres_idle_kib": pg, "http_idle_kib": http,
               "result_bytes": count, "result_growth_mib": round(grown, 1), "result_mb_per_second": round(rate, 1)}
    report(arguments, figures, [
        (f"An idle session ({arguments.sessions} at once, TLS, after one operation), KiB",
         table(["protocol", "at first", "again"], [["PostgreSQL", *(f"{value:.1f}" for value in pg)], ["HTTP", *(f"{value:.1f}" for value in http)]])),
        (f"A result of {count / (1 << 30):.2f} GiB, masked column and detectors",
         table(["most growth", "MB/s"], [[f"{grown:.1f} MiB", f"{rate:.0f}"]])),
    ])


if __name__ == "__main__":
    main()
