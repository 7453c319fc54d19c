// The notes on orders: a collection whose records refer to those of another.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { startServer } from '../../demo/server/server.mjs';
import { assertProblem, clientOf, newNote, newOrder, noon, overEachDatabase } from './fixture.mjs';

overEachDatabase(createDatabase => {
  let server, client;
  before(async () => {
    server = await startServer({ database: await createDatabase(), now: () => noon });
    client = clientOf(server.url);
  });
  after(() => server?.close());

  const addOrder = async () => {
    const order = newOrder();
    await client.post(order);
    return order;
  };

  test('creates, answers, replaces and deletes a note', async () => {
    const note = newNote({ orderId: (await addOrder()).id });
    const created = await client.addNote(note);
    assert.deepEqual([created.status, created.body], [201, note]);
    assert.equal(created.headers.get('location'), `/api/notes/${note.id}`);
    const found = await client.get(`/api/notes/${note.id}`);
    assert.deepEqual([found.status, found.body, found.etag], [200, note, created.etag]);

    const changed = { ...note, text: 'There is a dog', updatedAt: '2026-11-22T11:00:00.001Z' };
    const replaced = await client.putNote(changed);
    assert.deepEqual([replaced.status, replaced.body], [200, changed]);
    assert.deepEqual((await client.deleteNote(note.id)).status, 204);
    assertProblem(await client.get(`/api/notes/${note.id}`), 404, /no note/);
    assertProblem(await client.addNote(note), 409, /Create the note under a new id/);
  });

  test('refuses a note on an order that never was or is deleted, naming the field', async () => {
    const order = await addOrder();
    await client.delete(order.id);
    for (const orderId of [order.id, randomUUID()]) {
      const note = newNote({ orderId });
      const refused = await client.addNote(note, randomUUID());
      assertProblem(refused, 422, /“orderId” names no order/);
      assert.equal(refused.body.type, 'urn:problem-type:no-such-order');
      assert.equal(refused.body.errors[0].pointer, '#/orderId');
      assert.equal((await client.get(`/api/notes/${note.id}`)).status, 404);
    }
    const note = newNote({ orderId: (await addOrder()).id });
    await client.addNote(note);
    assertProblem(await client.putNote({ ...note, orderId: order.id }), 422, /names no order/);
    assertProblem(await client.addNote(newNote({ orderId: 'x' })), 422, /“orderId” must be/);
    assertProblem(await client.addNote({ ...note, text: ' ' }), 422, /“text” must be: What/);
  });

  test('refuses to delete an order as long as there are notes on it', async () => {
    const order = await addOrder();
    const notes = [newNote({ orderId: order.id }), newNote({ orderId: order.id })];
    for (const note of notes) await client.addNote(note);
    const refused = await client.delete(order.id);
    assertProblem(refused, 409, /are 2 notes on this order/);
    assert.equal(refused.body.type, 'urn:problem-type:order-has-notes');
    await client.deleteNote(notes[0].id);
    assertProblem(await client.delete(order.id), 409, /is 1 note on/);
    await client.deleteNote(notes[1].id);
    assert.equal((await client.delete(order.id)).status, 204);
  });

  test('has one effect a key, whatever the record', async () => {
    const key = randomUUID();
    const note = newNote({ orderId: (await addOrder()).id });
    const first = await client.addNote(note, key);
    assert.equal((await client.addNote(note, key)).text, first.text);
    assertProblem(await client.post(newOrder(), key), 422, /another request/);
  });

  test('pulls notes apart from orders, with tombstones', async () => {
    const { cursor: start } = (await client.get('/api/notes?limit=1000')).body;
    const order = await addOrder();
    const [kept, deleted] = [newNote({ orderId: order.id }), newNote({ orderId: order.id })];
    await client.addNote(deleted);
    await client.addNote(kept);
    await client.deleteNote(deleted.id);
    const page = (await client.get(`/api/notes?since=${start}`)).body;
    assert.deepEqual([page.records, page.deleted, page.more], [[kept], [deleted.id], false]);
  });
});
