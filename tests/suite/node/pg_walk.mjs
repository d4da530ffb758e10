// node-postgres: the simple protocol without values, the extended one with them, named statements, its cursor and its pool.
// Run in the folder where its packages are installed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(`${process.cwd()}/`);
const pg = require('pg');
const Cursor = require('pg-cursor');

const id = Number(process.env.WALK_ID);
const settings = {
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  user: process.env.PGUSER,
  database: process.env.PGDATABASE,
  password: process.env.PGPASSWORD,
  ssl: { ca: readFileSync(process.env.PGSSLROOTCERT) },
};
const long = 'SELECT count(*) FROM generate_series(1, 100000) a CROSS JOIN generate_series(1, 100000) b';

const client = new pg.Client(settings);
const notices = [];
client.on('notice', (notice) => notices.push(notice.message));
await client.connect();

// In the simple protocol, and in the extended one with a value.
const simple = await client.query('SELECT id, ssn FROM customers WHERE id IN (1, 2) ORDER BY id');
assert.deepEqual(simple.rows, [{ id: 1, ssn: '***-**-4321' }, { id: 2, ssn: '***-**-4322' }]);
for (let n = 1; n < 9; n += 1) {
  const named = { name: 'by-id', text: 'SELECT ssn FROM customers WHERE id = $1', values: [n] };
  assert.deepEqual((await client.query(named)).rows, [{ ssn: `***-**-432${n}` }]);
}

async function refused(code, ...query) {
  try {
    await client.query(...query);
  } catch (error) {
    assert.ok(error instanceof pg.DatabaseError, String(error));
    assert.equal(error.code, code, error.message);
    return error;
  }
  throw new Error(`not refused: ${query}`);
}

const drop = await refused('42501', 'DROP TABLE orders');
assert.match(drop.message, /clients\.no_schema/);
assert.equal(drop.hint, 'Ask for a migration');
await refused('42501', { text: 'DROP TABLE orders', values: [], name: 'drop' });
await refused('23505', "INSERT INTO orders VALUES ($1, 1, 'again', 1, 'new')", [id]);
await refused('42601', 'SELEC 1');

// A transaction that is refused in its middle, and one that is not.
await client.query('BEGIN');
await client.query("UPDATE orders SET item = 'undone' WHERE id = $1", [id]);
await refused('42501', 'DROP TABLE orders');
await refused('25P02', 'SELECT 1');
await client.query('ROLLBACK');
const item = async () => (await client.query('SELECT item FROM orders WHERE id = $1', [id])).rows[0].item;
assert.equal(await item(), `item-${id}`);
await client.query('BEGIN');
assert.equal((await client.query("UPDATE orders SET item = 'pg' WHERE id = $1", [id])).rowCount, 1);
await client.query('COMMIT');
assert.equal(await item(), 'pg');

// A cursor reads in portions; what is left of it is closed.
const cursor = client.query(new Cursor('SELECT id, ssn FROM customers ORDER BY id', []));
for (let portion = 0; portion < 5; portion += 1) {
  const rows = await cursor.read(100);
  assert.equal(rows.length, 100);
  assert.ok(rows.every((row) => row.ssn === `***-**-432${row.id % 10}`));
}
await cursor.close();

// A large result.
const wide = await client.query(
  'SELECT n, c.ssn FROM generate_series(1, 50000) n JOIN customers c ON c.id = 1 + n % 1000',
);
assert.equal(wide.rowCount, 50000);
assert.ok(wide.rows.every((row) => row.ssn.startsWith('***-**-432')));

// A cancel, as this driver does it: another client that says which statement of the first to end.
const running = new pg.Query(long);
const code = new Promise((resolve) => {
  running.on('error', (error) => resolve(error.code));
  running.on('end', () => resolve('came to its end'));
});
client.query(running);
for (let answer; answer === undefined;) {
  // Asked again until it meets the statement: one that comes early finds nothing to cancel.
  const canceller = new pg.Client(settings);
  canceller.connection.on('error', () => {});
  canceller.cancel(client, running);
  answer = await Promise.race([code, new Promise((resolve) => { setTimeout(resolve, 200); })]);
}
assert.equal(await code, '57014');

// What waits for a person goes on when the person agrees.
const held = await client.query("UPDATE payments SET status = 'pg' WHERE id = $1", [id]);
assert.equal(held.rowCount, 1);
assert.ok(notices.some((notice) => notice.includes('waiting for approval')), String(notices));
await client.end();

const pool = new pg.Pool({ ...settings, max: 3 });
const found = await Promise.all(
  Array.from({ length: 30 }, (_, n) => pool.query('SELECT ssn FROM customers WHERE id = $1', [n + 1])),
);
assert.deepEqual(found.map(({ rows }) => rows[0].ssn), Array.from({ length: 30 }, (_, n) => `***-**-432${(n + 1) % 10}`));
await pool.end();
