// The worker's composition root: it waits to lead, and while it leads it holds the database,
// answers every tab and sends.

import glue from './holdfast.js';
import { systemClock, within } from './clock.js';
import { compileResponse, openCore, type Core, type FileHandle } from './core.js';
import { HoldfastError, refusalOf } from './errors.js';
import { openJournal, type JournalStep } from './journal.js';
import { lead, type Offer } from './leader.js';
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

/** How long the journal may take to be read. */
const journalMs = 10_000;

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
const post = collected<ToPage>(messages => scope.postMessage(messages));

scope.onmessage = ({ data }) => {
  if (data.type === 'start') scope.onmessage = serve(data.start);
};

function silent(): never {
  throw new HoldfastError('storage', 'The journal in IndexedDB could not be read.');
}

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
  rank,
  wasmUrl,
}: Start): (event: MessageEvent<ToWorker>) => void {
  const closed = new AbortController();
  const questions = asking(asked => post({ type: 'asked', asked }));
  const line = relay(
    client,
    `${client}/${session}`,
    post,
    new BroadcastChannel(`holdfast:${name}`),
    rank,
  );
  // Compiled while the lock is waited for, so that a takeover does not wait for it.
  const module = compileResponse(wasmUrl, url => fetch(url));
  module.catch(() => {}); // Told when it is wanted.

  const journal = openJournal(name);
  const stopWaiting = systemClock.after(waitingMs, () => {
    post({ type: 'waiting' });
    journal.entries().catch(() => {}); // So that it is open when it is this worker's turn.
  });

  const environment = {
    locks: navigator.locks as LockManager | undefined,
    storage: navigator.storage as StorageManager | undefined,
    secure: isSecureContext,
    clock: systemClock,
  };
  lead(name, environment, closed.signal, hold, line.offered).then(
    () => {
      line.stop();
      end({ type: 'closed' });
    },
    (error: unknown) => {
      line.stop();
      end({ type: 'failed', error: refusalOf(error) });
    },
  );

  /**
   * Leads until it is over, or another should lead; or rejects with what made it impossible to go
   * on.
   */
  async function hold(handles: readonly FileHandle[], over: AbortSignal): Promise<Offer> {
    stopWaiting();
    const steps = journal.steps();
    steps.catch(() => {}); // Told when they are wanted.
    const core = await openCore(glue, await module, config, handles, systemClock.now);
    await takeSteps(core, await within(systemClock, journalMs, steps, silent));
    journal.setConfig(rank.config).catch(() => {}); // Then nothing is replayed without a tab.
    return new Promise<Offer>((resolve, reject) => {
      const ended = new AbortController();
      const session = openSession(
        core,
        {
          clock: systemClock,
          soon: run => queueMicrotask(run),
          transport: transport({
            ...api,
            fetch,
            clock: systemClock,
            closed: ended.signal,
            ...appFunctions(asks, questions.ask),
            complain: reason => post({ type: 'complaint', reason }),
          }),
          journal,
          notify: line.notify,
          fail: reject,
        },
        line.paused(),
      );
      const finish = (offer?: () => void): void => {
        if (ended.signal.aborted) return;
        ended.abort();
        line.follow();
        session.close();
        resolve(offer);
      };
      if (over.aborted) return finish();
      over.addEventListener('abort', () => finish());
      // Whoever asks next finds what was written while nobody led.
      void session.ready.then(() => {
        if (!ended.signal.aborted) line.lead(session, finish);
      });
    });
  }

  /**
   * Takes the steps that a service worker took, whose effects are carried out already. Nothing may
   * be folded or sent before: what they sent must not change any more.
   */
  async function takeSteps(core: Core, steps: [number, JournalStep][]): Promise<void> {
    for (const [, { events, now }] of steps) core.handle(events, now);
    await journal.removeSteps(steps.map(([key]) => key));
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
