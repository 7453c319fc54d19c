// A lock on a folder. PGlite lets two processes open the same one, and they ruin it.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** @type {Set<string>} The folders that this process holds. */
const held = new Set();

/**
 * Creates the folder if it is absent, and a file in it that names this process. One that was left
 * behind by a process that is gone is taken over. Keeps out a second server started by mistake;
 * two that take over in the same millisecond it does not.
 *
 * @param {string} folder
 * @returns {Promise<() => Promise<void>>} Gives the folder free.
 */
export async function lockFolder(folder) {
  const path = join(folder, 'lock');
  await mkdir(folder, { recursive: true });

  const holder = Number(await readFile(path, 'utf8').catch(() => ''));
  if (holder === process.pid ? held.has(folder) : isAlive(holder)) {
    throw new Error(
      `${folder} is in use by process ${holder}. Stop that process or choose another folder; ` +
        `if it is no server of this demo, delete ${path}.`,
    );
  }
  await rm(path, { force: true });
  await writeFile(path, String(process.pid), { flag: 'wx' });
  held.add(folder);

  return async () => {
    held.delete(folder);
    await rm(path, { force: true });
  };
}

/** @param {number} id Of a process; 0 or NaN for none. */
function isAlive(id) {
  if (!(id > 0)) return false;
  try {
    return process.kill(id, 0);
  } catch (error) {
    // There is such a process, and it is another user's.
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
