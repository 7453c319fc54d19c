// Serves the demo: `node demo/server/main.mjs`.
//
//   PORT                where it listens; default 8080
//   HOST                default 127.0.0.1, reached from this machine only
//   DATABASE_URL        a PostgreSQL to use, instead of the embedded one
//   HOLDFAST_DEMO_DATA  the folder of the embedded one, or memory://; default demo/.data

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startServer } from './server.mjs';

const { PORT, HOST, DATABASE_URL, HOLDFAST_DEMO_DATA } = process.env;
const port = Number(PORT ?? 8080);
const staticDir = fileURLToPath(new URL('../../build/demo', import.meta.url));
const folder = fileURLToPath(new URL('../.data', import.meta.url));

const server = await startServer({
  port,
  host: HOST,
  database: DATABASE_URL ?? HOLDFAST_DEMO_DATA ?? folder,
  staticDir,
  control: true,
  seed: 500,
}).catch(error => {
  const why =
    error.code === 'EADDRINUSE'
      ? `Port ${port} is in use. Stop what listens there, or set PORT to another.`
      : `The demo's server cannot start: ${error.message}`;
  console.error(why);
  process.exit(1);
});

const isBuilt = existsSync(`${staticDir}/index.html`);
const pages = isBuilt ? '' : '; its pages are not built yet: npm run build';
console.log(`Holdfast demo: ${server.url} (${server.databaseName}${pages})`);

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, () => void server.close().then(() => process.exit(0)));
}
