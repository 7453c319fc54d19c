// Who holds the database: the worker that has both the Web Lock `holdfast:{name}` and the handles
// of the files. The lock says whose turn it is; the handles are the fence, for no two can be open
// on one file.

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
const patienceMs = 10_000;

/**
 * Waits for the lock, however long, opens the files, runs `session` over them until it settles,
 * closes them and lets go of the lock, in this order. Settles as `session` did; resolves if
 * `closed` is aborted before it began.
 *
 * @throws {HoldfastError} 'insecure-context', 'no-opfs', 'disk-full' or 'storage': the files could
 * not be opened. There is no falling back to memory: a write that resolves is on disk.
 */
export async function lead(
  name: string,
  host: LeaderHost,
  closed: AbortSignal,
  session: (handles: readonly FileHandle[]) => Promise<void>,
): Promise<void> {
  const { locks, storage } = host;
  if (!host.secure) throw insecure();
  if (!locks || typeof storage?.getDirectory !== 'function')
    throw noOpfs('this browser is too old for it');
  let handles: readonly FileHandle[] | undefined;
  try {
    await locks.request(`holdfast:${name}`, { signal: closed }, async () => {
      handles = await acquire(name, storage, host.clock, closed);
      try {
        await session(handles);
      } finally {
        for (const handle of handles) handle.close();
      }
    });
  } catch (error) {
    if (!closed.aborted || handles) throw error;
  }
}

async function acquire(
  name: string,
  storage: Pick<StorageManager, 'getDirectory'>,
  clock: Clock,
  closed: AbortSignal,
): Promise<readonly FileHandle[]> {
  for (let waited = 0, delay = 10; ; waited += delay, delay = Math.min(delay * 2, 250)) {
    try {
      return await openAll(await directoryOf(name, storage));
    } catch (error) {
      closed.throwIfAborted();
      const { name: kind } = error as { name?: string };
      if (!passing.has(kind ?? '')) throw explained(name, error);
      if (waited >= patienceMs) throw held(name, error);
    }
    await new Promise<void>(resolve => clock.after(delay, resolve));
  }
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

function held(name: string, error: unknown): HoldfastError {
  return new HoldfastError(
    'storage',
    `The files of the database ${name} are still held by another page or worker of this site ` +
      `(${messageOf(error)}). What they hold is kept. Close the other tabs of this app and ` +
      'reload.',
    { cause: error },
  );
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
