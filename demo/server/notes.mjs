// The collection of notes, each on an order.

import { problem } from './answer.mjs';
import { completeNote, noteInputSchema, noteSchema } from './note.mjs';
import { orders } from './orders.mjs';
import { createRecords } from './records.mjs';

/** @import { Collection } from './collection.mjs' */

/** @type {Collection} */
export const notes = {
  noun: 'note',
  path: '/notes',
  schema: noteSchema,
  inputSchema: noteInputSchema,
  records: createRecords('holdfast_demo.note'),
  complete: completeNote,

  async refuseRecord(tx, { orderId }) {
    if (await orders.records.find(tx, orderId)) return undefined;
    const detail = `“orderId” names no order: ${orderId} was deleted, or it never was.`;
    return problem(422, detail, {
      type: 'urn:problem-type:no-such-order',
      title: 'No such order',
      errors: [{ pointer: '#/orderId', detail }],
    });
  },

  refuseRemoval: async () => undefined,
};
