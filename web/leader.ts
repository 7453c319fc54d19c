// Who holds the database: the worker that has both the Web Lock `holdfast:{name}` and the handles
// of the files. The lock says whose turn it is; the handles are the fence, for no two can be open
// on one file. Who has the lock without the handles waits for them: it sends nothing.
//
//     waiting ──the lock──▶ opening ──the handles──▶ leading ──closes──▶ (over)
//     waiting ◀──taken over, or nobody does within 500 ms── handing over ◀──yields── leading
//
// Whoever yields closes the files, keeps the lock and offers it to one other, who steals it: so the
// lock does not go to whoever waited longest. Stolen from one that leads, it ends that one's term.

import { openBallast } from './ballast.js';
import type { Clock } from './clock.js';
import { fileNames, type FileHandle } from './core.js';
import { HoldfastError, messageOf } from './errors.js';

export interface LeaderHost {
  /** Undefined where the browser has none, as outside a secure context. */
  locks: Pick<LockManager, 'request'> | undefined;
  storage: Pick<StorageManager, 'getDirectory'> | undefined;
  secure: boolean;
  clock: Clock;
}

/** What a killed tab's handles, or a reload's, answer for up to 2 s in Chromium. */
const passing = new Set(['NoModificationAllowedError', 'InvalidStateError', 'UnknownError']);
const handOverMs = 500;

/** What a term ended with: to whom the lock is to be offered, by calling this; or nothing. */
export type Offer = (() => void) | undefined;

/**
 * Waits for the lock and for the files, however long, runs `session` over them until it settles,
 * closes them and lets go of the lock, in this order. Where the session ended with an offer, or
 * because the lock was lost, it waits for another turn. Resolves when the session ended by itself,
 * or when `closed` is aborted. `over` is aborted when the session has to end: for either.
 *
 * @param offered Is given what to call when another worker offers the lock to this one.
 * @throws {HoldfastError} 'insecure-context', 'no-opfs', 'disk-full' or 'storage': the files could
 * not be opened. There is no falling back to memory: a write that resolves is on disk. Or with what
 * `session` rejects with.
 */
export async function lead(
  name: string,
  host: LeaderHost,
  closed: AbortSignal,
  session: (handles: readonly FileHandle[], over: AbortSignal) => Promise<Offer>,
  offered: (take: () => void) => void = () => {},
): Promise<void> {
  const { locks, storage, clock } = host;
  if (!host.secure) throw insecure();
  if (!locks || typeof storage?.getDirectory !== 'function')
    throw noOpfs('this browser is too old for it');

  /** Answers whether there may be another turn. */
  async function serve(over: AbortSignal): Promise<boolean> {
    const handles = await acquire(name, storage as StorageManager, clock, over);
    if (!handles) return true;
    let offer: Offer;
    try {
      offer = await session(handles, over);
    } finally {
      for (const handle of handles) handle.close();
    }
    if (!offer || over.aborted) return over.aborted;
    offer();
    await new Promise<void>(resolve => {
      over.addEventListener('abort', () => resolve());
      clock.after(handOverMs, resolve);
    });
    return true;
  }

  let steal = false;
  for (let again = true; again && !closed.aborted; ) {
    const waiting = new AbortController();
    const over = new AbortController();
    const close = (): void => {
      waiting.abort();
      over.abort();
    };
    closed.addEventListener('abort', close);
    offered(() => {
      steal = true;
      waiting.abort();
    });
    const options = steal ? { steal } : { signal: waiting.signal };
    steal = false;
    let term: Promise<boolean> | undefined;
    try {
      const request = locks.request(`holdfast:${name}`, options, () => (term = serve(over.signal)));
      again = (await request) ?? true;
    } catch (error) {
      over.abort(); // If it was stolen, the term goes on without it otherwise.
      if (term) await term;
      else if (!waiting.signal.aborted) throw error;
    } finally {
      closed.removeEventListener('abort', close);
    }
  }
}

/** All handles, or undefined when it is over before. */
async function acquire(
  name: string,
  storage: Pick<StorageManager, 'getDirectory'>,
  clock: Clock,
  over: AbortSignal,
): Promise<readonly FileHandle[] | undefined> {
  for (let delay = 5; !over.aborted; delay = Math.min(delay * 2, 250)) {
    try {
      const handles = await openAll(await directoryOf(name, storage));
      if (!over.aborted) return handles;
      for (const handle of handles) handle.close();
    } catch (error) {
      if (!passing.has((error as { name?: string }).name ?? '')) throw explained(name, error);
      await new Promise<void>(resolve => clock.after(delay, resolve));
    }
  }
  return undefined;
}

/** The name of a database's directory in OPFS, where '.' and '..' and separators cannot stand. */
export function directoryName(name: string): string {
  return encodeURIComponent(name).replace(/[.*]/g, c => (c === '.' ? '%2E' : '%2A'));
}

async function directoryOf(
  name: string,
  storage: Pick<StorageManager, 'getDirectory'>,
): Promise<FileSystemDirectoryHandle> {
  const root = await storage.getDirectory();
  const all = await root.getDirectoryHandle('holdfast', { create: true });
  return all.getDirectoryHandle(directoryName(name), { create: true });
}

/** All files or none: what was opened is closed when one cannot be. */
async function openAll(directory: FileSystemDirectoryHandle): Promise<FileHandle[]> {
  const settled = await Promise.allSettled(
    fileNames.map(fileName => {
      const opening = (): Promise<FileHandle> => open(directory, fileName);
      return fileName === 'ballast' ? openBallast(opening) : opening();
    }),
  );
  const handles = settled.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []));
  const failure = settled.find(result => result.status === 'rejected');
  if (!failure) return handles;
  for (const handle of handles) handle.close();
  throw failure.reason;
}

async function open(directory: FileSystemDirectoryHandle, fileName: string): Promise<FileHandle> {
  const file = await directory.getFileHandle(fileName, { create: true });
  if (typeof file.createSyncAccessHandle !== 'function')
    throw noOpfs('this browser cannot open files for a worker');
  return file.createSyncAccessHandle();
}

function explained(name: string, error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  switch ((error as { name?: string }).name) {
    case 'QuotaExceededError':
      return new HoldfastError(
        'disk-full',
        `The database ${name} could not be opened: the browser gives no more room. What it holds ` +
          'is kept. Free some disk space and open it again.',
        { cause: error },
      );
    case 'SecurityError':
    case 'NotSupportedError':
      return noOpfs(messageOf(error), error);
    default:
      return new HoldfastError(
        'storage',
        `The database ${name} could not be opened: ${messageOf(error)}. What it holds is kept. ` +
          'Reload the page.',
        { cause: error },
      );
  }
}

export function insecure(): HoldfastError {
  return new HoldfastError(
    'insecure-context',
    'Holdfast needs a secure context: browsers give storage and locks to pages from https or ' +
      'localhost only. Nothing was recorded. Serve the page over https.',
  );
}

function noOpfs(why: string, cause?: unknown): HoldfastError {
  return new HoldfastError(
    'no-opfs',
    `This browser offers no origin-private file system with synchronous access: ${why}. Nothing ` +
      'was recorded. Use a current browser, not in a private window, or open with storage: ' +
      "'memory' where losing everything is acceptable.",
    { cause },
  );
}
