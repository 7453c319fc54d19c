// The outbox and the dead letters, as the app sees them.

import { callOptions, flagOf } from './change.js';
import { isLimit } from './collection.js';
import { HoldfastError } from './errors.js';
import { checkId } from './ids.js';
import { parseJson } from './json.js';
import type { DeadLetterEntry, Departure, Explanation, OutboxEntry } from './protocol.js';
import { update } from './record.js';
import type { Call, Reading } from './rpc.js';
import type { Holdfast, Schema } from './surface.js';

export interface OutboxHost {
  call(call: Call): Promise<unknown>;
  /** Answers with JSON text. */
  read(read: Reading): Promise<string>;
  newId(): string;
}

/** How many dead letters are looked at in one go. */
const page = 1_000;

export function outbox({ call, read }: OutboxHost): Holdfast<Schema>['outbox'] {
  return {
    async list(options) {
      return parseJson(await read({ type: 'outbox', limit: limitOf(options) })) as OutboxEntry[];
    },
    async explain(id) {
      checkId(id);
      const explanation = parseJson(await read({ type: 'explain', id })) as Explanation | null;
      return explanation ?? undefined;
    },
    async cancel(id) {
      checkId(id);
      return (await call({ type: 'cancel', id })) as string[];
    },
    async history(options) {
      return parseJson(await read({ type: 'history', limit: limitOf(options) })) as Departure[];
    },
  };
}

export function deadLetters({ call, read, newId }: OutboxHost): Holdfast<Schema>['deadLetters'] {
  const list = async (limit: number): Promise<DeadLetterEntry[]> =>
    parseJson(await read({ type: 'deadLetters', limit })) as DeadLetterEntry[];

  /** Queues each again. Resolves with how many were there still. */
  async function queue(ids: readonly string[], as: (id: string) => string): Promise<number> {
    const queued = await Promise.all(
      ids.map(async id => {
        try {
          await call({ type: 'retry', id, as: as(id) });
          return 1;
        } catch (error) {
          if (error instanceof HoldfastError && error.code === 'not-found') return 0;
          throw error;
        }
      }),
    );
    return queued.reduce<number>((sum, each) => sum + each, 0);
  }

  return {
    list: async options => list(limitOf(options)),
    async retry(id, options) {
      const { mayDuplicate } = callOptions('retry', options, ['mayDuplicate']);
      checkId(id);
      await call({ type: 'retry', id, as: newId(), ...duplicate(mayDuplicate) });
    },
    async retryAll() {
      // What is refused anew meanwhile is a dead letter again, and is not retried a second time.
      const seen = new Set<string>();
      const renamed = (id: string): string => {
        const as = newId();
        seen.add(id).add(as);
        return as;
      };
      for (let count = 0; ; ) {
        const letters = await list(page + seen.size);
        const ids = letters.map(({ id }) => id).filter(id => !seen.has(id));
        if (ids.length === 0) return count;
        count += await queue(ids, renamed);
      }
    },
    async edit(id, patch, options) {
      const known = ['remove', 'mayDuplicate'] as const;
      const { remove, mayDuplicate } = callOptions('edit', options, known);
      checkId(id);
      const change = update('The patch', patch, remove);
      await call({ type: 'edit', id, as: newId(), change, ...duplicate(mayDuplicate) });
    },
    async discard(id) {
      checkId(id);
      return (await call({ type: 'discard', id })) as string[];
    },
  };
}

function duplicate(value: unknown): { mayDuplicate?: true } {
  return flagOf(value, 'mayDuplicate') ? { mayDuplicate: true } : {};
}

function limitOf(options: unknown): number {
  const { limit = page } = callOptions('this list', options, ['limit']);
  if (isLimit(limit)) return limit;
  throw new HoldfastError(
    'bad-query',
    'limit must be a whole number, 0 or more. Nothing was read.',
  );
}
