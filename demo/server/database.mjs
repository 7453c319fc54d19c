// PostgreSQL, embedded or real, behind one query function and one transaction function.
//
//   const database = await openDatabase('memory://');
//   const rows = await database.transaction(tx => tx.query('select $1::int as n', [1]));
//
// Where a parameter is JSON, pass its text: the two drivers disagree about arrays.

import { join, resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { lockFolder } from './lock.mjs';

/**
 * @typedef {object} Queryable
 * @property {(sql: string, parameters?: unknown[]) => Promise<any[]>} query Answers the rows.
 *
 * @typedef {Queryable & {
 *   name: string,
 *   transaction: <T>(work: (tx: Queryable) => Promise<T>) => Promise<T>,
 *   close: () => Promise<void>,
 * }} Database `transaction` commits what `work` did, or, if it rejects, undoes it and rejects too.
 */

/** The database did not answer. Whether a transaction was committed is not known. */
export class DatabaseUnreachable extends Error {
  name = 'DatabaseUnreachable';
}

/**
 * Opens the database that `where` names: `memory://`, a PostgreSQL URL, or else a folder, which
 * is created when it is absent.
 *
 * @param {string} where
 * @returns {Promise<Database>}
 */
export async function openDatabase(where) {
  if (where === 'memory://') return openEmbedded(await PGlite.create(), 'PGlite in memory');
  if (/^postgres(ql)?:\/\//.test(where)) return openPostgres(where);
  const folder = resolve(where);
  const unlock = await lockFolder(folder);
  try {
    const engine = await PGlite.create({ dataDir: join(folder, 'postgres') });
    return openEmbedded(engine, `PGlite in ${folder}`, unlock);
  } catch (error) {
    await unlock();
    throw error;
  }
}

/**
 * PGlite has one connection. Its own mutex lets one transaction run at a time and makes plain
 * queries wait for it.
 *
 * @param {PGlite} engine
 * @param {string} name
 * @returns {Database}
 */
function openEmbedded(engine, name, unlock = async () => {}) {
  return {
    name,
    query: async (sql, parameters) => (await engine.query(sql, parameters)).rows,
    transaction: work =>
      engine.transaction(tx =>
        work({ query: async (sql, parameters) => (await tx.query(sql, parameters)).rows }),
      ),
    close: async () => {
      await engine.close();
      await unlock();
    },
  };
}

/**
 * @param {string} url
 * @returns {Promise<Database>}
 */
async function openPostgres(url) {
  const pool = new pg.Pool({ connectionString: url, max: 10, connectionTimeoutMillis: 10_000 });
  // A connection that breaks says so twice: to its query, and in an event that ends the process if
  // nobody listens.
  pool.on('error', () => {});
  pool.on('connect', client => client.on('error', () => {}));

  /** @type {Database['transaction']} */
  async function transaction(work) {
    const client = await pool.connect().catch(explain);
    try {
      await client.query('begin');
      const result = await work({
        query: async (sql, parameters) => (await client.query(sql, parameters)).rows,
      });
      await client.query('commit');
      client.release();
      return result;
    } catch (error) {
      // Closing the connection rolls back, whatever state it is in.
      client.release(true);
      return explain(error);
    }
  }

  /** @type {Database['query']} */
  async function query(sql, parameters) {
    return (await pool.query(sql, parameters).catch(explain)).rows;
  }

  try {
    const [{ name }] = await query('select current_database() as name');
    return { name: `PostgreSQL, database ${name}`, query, transaction, close: () => pool.end() };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

/**
 * Tells what PostgreSQL refused from what kept PostgreSQL from answering: no connection, classes
 * 08 (connection), 53 (out of a resource) and 57 (shutting down).
 *
 * @param {any} error
 * @returns {never}
 */
function explain(error) {
  const refused = error instanceof pg.DatabaseError && !/^(08|53|57)/.test(error.code ?? '');
  const network = typeof error?.code === 'string' || /connection|timeout/i.test(error?.message);
  if (refused || !network) throw error;
  throw new DatabaseUnreachable(`PostgreSQL does not answer: ${error.message}`, { cause: error });
}
