// The app's own SQL, asked once or watched.

import { callOptions } from './change.js';
import { HoldfastError } from './errors.js';
import { checkJson, parseJson } from './json.js';
import { guarded, steady, type Live, type Report, type Subject } from './live.js';
import type { Read, SqlAnswer } from './protocol.js';
import type { Holdfast, Schema } from './surface.js';

export interface SqlHost {
  /** Answers with JSON text. */
  read(read: Read): Promise<string>;
  live: Live;
  report: Report;
}

export function sql({
  read,
  live,
  report,
}: SqlHost): Pick<Holdfast<Schema>, 'query' | 'subscribe'> {
  return {
    async query<R extends object>(sql: string, params?: readonly unknown[]) {
      const answer = parseJson(await read(question(sql, params))) as SqlAnswer;
      return answer.rows as R[];
    },
    subscribe<R extends object>(
      sql: string,
      params: readonly unknown[],
      listener: (rows: R[]) => void,
      options?: object,
    ) {
      const { signal } = callOptions('subscribe', options, ['signal']);
      const asked = question(sql, params);
      const tell = guarded(listener, report);
      const shown = steady(
        answer => {
          const { reads, rows } = answer as SqlAnswer;
          subject.reads = reads;
          return rows;
        },
        row => JSON.stringify(row),
        row => row,
      );
      const subject: Subject = { ask: () => read(asked), show: text => tell(shown(text) as R[]) };
      return live.watch(subject, signal as AbortSignal | undefined);
    },
  };
}

/** What is asked, which the app can no longer change. @throws {HoldfastError} 'bad-query' */
function question(sql: unknown, params: unknown = []): Read {
  if (typeof sql !== 'string' || !Array.isArray(params))
    throw new HoldfastError(
      'bad-query',
      'A query must be SQL as text, and its parameters an array. Nothing was read.',
    );
  checkJson(params, 'params', 'bad-query');
  return { type: 'sql', sql, params: JSON.parse(JSON.stringify(params)) as unknown[] };
}
