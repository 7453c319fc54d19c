// The tables, in a schema of their own, so that the demo can live in a database with others in it.

/** @import { Database } from './database.mjs' */

/**
 * Creates what is missing. `firstOrders` is asked once in the life of a database, so what a
 * person deletes stays deleted.
 *
 * @param {Database} database
 * @param {() => { id: string }[]} firstOrders
 */
export async function createTables(database, firstOrders) {
  await database.transaction(async tx => {
    // "if not exists" does not keep two servers that start together from colliding; this does.
    await tx.query('select pg_advisory_xact_lock(4849704)');
    await tx.query('create schema if not exists holdfast_demo');

    // The API asks nothing of what is inside a record, so it is kept as the JSON that it is
    // answered with. A row without a record is a tombstone.
    await tx.query(`
      create table if not exists holdfast_demo.work_order (
        id      text   primary key,
        version bigint not null unique,
        record  json
      )`);

    // The order that a note is on, so that none is on what never was; a tombstone is on none.
    await tx.query(`
      create table if not exists holdfast_demo.note (
        id       text   primary key,
        version  bigint not null unique,
        record   json,
        order_id text   generated always as (record ->> 'orderId') stored
                        references holdfast_demo.work_order (id)
      )`);
    await tx.query(`
      create index if not exists note_order_id on holdfast_demo.note (order_id)`);

    // One row. A change takes the next version: it is the ETag and the place in a pull.
    await tx.query('create table if not exists holdfast_demo.version (latest bigint not null)');

    await tx.query(`
      create table if not exists holdfast_demo.idempotency_key (
        owner       text        not null,
        key         text        not null,
        fingerprint text        not null,
        status      int         not null,
        headers     json        not null,
        body        text        not null,
        expires_at  timestamptz not null,
        primary key (owner, key)
      )`);
    await tx.query(`
      create index if not exists idempotency_key_expires_at
      on holdfast_demo.idempotency_key (expires_at)`);

    await tx.query(`
      create table if not exists holdfast_demo.sign_in (
        token_hash text        primary key,
        owner      text        not null,
        expires_at timestamptz not null
      )`);

    if ((await tx.query('select from holdfast_demo.version')).length > 0) return;
    const orders = firstOrders();
    await tx.query('insert into holdfast_demo.version (latest) values ($1)', [orders.length]);
    await tx.query(
      `insert into holdfast_demo.work_order (id, version, record)
       select value ->> 'id', ordinality, value
       from json_array_elements($1::json) with ordinality`,
      [JSON.stringify(orders)],
    );
  });
}
