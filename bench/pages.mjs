// Serves the bench's page, the built package beside it, and as core.js what the package keeps to
// itself.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const bench = fileURLToPath(new URL('.', import.meta.url));
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const types = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** Resolves with where it is and a way to stop it. */
export async function servePages() {
  const { outputFiles } = await build({
    stdin: {
      contents: "export * from './core.ts'; export * from './options.ts';",
      resolveDir: fileURLToPath(new URL('../web', import.meta.url)),
    },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  const core = outputFiles[0].contents;
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const path = pathname.startsWith('/dist/')
      ? join(dist, pathname.slice('/dist/'.length))
      : join(bench, pathname === '/' ? 'quick.html' : pathname);
    try {
      const body = pathname === '/core.js' ? core : await readFile(path);
      response
        .writeHead(200, {
          'content-type': types[extname(path)] ?? 'text/plain',
          // Isolated pages have a clock of 5 µs; others one of 100.
          'cross-origin-opener-policy': 'same-origin',
          'cross-origin-embedder-policy': 'require-corp',
        })
        .end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => server.close(),
  };
}
