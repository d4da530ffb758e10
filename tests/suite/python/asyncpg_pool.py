"""asyncpg's pool: many tasks on few connections, each reset before the next has it."""

import asyncio

import asyncpg

from door import equal


async def pool():
    """Every release resets the connection: UNLISTEN, CLOSE ALL, RESET ALL and an advisory unlock in one text."""
    async with asyncpg.create_pool(min_size=1, max_size=3) as pool:

        async def one(id):
            async with pool.acquire() as connection:
                return await connection.fetchval("SELECT ssn FROM customers WHERE id = $1", id)

        found = await asyncio.gather(*(one(id) for id in range(1, 31)))
        equal(found, [f"***-**-432{id % 10}" for id in range(1, 31)])


asyncio.run(pool())
