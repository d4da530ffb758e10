"""A cancel request ends the statement that runs, and not the session."""

import threading

import psycopg

from door import connect, equal

with connect() as connection:
    running = threading.Event()
    outcome = []

    def work():
        running.set()
        try:
            connection.execute(
                "SELECT count(*) FROM generate_series(1, 100000) a CROSS JOIN generate_series(1, 100000) b"
            )
        except psycopg.errors.QueryCanceled as error:
            outcome.append(error.sqlstate)

    worker = threading.Thread(target=work)
    worker.start()
    running.wait()
    # Asked again until it meets the statement: a cancel that comes early finds nothing to cancel, and must not hit later.
    while worker.is_alive():
        connection.cancel_safe(timeout=10)
        worker.join(timeout=0.2)
    equal(outcome, ["57014"])
    # PG-30: nothing of it is left over for the next statement.
    for _ in range(20):
        equal(connection.execute("SELECT count(*) FROM customers").fetchone(), (1000,))
