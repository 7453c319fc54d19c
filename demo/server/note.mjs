// A note on a work order: the one description that requests are validated with and openapi.json
// shows.

import { changedAt, complete, createdAt, id, line } from './field.mjs';

/**
 * @typedef {object} Note
 * @property {string} id
 * @property {string} orderId
 * @property {string} text
 * @property {string} createdAt
 * @property {string} updatedAt
 */

const properties = {
  id,
  orderId: { ...id, description: 'The id of the order that it is on.' },
  text: { ...line, maxLength: 2000, description: 'What is worth knowing, not blank.' },
  createdAt,
  updatedAt: changedAt,
};

/** A note as the API answers it. */
export const noteSchema = {
  $id: 'Note',
  type: 'object',
  required: Object.keys(properties),
  additionalProperties: false,
  properties,
};

/** A note as a request brings it. */
export const noteInputSchema = {
  $id: 'NoteInput',
  type: 'object',
  required: ['orderId', 'text'],
  additionalProperties: false,
  properties,
};

/** The whole note of a validated request; `known` gives what only the API knows. */
export const completeNote = complete(noteSchema);
