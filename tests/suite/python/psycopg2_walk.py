"""psycopg2: the simple protocol, values put into the text by the client, errors as the classes of its own."""

import os
import threading

import psycopg2
import psycopg2.errors
import psycopg2.extras

from door import equal

ID = int(os.environ["WALK_ID"])

connection = psycopg2.connect("")
assert connection.info.ssl_in_use
cursor = connection.cursor()

# What is allowed is masked, also where values come in by the client's own quoting.
cursor.execute("SELECT id, ssn, balance FROM customers WHERE id IN %s ORDER BY id", ((1, 2),))
equal([(id, ssn, float(balance)) for id, ssn, balance in cursor], [(1, "***-**-4321", 1.5), (2, "***-**-4322", 3.0)])
connection.commit()


def refused(kind, code, sql, *values):
    """The error has the class and the code, and fails the transaction like any other."""
    try:
        cursor.execute(sql, values)
    except kind as error:
        equal(error.pgcode, code)
        return error
    raise AssertionError(f"not refused: {sql}")


error = refused(psycopg2.errors.InsufficientPrivilege, "42501", "DROP TABLE orders")
assert "clients.no_schema" in error.pgerror and error.diag.message_hint == "Ask for a migration", error.pgerror
refused(psycopg2.errors.InFailedSqlTransaction, "25P02", "SELECT 1")
connection.rollback()

# A transaction that is refused in its middle leaves nothing behind; one that is not is there.
cursor.execute("UPDATE orders SET item = 'undone' WHERE id = %s", (ID,))
refused(psycopg2.errors.InsufficientPrivilege, "42501", "DROP TABLE orders")
connection.rollback()
cursor.execute("SELECT item FROM orders WHERE id = %s", (ID,))
equal(cursor.fetchone(), (f"item-{ID}",))
with connection:
    cursor.execute("UPDATE orders SET item = 'psycopg2' WHERE id = %s", (ID,))
    equal(cursor.rowcount, 1)

# Errors of the server keep their classes.
refused(psycopg2.errors.UniqueViolation, "23505", "INSERT INTO orders VALUES (%s, 1, 'again', 1, 'new')", ID)
connection.rollback()
refused(psycopg2.errors.SyntaxError, "42601", "SELEC 1")
connection.rollback()

# Many rows in one statement.
rows = [(ID * 1000 + n, 1, "many", 1, "new") for n in range(100)]
psycopg2.extras.execute_values(cursor, "INSERT INTO orders VALUES %s", rows)
connection.commit()

# A large result.
cursor.execute("SELECT n, c.ssn FROM generate_series(1, 50000) n JOIN customers c ON c.id = 1 + n %% 1000", ())
assert all(ssn.startswith("***-**-432") for _, ssn in cursor)
connection.commit()

# A cancel ends the statement and nothing else.
ended = threading.Event()


def cancel():
    # Asked again until it meets the statement: one that comes early finds nothing to cancel.
    while not ended.wait(0.2):
        connection.cancel()


canceller = threading.Thread(target=cancel)
canceller.start()
refused(
    psycopg2.errors.QueryCanceled,
    "57014",
    "SELECT count(*) FROM generate_series(1, 100000) a CROSS JOIN generate_series(1, 100000) b",
)
ended.set()
canceller.join()
connection.rollback()

# What waits for a person goes on when the person agrees.
cursor.execute("UPDATE payments SET status = 'psycopg2' WHERE id = %s", (ID,))
equal(cursor.rowcount, 1)
connection.commit()
assert any("waiting for approval" in notice for notice in connection.notices), connection.notices

connection.close()
