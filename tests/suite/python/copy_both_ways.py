"""COPY in both directions."""

from door import connect, equal, refused

with connect() as connection:
    with connection.cursor() as cursor:
        with cursor.copy("COPY orders (id, customer_id, item, quantity, status) FROM STDIN") as copy:
            for id in range(5001, 5101):
                copy.write_row((id, 1, f"copied-{id}", 1, "new"))
        equal(cursor.rowcount, 100)
        with cursor.copy("COPY (SELECT id, item FROM orders WHERE id > 5000 ORDER BY id) TO STDOUT") as copy:
            rows = list(copy.rows())
        equal(len(rows), 100)
        equal(rows[0], ("5001", "copied-5001"))

        # Free text is searched on its way out.
        with cursor.copy("COPY (SELECT 'called about 987-65-4327', id FROM orders WHERE id = 7) TO STDOUT") as copy:
            equal(list(copy.rows()), [("called about ***-**-4327", "7")])

        # PG-26: classified columns are masked, in text and in binary format.
        with cursor.copy("COPY (SELECT id, ssn FROM customers WHERE id = 1) TO STDOUT") as copy:
            equal(list(copy.rows()), [("1", "***-**-4321")])
        with cursor.copy("COPY (SELECT ssn, id FROM customers WHERE id < 3 ORDER BY id) TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["text", "int4"])
            equal(list(copy.rows()), [("***-**-4321", 1), ("***-**-4322", 2)])

    # Where it cannot be told which columns they are, or they are used otherwise, nothing leaves.
    for sql in (
        "COPY (SELECT c.*, s.* FROM customers c, (SELECT 1) s) TO STDOUT",
        "COPY (SELECT lower(ssn) FROM customers) TO STDOUT",
        "COPY (SELECT id FROM payments WHERE card_number LIKE '4%') TO STDOUT",
    ):
        with refused("42501"):
            with connection.cursor() as cursor, cursor.copy(sql) as copy:
                for _ in copy:
                    pass
    # Nor does it reach the server's programs and files.
    for sql in ("COPY orders TO PROGRAM 'cat'", "COPY orders FROM '/etc/passwd'"):
        with refused("0A000"):
            connection.execute(sql)

    # The client gives up in the middle: nothing of it stays.
    try:
        with connection.cursor() as cursor, cursor.copy("COPY orders FROM STDIN") as copy:
            copy.write_row((6001, 1, "given up", 1, "new"))
            raise RuntimeError("changed my mind")
    except RuntimeError:
        pass
    equal(connection.execute("SELECT count(*) FROM orders WHERE id = 6001").fetchone(), (0,))
    connection.execute("DELETE FROM orders WHERE id > 5000")
