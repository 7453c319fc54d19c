// Where everything that is not in the repository stands: read by the set-up, which fills what is
// missing, and by the build and the tests, which use it. Nothing here changes anything.
//
// What is ours lies in a cache of the user, so that a second clone finds it:
//
//    ~/.cache/holdfast/emscripten-3.1.69/       only where no other Emscripten was found
//    ~/.cache/holdfast/headers-3.11.3-2.4.11/   nlohmann/json and doctest
//    ~/.cache/holdfast/sqlite-3.54.1/           the amalgamation

import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const pins = JSON.parse(readFileSync(join(root, 'tools/pins.json'), 'utf8'));

export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'holdfast');
export const cached = {
  emscripten: join(cache, `emscripten-${pins.emscripten.version}`),
  headers: join(cache, `headers-${pins.nlohmann.version}-${pins.doctest.version}`),
  sqlite: join(cache, `sqlite-${pins.sqlite.version}`),
};

/** The full path of a program, or undefined. */
export function program(name) {
  return process.env.PATH?.split(delimiter)
    .map(directory => join(directory, name))
    .find(isExecutable);
}

/**
 * The Emscripten to use, or undefined: $EMSDK, then the one on PATH, then ours. One that is older
 * than pins.json allows is passed over.
 */
export function emscripten() {
  const sdk = process.env.EMSDK;
  const emcc = program('emcc');
  const ours = join(cached.emscripten, 'root/usr/share/emscripten');
  const candidates = [
    ...(sdk ? [{ directory: join(sdk, 'upstream/emscripten'), from: '$EMSDK' }] : []),
    ...(emcc ? [{ directory: dirname(realpathSync(emcc)), from: 'PATH' }] : []),
    { directory: ours, from: 'the cache' },
  ];
  for (const { directory, from } of candidates) {
    const version = versionIn(directory);
    if (!version || isOlder(version, pins.emscripten.version)) continue;
    return { directory, from, version, env: directory === ours ? ourEnvironment() : {} };
  }
  return undefined;
}

/** The environment in which emcc, its Closure compiler and the tsc of `--emit-tsd` are found. */
export function environment() {
  const { directory, env } = emscripten() ?? { env: {} };
  const bin = join(root, 'node_modules/.bin');
  return {
    ...process.env,
    ...env,
    EM_CLOSURE_COMPILER: join(bin, 'google-closure-compiler'),
    PATH: [...(directory ? [directory] : []), bin, process.env.PATH].join(delimiter),
  };
}

/** A Chromium for the browser tests, or undefined: $HOLDFAST_CHROMIUM is asked first. */
export function chromium() {
  const playwright = join(homedir(), '.cache/ms-playwright');
  const downloaded = existsSync(playwright)
    ? readdirSync(playwright)
        .filter(name => /^chromium-\d+$/.test(name))
        .flatMap(name => ['chrome-linux64', 'chrome-linux'].map(os => join(name, os, 'chrome')))
        .map(name => join(playwright, name))
    : [];
  return [
    process.env.HOLDFAST_CHROMIUM,
    ...['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].map(program),
    ...downloaded,
  ].find(path => path && isExecutable(path));
}

/** A Firefox for the browser tests, or undefined: $HOLDFAST_FIREFOX is asked first. */
export function firefox() {
  return [process.env.HOLDFAST_FIREFOX, ...['firefox-esr', 'firefox'].map(program)].find(
    path => path && isExecutable(path),
  );
}

// What emcc needs to know of a tree that was unpacked to where no package expects it.
function ourEnvironment() {
  return {
    EM_LLVM_ROOT: join(cached.emscripten, 'llvm'),
    EM_LLVM_ADD_VERSION: '',
    EM_CLANG_ADD_VERSION: '',
    EM_BINARYEN_ROOT: join(cached.emscripten, 'binaryen'),
    EM_NODE_JS: process.execPath,
  };
}

function versionIn(directory) {
  const file = join(directory, 'emscripten-version.txt');
  return existsSync(file) ? readFileSync(file, 'utf8').match(/\d+\.\d+\.\d+/)?.[0] : undefined;
}

function isOlder(version, minimum) {
  return version.localeCompare(minimum, 'en', { numeric: true }) < 0;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
