// Builds what is named, `node tools/build.mjs [name]…`, or else the package and the demo, and
// leaves alone what is up to date:
//
//    package      dist/: index.js, worker.js, the wasm and its glue, declarations
//    demo         build/demo/, by demo/build.mjs
//    size         nothing: prints what a minimal page weighs, and fails over the limit
//    core-gcc     build/gcc/core_tests, with ASan and UBSan; core-clang and core-wasm likewise
//    simulation   build/release/simulation
//    neighbour    build/release/neighbour
//    outbox       build/release/outbox

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';

import { Failure, run, step, steps } from './step.mjs';
import { cached, emscripten, environment, root } from './toolchain.mjs';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

// What a minimal page loads, with what these import, and the most that this may weigh, in bytes
// after gzip.
const page = ['index.js', 'worker.js', 'holdfast.js', 'holdfast.wasm'];
const limit = 350_000;

// The entries of the package; those that are not written yet are not built.
const entries = [
  'index',
  'inline',
  'worker',
  'service-worker',
  'react',
  'elements',
  'testing',
  'server',
].filter(name => existsSync(join(root, `web/${name}.ts`)));

const native = (c, cxx, ...options) => [
  `-DCMAKE_C_COMPILER=${c}`,
  `-DCMAKE_CXX_COMPILER=${cxx}`,
  ...options,
];
const configurations = {
  wasm: [],
  gcc: native('gcc', 'g++', '-DHOLDFAST_SANITIZE=ON'),
  clang: native('clang', 'clang++', '-DHOLDFAST_SANITIZE=ON'),
  release: native('clang', 'clang++'),
};

const targets = {
  async package() {
    await compile('wasm', ['holdfast']);
    await step('bundles', bundle);
    await step('types', declare);
  },
  async demo() {
    await step('demo', async () => {
      const printed = await run(process.execPath, ['demo/build.mjs'], { cwd: root });
      return printed.trim().split('\n').at(-1) || 'built';
    });
  },
  size: () => step('size', weigh),
  simulation: () => compile('release', ['simulation']),
  neighbour: () => compile('release', ['neighbour']),
  outbox: () => compile('release', ['outbox']),
  'core-gcc': () => compile('gcc', ['core_tests']),
  'core-clang': () => compile('clang', ['core_tests']),
  'core-wasm': () => compile('wasm', ['core_tests']),
};

await steps(async () => {
  const named = process.argv.slice(2);
  const unknown = named.find(name => !(name in targets));
  if (unknown) throw new Failure(`build ${unknown}? One of: ${Object.keys(targets).join(', ')}.`);
  await alone(async () => {
    for (const name of named.length ? named : ['package', 'demo', 'size']) await targets[name]();
  });
});

/** Two builds at once would write the same files: the second waits. */
async function alone(work) {
  const lock = join(root, 'build/lock');
  mkdirSync(join(root, 'build'), { recursive: true });
  while (!take(lock)) await pause(200);
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function take(lock) {
  try {
    symlinkSync(String(process.pid), lock); // Made and filled at once, or not at all.
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  try {
    process.kill(Number(readlinkSync(lock)), 0);
  } catch {
    rmSync(lock, { force: true });
  }
  return false;
}

function compile(configuration, names) {
  return step(`${configuration} C++`, async () => {
    const directory = join(root, 'build', configuration);
    await configure(configuration, directory);
    const jobs = String(availableParallelism());
    const printed = await run(
      'cmake',
      ['--build', directory, '--parallel', jobs, '--target', ...names],
      { cwd: root, env: environment() },
    );
    const what = names.join(', ');
    return /no work to do/.test(printed) ? `${what} up to date` : `built ${what}`;
  });
}

// From scratch when the options, a compiler or a place has changed, which CMake cannot undo.
async function configure(configuration, directory) {
  const options = [
    '-G',
    'Ninja',
    `-DHOLDFAST_SQLITE=${cached.sqlite}`,
    `-DHOLDFAST_HEADERS=${cached.headers}`,
    ...configurations[configuration],
  ];
  const written = join(directory, 'configured.json');
  const isWasm = configuration === 'wasm';
  const wanted = JSON.stringify([root, options, isWasm && emscripten()]);
  if (existsSync(written) && readFileSync(written, 'utf8') === wanted) return;
  rmSync(directory, { recursive: true, force: true });
  const cmake = ['cmake', '-S', root, '-B', directory, ...options];
  const [command, ...args] = isWasm ? ['emcmake', ...cmake] : cmake;
  await run(command, args, { cwd: root, env: environment() });
  writeFileSync(written, wanted);
}

// The glue stays a file of its own beside the bundles, for worker and page share it.
async function bundle() {
  const { build } = await import('esbuild');
  const common = {
    absWorkingDir: root,
    outdir: 'dist',
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'silent',
    define: { HOLDFAST_VERSION: JSON.stringify(version) },
  };
  const fail = error => {
    throw new Failure(error.message);
  };
  // The worker is whole, so that it can be served from anywhere; of the page's side what only Node
  // and tests need is a chunk of its own.
  const outputs = new Set();
  for (const names of [['worker'], entries.filter(name => !/^(worker|inline)$/.test(name))]) {
    const { metafile } = await build({
      ...common,
      entryPoints: names.map(name => `web/${name}.ts`),
      splitting: true,
      sourcemap: true,
      external: ['./holdfast.js', 'react'], // React is the app's own.
      metafile: true,
    }).catch(fail);
    for (const path of Object.keys(metafile.outputs)) outputs.add(path);
  }
  copyFileSync(join(root, 'build/wasm/holdfast.wasm'), join(root, 'dist/holdfast.wasm'));
  writeFileSync(join(root, 'dist/holdfast.js'), glue());
  const here = {
    name: 'the glue as it is put out',
    setup: ({ onResolve }) =>
      onResolve({ filter: /^\.\/holdfast\.js$/ }, () => ({ path: join(root, 'dist/holdfast.js') })),
  };
  const worker = await build({
    ...common,
    entryPoints: ['web/worker.ts'],
    plugins: [here],
    write: false,
  }).catch(fail);
  const wasm = readFileSync(join(root, 'dist/holdfast.wasm'));
  await build({
    ...common,
    entryPoints: ['web/inline.ts'],
    plugins: [here],
    define: {
      ...common.define,
      inlinedWorker: JSON.stringify(worker.outputFiles[0].text),
      inlinedWasm: JSON.stringify(gzipSync(wasm, { level: 9 }).toString('base64')),
    },
  }).catch(fail);
  sweep(outputs);
  return entries.map(name => `${name}.js`).join(', ');
}

// core.ts hands in the wasm, so a bundler that follows the glue must not find it a second time.
function glue() {
  const text = readFileSync(join(root, 'build/wasm/holdfast.js'), 'utf8');
  const own = text.replace(/\(?new URL\("holdfast\.wasm",\s*import\.meta\.url\)\)?\.href/, '""');
  if (/new URL\(|\bnode:|\brequire\(|\beval\(|new Function/.test(own)) {
    throw new Failure('the glue that Emscripten made names a file, Node or eval: see glue() here.');
  }
  return own;
}

// Removes what an earlier build left in dist/ and this one does not make.
function sweep(bundles) {
  for (const name of readdirSync(join(root, 'dist'))) {
    const isMade =
      /^holdfast\.|^inline\.js$|\.d\.ts$/.test(name) || bundles.has(`dist/${name}`);
    if (!isMade) rmSync(join(root, 'dist', name), { recursive: true });
  }
}

async function declare() {
  const record = 'build/types.tsbuildinfo';
  const types = join(root, 'build/types');
  if (!existsSync(types)) rmSync(join(root, record), { force: true });
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'], {
    cwd: root,
  });
  const wanted = declarations(types);
  for (const name of wanted) copyFileSync(join(types, name), join(root, 'dist', name));
  for (const name of readdirSync(join(root, 'dist')))
    if (name.endsWith('.d.ts') && !wanted.has(name)) rmSync(join(root, 'dist', name));
  return `checked, ${wanted.size} declarations`;
}

/** Those of the entries, and what they name. */
function declarations(types) {
  const wanted = new Set();
  const want = name => {
    if (wanted.has(name) || !existsSync(join(types, name))) return;
    wanted.add(name);
    const text = readFileSync(join(types, name), 'utf8');
    for (const [, other] of text.matchAll(/'\.\/([\w-]+)\.js'/g)) want(`${other}.d.ts`);
  };
  for (const name of entries) want(`${name}.d.ts`);
  return wanted;
}

function weigh() {
  const sum = { raw: 0, gzip: 0, brotli: 0 };
  const loaded = new Set(page);
  for (const name of loaded) {
    const text = name.endsWith('.js') ? readFileSync(join(root, 'dist', name), 'utf8') : '';
    for (const [, other] of text.matchAll(/(?:from|import)"\.\/([\w.-]+)"/g)) loaded.add(other);
  }
  const rows = [...loaded].map(name => {
    const bytes = readFileSync(join(root, 'dist', name));
    const size = {
      raw: bytes.length,
      gzip: gzipSync(bytes, { level: 9 }).length,
      brotli: brotliCompressSync(bytes).length,
    };
    for (const kind in sum) sum[kind] += size[kind];
    return row(name, size);
  });
  console.log(['  a minimal page, bytes         raw      gzip    brotli', ...rows].join('\n'));
  console.log(row('together', sum));
  if (sum.gzip > limit) {
    throw new Failure(
      `a minimal page weighs ${sum.gzip} bytes after gzip, and ${limit} is the most.`,
    );
  }
  return `${Math.round(sum.gzip / 1000)} KB after gzip, of at most ${limit / 1000}`;
}

function row(name, { raw, gzip, brotli }) {
  const numbers = [raw, gzip, brotli].map(bytes => bytes.toLocaleString('en').padStart(10));
  return `  ${name.padEnd(22)}${numbers.join('')}`;
}
