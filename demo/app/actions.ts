// What a person does to orders. Each is on disk before it is on screen, and says if it cannot be.

import type { Collection } from 'holdfast';
import { confirmed } from './confirm.js';
import type { Order, OrderRow, OrderStatus } from './order.js';
import type { Toast } from './toast.js';
import { errorWords, statusChangeWords } from './words.js';

/** Each resolves with whether it was done. */
export interface Actions {
  setStatus(order: OrderRow, status: OrderStatus): Promise<boolean>;
  tickItem(order: OrderRow, index: number, done: boolean): Promise<boolean>;
  setNotes(order: OrderRow, notes: string): Promise<boolean>;
  /** Asks first, and calls `leave` once the person said yes. */
  remove(order: OrderRow, leave: () => void): Promise<boolean>;
}

type Write = (collection: Collection<Order>) => Promise<unknown>;

export function createActions(opening: Promise<Collection<Order>>, toast: Toast): Actions {
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

  async function setStatus(id: string, from: OrderStatus, to: OrderStatus): Promise<boolean> {
    if (!(await inTurn((collection) => collection.update(id, { status: to })))) return false;
    toast.show(statusChangeWords[to], {
      label: 'Undo',
      run: () => void inTurn((collection) => collection.update(id, { status: from })),
    });
    return true;
  }

  return {
    setStatus: (order, status) => setStatus(order.id, order.status, status),

    tickItem(order, index, done) {
      return inTurn(async (collection) => {
        const { checklist = [] } = (await collection.get(order.id)) ?? {};
        const changed = checklist.map((item, at) => (at === index ? { ...item, done } : item));
        await collection.update(order.id, { checklist: changed });
      });
    },

    setNotes: (order, notes) => inTurn((collection) => collection.update(order.id, { notes })),

    async remove(order, leave) {
      const sure = await confirmed({
        title: 'Delete this order?',
        text: 'It goes from this device now, and from the server as soon as that can be reached.',
        verb: 'Delete',
        testid: 'confirm-delete',
      });
      if (!sure) return false;
      leave();
      const removed = await inTurn((collection) => collection.delete(order.id));
      if (removed) toast.show('Order deleted');
      return removed;
    },
  };
}
