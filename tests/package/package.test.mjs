// The tarball that is published: what is in it, and whether tools and types find their way in it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'holdfast-pack-'));
after(() => rmSync(folder, { recursive: true }));
const run = (command, ...args) => execFileSync(command, args, { cwd: root, encoding: 'utf8' });
const [packed] = JSON.parse(run('npm', 'pack', '--json', '--pack-destination', folder));
const tarball = join(folder, packed.filename);
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

test('the tarball holds what is needed, and nothing else', () => {
  const entries = ['index', 'react', 'service-worker', 'testing', 'worker'];
  // Of what is inlined there is no map: it is what the others are.
  const types = 'client clock errors protocol rank rpc surface testapi triggers'.split(' ');
  assert.deepEqual(
    packed.files
      .map(({ path }) => path)
      .filter(path => !/^dist\/(chunk|memory)-[A-Z0-9]+\.js(\.map)?$/.test(path))
      .sort(),
    [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'package.json',
      'dist/holdfast.js',
      'dist/holdfast.wasm',
      'dist/inline.js',
      'dist/inline.d.ts',
      ...entries.flatMap(name => [`dist/${name}.js`, `dist/${name}.js.map`]),
      ...[...entries, ...types].map(name => `dist/${name}.d.ts`),
    ].sort(),
  );
});

test('publint has nothing to say', async () => {
  const { messages } = await publint({ pkgDir: root, strict: true });
  assert.deepEqual(messages.map(message => formatMessage(message, manifest)), []);
});

test('types are found wherever modules are', () => {
  const bin = 'node_modules/@arethetypeswrong/cli/dist/index.js';
  const options = ['--profile', 'esm-only', '--exclude-entrypoints', 'holdfast.wasm'];
  run(process.execPath, bin, tarball, ...options);
});

test('nothing runs when it is installed, and nothing else is installed with it', () => {
  const { scripts, dependencies = {}, exports, sideEffects } = manifest;
  assert.deepEqual(Object.keys(scripts).filter(name => /install|prepare|publish/.test(name)), []);
  assert.ok(Object.keys(dependencies).every(name => name === 'idb'));
  assert.ok(Object.keys(exports).every(path => !path.includes('*')));
  assert.equal(sideEffects, false);
});

test('its sourcemaps lead to its sources', () => {
  const within = { worker: 'driver', react: 'react', testing: 'testapi' };
  for (const [name, source] of Object.entries(within)) {
    const map = JSON.parse(readFileSync(join(root, `dist/${name}.js.map`), 'utf8'));
    assert.equal(map.sources.length, map.sourcesContent.length);
    assert.ok(map.sources.some(path => path.endsWith(`web/${source}.ts`)), name);
  }
});

test('importing it in Node does nothing and throws nothing', () => {
  for (const name of ['', '/inline', '/react', '/service-worker', '/testing']) {
    const entry = `holdfast${name}`;
    const script = `
      const before = Object.getOwnPropertyNames(globalThis).length
      await import('${entry}')
      console.log(Object.getOwnPropertyNames(globalThis).length - before)`;
    assert.equal(run(process.execPath, '--input-type=module', '-e', script), '0\n');
  }
});
