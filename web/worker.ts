// The worker's composition root: it waits to lead, and while it leads it holds the database,
// answers every tab and sends.

import glue from './holdfast.js';
import { systemClock } from './clock.js';
import { compileResponse, openCore, type FileHandle } from './core.js';
import { refusalOf } from './errors.js';
import { openJournal } from './journal.js';
import { lead } from './leader.js';
import {
  appFunctions,
  asking,
  collected,
  relay,
  type Start,
  type ToPage,
  type ToWorker,
} from './rpc.js';
import { openSession } from './session.js';
import { transport } from './transport.js';

/** After this the page is told that it will not be its turn at once. */
const waitingMs = 1_000;

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
const post = collected<ToPage>(messages => scope.postMessage(messages));

scope.onmessage = ({ data }) => {
  if (data.type === 'start') scope.onmessage = serve(data.start);
};

function end(last: ToPage): void {
  scope.postMessage([last]);
  scope.close();
}

function serve({
  name,
  client,
  session,
  config,
  api,
  asks,
  wasmUrl,
}: Start): (event: MessageEvent<ToWorker>) => void {
  const closed = new AbortController();
  const questions = asking(asked => post({ type: 'asked', asked }));
  const line = relay(
    client,
    `${client}/${session}`,
    post,
    new BroadcastChannel(`holdfast:${name}`),
  );
  // Compiled while the lock is waited for, so that a takeover does not wait for it.
  const module = compileResponse(wasmUrl, url => fetch(url));
  module.catch(() => {}); // Told when it is wanted.

  const journal = openJournal(name);
  const stopWaiting = systemClock.after(waitingMs, () => post({ type: 'waiting' }));

  const environment = {
    locks: navigator.locks as LockManager | undefined,
    storage: navigator.storage as StorageManager | undefined,
    secure: isSecureContext,
    clock: systemClock,
  };
  lead(name, environment, closed.signal, hold).then(
    () => {
      line.stop();
      end({ type: 'closed' });
    },
    (error: unknown) => {
      line.stop();
      end({ type: 'failed', error: refusalOf(error) });
    },
  );

  /** Leads until the page closes, or rejects with what made it impossible to go on. */
  async function hold(handles: readonly FileHandle[]): Promise<void> {
    stopWaiting();
    const core = await openCore(glue, await module, config, handles);
    await new Promise<void>((resolve, reject) => {
      const session = openSession(
        core,
        {
          clock: systemClock,
          soon: run => queueMicrotask(run),
          transport: transport({
            ...api,
            fetch,
            clock: systemClock,
            closed: closed.signal,
            ...appFunctions(asks, questions.ask),
            complain: reason => post({ type: 'complaint', reason }),
          }),
          journal,
          notify: line.notify,
          fail: reject,
        },
        line.paused(),
      );
      const end = (): void => {
        line.stop();
        session.close();
        resolve();
      };
      if (closed.signal.aborted) return end();
      closed.signal.addEventListener('abort', end);
      // Whoever asks next finds what was written while nobody led.
      void session.ready.then(() => {
        if (!closed.signal.aborted) line.lead(session);
      });
    });
  }

  return ({ data }) => {
    switch (data.type) {
      case 'start':
        return;
      case 'calls':
        return line.calls(data.leader, data.calls);
      case 'trigger':
        return line.trigger(data.trigger);
      case 'told':
        return questions.told(data.told);
      case 'close':
        return closed.abort();
      default:
        data satisfies never;
    }
  };
}
