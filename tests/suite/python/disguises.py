"""PG-39 and PG-40: ways around the mask. None of them may show a digit that it hides."""

import psycopg

from door import connect

SECRET = "987-65-43"
CARDS = ("4111111111111111", "5555555555554444", "378282246310005")

QUERIES = """
SELECT contact FROM customer_contacts WHERE id = 1
SELECT * FROM customer_contacts LIMIT 1
SELECT c.* FROM customers c LIMIT 1
SELECT c FROM customers c LIMIT 1
SELECT row_to_json(c) FROM customers c LIMIT 1
SELECT to_jsonb(c) FROM customers c LIMIT 1
SELECT array_agg(ssn) FROM customers
SELECT string_agg(ssn, '-') FROM customers
SELECT substr(ssn, 1, 3) || '#' || substr(ssn, 4) FROM customers LIMIT 1
SELECT replace(ssn, '-', '#') FROM customers LIMIT 1
SELECT reverse(ssn) FROM customers LIMIT 1
SELECT ssn::bytea FROM customers LIMIT 1
SELECT encode(ssn::bytea, 'hex') FROM customers LIMIT 1
SELECT md5(ssn) FROM customers LIMIT 1
SELECT length(ssn) FROM customers LIMIT 1
SELECT x.a FROM (SELECT ssn AS a FROM customers LIMIT 1) x
WITH x AS (SELECT ssn FROM customers) SELECT * FROM x LIMIT 1
SELECT (SELECT ssn FROM customers LIMIT 1)
SELECT name FROM customers UNION ALL SELECT ssn FROM customers
SELECT CASE WHEN ssn LIKE '987%' THEN 'yes' ELSE 'no' END FROM customers LIMIT 1
SELECT id FROM customers ORDER BY ssn
SELECT count(*) FROM customers GROUP BY ssn
SELECT DISTINCT ssn FROM customers
SELECT a.id FROM customers a JOIN customers b USING (ssn)
SELECT id FROM customers NATURAL JOIN customer_contacts
SELECT json_build_object('s', ssn) FROM customers LIMIT 1
SELECT jsonb_agg(customers) FROM customers
SELECT customers.ssn FROM public.customers AS customers LIMIT 1
SELECT "ssn" FROM "customers" LIMIT 1
SELECT c.s FROM customers AS c (i, n, e, s, t, b, o) LIMIT 1
SELECT max(ssn) OVER () FROM customers LIMIT 1
SELECT ROW(ssn) FROM customers LIMIT 1
SELECT ARRAY[ssn] FROM customers LIMIT 1
SELECT coalesce(ssn, '') FROM customers LIMIT 1
SELECT card_number::bigint + 1 FROM payments LIMIT 1
SELECT query_to_xml('SELECT ssn FROM customers', true, true, '')
SELECT most_common_vals FROM pg_stats WHERE tablename = 'customers'
UPDATE customers SET name = name WHERE id = 1 RETURNING ssn
UPDATE customers SET notes = ssn WHERE id = 900 RETURNING notes
INSERT INTO orders (id, customer_id, item, quantity, status) SELECT 9000, 1, ssn, 1, 'new' FROM customers WHERE id = 1
EXPLAIN (ANALYZE, VERBOSE) SELECT ssn FROM customers WHERE ssn = '987-65-4321'
TABLE customers
VALUES ((SELECT ssn FROM customers LIMIT 1))
""".strip().splitlines()

shown = []
refusals = 0
with connect() as connection:
    for binary in (False, True):
        for query in QUERIES:
            try:
                with connection.cursor(binary=binary) as cursor:
                    cursor.execute(query)
                    found = repr(cursor.fetchall()) if cursor.description else ""
            except psycopg.Error as error:
                refusals += 1
                found = f"{error} {error.diag.message_detail} {error.diag.context}"
                if query.find("'987") >= 0:
                    found = found.replace("'987-65-4321'", "")
            if SECRET in found or any(card in found for card in CARDS):
                shown.append((query, found[:200]))
            # Encoded in ways the search for digits does not see.
            if "3938372d3635" in found or "1234-56-789" in found or "234-56-789"[::-1] in found:
                shown.append((query, found[:200]))
assert not shown, shown
assert refusals > 20, refusals
