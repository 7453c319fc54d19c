// The loop between the core and the world. It hands the core the events that came together, hands
// each result to whoever waits for it, carries out the effects in their order, and keeps the one
// alarm that the core asks for. Everything impure comes in through Host, so the loop runs in a test
// without a browser.
//
// Order: results, then effects, then `stepped`, then the reads that were asked for meanwhile, so
// that a read sees every write that was called before it. Results and effects are of a step that is
// on disk.

import type { Clock } from './clock.js';
import type { Core } from './core.js';
import { HoldfastError, refusalOf, type Refusal } from './errors.js';
import type {
  Answered,
  BatchAnswered,
  Effect,
  Event,
  Fetch,
  Probe,
  Probed,
  Pulled,
  Read,
  Result,
  Send,
  SendBatch,
  Step,
} from './protocol.js';

/** What comes of a page, or of a part of one. */
export type PagePart = Omit<Pulled, 'type' | 'epoch' | 'pull' | 'collection'>;

export interface Host {
  clock: Clock;
  /**
   * Calls `run` once what has already arrived is posted: everything posted until then shares one
   * step.
   */
  soon(run: () => void): void;
  /** Makes one attempt. Never rejects: no answer is an answer. */
  send(effect: Send): Promise<Pick<Answered, 'outcome' | 'serverId'>>;
  /** Makes several attempts in one request. Never rejects. */
  sendBatch(effect: SendBatch): Promise<BatchAnswered['outcome']>;
  /** Asks the health endpoint. Never rejects. */
  probe(effect: Probe): Promise<Pick<Probed, 'outcome' | 'check'>>;
  /** Fetches one page of a pull, in parts. Never throws. */
  fetch(effect: Fetch): AsyncIterable<PagePart>;
  /** A step was taken and its effects are under way. */
  stepped(step: Step): void;
  /**
   * The core is dead, or storage failed where no caller could be told. Open anew: that recovers
   * what was in flight.
   */
  fail(error: unknown): void;
}

export interface Driver {
  /**
   * Hands over an event. `answer` gets its result after the commit, or the error with which nothing
   * was recorded. It is never called when the core dies under it: then nobody knows, and the event
   * is to be sent again.
   */
  post(event: Event, answer?: (result: Result) => void): void;
  /**
   * Reads after the events that were posted before. `answer` gets JSON text; never called when the
   * core dies.
   */
  read(read: Read, answer: (answer: { value: string } | { error: Refusal }) => void): void;
  /** Nothing reaches the core any more, whatever is still on its way. */
  stop(): void;
}

/** How long after the last step the core may tidy its files. */
const idleMs = 1_000;

/** Starts the loop with the events of a new session, the first of them 'open'. */
export function drive(core: Core, host: Host, first: readonly Event[]): Driver {
  let events: { event: Event; answer?: (result: Result) => void }[] = [];
  let reads: (() => void)[] = [];
  let stopped = false;
  let cancelAlarm = (): void => {};
  let idleAlarm: 'off' | 'set' | 'stale' = 'off';
  let cancelIdle = (): void => {};
  const underWay = new Map<string, number>(); // The page of each collection.

  function post(event: Event, answer?: (result: Result) => void): void {
    if (stopped) return;
    if (events.length === 0) host.soon(flush);
    events.push(answer ? { event, answer } : { event });
  }

  function read(read: Read, answer: Parameters<Driver['read']>[1]): void {
    if (stopped) return;
    if (events.length > 0) reads.push(() => readNow(read, answer));
    else readNow(read, answer);
  }

  function readNow(read: Read, answer: Parameters<Driver['read']>[1]): void {
    if (stopped) return;
    let value: string;
    try {
      value = core.read(read);
    } catch (error) {
      if (error instanceof HoldfastError) answer({ error: refusalOf(error) });
      else fail(error);
      return;
    }
    answer({ value });
  }

  function flush(): void {
    if (stopped) return;
    const entries = events;
    const asked = reads;
    events = [];
    reads = [];
    let step: Step | undefined;
    try {
      step = core.handle(
        entries.map(entry => entry.event),
        host.clock.now(),
      );
    } catch (error) {
      refuse(entries, error);
    }
    if (step) {
      const { results } = step;
      entries.forEach(({ answer }, i) => answer?.(results[i] ?? {}));
      carryOut(step);
    }
    for (const run of asked) run();
  }

  // A step that could not be stored changed nothing. Who called is told; what came from no caller,
  // an answer of the server or a tick, has nobody who would send it again, but opening anew takes
  // up whatever was in flight.
  function refuse(entries: typeof events, error: unknown): void {
    if (!(error instanceof HoldfastError)) return fail(error);
    const result: Result = { error: refusalOf(error) };
    for (const { answer } of entries) answer?.(result);
    // A file that failed once stays failed: only new handles help.
    if (error.code !== 'disk-full' || entries.some(entry => !entry.answer)) fail(error);
  }

  function carryOut(step: Step): void {
    cancelAlarm();
    cancelAlarm =
      step.wakeAt === undefined
        ? () => {}
        : host.clock.after(step.wakeAt - host.clock.now(), () => post({ type: 'tick' }));
    for (const effect of step.effects) act(effect);
    host.stepped(step);
    expectIdleness();
  }

  function act(effect: Effect): void {
    switch (effect.type) {
      case 'send': {
        const { epoch, id, attempt } = effect;
        void host
          .send(effect)
          .then(answer => post({ type: 'answered', epoch, id, attempt, ...answer }));
        return;
      }
      case 'sendBatch': {
        const { epoch, members } = effect;
        void host
          .sendBatch(effect)
          .then(outcome => post({ type: 'batchAnswered', epoch, members, outcome }));
        return;
      }
      case 'probe': {
        const { epoch, probe } = effect;
        void host.probe(effect).then(answer => post({ type: 'probed', epoch, probe, ...answer }));
        return;
      }
      case 'fetch':
        void fetchPage(effect);
        return;
      case 'pullEnded':
        underWay.delete(effect.collection);
        return;
      case 'settled':
      case 'buried':
      case 'signIn':
        return; // These are news, told by `stepped`.
      default:
        effect satisfies never;
    }
  }

  // Each part is taken before the next is asked for, and what others want goes between.
  async function fetchPage(effect: Fetch): Promise<void> {
    const { epoch, pull, collection } = effect;
    underWay.set(collection, pull);
    for await (const part of host.fetch(effect)) {
      post({ type: 'pulled', epoch, pull, collection, ...part });
      if (part.last ?? true) return;
      await new Promise<void>(taken => reads.push(() => host.clock.after(0, taken)));
      if (underWay.get(collection) !== pull) return; // What came was no page.
    }
  }

  // Without setting a timer anew for every step: one that rings early is set again.
  function expectIdleness(): void {
    if (idleAlarm !== 'off') {
      idleAlarm = 'stale';
      return;
    }
    idleAlarm = 'set';
    cancelIdle = host.clock.after(idleMs, () => {
      const early = idleAlarm === 'stale';
      idleAlarm = 'off';
      if (early) return expectIdleness();
      try {
        core.idle();
      } catch (error) {
        fail(error);
      }
    });
  }

  function stop(): void {
    stopped = true;
    cancelAlarm();
    cancelIdle();
  }

  function fail(error: unknown): void {
    if (stopped) return;
    stop();
    host.fail(error);
  }

  for (const event of first) post(event);
  return { post, read, stop };
}
