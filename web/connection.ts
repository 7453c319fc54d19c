// A page's line to its worker. The worker may die at any moment, of a trap, of memory, or with the
// page that is put aside: then it is started again and asked again whatever it had not answered.
//
//     start ──▶ up ──crash──▶ up, or the fifth time within a minute
//               up ──crash──▶ down ──call, after that minute──▶ up
//               up ──pagehide──▶ aside ──pageshow──▶ up
//               up ──the first worker cannot begin──▶ refused, for good
//               any ──close──▶ closed

import { within, type Clock } from './clock.js';
import { HoldfastError, messageOf, refused, type Refusal } from './errors.js';
import {
  callTable,
  type Call,
  type Notice,
  type Question,
  type Start,
  type ToPage,
  type ToWorker,
} from './rpc.js';
import type { Trigger } from './triggers.js';

/** What carries a client's calls to whoever holds the database. */
export interface Line {
  /** If `forgotten` is aborted it is not sent again, and rejects with that. */
  call(call: Call, forgotten?: AbortSignal): Promise<unknown>;
  trigger(trigger: Trigger): void;
  /** Waits for what is under way, at most 5 s, and lets go of the database. */
  close(): Promise<void>;
}

/** What comes over the line by itself. */
export interface Listener {
  notice(notice: Notice): void;
  /** There is a new leader, this tab's own or another's: whatever was read may have changed. */
  leading(own: boolean): void;
  /** This tab's worker waits for its turn, and nobody has said yet that he leads. */
  waiting(): void;
  /** This tab does not lead, or its worker is gone and another on its way. */
  lost(): void;
  /** Asks the app's functions. May reject. */
  ask(question: Question): Promise<unknown>;
  complain(reason: string): void;
}

export interface ConnectionHost {
  clock: Clock;
  createWorker(): Worker;
  /** Says when the page is put aside and taken up again; undefined where pages are not. */
  window: EventTarget | undefined;
}

const maxCrashes = 5;
const crashWindowMs = 60_000;
const closeMs = 5_000;

export function connect(
  start: Omit<Start, 'session'>,
  host: ConnectionHost,
  listener: Listener,
): Line {
  let worker: Worker | undefined;
  let session = 0;
  let state: 'up' | 'aside' | 'down' | 'closed' = 'up';
  let refusal: HoldfastError | undefined;
  /**
   * Whether a worker of this page ever took part: one that cannot begin at all will not for trying
   * again.
   */
  let took = false;
  /** A newer app leads. */
  let outdated = false;
  let crashes: number[] = [];
  let hearClosed = (): void => {};
  const calls = callTable((leader, batch) => post({ type: 'calls', leader, calls: batch }));

  function post(message: ToWorker): void {
    worker?.postMessage(message);
  }

  function begin(): void {
    state = 'up';
    let heard = false;
    try {
      worker = host.createWorker();
    } catch (error) {
      return refuse(workerLoad(String(error)));
    }
    const mine = worker;
    mine.onmessage = ({ data }: MessageEvent<ToPage[]>) => {
      heard = true;
      for (const message of data) if (mine === worker) receive(message);
    };
    mine.onerror = event => {
      event.preventDefault();
      if (mine !== worker) return;
      if (heard) crash({ code: 'storage', message: event.message });
      else refuse(workerLoad(event.message));
    };
    post({ type: 'start', start: { ...start, session: ++session } });
  }

  function receive(message: ToPage): void {
    switch (message.type) {
      case 'answers':
        took = true;
        return calls.answered(message.answers);
      case 'notice':
        return listener.notice(message.notice);
      case 'leading':
        took = true;
        outdated = message.newer;
        if (outdated) {
          calls.lost();
          return calls.abandon(call => newerVersion(outcome(call)));
        }
        if (calls.led(message.leader)) listener.leading(message.own);
        return;
      case 'asked': {
        const [number, question] = message.asked;
        listener.ask(question).then(
          value => post({ type: 'told', told: [number, { value }] }),
          (error: unknown) => {
            const refusal = { code: 'bad-option', message: messageOf(error) };
            post({ type: 'told', told: [number, { error: refusal }] });
          },
        );
        return;
      }
      case 'following':
        calls.lost();
        return listener.lost();
      case 'waiting':
        took = true;
        return listener.waiting();
      case 'complaint':
        return listener.complain(message.reason);
      case 'failed':
        return took ? crash(message.error) : refuse(refused(message.error));
      case 'closed':
        return hearClosed();
      default:
        message satisfies never;
    }
  }

  function end(): void {
    worker?.terminate();
    worker = undefined;
    calls.lost();
  }

  function refuse(error: HoldfastError): void {
    end();
    refusal = error;
    calls.abandon(() => error);
  }

  function crash({ message }: Refusal): void {
    end();
    if (state === 'closed') return hearClosed();
    listener.lost();
    const now = host.clock.now();
    crashes = [...crashes.filter(time => Math.abs(now - time) < crashWindowMs), now];
    if (crashes.length < maxCrashes) return begin();
    state = 'down';
    calls.abandon(call => stopped(call, message));
  }

  function hide(): void {
    if (state !== 'up') return;
    state = 'aside';
    end();
    listener.lost();
  }

  function show(): void {
    if (state === 'aside') begin();
  }

  host.window?.addEventListener('pagehide', hide);
  host.window?.addEventListener('pageshow', show);
  begin();

  return {
    call(call, forgotten) {
      if (state === 'closed') return Promise.reject(closed(call, false));
      if (refusal) return Promise.reject(refusal);
      if (outdated) return Promise.reject(newerVersion('Nothing was recorded.'));
      if (state === 'down') {
        const [first = 0] = crashes;
        if (Math.abs(host.clock.now() - first) < crashWindowMs)
          return Promise.reject(stopped(call, 'it was started again too often'));
        crashes = [];
        begin();
      }
      return calls.call(call, forgotten);
    },
    trigger: trigger => post({ type: 'trigger', trigger }),
    async close() {
      if (state === 'closed') return;
      const wasUp = state === 'up' && worker !== undefined;
      state = 'closed';
      host.window?.removeEventListener('pagehide', hide);
      host.window?.removeEventListener('pageshow', show);
      if (wasUp) {
        await within(host.clock, closeMs, calls.drained(), () => undefined);
        const heard = new Promise<void>(resolve => (hearClosed = resolve));
        post({ type: 'close' });
        await within(host.clock, closeMs, heard, () => undefined);
      }
      end();
      calls.abandon(call => closed(call, true));
    },
  };
}

function workerLoad(why: string): HoldfastError {
  return new HoldfastError(
    'worker-load',
    `Holdfast's worker could not be started${why ? ` (${why})` : ''}. Nothing was recorded. ` +
      'Serve worker.js beside the package, or say where it is by the option workerUrl or ' +
      'createWorker; a Content-Security-Policy must allow it in worker-src.',
  );
}

function newerVersion(kept: string): HoldfastError {
  return new HoldfastError(
    'newer-version',
    'Another tab of this app is newer, or has another configuration, and holds the database. ' +
      `${kept} Reload this page.`,
  );
}

function stopped(call: Call, why: string): HoldfastError {
  return new HoldfastError(
    'storage',
    `Holdfast's worker stopped ${maxCrashes} times within a minute, the last time because: ` +
      `${why} What was recorded before is kept. ${outcome(call)} Reload the page; if that does ` +
      "not help, the device's storage may be failing.",
  );
}

function closed(call: Call, underWay: boolean): HoldfastError {
  const kept = underWay ? outcome(call) : 'Nothing was recorded.';
  return new HoldfastError('closed', `This Holdfast was closed. ${kept} Open it again to go on.`);
}

function outcome(call: Call): string {
  switch (call.type) {
    case 'write':
      return perhaps(`This ${call.kind} of ${call.collection} ${call.record}`);
    case 'transact':
      return perhaps(`This transaction of ${call.writes.length} writes`);
    case 'retry':
    case 'edit':
    case 'discard':
    case 'cancel':
      return perhaps(`This ${call.type} of the mutation ${call.id}`);
    default:
      return 'Nothing was recorded by this call.';
  }
}

function perhaps(what: string): string {
  return `${what} may or may not have been recorded.`;
}
