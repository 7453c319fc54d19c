// `holdfast/inline`: the whole package in one module, for tools that put out no workers and no wasm
// of their own. It weighs a third more, and a Content-Security-Policy must allow `blob:` in
// worker-src and connect-src.

import { openHoldfast as open } from './client.js';
import type { Holdfast, Options, Schema } from './surface.js';

export * from './index.js';

/** worker.js with its glue, and holdfast.wasm, after gzip as base64: tools/build.mjs puts both. */
declare const inlinedWorker: string;
declare const inlinedWasm: string;

let worker: string | undefined;
let wasm: Promise<string> | undefined;

/** As `openHoldfast` of the package itself, with its worker and wasm out of this module. */
export async function openHoldfast<S extends Schema>(options: Options<S>): Promise<Holdfast<S>> {
  wasm ??= inflated(inlinedWasm);
  return open({
    wasmUrl: await wasm,
    createWorker: () => {
      worker ??= URL.createObjectURL(new Blob([inlinedWorker], { type: 'text/javascript' }));
      return new Worker(worker, { type: 'module' });
    },
    ...options,
  });
}

async function inflated(base64: string): Promise<string> {
  const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  const inflated = await new Response(stream).arrayBuffer();
  return URL.createObjectURL(new Blob([inflated], { type: 'application/wasm' }));
}
