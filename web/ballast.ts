// The ballast's handle. Chromium gives a file's room back only when its handle is closed, so
// truncating the ballast to nothing closes it too; another is opened for the next time.

import type { FileHandle } from './core.js';

/** Opens with `open`, now and after every release. While there is no handle all calls throw. */
export async function openBallast(open: () => Promise<FileHandle>): Promise<FileHandle> {
  let handle: FileHandle | undefined = await open();
  let closed = false;

  function live(): FileHandle {
    if (!handle) throw new DOMException('The ballast was released.', 'InvalidStateError');
    return handle;
  }

  function release(): void {
    handle?.close();
    handle = undefined;
    open().then(
      another => {
        if (closed) another.close();
        else handle = another;
      },
      () => {}, // The next worker holds it again.
    );
  }

  return {
    read: (buffer, options) => live().read(buffer, options),
    write: (buffer, options) => live().write(buffer, options),
    flush: () => live().flush(),
    getSize: () => live().getSize(),
    truncate(size) {
      live().truncate(size);
      if (size === 0) release();
    },
    close() {
      closed = true;
      handle?.close();
    },
  };
}
