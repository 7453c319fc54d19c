// What leads: the core with its loop and its transport, answering the calls of every tab.

import type { Clock } from './clock.js';
import type { Core } from './core.js';
import { drive, type Driver } from './driver.js';
import { sameJson } from './json.js';
import type { CoreStatus, Event, PullEnded, Result, Step } from './protocol.js';
import type { Answer, Answering, Call, Notice, PullReport, SyncReport } from './rpc.js';
import type { Transport } from './transport.js';

export interface SessionHost {
  clock: Clock;
  soon(run: () => void): void;
  transport: Transport;
  /** To every tab. */
  notify(notice: Notice): void;
  /** The session is over: what it still owes will not come. */
  fail(error: unknown): void;
}

export interface Session extends Answering {
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
      case 'get':
      case 'list':
      case 'plan':
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

  return {
    call,
    trigger: trigger => driver.post(trigger),
    close() {
      driver.stop();
      core.close();
    },
  };
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
