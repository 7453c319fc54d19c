// The description of the API (OpenAPI 3.1), made from the schemas that its requests are
// validated with.

/** @import { SwaggerOptions } from '@fastify/swagger' */

/**
 * What @fastify/swagger starts from.
 *
 * @type {SwaggerOptions}
 */
export const document = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Work orders',
      version: '1.0.0',
      description:
        'The work orders of a field-service company. Every POST, PUT and DELETE may carry an ' +
        'Idempotency-Key: sent again with the same body, it gets the same answer and has no ' +
        'second effect, for 24 hours. Errors are problems (RFC 9457).',
    },
    components: {
      securitySchemes: {
        user: {
          type: 'http',
          scheme: 'bearer',
          description: 'The name of a user; there is no password. Without it: anonymous.',
        },
      },
    },
    security: [{ user: [] }, {}],
  },
  refResolver: {
    // The schemas keep their own names in components.schemas.
    buildLocalReference: schema => String(schema.$id),
  },
};

export const problemSchema = {
  $id: 'Problem',
  type: 'object',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What to do about it, for a person.' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: { pointer: { type: 'string' }, detail: { type: 'string' } },
      },
    },
  },
};

const etag = {
  ETag: { type: 'string', description: 'Strong: changes with every change of the order.' },
};

/** @param {string} description */
const order = description => ({
  description,
  headers: etag,
  content: { 'application/json': { schema: { $ref: 'Order#' } } },
});

/** @param {string} description */
const refused = description => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
});

const invalid = refused('The request is not valid, or its key came before with another body.');
const absent = refused('There is no such order.');
const other = refused('Malformed, too large, or the server cannot.');
const outdated = refused('The order has changed since the version that If-Match names.');

const id = {
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'string', description: 'The id of the order.' } },
};

const idempotencyKey = {
  type: 'string',
  description: 'A string in quotes (RFC 9651), or bare: one key a change.',
};
const keyed = { type: 'object', properties: { 'idempotency-key': idempotencyKey } };
const keyedAndConditional = {
  type: 'object',
  properties: { 'idempotency-key': idempotencyKey, 'if-match': { type: 'string' } },
};

export const createOrder = {
  operationId: 'createOrder',
  summary: 'Adds an order',
  headers: keyed,
  body: { $ref: 'OrderInput#' },
  response: {
    201: order('The order as it is stored.'),
    409: refused('The id is used, or a request with this key is still running.'),
    422: invalid,
    default: other,
  },
};

export const replaceOrder = {
  operationId: 'replaceOrder',
  summary: 'Replaces a whole order, unless it was changed later than updatedAt says',
  params: id,
  headers: keyedAndConditional,
  body: { $ref: 'OrderInput#' },
  response: {
    200: order('The order as it is now stored, or the later one that stays.'),
    404: absent,
    409: refused('A request with this key is still running.'),
    412: outdated,
    422: invalid,
    default: other,
  },
};

export const deleteOrder = {
  operationId: 'deleteOrder',
  summary: 'Deletes an order',
  params: id,
  headers: keyedAndConditional,
  response: {
    204: { type: 'null', description: 'The order is gone.' },
    404: absent,
    409: refused('A request with this key is still running.'),
    412: outdated,
    422: invalid,
    default: other,
  },
};

export const getOrder = {
  operationId: 'getOrder',
  summary: 'Answers an order',
  params: id,
  response: { 200: order('The order.'), 404: absent },
};

export const listOrders = {
  operationId: 'listOrders',
  summary: 'Answers what changed since a cursor, the oldest change first',
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      since: {
        type: 'string',
        pattern: '^[0-9]{1,15}$',
        default: '0',
        description: 'The cursor of an earlier page. Default: from the start.',
      },
      limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
    },
  },
  response: {
    200: {
      description: 'A page. While more is true, the next one starts at its cursor.',
      type: 'object',
      required: ['records', 'deleted', 'cursor', 'more'],
      properties: {
        records: { type: 'array', items: { $ref: 'Order#' } },
        deleted: { type: 'array', items: { type: 'string' }, description: 'Ids.' },
        cursor: { type: 'string' },
        more: { type: 'boolean' },
      },
    },
    422: refused('The query is not valid.'),
  },
};

export const health = {
  operationId: 'health',
  summary: 'Says whether the API can be used',
  response: {
    200: { type: 'object', properties: { status: { const: 'ok' } } },
    503: refused('It cannot, for now.'),
  },
};
