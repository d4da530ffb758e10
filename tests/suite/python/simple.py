"""The simple protocol: psycopg's client cursor puts the values into the text itself."""

import psycopg

from door import connect, equal, refused

with connect(cursor_factory=psycopg.ClientCursor) as connection:
    rows = connection.execute("SELECT id, ssn FROM customers WHERE id IN (%s, %s) ORDER BY id", (1, 2)).fetchall()
    equal(rows, [(1, "***-**-4321"), (2, "***-**-4322")])
    with refused("42501", "wide.no_schema", "Ask for a migration"):
        connection.execute("DROP TABLE orders")
    # PG-18: one message, one judgement; the first statement has not run either.
    with refused("42501", "wide.no_schema"):
        connection.execute("UPDATE orders SET item = 'smuggled' WHERE id = 1; DROP TABLE orders")
    equal(connection.execute("SELECT item FROM orders WHERE id = 1").fetchone(), ("item-1",))
    # Several statements that are all allowed.
    cursor = connection.execute("SELECT 1; SELECT ssn FROM customers WHERE id = 3")
    equal(cursor.fetchall(), [(1,)])
    assert cursor.nextset()
    equal(cursor.fetchall(), [("***-**-4323",)])
