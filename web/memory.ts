// A line to a core of this very thread, over files in memory: for tests, for Node, and where losing
// everything with the page is acceptable. The same loop as in a worker.

import { within, type Clock } from './clock.js';
import type { Listener } from './connection.js';
import { openCore, type Glue } from './core.js';
import { HoldfastError, messageOf } from './errors.js';
import { appFunctions, callTable, numbering, type Call, type Start } from './rpc.js';
import { openSession } from './session.js';
import type { WritingLine } from './spill.js';
import { transport } from './transport.js';

export interface MemoryHost {
  clock: Clock;
  fetch: typeof fetch;
  glue: Glue;
  module: WebAssembly.Module;
}

const closeMs = 5_000;

/** @throws {HoldfastError} 'wasm-load' or 'storage' */
export async function connectMemory(
  { client, config, api, asks }: Pick<Start, 'client' | 'config' | 'api' | 'asks'>,
  { clock, fetch, glue, module }: MemoryHost,
  listener: Listener,
): Promise<WritingLine> {
  const closed = new AbortController();
  let over: HoldfastError | undefined;
  const core = await openCore(glue, module, config, null, clock.now);
  const session = openSession(
    core,
    {
      clock,
      soon: run => queueMicrotask(run),
      transport: transport({
        ...api,
        fetch,
        clock,
        closed: closed.signal,
        ...appFunctions(asks, listener.ask),
        complain: listener.complain,
      }),
      notify: listener.notice,
      fail(error) {
        end(
          new HoldfastError(
            'storage',
            `Holdfast's engine stopped: ${messageOf(error)}. What was held in memory is lost. ` +
              'Open it again.',
          ),
        );
      },
    },
    false,
  );
  const calls = callTable((_leader, batch) => {
    for (const [number, call] of batch)
      session.call(call, answer => calls.answered([[number, answer]]));
  });

  function end(error: HoldfastError): void {
    over = error;
    closed.abort();
    session.close();
    calls.abandon(() => error);
  }

  calls.led('this thread');
  const numbers = numbering(client, clock.now);
  const call = (call: Call): Promise<unknown> => (over ? Promise.reject(over) : calls.call(call));
  return {
    call,
    async write(unnumbered) {
      const by = numbers.next();
      try {
        return await call({ ...unnumbered, ...by });
      } finally {
        numbers.settled(by.number);
      }
    },
    trigger: trigger => session.trigger(trigger),
    async close() {
      if (over) return;
      over = new HoldfastError(
        'closed',
        'This Holdfast was closed. Nothing was recorded. Open it again to go on.',
      );
      await within(clock, closeMs, calls.drained(), () => undefined);
      end(over);
    },
  };
}
