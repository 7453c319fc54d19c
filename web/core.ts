// Loads the wasm core and gives it types. Synchronous once open: a step is done, and on disk, when
// `handle` returns.

import { HoldfastError, messageOf, refused, type Refusal } from './errors.js';
import { parseJson } from './json.js';
import type { Config, Event, Read, Step } from './protocol.js';

/** What the core asks of a file. FileSystemSyncAccessHandle is one. */
export interface FileHandle {
  read(buffer: Uint8Array, options: { at: number }): number;
  write(buffer: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  getSize(): number;
  close(): void;
}

/** The files of a database, in the order in which the core takes them. */
export const fileNames = ['main.db', 'main.db-wal', 'main.db-journal', 'ballast'] as const;

/**
 * The Embind class of bindings/embind.cpp. Texts are JSON; any may be {"error": {code, message}}.
 */
interface NativeCore {
  open(config: string, handles: readonly FileHandle[] | null, now: () => number): string;
  handle(events: string, now: number): string;
  read(read: string): string;
  idle(): string;
  traffic(): string;
  delete(): void;
}

/** The ES module that Emscripten makes. */
export type Glue = (options: {
  instantiateWasm(
    imports: WebAssembly.Imports,
    receive: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ): object;
}) => Promise<{ Core: new () => NativeCore }>;

/** How often the files were called since the core was opened. */
export interface Traffic {
  reads: number;
  writes: number;
  flushes: number;
  bytesWritten: number;
}

/**
 * The core, open. Each function throws a HoldfastError when the core refuses: then nothing was
 * recorded and no effect is owed. Anything else that is thrown is a trap: the core is dead, what is
 * on disk is sound, and a new one has to be opened.
 */
export interface Core {
  handle(events: readonly Event[], now: number): Step;
  /** The answer as JSON text: whoever wants it parses it. */
  read(read: Read): string;
  /** Writes the WAL back when worthwhile, and holds the ballast. */
  idle(): void;
  traffic(): Traffic;
  /** Closes the database, not the files. */
  close(): void;
}

/**
 * Opens a database over `handles`, or in memory. `now` tells the time while an app's query runs.
 *
 * @throws {HoldfastError} 'storage', 'disk-full', 'corrupt' or 'newer-version'; 'wasm-load' when
 * the wasm may not run.
 */
export async function openCore(
  glue: Glue,
  module: WebAssembly.Module,
  config: Config,
  handles: readonly FileHandle[] | null,
  now: () => number,
): Promise<Core> {
  const { Core } = await instantiate(glue, module);
  const native = new Core();
  let trap: { error: unknown } | undefined;

  function ask(question: () => string): string {
    if (trap) throw trap.error;
    let text: string;
    try {
      text = question();
    } catch (error) {
      trap = { error };
      throw error;
    }
    if (text.startsWith('{"error":')) throw refused((JSON.parse(text) as { error: Refusal }).error);
    return text;
  }

  ask(() => native.open(JSON.stringify(config), handles, now));
  return {
    handle: (events, now) =>
      parseJson(ask(() => native.handle(JSON.stringify(events), now))) as Step,
    read: read => ask(() => native.read(JSON.stringify(read))),
    idle: () => void ask(() => native.idle()),
    traffic: () => JSON.parse(ask(() => native.traffic())) as Traffic,
    close() {
      if (!trap) native.delete();
      trap ??= { error: new Error('The core is closed.') };
    },
  };
}

function instantiate(glue: Glue, module: WebAssembly.Module): ReturnType<Glue> {
  // The glue hears of a good instance only, so that a refused one is told from here.
  return new Promise((resolve, reject) => {
    const instantiateWasm: Parameters<Glue>[0]['instantiateWasm'] = (imports, receive) => {
      WebAssembly.instantiate(module, imports)
        .then(instance => receive(instance, module))
        .catch(reject);
      return {};
    };
    glue({ instantiateWasm }).then(resolve, reject);
  });
}

/** Compiles wasm that is at hand. @throws {HoldfastError} 'wasm-load' */
export async function compileBytes(
  bytes: BufferSource,
  origin: string,
): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw cannotCompile(origin, error);
  }
}

/**
 * Compiles the wasm that `load` answers, while it comes where the server gives it its type.
 *
 * @throws {HoldfastError} 'wasm-load', saying what came instead.
 */
export async function compileResponse(
  url: string,
  load: (url: string) => Promise<Response>,
): Promise<WebAssembly.Module> {
  let response: Response;
  try {
    response = await load(url);
  } catch (error) {
    throw wasmLoad(url, `could not be fetched (${messageOf(error)})`, error);
  }
  if (!response.ok) throw wasmLoad(url, `was answered with ${response.status}`);
  const type = response.headers.get('content-type') ?? '';
  try {
    if (/^application\/wasm\b/i.test(type)) return await WebAssembly.compileStreaming(response);
  } catch (error) {
    throw cannotCompile(url, error);
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== '\0asm')
    throw wasmLoad(url, `is not wasm, it came as ${type || 'no type at all'}`);
  return compileBytes(bytes, url);
}

function wasmLoad(url: string, flaw: string, cause?: unknown): HoldfastError {
  return new HoldfastError(
    'wasm-load',
    `Holdfast's wasm at ${url} ${flaw}. Nothing was recorded. Serve holdfast.wasm there as ` +
      'application/wasm, or say where it is by the option wasmUrl.',
    { cause },
  );
}

function cannotCompile(url: string, error: unknown): HoldfastError {
  return new HoldfastError(
    'wasm-load',
    `Holdfast's wasm at ${url} could not be compiled (${messageOf(error)}). Nothing was ` +
      'recorded. If the page has a Content-Security-Policy, its script-src needs ' +
      "'wasm-unsafe-eval'; otherwise the file is damaged.",
    { cause: error },
  );
}
