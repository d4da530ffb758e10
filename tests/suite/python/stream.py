"""A large result arrives while it is produced: the first row is there long before the last, and every row is masked."""

import time

from door import connect, equal

ROWS = 200_000

with connect() as connection:
    started = time.monotonic()
    first = None
    count = 0
    with connection.cursor() as cursor:
        sql = f"SELECT n, c.ssn, 'see 987-65-4320' FROM generate_series(1, {ROWS}) n JOIN customers c ON c.id = 1 + n % 1000"
        for row in cursor.stream(sql):
            if first is None:
                first = time.monotonic() - started
            count += 1
            if count % 1000 == 0:
                assert row[1].startswith("***-**-432") and row[2] == "see ***-**-4320", row
    took = time.monotonic() - started
    equal(count, ROWS)
    print(f"first row after {first:.2f} s, all {ROWS} after {took:.2f} s")
    assert took < 60, took
    # PG-50: a client that stops in the middle leaves a session that works.
    with connection.cursor() as cursor:
        rows = cursor.stream(f"SELECT n FROM generate_series(1, {ROWS}) n")
        equal(next(rows), (1,))
        rows.close()
    equal(connection.execute("SELECT count(*) FROM customers").fetchone(), (1000,))
