// The fields that records have in common, and how a record is made whole.

// PostgreSQL stores no NUL, and half a surrogate pair would come back as another character.
const storable = '^[^\\u0000\\ud800-\\udfff]*$';

export const text = {
  type: 'string',
  pattern: storable,
  description: 'Text without NUL and without halves of surrogate pairs.',
};

/** Text that says something. */
export const line = {
  type: 'string',
  minLength: 1,
  pattern: storable.replace('*', '*[^\\s\\u0000\\ud800-\\udfff][^\\u0000\\ud800-\\udfff]*'),
};

export const id = {
  type: 'string',
  pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
  description: 'A UUID in lower case, chosen by the device. Never used twice.',
};

export const createdAt = { type: 'string', format: 'date-time' };

export const changedAt = {
  type: 'string',
  format: 'date-time',
  description: 'When the device changed the record. The later of two changes wins.',
};

/**
 * Makes the function that completes a validated input with what only the API knows: all fields of
 * the schema, in its order.
 *
 * @param {{ properties: object }} schema
 */
export function complete({ properties }) {
  /**
   * @param {object} input
   * @param {{ id: string, createdAt: string, updatedAt: string }} known
   * @returns {any}
   */
  return (input, known) => {
    const record = { ...known, ...input };
    return Object.fromEntries(
      Object.keys(properties).map(name => [name, Reflect.get(record, name)]),
    );
  };
}
