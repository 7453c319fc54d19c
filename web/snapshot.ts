// A copy of a database's files in memory: what a service worker works on, which can read the files
// in OPFS but not open them.

import type { FileHandle } from './core.js';

/** A file of which nothing is ever written back. */
export function memoryFile(bytes: Uint8Array = new Uint8Array()): FileHandle {
  let held = bytes;
  let size = bytes.length;

  function resize(to: number): void {
    if (to > held.length) {
      const larger = new Uint8Array(Math.max(to, held.length * 2));
      larger.set(held.subarray(0, size));
      held = larger;
    }
    if (to > size) held.fill(0, size, to);
    size = to;
  }

  return {
    read(buffer, { at }) {
      const part = held.subarray(Math.min(at, size), Math.min(at + buffer.length, size));
      buffer.set(part);
      return part.length;
    },
    write(buffer, { at }) {
      if (at + buffer.length > size) resize(at + buffer.length);
      held.set(buffer, at);
      return buffer.length;
    },
    truncate: resize,
    flush() {},
    getSize: () => size,
    close() {},
  };
}

/**
 * The files of a directory, each as it is now; those that are not there are empty. Undefined if all
 * together are larger than `most` bytes.
 */
export async function snapshotOf(
  directory: FileSystemDirectoryHandle,
  names: readonly string[],
  most: number,
): Promise<FileHandle[] | undefined> {
  const files = await Promise.all(
    names.map(name =>
      directory.getFileHandle(name).then(
        handle => handle.getFile(),
        () => undefined,
      ),
    ),
  );
  if (files.reduce((sum, file) => sum + (file?.size ?? 0), 0) > most) return undefined;
  return Promise.all(
    files.map(async file => memoryFile(file && new Uint8Array(await file.arrayBuffer()))),
  );
}
