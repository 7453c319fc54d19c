// Builds the demo's pages: `node demo/build.mjs` makes build/demo/ of demo/app/ and the package in
// dist/. Every file of the shell is named in sw.js with its hash, so a changed byte is a new shell.

import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * @param {object} [places]
 * @param {string} [places.dist] Where the built package is.
 * @param {string} [places.out] A folder that holds nothing else.
 * @returns {Promise<string>} What was built, for a person.
 */
export async function buildDemo(places = {}) {
  const { dist = join(root, 'dist'), out = join(root, 'build/demo') } = places;
  const app = join(root, 'demo/app');
  await rm(out, { recursive: true, force: true });
  await mkdir(join(out, 'icons'), { recursive: true });

  const options = /** @type {const} */ ({
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'warning',
  });
  await build({
    ...options,
    entryPoints: { app: join(app, 'main.ts'), styles: join(app, 'styles.css') },
    outdir: out,
    sourcemap: true,
    alias: { holdfast: join(dist, 'index.js') },
    external: ['./holdfast.js'],
  });

  for (const name of ['index.html', 'manifest.webmanifest']) {
    await cp(join(app, name), join(out, name));
  }
  for (const name of await readdir(join(app, 'icons'))) {
    if (/\.(svg|png)$/.test(name)) await cp(join(app, 'icons', name), join(out, 'icons', name));
  }
  // The page is bundled with the package; its worker is started by its name, beside app.js.
  for (const name of ['worker.js', 'holdfast.js', 'holdfast.wasm']) {
    await cp(join(dist, name), join(out, name));
  }

  const files = await shellFiles(out);
  const version = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 12);
  await build({
    ...options,
    entryPoints: [join(app, 'sw.ts')],
    outfile: join(out, 'sw.js'),
    define: { shellFiles: JSON.stringify(files), shellVersion: JSON.stringify(version) },
  });
  return `built build/demo, shell ${version} of ${Object.keys(files).length} files`;
}

/**
 * @param {string} folder
 * @returns {Promise<Record<string, string>>} What each file has to hash to; '' is the page.
 */
async function shellFiles(folder) {
  /** @type {Record<string, string>} */
  const files = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.map')) continue;
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).replaceAll('\\', '/');
    const hash = createHash('sha256').update(await readFile(path)).digest('base64');
    files[name === 'index.html' ? '' : name] = `sha256-${hash}`;
  }
  return Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  console.log(await buildDemo());
}
