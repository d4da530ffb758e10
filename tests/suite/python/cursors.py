"""What this version does not carry is refused by name: cursors in SQL."""

from door import connect, equal, refused

with connect() as connection:
    with connection.transaction():
        with refused("0A000", "cursors in SQL are not supported"):
            with connection.transaction(), connection.cursor(name="held") as cursor:
                cursor.execute("SELECT id FROM orders")
        # The savepoint that psycopg set went back with the refusal; the transaction goes on.
        equal(connection.execute("SELECT count(*) FROM customers").fetchone(), (1000,))
    for sql, words in (
        ("PREPARE p AS SELECT 1", "PREPARE"),
        ("LISTEN channel", "LISTEN"),
        ("SET ROLE postgres", "role"),
        ("SET search_path = evil", "search_path"),
    ):
        with refused("0A000", words):
            connection.execute(sql)
