// What the tests of the server share: servers over each database, requests to them, orders.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe } from 'node:test';
import { startServer } from '../../demo/server/server.mjs';
import { findPostgres, startPostgres } from './postgres.mjs';

export const noon = Date.parse('2026-11-22T12:00:00.000Z');

/** The programs of a real PostgreSQL; without them, its tests are skipped and say so. */
export const programs = findPostgres();
export const skip = programs ? false : 'no PostgreSQL in /usr/lib/postgresql';

/**
 * Declares the same tests over the embedded PostgreSQL and, where this machine has one, over a
 * real one.
 *
 * @param {(createDatabase: () => Promise<string>) => void} declare Gets a function that answers
 *   the name of a new, empty database.
 */
export function overEachDatabase(declare) {
  describe('over the embedded PostgreSQL', () => declare(async () => 'memory://'));
  describe('over a real PostgreSQL', { skip }, () => {
    /** @type {Awaited<ReturnType<typeof startPostgres>>} */
    let postgres;
    before(async () => {
      postgres = await startPostgres(programs);
    });
    after(() => postgres?.stop());
    declare(() => postgres.createDatabase());
  });
}

/** What a server fills in when only a title is sent. */
export const defaults = {
  description: '',
  customer: '',
  address: '',
  city: '',
  status: 'open',
  priority: 3,
  dueAt: null,
  assignee: '',
  notes: '',
  checklist: [],
};

/** @param {object} [fields] */
export function newOrder(fields) {
  return {
    id: randomUUID(),
    title: 'Replace the valve',
    createdAt: '2026-11-22T11:00:00.000Z',
    updatedAt: '2026-11-22T11:00:00.000Z',
    ...fields,
  };
}

/** @param {{ orderId: string }} fields */
export function newNote(fields) {
  return {
    id: randomUUID(),
    text: 'The key is under the mat',
    createdAt: '2026-11-22T11:00:00.000Z',
    updatedAt: '2026-11-22T11:00:00.000Z',
    ...fields,
  };
}

/**
 * @param {string} url
 * @returns What a test asks of the server at `url`.
 */
export function clientOf(url) {
  /**
   * @param {string} method
   * @param {string} path
   * @param {{ body?: unknown, key?: string, headers?: Record<string, string> }} [options]
   */
  async function request(method, path, { body, key, headers = {} } = {}) {
    const response = await fetch(url + path, {
      method,
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': `"${key}"` }),
        ...headers,
      },
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      etag: response.headers.get('etag') ?? '',
      text,
      body: isJson && text ? JSON.parse(text) : undefined,
    };
  }
  return {
    request,
    get: (path, headers) => request('GET', path, { headers }),
    post: (body, key, headers) => request('POST', '/api/orders', { body, key, headers }),
    put: (body, key, headers) => request('PUT', `/api/orders/${body.id}`, { body, key, headers }),
    delete: (id, key, headers) => request('DELETE', `/api/orders/${id}`, { key, headers }),
    addNote: (body, key, headers) => request('POST', '/api/notes', { body, key, headers }),
    putNote: (body, key) => request('PUT', `/api/notes/${body.id}`, { body, key }),
    deleteNote: (id, key) => request('DELETE', `/api/notes/${id}`, { key }),
    batch: (requests, headers) =>
      request('POST', '/api/batch', { body: { requests }, headers }),
    signIn: (body = {}) => request('POST', '/api/sign-in', { body }),
    control: body => request('POST', '/control', { body }),
    log: async () => (await request('GET', '/control/log')).body,
  };
}

/**
 * @param {any} answer
 * @param {number} status
 * @param {RegExp} detail
 */
export function assertProblem(answer, status, detail) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
  assert.equal(answer.body.status, status);
  assert.match(answer.body.detail, detail);
}
