"""PG-34: cursors and prepared statements of SQL are judged by the query behind their name; the rest is refused by name."""

import psycopg

from door import connect, equal, refused

with connect() as connection:
    with connection.transaction(), connection.cursor(name="held") as cursor:
        cursor.itersize = 300
        cursor.execute("SELECT id, ssn FROM customers ORDER BY id")
        found = list(cursor)
        equal(found, [(id, f"***-**-432{id % 10}") for id in range(1, 1001)])
    connection.execute("PREPARE by_id (int) AS SELECT ssn FROM customers WHERE id = $1")
    equal(connection.execute("EXECUTE by_id (3)").fetchone(), ("***-**-4323",))
    # A name tells nothing: neither when it is given nor when it is used does the query behind it get through.
    try:
        connection.execute("PREPARE hidden AS SELECT reverse(ssn) FROM customers WHERE id = 1")
        found = connection.execute("EXECUTE hidden").fetchone()
    except psycopg.errors.InsufficientPrivilege:
        pass
    else:
        raise AssertionError(f"{found} came through")
    for sql, words in (
        ("SET ROLE postgres", "role"),
        ("SET search_path = evil", "search_path"),
    ):
        with refused("0A000", words):
            connection.execute(sql)
