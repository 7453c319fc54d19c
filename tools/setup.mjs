// Sets up what is missing for one purpose, `node tools/setup.mjs [build|demo|bench|simulate|test]`,
// and says in one line a step what it did. With nothing missing it takes about a second.
//
// Whatever is unpacked is filled under another name and renamed when it is complete, so a run that
// was killed midway is mended by the next one.

import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

import * as debian from './debian.mjs';
import { Failure, run, step, steps } from './step.mjs';
import {
  cache,
  cached,
  chromium,
  emscripten,
  firefox,
  pins,
  program,
  root,
} from './toolchain.mjs';

const wasm = [packages, builders, wasmCompiler, headers, sqlite];
const native = [builders, nativeCompilers, headers, sqlite];
const purposes = {
  build: wasm,
  demo: wasm,
  bench: [...wasm, browser],
  simulate: native,
  test: [...new Set([...wasm, ...native, browser, otherBrowser])],
};

await steps(async () => {
  const purpose = process.argv[2] ?? 'test';
  if (!(purpose in purposes)) {
    throw new Failure(`set up for what? One of: ${Object.keys(purposes).join(', ')}.`);
  }
  sweep();
  for (const part of purposes[purpose]) await part();
});

// The npm packages of the lock, when node_modules holds others.
function packages() {
  return step('npm packages', async () => {
    if (packagesMatchLock()) return 'as locked';
    await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root });
    return 'installed';
  });
}

// npm writes node_modules/.package-lock.json last, so it also tells of an install cut short.
function packagesMatchLock() {
  const installed = lockOf('node_modules/.package-lock.json');
  const { '': project, ...wanted } = lockOf('package-lock.json') ?? {};
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  if (!installed || JSON.stringify(project.devDependencies) !== JSON.stringify(devDependencies)) {
    return false;
  }
  const foreign = path => wanted[path].optional && !(path in installed);
  return Object.keys({ ...wanted, ...installed }).every(
    path =>
      path in wanted && (foreign(path) || wanted[path].integrity === installed[path]?.integrity),
  );
}

function lockOf(path) {
  const file = join(root, path);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}

// CMake and Ninja for all C++; Python because emcc is written in it.
function builders() {
  return system('build tools', [
    { name: 'cmake', needs: ['cmake'], is: () => program('cmake') },
    { name: 'ninja', needs: ['ninja-build'], is: () => program('ninja') },
    { name: 'python3', needs: ['python3'], is: () => program('python3') },
  ]);
}

function nativeCompilers() {
  return system('compilers', [
    { name: 'g++', needs: ['g++'], is: () => program('g++') },
    { name: 'clang++ with its sanitizers', needs: ['clang', 'libclang-rt-dev'], is: sanitizers },
  ]);
}

async function sanitizers() {
  if (!program('clang++')) return false;
  const own = (await run('clang++', ['-print-resource-dir'])).trim();
  const libraries = existsSync(join(own, 'lib'))
    ? readdirSync(join(own, 'lib'), { recursive: true })
    : [];
  return libraries.some(path => basename(path).startsWith('libclang_rt.asan'));
}

function browser() {
  return system('browser', [
    { name: 'chromium', needs: ['chromium', 'fonts-liberation'], is: chromium },
  ]);
}

function otherBrowser() {
  return system('other browser', [{ name: 'firefox', needs: ['firefox-esr'], is: firefox }]);
}

// Parts that only Debian itself can install. All missing ones of a step go in one apt-get.
function system(name, parts) {
  return step(name, async () => {
    const missing = [];
    for (const part of parts) if (!(await part.is())) missing.push(part);
    const names = list => list.map(part => part.name).join(', ');
    if (missing.length === 0) return `found ${names(parts)}`;
    await debian.install(
      missing.flatMap(part => part.needs),
      names(missing),
    );
    return `installed ${names(missing)}`;
  });
}

function wasmCompiler() {
  return step('Emscripten', async () => {
    const found = emscripten();
    if (found) return `found ${found.version} in ${found.from}`;
    if (debian.release() >= 13 && debian.isRoot) {
      await debian.install(['emscripten'], 'Emscripten');
    } else {
      await install(cached.emscripten, unpackEmscripten);
    }
    const { version, from } = emscripten() ?? {};
    if (!version)
      throw new Failure(`what was installed is not ${pins.emscripten.version} or newer.`);
    return `installed ${version} in ${from}`;
  });
}

// Debian 12 has LLVM 19 of its own. Debian 13's emscripten package holds no machine code and
// brings its system libraries built; only binaryen needs Debian 13's libc, so it runs behind that
// libc's own loader.
async function unpackEmscripten(into, final) {
  if (process.arch !== 'x64') {
    throw new Failure(
      `none was found, and Debian's can be unpacked on x86-64 only; this is ${process.arch}. ` +
        `Install emsdk ${pins.emscripten.version} or newer and set $EMSDK.`,
    );
  }
  const debs = join(into, 'debs');
  const old = [
    'clang-19',
    'lld-19',
    'llvm-19',
    'llvm-19-linker-tools',
    'libllvm19',
    'libclang-cpp19',
    'libclang1-19',
    'libclang-common-19-dev',
    'libedit2',
    'libz3-4',
    'libbsd0',
    'libmd0',
    'libxml2',
    'libicu72',
    'node-acorn',
  ];
  const recent = ['binaryen', 'libc6', 'libstdc++6', 'libgcc-s1'];
  const suite = (names, codename) => names.map(name => `${name}/${codename}`);
  await debian.download(
    [pins.emscripten.deb, ...suite(old, 'bookworm'), ...suite(recent, 'trixie')],
    debs,
  );

  const pinned = debian.pinned(pins.emscripten, debs);
  const others = readdirSync(debs)
    .map(name => join(debs, name))
    .filter(deb => deb !== pinned);
  const isRecent = deb => recent.some(name => basename(deb).startsWith(`${name}_`));
  await debian.unpack(pinned, join(into, 'root'), [
    './usr/share/emscripten/test',
    './usr/share/doc',
    '*/wasm32-emscripten/*-mt*.a',
    '*/wasm32-emscripten/*-ww*.a',
    '*/wasm32-emscripten/*asan*.a',
    '*/libwasmfs*.a',
    '*/libwebgpu*.a',
    '*/lib?san*.a',
    '*/libGL-*full*',
    '*/libGL-*ofb*',
    '*/libGL-*webgl2*',
  ]);
  for (const deb of others) {
    await debian.unpack(deb, join(into, isRecent(deb) ? 'binaryen' : 'root'));
  }

  // RUNPATH is not inherited by a library's own needs, so the search path comes from outside.
  const libraries = 'root/usr/lib/x86_64-linux-gnu';
  const llvm = 'root/usr/lib/llvm-19';
  const search = `${final}/${libraries}:${final}/${llvm}/lib`;
  for (const tool of readdirSync(join(into, llvm, 'bin'))) {
    wrap(join(into, 'llvm', tool), `LD_LIBRARY_PATH=${search} exec ${final}/${llvm}/bin/${tool}`);
  }
  const theirs = `${final}/binaryen/usr/lib/x86_64-linux-gnu`;
  const loader = `${theirs}/ld-linux-x86-64.so.2 --library-path ${theirs}`;
  for (const tool of readdirSync(join(into, 'binaryen/usr/bin'))) {
    wrap(join(into, 'binaryen/bin', tool), `exec ${loader} ${final}/binaryen/usr/bin/${tool}`);
  }

  // Node looks for acorn beside emcc; linking all of Debian's modules there breaks --emit-tsd.
  const modules = join(into, 'root/usr/share/emscripten/node_modules');
  mkdirSync(modules, { recursive: true });
  symlinkSync('../../nodejs/acorn', join(modules, 'acorn'));
  rmSync(debs, { recursive: true });
}

function wrap(file, command) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${command} "$@"\n`);
  chmodSync(file, 0o755);
}

// nlohmann/json and doctest, from Debian 13: Debian 12's are too old.
function headers() {
  return step('headers', async () => {
    const versions = `nlohmann/json ${pins.nlohmann.version}, doctest ${pins.doctest.version}`;
    if (existsSync(cached.headers)) return `found ${versions}`;
    await install(cached.headers, async into => {
      const debs = join(into, 'debs');
      const both = [pins.nlohmann, pins.doctest];
      await debian.download(
        both.map(pin => pin.deb),
        debs,
      );
      for (const pin of both) await debian.unpack(debian.pinned(pin, debs), join(debs, 'root'));
      for (const name of ['nlohmann', 'doctest']) {
        renameSync(join(debs, 'root/usr/include', name), join(into, name));
      }
      rmSync(debs, { recursive: true });
    });
    return `unpacked ${versions}`;
  });
}

// The amalgamation, which this npm package carries. Its install script is not wanted: `npm pack`.
function sqlite() {
  return step('SQLite', async () => {
    if (sqliteIsRight(cached.sqlite)) return `found ${pins.sqlite.version}`;
    rmSync(cached.sqlite, { recursive: true, force: true });
    await install(cached.sqlite, async into => {
      const { version, npm } = pins.sqlite;
      const printed = await run('npm', ['pack', '--silent', '--pack-destination', into, npm]);
      const archive = join(into, printed.trim().split('\n').at(-1));
      const files = Object.keys(pins.sqlite.sha256);
      const paths = files.map(name => `package/deps/sqlite3/${name}`);
      await run('tar', ['-xzf', archive, '-C', into, '--strip-components=3', ...paths]);
      rmSync(archive);
      if (!sqliteIsRight(into)) {
        throw new Failure(
          `${npm} does not hold SQLite ${version} with the sums of tools/pins.json.`,
        );
      }
    });
    return `unpacked ${pins.sqlite.version}`;
  });
}

function sqliteIsRight(directory) {
  return Object.entries(pins.sqlite.sha256).every(([name, sha256]) => {
    const file = join(directory, name);
    return (
      existsSync(file) && createHash('sha256').update(readFileSync(file)).digest('hex') === sha256
    );
  });
}

// Fills a directory under another name, then gives it its own. Two runs at once may both fill one:
// the first to finish is kept.
async function install(directory, fill) {
  const filling = `${directory}.filling-${process.pid}`;
  try {
    mkdirSync(filling, { recursive: true });
    await fill(filling, directory);
    if (!existsSync(directory)) renameSync(filling, directory);
  } finally {
    rmSync(filling, { recursive: true, force: true });
  }
}

// Removes what runs that were killed left half filled.
function sweep() {
  if (!existsSync(cache)) return;
  for (const name of readdirSync(cache)) {
    const pid = name.match(/\.filling-(\d+)$/)?.[1];
    if (pid && !isRunning(Number(pid))) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return pid !== process.pid;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
