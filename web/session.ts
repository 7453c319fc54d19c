// What leads: the core with its loop and its transport, answering the calls of every tab.

import { within, type Clock } from './clock.js';
import type { Core } from './core.js';
import { drive, type Driver } from './driver.js';
import { refusalOf, HoldfastError, type Refusal } from './errors.js';
import type { Journal } from './journal.js';
import { sameJson } from './json.js';
import type {
  CoreStatus,
  Event,
  PullEnded,
  Result,
  Step,
  Transact,
  Write,
} from './protocol.js';
import type { Answer, Answering, Call, Notice, PullReport, Refused, SyncReport } from './rpc.js';
import type { Transport } from './transport.js';

export interface SessionHost {
  clock: Clock;
  soon(run: () => void): void;
  transport: Transport;
  /** Where pages spill what is not answered; none where there is one page only. */
  journal?: Journal;
  /** To every tab. */
  notify(notice: Notice): void;
  /** The session is over: what it still owes will not come. */
  fail(error: unknown): void;
}

export interface Session extends Answering {
  /** Resolves when the journal was taken in, or could not be, after 2 s at the most. */
  readonly ready: Promise<void>;
  /** Ends the loop and closes the core. */
  close(): void;
}

interface Sync {
  accepted: number;
  rejected: number;
  finish(report: SyncReport): void;
}

interface Pull {
  collection: string;
  finish(end: PullEnded): void;
}

const journalMs = 2_000;
const retryMs = 30_000;
/** How many writes of the journal are one step. */
const slice = 200;
/** These a write may yet overcome: it stays in the journal. */
const passing = new Set(['disk-full', 'storage', 'take-journal-first']);

/** Begins a session over an open core; paused, if the app has paused an earlier one. */
export function openSession(core: Core, host: SessionHost, paused: boolean): Session {
  const syncs = new Set<Sync>();
  const pulls = new Set<Pull>();
  let status: CoreStatus | undefined;
  const first: Event[] = paused ? [{ type: 'open' }, { type: 'pause' }] : [{ type: 'open' }];

  const driver: Driver = drive(
    core,
    {
      clock: host.clock,
      soon: host.soon,
      send: effect => host.transport.send(effect),
      sendBatch: effect => host.transport.sendBatch(effect),
      probe: () => host.transport.probe(),
      fetch: effect => host.transport.fetch(effect),
      stepped,
      fail: host.fail,
    },
    first,
  );

  function stepped(step: Step): void {
    const notice: Notice = { changed: step.changed, news: [] };
    if (!sameJson(status, step.status)) notice.status = status = step.status;
    for (const effect of step.effects) {
      switch (effect.type) {
        case 'settled':
        case 'buried':
        case 'signIn':
          notice.news.push(effect);
          break;
        case 'pullEnded':
          finishPulls(effect);
          notice.news.push(effect);
          break;
        case 'send':
        case 'sendBatch':
        case 'probe':
        case 'fetch':
          break;
        default:
          effect satisfies never;
      }
    }
    followSyncs(notice.news, step.status);
    if (notice.changed.length > 0 || notice.status || notice.news.length > 0) host.notify(notice);
  }

  function followSyncs(news: Notice['news'], { syncing, pending, reachable }: CoreStatus): void {
    for (const sync of syncs) {
      for (const item of news) {
        if (item.type === 'settled' && item.reason === 'accepted') ++sync.accepted;
        if (item.type === 'buried') ++sync.rejected;
      }
      if (syncing) continue;
      syncs.delete(sync);
      sync.finish({ accepted: sync.accepted, rejected: sync.rejected, pending, reachable });
    }
  }

  function finishPulls(end: PullEnded): void {
    for (const pull of pulls) {
      if (pull.collection !== end.collection) continue;
      pulls.delete(pull);
      pull.finish(end);
    }
  }

  function call(call: Call, answer: (answer: Answer) => void): void {
    const post = (event: Event): void => driver.post(event, result => answer(answerOf(result)));
    switch (call.type) {
      case 'write':
      case 'transact':
      case 'retry':
      case 'edit':
      case 'discard':
      case 'cancel':
      case 'pause':
      case 'resume':
      case 'signedIn':
        return post(call);
      case 'sync':
        // The step that takes it goes to `stepped` next, which finishes it at once if nothing can
        // be sent.
        return driver.post(call, result => {
          if ('error' in result) answer(result);
          else syncs.add({ accepted: 0, rejected: 0, finish: value => answer({ value }) });
        });
      case 'pull':
        return driver.post(call, result => {
          if ('error' in result) answer(result);
          else pulls.add({ collection: call.collection, finish: end => answer(reportOf(end)) });
        });
      case 'takeIn':
        return void takeIn(call.client).then(
          () => answer({ value: null }),
          (error: unknown) => answer({ error: refusalOf(error) }),
        );
      case 'get':
      case 'list':
      case 'count':
      case 'plan':
      case 'sql':
      case 'outbox':
      case 'deadLetters':
      case 'history':
      case 'status':
        return driver.read(call, answer);
      case 'explain':
        return driver.read({ ...call, now: host.clock.now() }, answer);
      default:
        call satisfies never;
    }
  }

  // The journal is taken in by one after the other, each time all of it.
  let taking: Promise<Map<string, Refusal>> = Promise.resolve(new Map());

  /** @throws {HoldfastError} if something of this client had to stay there. */
  async function takeIn(client: string): Promise<void> {
    taking = taking.then(takeJournal, takeJournal);
    const refusal = (await taking).get(client);
    if (refusal) throw new HoldfastError(refusal.code as 'storage', refusal.message);
  }

  /** Answers with why something stayed, by client. */
  async function takeJournal(): Promise<Map<string, Refusal>> {
    const stayed = new Map<string, Refusal>();
    const entries = (await host.journal?.entries()) ?? [];
    for (let i = 0; i < entries.length; i += slice) {
      const taken: number[] = [];
      await Promise.all(
        entries.slice(i, i + slice).map(async ([key, call]) => {
          const result = await new Promise<Result>(resolve => driver.post(call, resolve));
          if ('error' in result && passing.has(result.error.code)) {
            if (!stayed.has(call.client)) stayed.set(call.client, result.error);
          } else {
            taken.push(key);
            if ('error' in result)
              host.notify({ changed: [], news: refusedBy(result.error, call) });
          }
        }),
      );
      await host.journal?.remove(taken);
    }
    return stayed;
  }

  // What pages left there that are gone nobody asks for: until it is in, it is tried again.
  async function takeAll(): Promise<void> {
    try {
      taking = taking.then(takeJournal, takeJournal);
      if ((await taking).size === 0) return;
    } catch {
      // The journal may be readable later.
    }
    cancelRetry = host.clock.after(retryMs, () => void takeAll());
  }
  let cancelRetry = (): void => {};

  return {
    ready: within(host.clock, journalMs, takeAll(), () => undefined),
    call,
    trigger({ type }) {
      if (type !== 'hidden') driver.post({ type });
    },
    close() {
      cancelRetry();
      driver.stop();
      core.close();
    },
  };
}

function refusedBy(error: Refusal, call: Write | Transact): Refused[] {
  return (call.type === 'transact' ? call.writes : [call]).map(
    ({ collection, record, kind, change }) => ({
      type: 'refused',
      collection,
      record,
      kind,
      change,
      error,
    }),
  );
}

function answerOf(result: Result): Answer {
  if ('error' in result) return result;
  return { value: result.record ?? result.records ?? result.gone ?? null };
}

function reportOf({ collection, pulled, error }: PullEnded): Answer {
  if (!error) return { value: { pulled } satisfies PullReport };
  const why =
    [error.title, error.detail].filter(Boolean).join(' ') || 'the API did not answer as it should.';
  const message =
    `The pull of ${collection} ended early: ${why} ` +
    'What had arrived is kept; the next pull goes on from there.';
  return { error: { code: 'pull-failed', message } };
}
