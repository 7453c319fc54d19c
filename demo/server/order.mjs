// A work order: the one description that requests are validated with and openapi.json shows.

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

// PostgreSQL stores no NUL, and half a surrogate pair would come back as another character.
const storable = '^[^\\u0000\\ud800-\\udfff]*$';
const text = {
  type: 'string',
  pattern: storable,
  description: 'Text without NUL and without halves of surrogate pairs.',
};

const properties = {
  id: {
    type: 'string',
    pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
    description: 'A UUID in lower case, chosen by the device. Never used twice.',
  },
  title: {
    type: 'string',
    minLength: 1,
    maxLength: 200,
    pattern: storable.replace('*', '*[^\\s\\u0000\\ud800-\\udfff][^\\u0000\\ud800-\\udfff]*'),
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
  createdAt: { type: 'string', format: 'date-time' },
  updatedAt: {
    type: 'string',
    format: 'date-time',
    description: 'When the device changed the record. The later of two changes wins.',
  },
};

/** A record as the API answers it. */
export const orderSchema = {
  $id: 'Order',
  type: 'object',
  required: Object.keys(properties),
  additionalProperties: false,
  properties,
};

/** A record as a request brings it: what it leaves out gets its default. */
export const orderInputSchema = {
  $id: 'OrderInput',
  type: 'object',
  required: ['title'],
  additionalProperties: false,
  properties,
};

/**
 * The whole record of a validated request; `known` gives what only the API knows.
 *
 * @param {Partial<Order>} input
 * @param {{ id: string, createdAt: string, updatedAt: string }} known
 * @returns {Order}
 */
export function completeOrder(input, known) {
  const order = { ...known, ...input };
  return /** @type {any} */ (
    Object.fromEntries(Object.keys(properties).map(name => [name, Reflect.get(order, name)]))
  );
}
