// The table of work orders.
//
// REQUIRES of every verb that changes it: a transaction that locked the version row first
// (answerOnce does). Versions are then given in the order of commits, and no pull skips one.

/** @import { Queryable } from './database.mjs' */
/** @import { Order } from './order.mjs' */

/** @typedef {{ version: number, record: Order }} StoredOrder */

/**
 * @param {Queryable} database
 * @param {string} id
 * @returns {Promise<StoredOrder | undefined>} Nothing for an unknown or deleted order.
 */
export async function findOrder(database, id) {
  const [row] = await database.query(
    `select version, record from holdfast_demo.work_order where id = $1 and record is not null`,
    [id],
  );
  return row && { version: Number(row.version), record: row.record };
}

/**
 * @param {Queryable} tx
 * @param {Order} record
 * @returns {Promise<StoredOrder | undefined>} Nothing, and nothing is changed, when the id was
 *   ever used.
 */
export async function addOrder(tx, record) {
  const known = await tx.query('select from holdfast_demo.work_order where id = $1', [record.id]);
  if (known.length > 0) return undefined;
  const version = await nextVersion(tx);
  await tx.query(
    'insert into holdfast_demo.work_order (id, version, record) values ($1, $2, $3::json)',
    [record.id, version, JSON.stringify(record)],
  );
  return { version, record };
}

/**
 * @param {Queryable} tx
 * @param {Order} record
 * @returns {Promise<StoredOrder>}
 */
export async function replaceOrder(tx, record) {
  const version = await nextVersion(tx);
  await tx.query(
    'update holdfast_demo.work_order set version = $2, record = $3::json where id = $1',
    [record.id, version, JSON.stringify(record)],
  );
  return { version, record };
}

/**
 * Leaves a tombstone, so that pulls hear of the deletion and the id is never used again.
 *
 * @param {Queryable} tx
 * @param {string} id
 */
export async function removeOrder(tx, id) {
  await tx.query('update holdfast_demo.work_order set version = $2, record = null where id = $1', [
    id,
    await nextVersion(tx),
  ]);
}

/**
 * What changed after the version `since`, the oldest change first, each order once.
 *
 * @param {Queryable} database
 * @param {number} since
 * @param {number} limit
 * @returns {Promise<{ records: Order[], deleted: string[], cursor: string, more: boolean }>}
 */
export async function listChanges(database, since, limit) {
  const rows = await database.query(
    `select id, version, record from holdfast_demo.work_order
     where version > $1 order by version limit $2`,
    [since, limit + 1],
  );
  const page = rows.slice(0, limit);
  return {
    records: page.filter(row => row.record).map(row => row.record),
    deleted: page.filter(row => !row.record).map(row => row.id),
    cursor: String(page.at(-1)?.version ?? since),
    more: rows.length > limit,
  };
}

/**
 * @param {Queryable} tx
 * @returns {Promise<number>}
 */
async function nextVersion(tx) {
  const [row] = await tx.query(
    'update holdfast_demo.version set latest = latest + 1 returning latest',
  );
  return Number(row.latest);
}
