// The table of one collection: its records, and of those that were deleted their tombstones.
//
// REQUIRES of every verb that changes it: a transaction that locked the version row first
// (answerOnce does). Versions are then given in the order of commits, and no pull skips one.

/** @import { Queryable } from './database.mjs' */

/**
 * @typedef {object} AnyRecord
 * @property {string} id
 * @property {string} createdAt
 * @property {string} updatedAt
 *
 * @typedef {{ version: number, record: AnyRecord }} Stored
 *
 * @typedef {ReturnType<typeof createRecords>} Records
 */

/** @param {string} table Its name goes into SQL as it is. */
export function createRecords(table) {
  /**
   * @param {Queryable} database
   * @param {string} id
   * @returns {Promise<Stored | undefined>} Nothing for an unknown or deleted record.
   */
  async function find(database, id) {
    const [row] = await database.query(
      `select version, record from ${table} where id = $1 and record is not null`,
      [id],
    );
    return row && { version: Number(row.version), record: row.record };
  }

  /**
   * @param {Queryable} tx
   * @param {AnyRecord} record
   * @returns {Promise<Stored | undefined>} Nothing, and nothing is changed, when the id was ever
   *   used.
   */
  async function add(tx, record) {
    const known = await tx.query(`select from ${table} where id = $1`, [record.id]);
    if (known.length > 0) return undefined;
    const version = await nextVersion(tx);
    await tx.query(`insert into ${table} (id, version, record) values ($1, $2, $3::json)`, [
      record.id,
      version,
      JSON.stringify(record),
    ]);
    return { version, record };
  }

  /**
   * @param {Queryable} tx
   * @param {AnyRecord} record
   * @returns {Promise<Stored>}
   */
  async function replace(tx, record) {
    const version = await nextVersion(tx);
    await tx.query(`update ${table} set version = $2, record = $3::json where id = $1`, [
      record.id,
      version,
      JSON.stringify(record),
    ]);
    return { version, record };
  }

  /**
   * Leaves a tombstone, so that pulls hear of the deletion and the id is never used again.
   *
   * @param {Queryable} tx
   * @param {string} id
   */
  async function remove(tx, id) {
    await tx.query(`update ${table} set version = $2, record = null where id = $1`, [
      id,
      await nextVersion(tx),
    ]);
  }

  /**
   * What changed after the version `since`, the oldest change first, each record once.
   *
   * @param {Queryable} database
   * @param {number} since
   * @param {number} limit
   * @returns {Promise<{ records: AnyRecord[], deleted: string[], cursor: string, more: boolean }>}
   */
  async function changes(database, since, limit) {
    const rows = await database.query(
      `select id, version, record from ${table} where version > $1 order by version limit $2`,
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

  return { find, add, replace, remove, changes };
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
