// A work order: the one description that requests are validated with and openapi.json shows.

import { changedAt, complete, createdAt, id, line, text } from './field.mjs';

/**
 * @typedef {object} Order
 * @property {string} id
 * @property {string} title
 * @property {string} description
 * @property {string} customer
 * @property {string} address
 * @property {string} city
 * @property {'open' | 'in-progress' | 'done'} status
 * @property {1 | 2 | 3 | 4} priority
 * @property {string | null} dueAt
 * @property {string} assignee
 * @property {string} notes
 * @property {{ text: string, done: boolean }[]} checklist
 * @property {string} createdAt
 * @property {string} updatedAt
 */

const properties = {
  id,
  title: {
    ...line,
    maxLength: 200,
    description: 'What is to be done, in a line that is not blank.',
  },
  description: { ...text, default: '' },
  customer: { ...text, default: '' },
  address: { ...text, default: '' },
  city: { ...text, default: '' },
  status: { type: 'string', enum: ['open', 'in-progress', 'done'], default: 'open' },
  priority: {
    type: 'integer',
    minimum: 1,
    maximum: 4,
    default: 3,
    description: '1 is an emergency, 4 can wait.',
  },
  dueAt: { type: ['string', 'null'], format: 'date-time', default: null },
  assignee: { ...text, default: '', description: 'The name of the technician.' },
  notes: { ...text, default: '' },
  checklist: {
    type: 'array',
    maxItems: 200,
    default: [],
    items: {
      type: 'object',
      required: ['text', 'done'],
      additionalProperties: false,
      properties: { text, done: { type: 'boolean' } },
    },
  },
  createdAt,
  updatedAt: changedAt,
};

/** An order as the API answers it. */
export const orderSchema = {
  $id: 'Order',
  type: 'object',
  required: Object.keys(properties),
  additionalProperties: false,
  properties,
};

/** An order as a request brings it: what it leaves out gets its default. */
export const orderInputSchema = {
  $id: 'OrderInput',
  type: 'object',
  required: ['title'],
  additionalProperties: false,
  properties,
};

/** The whole order of a validated request; `known` gives what only the API knows. */
export const completeOrder = complete(orderSchema);
