// Keeps the house as DESIGN §2 draws it. The tables below are that drawing: a file that is not in
// them, or that reaches for what stands further down, is named here. Each rule is also shown a
// text that breaks it, so that it is known to go red.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

// Each may include what stands above it, and in its own row what stands to its left.
const core = [
  ['text', 'types', 'protocol'],
  ['value', 'timestamp', 'clock', 'backoff', 'json', 'verdict', 'merge'],
  ['store/vfs', 'store/sqlite'],
  [
    'store/schema',
    'store/counters',
    'store/records',
    'store/outbox',
    'store/references',
    'store/history',
    'store/sessions',
    'store/cursors',
  ],
  ['store/filter', 'store/store', 'store/conflicts', 'store/query', 'store/views'],
  ['sync/reachability', 'sync/turn', 'sync/folding', 'sync/request'],
  ['sync/lanes', 'sync/letters', 'sync/intake', 'sync/attempts', 'sync/pulls', 'sync/explain'],
  ['sync/engine'],
  ['query_codec', 'codec'],
  ['bindings/libc', 'bindings/types', 'bindings/opfs', 'bindings/embind'],
];
const web = [
  ['protocol', 'errors', 'clock', 'ids', 'json', 'record', 'change', 'rank'],
  ['core', 'ballast', 'snapshot', 'journal', 'overlay', 'pages', 'transport', 'replay'],
  ['driver', 'triggers'],
  ['leader', 'rpc', 'session', 'surface', 'live', 'options'],
  ['connection', 'question', 'spill', 'memory', 'collection', 'sql', 'outbox', 'transaction'],
  ['testapi'],
  ['worker', 'service-worker', 'client', 'index', 'inline', 'testing', 'react'],
];

// Who may include what is not ours.
const libraries = [
  { library: 'sqlite3.h', only: ['store/sqlite', 'store/vfs'] },
  { library: 'nlohmann/', only: ['value'] },
  {
    library: 'emscripten',
    only: ['bindings/libc', 'bindings/types', 'bindings/opfs', 'bindings/embind'],
  },
];

// Where I/O is in web/: who may touch these globals. Elsewhere they come in as arguments.
const roots = ['worker', 'service-worker', 'client', 'testing', 'react'];
const globals = {
  fetch: roots, // They hand it to transport.ts, and load the wasm.
  Date: ['clock'],
  setTimeout: ['clock'],
  clearTimeout: ['clock'],
  setInterval: [],
  requestAnimationFrame: [],
  performance: [],
  crypto: ['client'],
  'Math.random': [],
  navigator: roots, // worker.ts hands its locks to leader.ts.
  BroadcastChannel: ['worker', 'service-worker'],
  Worker: ['client', 'inline'],
  document: ['client'],
  window: ['client'],
  self: [],
  globalThis: roots,
  location: ['client'],
  indexedDB: [],
  localStorage: [],
  sessionStorage: [],
  caches: [],
  XMLHttpRequest: [],
};

// And in src/: no clock, chance, thread or file, in C++ or in SQL. The disk is behind the VFS.
const world = new RegExp(
  [
    /\b\w+_clock::now\b/,
    /<(?:fstream|iostream|filesystem|thread|mutex|random|ctime)>/,
    /\bs?rand\(/,
    /\bgetenv\(/,
    /\bfopen\(/,
    /\brandom\(\)/,
    /\bCURRENT_TIME/,
    /\w+\([^)]*'now'/,
  ]
    .map(pattern => pattern.source)
    .join('|'),
);

const topLevel = `
  CMakeLists.txt package.json src bindings web tests demo bench docs tools .ci
  README.md ARCHITECTURE.md CHANGELOG.md LICENSE
  package-lock.json tsconfig.json .gitignore .npmrc .clang-format
  node_modules build dist .git`.split(/\s+/);

const columns = 100;

// A rule is given the files, text by path, and answers what is wrong with them. Each of `broken`
// it must tell from a sound tree.
const rules = [
  {
    name: 'a file reaches only for what stands above it in the table of layers',
    check: brokenLayers,
    broken: [
      { 'src/types.h': '#include "sync/engine.h"\n' },
      { 'src/store/outbox.h': '#include "../codec.h"\n' },
      { 'src/store/helper.cpp': '' },
      { 'web/rpc.ts': "import { client } from './client.js';\n" },
      { 'web/core.ts': "import glue from './holdfast.js';\n" },
      { 'web/helper.ts': '' },
    ],
  },
  {
    name: 'a library is included only where DESIGN says',
    check: brokenLibraries,
    broken: [{ 'src/store/outbox.cpp': '#include <sqlite3.h>\n' }],
  },
  {
    name: 'the core reads no clock, draws no random number and opens no file',
    check: brokenCore,
    broken: [
      { 'src/backoff.cpp': 'auto now = std::chrono::system_clock::now();\n' },
      { 'src/store/outbox.cpp': '"SELECT unixepoch(\'now\')"\n' },
    ],
  },
  {
    name: 'a global is touched only where DESIGN says',
    check: brokenGlobals,
    broken: [
      { 'web/driver.ts': 'export const now: number = Date.now();\n' },
      { 'web/driver.ts': 'export const api: { fetch: unknown } = { fetch };\n' },
      { 'web/transport.ts': 'export const answer: unknown = globalThis.fetch("/");\n' },
      { 'web/client.ts': 'export const chance: number = Math.random();\n' },
    ],
  },
  {
    name: `a line has at most ${columns} columns`,
    check: longLines,
    broken: [{ 'web/ids.ts': `// ${'x'.repeat(columns)}\n` }],
  },
  {
    name: 'nothing is left for later',
    check: leftovers,
    broken: [{ 'src/codec.cpp': `// ${'TO'}${'DO'}: the rest\n` }],
  },
  {
    name: 'no test is switched off',
    check: switchedOff,
    broken: [{ 'tests/core/engine_test.cpp': 'TEST_CASE("x" * doctest::skip()) {}\n' }],
  },
  {
    name: 'the top level holds what the issue lists',
    check: strangers,
    broken: [{ 'misc/notes.txt': '' }],
  },
  {
    name: 'the changelog tells of the version in package.json',
    check: unlogged,
    broken: [{ 'package.json': '{ "version": "9.9.9" }', 'CHANGELOG.md': '## 0.1.0\n' }],
  },
  {
    name: 'the lock names no registry',
    check: registries,
    broken: [{ 'package-lock.json': '{ "resolved": "https://…" }' }],
  },
];

const root = fileURLToPath(new URL('..', import.meta.url));
const files = readTree();

for (const { name, check, broken } of rules) {
  test(name, () => {
    const problems = check(files);
    if (problems.length) assert.fail(problems.join('\n'));
  });
  test(`and goes red otherwise: ${name}`, () => {
    for (const tree of broken) assert.notDeepEqual(check(tree), [], Object.keys(tree)[0]);
  });
}

function brokenLayers(files) {
  return [
    ...broken(core.flat(), files, /^(?:src\/|(?=bindings\/))(.+)\.(?:cpp|h)$/, includes),
    ...broken(web.flat(), files, /^web\/(.+)\.ts$/, imports),
  ];
}

function broken(order, files, pattern, reads) {
  const problems = [];
  for (const [path, text] of Object.entries(files)) {
    const noun = path.match(pattern)?.[1];
    if (!noun) continue;
    const place = order.indexOf(noun);
    if (place < 0) problems.push(`${path} is not in the table of layers`);
    for (const other of reads(path, text)) {
      const isAbove = other !== noun && order.indexOf(other) < place && order.includes(other);
      const isGlue = other === 'holdfast' && roots.includes(noun);
      if (other !== noun && !isAbove && !isGlue) problems.push(`${path} may not reach ${other}`);
    }
  }
  return problems;
}

// The nouns of our own files that a C++ file includes, beside it or from src/.
function includes(path, text) {
  return [...text.matchAll(/^#include "(.+)\.h"/gm)].map(([, name]) => {
    const beside = posix.join(posix.dirname(path), name);
    return existsSync(join(root, `${beside}.h`)) ? beside.replace(/^src\//, '') : name;
  });
}

function imports(_path, text) {
  return [...text.matchAll(/\b(?:from|import)\s*\(?'\.\/([\w-]+)\.js'/g)].map(([, name]) => name);
}

function brokenLibraries(files) {
  return Object.entries(files).flatMap(([path, text]) => {
    const noun = path.match(/^(?:src\/|(?=bindings\/))(.+)\.(?:cpp|h)$/)?.[1];
    if (!noun) return [];
    return libraries
      .filter(({ library, only }) => text.includes(`#include <${library}`) && !only.includes(noun))
      .map(({ library }) => `${path} may not include ${library}`);
  });
}

function brokenCore(files) {
  return grep(files, /^src\//, world);
}

// Which name means a global is TypeScript's to say: a parameter may have the same name.
function brokenGlobals(files) {
  const paths = Object.keys(files).filter(path => /^web\/.+\.ts$/.test(path));
  const options = { lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'], types: [], noResolve: true };
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (path, target) =>
    path in files ? ts.createSourceFile(path, files[path], target) : getSourceFile(path, target);
  const program = ts.createProgram(paths, options, host);
  const checker = program.getTypeChecker();
  const problems = [];

  for (const path of paths) {
    const noun = path.match(/^web\/(.+)\.ts$/)[1];
    const source = program.getSourceFile(path);
    const visit = node => {
      const name = globalNamed(node, checker);
      if (name && !globals[name].includes(noun)) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
        problems.push(`${path}:${line + 1} may not touch ${name}`);
      }
      if (!ts.isTypeNode(node)) ts.forEachChild(node, visit);
    };
    ts.forEachChild(source, visit);
  }
  return problems;
}

function globalNamed(node, checker) {
  const isChance = ts.isPropertyAccessExpression(node) && node.getText?.() === 'Math.random';
  if (isChance) return 'Math.random';
  if (!ts.isIdentifier(node) || !Object.hasOwn(globals, node.text)) return undefined;
  const isMember = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node;
  if (isMember && node.parent.expression.getText() !== 'globalThis') return undefined;
  const symbol = ts.isShorthandPropertyAssignment(node.parent)
    ? checker.getShorthandAssignmentValueSymbol(node.parent)
    : checker.getSymbolAtLocation(node);
  const isOurs = symbol?.declarations?.some(({ parent }) =>
    /^web\//.test(parent.getSourceFile().fileName),
  );
  return isOurs ? undefined : node.text;
}

function longLines(files) {
  return Object.entries(files)
    .filter(([path]) => /\.(?:cpp|h|ts|mjs|js|css|html)$|CMakeLists\.txt$/.test(path))
    .flatMap(([path, text]) =>
      text
        .split('\n')
        .map((line, index) => ({ line: index + 1, length: [...line].length }))
        .filter(({ length }) => length > columns)
        .map(({ line, length }) => `${path}:${line} has ${length} columns`),
    );
}

function leftovers(files) {
  return grep(
    files,
    /(?:^|\/)[^/]+\.(?:cpp|h|ts|mjs|css|html|md)$/,
    /\b(?:TO-?DO|FIX-?ME|XX-?X)\b/,
  );
}

function switchedOff(files) {
  return grep(
    files,
    /^tests\/(?!tidy\.test\.mjs)/,
    /\b(?:test|it|describe|t)\.(?:only|skip|todo)\b|doctest::(?:skip|may_fail|should_fail)/,
  );
}

function strangers(files) {
  const names = new Set(Object.keys(files).map(path => path.split('/')[0]));
  return [...names].filter(name => !topLevel.includes(name));
}

function unlogged(files) {
  const { version } = JSON.parse(files['package.json']);
  const isLogged = files['CHANGELOG.md']
    ?.split('\n')
    .some(line => line.startsWith(`## ${version}`));
  return isLogged ? [] : [`CHANGELOG.md has no heading ## ${version}`];
}

function registries(files) {
  return grep(files, /^package-lock\.json$/, /"resolved"/);
}

function grep(files, where, pattern) {
  return Object.entries(files)
    .filter(([path]) => where.test(path))
    .flatMap(([path, text]) =>
      text.split('\n').flatMap((line, index) => {
        const found = line.match(pattern);
        return found ? [`${path}:${index + 1} has ${found[0]}`] : [];
      }),
    );
}

// Every text of the repository by its path, with '/'. What is made or fetched is only named.
function readTree(directory = '') {
  const texts = {};
  for (const entry of readdirSync(join(root, directory), { withFileTypes: true })) {
    const path = directory ? `${directory}/${entry.name}` : entry.name;
    const isMade = /^(?:node_modules|build|dist|\.git)$/.test(entry.name);
    if (isMade) texts[path] = '';
    else if (entry.isDirectory()) Object.assign(texts, readTree(path));
    else texts[path] = readFileSync(join(root, path), 'utf8');
  }
  return texts;
}
