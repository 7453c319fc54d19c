// Replays the outbox where nothing may be written: over a copy of the database, with every step in
// the journal before its effects are carried out. The core is a step function, so who leads next
// takes the same steps over the database itself and stands where this ended: an attempt was claimed
// before it was sent, and one without an answer is an outcome that is not known.

import type { Clock } from './clock.js';
import type { Core } from './core.js';
import type { JournalStep } from './journal.js';
import type { Event } from './protocol.js';
import type { Transport } from './transport.js';

export interface ReplayHost {
  clock: Clock;
  transport: Transport;
  /** Resolves once the step is on disk. */
  record(step: JournalStep): Promise<void>;
  /** Ends it after the step that is being taken. */
  stop: AbortSignal;
}

/** An alarm that is further off than this is left to another time. */
const patienceMs = 5_000;

/**
 * Begins with `first`, and resolves when nothing more can be done for now, with the number of
 * mutations that are still pending.
 */
export async function replay(core: Core, host: ReplayHost, first: Event[]): Promise<number> {
  const { clock, transport, stop } = host;
  let events = first;
  let under = 0; // Requests under way.
  let pending = 0;
  let wake = (): void => {};

  function post(event: Event): void {
    events.push(event);
    wake();
  }

  function answer(request: Promise<Event>): void {
    ++under;
    void request.then(event => {
      --under;
      post(event);
    });
  }

  stop.addEventListener('abort', () => wake());
  while (!stop.aborted) {
    const step = { events, now: clock.now() };
    events = [];
    const { effects, status, wakeAt } = core.handle(step.events, step.now);
    await host.record(step);
    if (stop.aborted) break; // What it claimed was never sent, and is asked for again.
    for (const effect of effects)
      switch (effect.type) {
        case 'send': {
          const { epoch, id, attempt } = effect;
          const sent = transport.send(effect);
          answer(sent.then(result => ({ type: 'answered', epoch, id, attempt, ...result })));
          break;
        }
        case 'sendBatch': {
          const { epoch, members } = effect;
          const sent = transport.sendBatch(effect);
          answer(sent.then(outcome => ({ type: 'batchAnswered', epoch, members, outcome })));
          break;
        }
        case 'probe': {
          const { epoch, probe } = effect;
          answer(transport.probe().then(result => ({ type: 'probed', epoch, probe, ...result })));
          break;
        }
        default: // Nobody is there to be told, and nothing is pulled.
      }
    ({ pending } = status);
    if (pending === 0 && under === 0) break;
    if (events.length > 0) continue;
    const alarm = wakeAt === undefined ? Infinity : wakeAt - clock.now();
    if (under === 0 && alarm > patienceMs) break;
    await new Promise<void>(resolve => {
      const cancel =
        alarm <= patienceMs ? clock.after(alarm, () => post({ type: 'tick' })) : () => {};
      wake = () => {
        cancel();
        resolve();
      };
      if (stop.aborted) wake();
    });
  }
  return pending;
}
