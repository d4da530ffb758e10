-- The demo database: a shop with customers, payments and orders. Every value is reserved for tests: the SSN block
-- 987-65-4320 to 4329, card numbers that only satisfy Luhn, example.com addresses. Loaded by the role that owns it.
CREATE TABLE customers (
    id      integer PRIMARY KEY,
    name    text NOT NULL,
    email   text NOT NULL,
    ssn     text NOT NULL,
    city    text NOT NULL,
    balance numeric(12, 2) NOT NULL DEFAULT 0,
    notes   text NOT NULL DEFAULT ''
);
CREATE TABLE payments (
    id          integer PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customers (id),
    card_number text NOT NULL,
    amount      numeric(12, 2) NOT NULL,
    status      text NOT NULL
);
CREATE TABLE orders (
    id          integer PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customers (id),
    item        text NOT NULL,
    quantity    integer NOT NULL,
    status      text NOT NULL
);
CREATE VIEW customer_contacts AS SELECT id, name, ssn AS contact FROM customers;
INSERT INTO customers
    SELECT id, 'Customer ' || id, 'customer' || id || '@example.com', '987-65-432' || id % 10,
           (ARRAY['Berlin', 'Lisbon', 'Oslo', 'Turin'])[1 + id % 4], id * 1.5,
           CASE WHEN id % 7 = 0 THEN 'called about 987-65-432' || id % 10 ELSE '' END
    FROM generate_series(1, 1000) AS id;
INSERT INTO payments
    SELECT id, 1 + id % 1000, (ARRAY['4111111111111111', '5555555555554444', '378282246310005'])[1 + id % 3],
           id * 0.75, (ARRAY['settled', 'open'])[1 + id % 2]
    FROM generate_series(1, 1000) AS id;
INSERT INTO orders
    SELECT id, 1 + id % 1000, 'item-' || id, 1 + id % 5, (ARRAY['new', 'shipped', 'returned'])[1 + id % 3]
    FROM generate_series(1, 1000) AS id;
