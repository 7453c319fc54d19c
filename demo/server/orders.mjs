// The collection of work orders.

import { problem } from './answer.mjs';
import { completeOrder, orderInputSchema, orderSchema } from './order.mjs';
import { createRecords } from './records.mjs';

/** @import { Collection } from './collection.mjs' */

/** @type {Collection} */
export const orders = {
  noun: 'order',
  path: '/orders',
  schema: orderSchema,
  inputSchema: orderInputSchema,
  records: createRecords('holdfast_demo.work_order'),
  complete: completeOrder,
  refuseRecord: async () => undefined,

  async refuseRemoval(tx, id) {
    const notes = await tx.query('select from holdfast_demo.note where order_id = $1', [id]);
    if (notes.length === 0) return undefined;
    return problem(
      409,
      `There ${notes.length === 1 ? 'is 1 note' : `are ${notes.length} notes`} on this order. ` +
        'Delete what is on it first.',
      { type: 'urn:problem-type:order-has-notes', title: 'The order has notes' },
    );
  },
};
