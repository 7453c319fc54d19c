// What a person does to orders and the notes on them. Each is on disk before it is on screen, and
// says if it cannot be.

import type { Holdfast } from 'holdfast';
import { confirmed } from './confirm.js';
import type { NoteRow } from './note.js';
import type { Notes } from './notes.js';
import type { Order, OrderRow, OrderStatus } from './order.js';
import type { Schema } from './schema.js';
import type { Toast } from './toast.js';
import { errorWords, statusChangeWords } from './words.js';

/** Each resolves with whether it was done, but for `create` and `change`, which reject. */
export interface Actions {
  /** Resolves with the id of the order, once it is on disk, with its first note if there is one. */
  create(order: Order, note: string): Promise<string>;
  change(id: string, changes: Partial<Order>): Promise<void>;
  setStatus(order: OrderRow, status: OrderStatus): Promise<boolean>;
  tickItem(order: OrderRow, index: number, done: boolean): Promise<boolean>;
  setHandover(order: OrderRow, text: string): Promise<boolean>;
  /** Asks first, and calls `leave` once the person said yes. */
  remove(order: OrderRow, leave: () => void): Promise<boolean>;
  addNote(order: OrderRow, text: string): Promise<boolean>;
  /** Asks first. */
  removeNote(note: NoteRow): Promise<boolean>;
}

type Write = (holdfast: Holdfast<Schema>) => Promise<unknown>;

export function createActions(
  opening: Promise<Holdfast<Schema>>,
  notes: Notes,
  toast: Toast,
): Actions {
  let latest: Promise<unknown> = Promise.resolve();

  /** Runs one write after the other, so that each starts from what the one before left. */
  function inTurn(write: Write): Promise<boolean> {
    const outcome = latest.then(() => opening).then(write).then(
      () => true,
      (error: unknown) => {
        toast.show(errorWords(error));
        return false;
      },
    );
    latest = outcome;
    return outcome;
  }

  const update = (id: string, changes: Partial<Order>): Promise<boolean> =>
    inTurn((holdfast) => holdfast.collection('order').update(id, changes));

  async function setStatus(id: string, from: OrderStatus, to: OrderStatus): Promise<boolean> {
    if (!(await update(id, { status: to }))) return false;
    toast.show(statusChangeWords[to], {
      label: 'Undo',
      run: () => void update(id, { status: from }),
    });
    return true;
  }

  /** An order goes with the notes on it, or not at all: the API deletes none that has some. */
  async function removeWhole(holdfast: Holdfast<Schema>, order: OrderRow): Promise<void> {
    const letters = await holdfast.deadLetters.list();
    const isUnmade = letters.some(({ kind, record }) => kind === 'create' && record === order.id);
    const own = notes.on(order.id);
    if (isUnmade || own.length === 0) {
      return holdfast.collection('order').delete(order.id, { cascade: true });
    }
    await holdfast.transaction((tx) => {
      for (const note of own) tx.note.delete(note.id);
      tx.order.delete(order.id);
    });
  }

  return {
    async create(order, note) {
      const holdfast = await opening;
      if (note === '') return (await holdfast.collection('order').create(order)).id;
      return holdfast.transaction((tx) => {
        const { id } = tx.order.create(order);
        tx.note.create({ orderId: id, text: note, createdAt: new Date().toISOString() });
        return id;
      });
    },

    async change(id, changes) {
      await (await opening).collection('order').update(id, changes);
    },

    setStatus: (order, status) => setStatus(order.id, order.status, status),

    tickItem(order, index, done) {
      return inTurn(async (holdfast) => {
        const collection = holdfast.collection('order');
        const { checklist = [] } = (await collection.get(order.id)) ?? {};
        const changed = checklist.map((item, at) => (at === index ? { ...item, done } : item));
        await collection.update(order.id, { checklist: changed });
      });
    },

    setHandover: (order, text) => update(order.id, { notes: text }),

    async remove(order, leave) {
      const along = notes.on(order.id).length > 0 ? ', with the notes on it' : '';
      const sure = await confirmed({
        title: 'Delete this order?',
        text:
          `It goes from this device now${along}, and from the server as soon as that can be ` +
          'reached.',
        verb: 'Delete',
        testid: 'confirm-delete',
      });
      if (!sure) return false;
      leave();
      const removed = await inTurn((holdfast) => removeWhole(holdfast, order));
      if (removed) toast.show('Order deleted');
      return removed;
    },

    addNote(order, text) {
      const note = { orderId: order.id, text, createdAt: new Date().toISOString() };
      return inTurn((holdfast) => holdfast.collection('note').create(note));
    },

    async removeNote(note) {
      const sure = await confirmed({
        title: 'Delete this note?',
        text: 'It goes from this device now, and from the server as soon as that can be reached.',
        verb: 'Delete',
        testid: 'confirm-delete-note',
      });
      if (!sure) return false;
      return inTurn((holdfast) => holdfast.collection('note').delete(note.id));
    },
  };
}
