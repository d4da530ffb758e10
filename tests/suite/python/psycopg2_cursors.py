"""psycopg2's cursors of the server, SQL's own PREPARE, and the reset before a pool hands a connection on."""

import psycopg2

from door import equal

connection = psycopg2.connect("")
cursor = connection.cursor()

# A result in portions through a cursor of the server.
with connection.cursor("portions") as portions:
    portions.itersize = 500
    portions.execute("SELECT id, ssn FROM customers ORDER BY id")
    found = list(portions)
    equal(len(found), 1000)
    assert all(ssn == f"***-**-432{id % 10}" for id, ssn in found)
connection.commit()

# SQL's own PREPARE, as users of this driver write it.
cursor.execute("PREPARE by_id (int) AS SELECT ssn FROM customers WHERE id = $1")
for id in range(1, 5):
    cursor.execute("EXECUTE by_id (%s)", (id,))
    equal(cursor.fetchone(), (f"***-**-432{id}",))
cursor.execute("DEALLOCATE by_id")
connection.commit()

# A pool hands the connection on with this.
connection.reset()
cursor.execute("SELECT count(*) FROM customers")
equal(cursor.fetchone(), (1000,))
connection.close()
