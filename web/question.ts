// What a worker asks of the app's functions, as the settings hold them.

import type { Settings } from './options.js';
import type { Response as Answer } from './protocol.js';
import type { Question } from './rpc.js';

/** May reject, as the app's functions may. */
export async function answered(settings: Settings, question: Question): Promise<unknown> {
  const { headers, check, serverId, map } = settings;
  switch (question.type) {
    case 'headers':
      return plainHeaders(await headers?.());
    case 'check':
      return (await check?.(responseOf(question.response))) === true;
    case 'serverId':
      return serverId.get(question.collection)?.(question.answer);
    case 'map':
      return map.get(question.collection)?.(question.answer);
    default:
      return question satisfies never;
  }
}

/** As an object, also where an app in JavaScript hands over Headers. */
function plainHeaders(given: Record<string, string> | Headers = {}): Record<string, string> {
  return given instanceof Headers ? Object.fromEntries(given) : { ...given };
}

function responseOf({ status, contentType, etag, date, body }: Answer): Response {
  const headers = { 'content-type': contentType, etag, date };
  // These carry no body, and Response refuses one; a redirect has no status.
  const empty = status === 204 || status === 205 || status === 304;
  return new Response(empty ? null : body, { status: status || 502, headers });
}
