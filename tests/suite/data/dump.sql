-- What a dump has to tell of, beside the demo data.
CREATE SCHEMA stock;
CREATE TYPE stock.state AS ENUM ('new', 'sold');
CREATE DOMAIN stock.label AS text CHECK (VALUE <> '');
CREATE SEQUENCE stock.numbers START 7;
CREATE TABLE stock.items (
    id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number bigint NOT NULL DEFAULT nextval('stock.numbers'),
    label  stock.label,
    state  stock.state NOT NULL DEFAULT 'new',
    double bigint GENERATED ALWAYS AS (number * 2) STORED,
    bytes  bytea,
    tags   text[]
);
COMMENT ON TABLE stock.items IS 'things on shelves';
CREATE INDEX ON stock.items (lower(label));
CREATE STATISTICS stock.both ON number, state FROM stock.items;
CREATE FUNCTION stock.twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
CREATE FUNCTION stock.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON stock.items FOR EACH ROW EXECUTE FUNCTION stock.touch();
CREATE VIEW stock.sold AS SELECT id, label FROM stock.items WHERE state = 'sold';
CREATE MATERIALIZED VIEW stock.counts AS SELECT state, count(*) FROM stock.items GROUP BY state;
CREATE TABLE stock.moves (at date NOT NULL, item integer) PARTITION BY RANGE (at);
CREATE TABLE stock.moves_2026 PARTITION OF stock.moves FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE POLICY everyone ON stock.items USING (true);
GRANT SELECT ON stock.items TO PUBLIC;
INSERT INTO stock.items (label, state, bytes, tags) VALUES
    (E'tab\tline\nback\\slash\r', 'sold', '\x00ff', '{"a b","c\"d",NULL}'),
    (NULL, 'new', NULL, NULL),
    ('\N', 'new', '', '{}');
INSERT INTO stock.moves VALUES ('2026-02-03', 1);
