// The description of the API (OpenAPI 3.1), made from the schemas that its requests are
// validated with.

/** @import { SwaggerOptions } from '@fastify/swagger' */
/** @import { Collection } from './collection.mjs' */

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
        'The work orders of a field-service company, and the notes on them. Every POST, PUT and ' +
        'DELETE may carry an Idempotency-Key, and each change in a batch does: sent again with ' +
        'the same body, it gets the same answer and has no second effect, for 24 hours. Errors ' +
        'are problems (RFC 9457).',
    },
    components: {
      securitySchemes: {
        user: {
          type: 'http',
          scheme: 'bearer',
          description:
            'A token of /api/sign-in, refused with 401 once it has expired; or the name of a ' +
            'user. Without it: anonymous.',
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

/** @param {string} description */
const refused = description => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
});

const invalid = refused('The request is not valid, or its key came before with another body.');
const running = refused('A request with this key is still running.');
const other = refused('Signed out, malformed, too large, or the server cannot.');

const idempotencyKey = {
  type: 'string',
  description: 'A string in quotes (RFC 9651), or bare: one key a change.',
};
const keyed = { type: 'object', properties: { 'idempotency-key': idempotencyKey } };
const keyedAndConditional = {
  type: 'object',
  properties: { 'idempotency-key': idempotencyKey, 'if-match': { type: 'string' } },
};

/**
 * The operations of one collection.
 *
 * @param {Pick<Collection, 'noun' | 'schema' | 'inputSchema'>} collection
 */
export function describeCollection({ noun, schema, inputSchema }) {
  const name = schema.$id;
  const the = `the ${noun}`;
  const a = /^[aeio]/.test(noun) ? `an ${noun}` : `a ${noun}`;
  const body = { $ref: `${inputSchema.$id}#` };
  const absent = refused(`There is no such ${noun}.`);
  const outdated = refused(`The ${noun} has changed since the version that If-Match names.`);
  const params = {
    type: 'object',
    required: ['id'],
    properties: { id: { type: 'string', description: `The id of ${the}.` } },
  };
  /** @param {string} description */
  const answered = description => ({
    description,
    headers: {
      ETag: { type: 'string', description: `Strong: changes with every change of ${the}.` },
    },
    content: { 'application/json': { schema: { $ref: `${name}#` } } },
  });

  return {
    create: {
      operationId: `create${name}`,
      summary: `Adds ${a}`,
      headers: keyed,
      body,
      response: {
        201: answered(`The ${noun} as it is stored.`),
        409: refused('The id is used, or a request with this key is still running.'),
        422: invalid,
        default: other,
      },
    },
    replace: {
      operationId: `replace${name}`,
      summary: `Replaces a whole ${noun}, unless it was changed later than updatedAt says`,
      params,
      headers: keyedAndConditional,
      body,
      response: {
        200: answered(`The ${noun} as it is now stored, or the later one that stays.`),
        404: absent,
        409: running,
        412: outdated,
        422: invalid,
        default: other,
      },
    },
    remove: {
      operationId: `delete${name}`,
      summary: `Deletes ${a}`,
      params,
      headers: keyedAndConditional,
      response: {
        204: { type: 'null', description: `The ${noun} is gone.` },
        404: absent,
        409: refused('Something is still on it, or a request with this key is still running.'),
        412: outdated,
        422: invalid,
        default: other,
      },
    },
    get: {
      operationId: `get${name}`,
      summary: `Answers ${a}`,
      params,
      response: { 200: answered(`The ${noun}.`), 404: absent },
    },
    list: {
      operationId: `list${name}s`,
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
            records: { type: 'array', items: { $ref: `${name}#` } },
            deleted: { type: 'array', items: { type: 'string' }, description: 'Ids.' },
            cursor: { type: 'string' },
            more: { type: 'boolean' },
          },
        },
        422: refused('The query is not valid.'),
      },
    },
  };
}

export const batch = {
  operationId: 'batch',
  summary: 'Makes several changes, each as if it came by itself and whatever becomes of the others',
  body: {
    type: 'object',
    required: ['requests'],
    additionalProperties: false,
    properties: {
      requests: {
        type: 'array',
        minItems: 1,
        maxItems: 100,
        items: {
          type: 'object',
          required: ['key', 'method', 'path'],
          additionalProperties: false,
          properties: {
            key: {
              type: 'string',
              pattern: '^[ -~]{1,255}$',
              description: 'Its Idempotency-Key, without quotes: 1 to 255 printable ASCII.',
            },
            method: { enum: ['POST', 'PUT', 'PATCH', 'DELETE'] },
            path: { type: 'string', pattern: '^/', description: 'Below that of the API: /orders.' },
            body: {},
          },
        },
      },
    },
  },
  response: {
    200: {
      description: 'What each was answered, in their order.',
      type: 'object',
      required: ['responses'],
      properties: {
        responses: {
          type: 'array',
          items: {
            type: 'object',
            required: ['status', 'headers'],
            properties: {
              status: { type: 'integer' },
              headers: {
                type: 'object',
                additionalProperties: { type: 'string' },
                description: 'content-type, etag, location and retry-after, where there are.',
              },
              body: { description: 'Left out where there is none.' },
            },
          },
        },
      },
    },
    413: refused('More than 4 MiB, or 1 MiB in one change.'),
    422: refused('No requests, more than 100, or one that is none. None was carried out.'),
    default: other,
  },
};

const user = { type: 'string', minLength: 1, maxLength: 100 };

export const signIn = {
  operationId: 'signIn',
  summary: 'Answers a token that speaks for a user for a time; there is no password',
  security: [],
  body: {
    type: 'object',
    additionalProperties: false,
    properties: {
      user: { ...user, default: 'ada' },
      expiresIn: {
        type: 'integer',
        minimum: 1,
        maximum: 365 * 24 * 60 * 60,
        default: 30 * 24 * 60 * 60,
        description: 'In seconds.',
      },
    },
  },
  response: {
    200: {
      description: 'The token.',
      type: 'object',
      required: ['token', 'user', 'expiresAt'],
      properties: {
        token: { type: 'string' },
        user,
        expiresAt: { type: 'string', format: 'date-time' },
      },
    },
    422: refused('The request is not valid.'),
  },
};

export const health = {
  operationId: 'health',
  summary: 'Says whether the API can be used',
  security: [],
  response: {
    200: { type: 'object', properties: { status: { const: 'ok' } } },
    503: refused('It cannot, for now.'),
  },
};
