"""asyncpg: the extended protocol in binary only, its cursors and COPY."""

import asyncio
import os

import asyncpg

from door import equal

ID = int(os.environ["WALK_ID"])
LONG = "SELECT count(*) FROM generate_series(1, 100000) a CROSS JOIN generate_series(1, 100000) b"


async def refused(kind, code, awaitable):
    """The error has the class and the code."""
    try:
        await awaitable
    except kind as error:
        equal(error.sqlstate, code)
        return error
    raise AssertionError(f"not refused with {code}")


async def statements(connection):
    row = await connection.fetchrow("SELECT id, ssn, balance FROM customers WHERE id = $1", 7)
    equal((row["id"], row["ssn"], float(row["balance"])), (7, "***-**-4327", 10.5))
    prepared = await connection.prepare("SELECT ssn FROM customers WHERE id = $1")
    for id in range(1, 9):
        equal(await prepared.fetchval(id), f"***-**-432{id}")
    error = await refused(asyncpg.InsufficientPrivilegeError, "42501", connection.execute("DROP TABLE orders"))
    assert "clients.no_schema" in str(error) and error.hint == "Ask for a migration", error
    equal(await prepared.fetchval(5), "***-**-4325")
    await refused(asyncpg.PostgresSyntaxError, "42601", connection.execute("SELEC 1"))
    again = "INSERT INTO orders VALUES ($1, 1, 'again', 1, 'new')"
    await refused(asyncpg.UniqueViolationError, "23505", connection.execute(again, ID))
    found = await connection.fetch("SELECT id, ssn FROM customers WHERE id = ANY($1::int[]) ORDER BY id", [1, 2])
    equal([tuple(row) for row in found], [(1, "***-**-4321"), (2, "***-**-4322")])


async def transactions(connection):
    try:
        async with connection.transaction():
            await connection.execute("UPDATE orders SET item = 'undone' WHERE id = $1", ID)
            await connection.execute("DROP TABLE orders")
    except asyncpg.InsufficientPrivilegeError:
        pass
    equal(await connection.fetchval("SELECT item FROM orders WHERE id = $1", ID), f"item-{ID}")
    async with connection.transaction():
        await connection.execute("UPDATE orders SET item = 'asyncpg' WHERE id = $1", ID)
        # A savepoint that is refused goes back alone.
        try:
            async with connection.transaction():
                await connection.execute("DROP TABLE orders")
        except asyncpg.InsufficientPrivilegeError:
            pass
    equal(await connection.fetchval("SELECT item FROM orders WHERE id = $1", ID), "asyncpg")


async def many(connection):
    rows = [(ID * 1000 + n, 1, "many", 1, "new") for n in range(100)]
    await connection.executemany("INSERT INTO orders VALUES ($1, $2, $3, $4, $5)", rows[:50])
    await connection.copy_records_to_table("orders", records=rows[50:])
    wanted = await connection.fetchval("SELECT count(*) FROM orders WHERE item = 'many' AND id / 1000 = $1", ID)
    equal(wanted, 100)
    async with connection.transaction():
        count = 0
        async for id, ssn in connection.cursor("SELECT id, ssn FROM customers ORDER BY id", prefetch=100):
            count += 1
            equal(ssn, f"***-**-432{id % 10}")
        equal(count, 1000)
    wide = await connection.fetch(
        "SELECT n, c.ssn FROM generate_series(1, 50000) n JOIN customers c ON c.id = 1 + n % 1000"
    )
    equal(len(wide), 50000)
    assert all(ssn.startswith("***-**-432") for _, ssn in wide)


async def cancelled(connection):
    try:
        # asyncpg sends a cancel request when the time is up.
        await connection.fetch(LONG, timeout=1)
    except asyncio.TimeoutError:
        pass
    else:
        raise AssertionError("the long statement came to its end")
    equal(await connection.fetchval("SELECT count(*) FROM customers"), 1000)


async def held(connection):
    notices = []
    connection.add_log_listener(lambda _, notice: notices.append(notice.message))
    done = await connection.execute("UPDATE payments SET status = 'asyncpg' WHERE id = $1", ID)
    equal(done, "UPDATE 1")
    assert any("waiting for approval" in notice for notice in notices), notices


async def main():
    connection = await asyncpg.connect()
    for part in (statements, transactions, many, cancelled, held):
        await part(connection)
    await connection.close()


asyncio.run(main())
