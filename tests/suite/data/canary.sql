-- What stands around the classified columns of the demo database: views, functions, children, statistics. Every
-- classified value holds a word that appears nowhere else. Loaded by the role that owns the tables.
UPDATE customers SET ssn = 'kestrel-' || id || '-quartz', notes = '';
UPDATE payments SET card_number = 'kestrel/' || id;
CREATE VIEW contact_cards AS SELECT id, upper(contact) AS card FROM customer_contacts;
CREATE MATERIALIZED VIEW contact_archive AS SELECT id, ssn AS archived FROM customers WHERE id < 5;
ALTER TABLE customers ADD COLUMN shouted text GENERATED ALWAYS AS (upper(ssn)) STORED;
CREATE TABLE vips () INHERITS (customers);
INSERT INTO vips SELECT id + 5000, name, email, ssn, city, balance, notes FROM customers WHERE id < 3;
CREATE DOMAIN short_text AS text CHECK (length(VALUE) < 3);
CREATE TABLE drafts (id integer PRIMARY KEY, body text);
CREATE FUNCTION ssn_of(integer) RETURNS text LANGUAGE sql STABLE
    AS 'SELECT ssn FROM customers WHERE id = $1';
CREATE FUNCTION ssn_of_anyone(integer) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
    AS 'BEGIN RETURN (SELECT ssn FROM public.customers WHERE id = $1); END';
CREATE FUNCTION pure_ssn() RETURNS text LANGUAGE plpgsql IMMUTABLE
    AS 'BEGIN RETURN (SELECT ssn FROM public.customers WHERE id = 1); END';
CREATE FUNCTION everyone() RETURNS SETOF customers LANGUAGE sql STABLE
    AS 'SELECT * FROM ONLY customers';
CREATE FUNCTION tell(integer) RETURNS integer LANGUAGE plpgsql
    AS $$ BEGIN RAISE NOTICE 'it is %', (SELECT ssn FROM public.customers WHERE id = $1); RETURN 1; END $$;
CREATE FUNCTION complain(integer) RETURNS integer LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'it is %', (SELECT ssn FROM public.customers WHERE id = $1); END $$;
CREATE PROCEDURE hand_over(INOUT found text) LANGUAGE plpgsql
    AS 'BEGIN SELECT ssn INTO found FROM public.customers WHERE id = 1; END';
ANALYZE;
