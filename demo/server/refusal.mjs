// What went wrong before or instead of a handler, as a problem that a person can act on.

import { problem } from './answer.mjs';
import { DatabaseUnreachable } from './database.mjs';

/** @import { FastifyError } from 'fastify' */
/** @import { Answer } from './answer.mjs' */

/**
 * @param {FastifyError} error
 * @param {number} [bodyLimit] Of the route, in bytes.
 * @returns {Answer}
 */
export function refusal(error, bodyLimit = 0) {
  /** @type {Record<string, string>} */
  const details = {
    FST_ERR_CTP_BODY_TOO_LARGE: `The body is larger than ${bodyLimit / 2 ** 20} MiB. Send less.`,
    FST_ERR_CTP_INVALID_MEDIA_TYPE: 'The body must be sent as application/json.',
  };
  if (error.validation) {
    const errors = error.validation.slice(0, 20).map(describe);
    return problem(422, errors.map(each => each.detail).join(' '), { errors });
  }
  if (error instanceof DatabaseUnreachable) {
    return problem(503, 'The database does not answer. Try again.', {}, { 'retry-after': '5' });
  }
  const status = error.statusCode ?? 500;
  if (status < 500) return problem(status, details[error.code] ?? `${error.message}.`);
  console.error(error);
  return problem(500, 'The server failed. Its log says why.');
}

/**
 * @param {any} error From Ajv, with its schema.
 * @returns {{ pointer: string, detail: string }}
 */
function describe({ instancePath, keyword, params, message, parentSchema }) {
  const missing = keyword === 'required' && params.missingProperty;
  const unknown = keyword === 'additionalProperties' && params.additionalProperty;
  const path = [instancePath, missing || unknown].filter(Boolean).join('/');
  const name = path ? `“${path.replace(/^\//, '')}”` : 'The body';
  const details = {
    required: 'is missing',
    additionalProperties: 'is not a known field',
    enum: `must be one of ${params.allowedValues?.join(', ')}`,
    pattern: `must be: ${parentSchema.description?.replace(/\.$/, '')}`,
  };
  const detail = `${name} ${Reflect.get(details, keyword) ?? message}.`;
  return { pointer: `#${path}`, detail };
}
