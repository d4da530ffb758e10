"""The extended protocol with parameters, in text and in binary format, and statements that stay prepared."""

from door import connect, equal, refused

with connect() as connection:
    # Parameters in binary, results in text and in binary.
    for binary in (False, True):
        with connection.cursor(binary=binary) as cursor:
            cursor.execute("SELECT id, ssn, balance FROM customers WHERE id = %b", (7,))
            found = cursor.fetchone()
            equal((found[0], found[1], float(found[2])), (7, "***-**-4327", 10.5))
            cursor.execute("SELECT card_number FROM payments WHERE id = %s", (1,))
            card = cursor.fetchone()[0]
            assert "5555" not in card and "4111" not in card, card
            cursor.execute("SELECT notes FROM customers WHERE id = %s", (7,))
            equal(cursor.fetchone(), ("called about ***-**-4327",))
            cursor.execute("SELECT ARRAY[%s]::text[]", ("see 987-65-4320",))
            assert "987-65" not in str(cursor.fetchone())

    with refused("42501", "wide.no_schema"):
        connection.execute("DROP TABLE orders", prepare=True)
    with refused("42501", "ssn"):
        connection.execute("SELECT id FROM customers WHERE ssn = %s", ("987-65-4321",))

    # PG-20: a prepared statement is judged each time it runs, and masked each time.
    for id in range(1, 9):
        found = connection.execute("SELECT ssn FROM customers WHERE id = %s", (id,), prepare=True).fetchone()
        equal(found, (f"***-**-432{id % 10}",))

    # The refusal of one statement does not disturb those that are prepared.
    with refused("42501"):
        connection.execute("TRUNCATE orders", prepare=True)
    equal(connection.execute("SELECT ssn FROM customers WHERE id = %s", (5,), prepare=True).fetchone(), ("***-**-4325",))

    # In a transaction: failed by the refusal, and usable again after its end.
    import psycopg

    try:
        with connection.transaction():
            connection.execute("UPDATE orders SET item = 'undone' WHERE id = %s", (2,))
            connection.execute("DROP TABLE orders")
    except psycopg.errors.InsufficientPrivilege:
        pass
    else:
        raise AssertionError("the DROP went through")
    equal(connection.execute("SELECT item FROM orders WHERE id = %s", (2,)).fetchone(), ("item-2",))
