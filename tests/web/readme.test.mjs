// README.md and docs/ as their readers use them: every snippet is compiled against the package's
// declarations, and run in Node against a server.
//
// The ```ts blocks of a document go on where the one before stopped, as one module; a block that
// imports begins another. Nothing in them is there for the test: around them are the names that a
// reader has, and an openHoldfast that keeps the database in memory and asks the API of this test.
// A statement with a value beside it, as `task.done // true`, must have that value. What else the
// text promises stands in `promises`, by document and heading.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { format } from 'node:util';

import { openHoldfast } from 'holdfast';
import ts from 'typescript';

// What is before a `yield` comes before a block under that heading, and what is after it, after.
const promises = {
  async *'README.md: What it looks like'({ api, printed, opened }) {
    api.isWell = false;
    yield;
    const [hf] = opened;
    const tasks = hf.collection('task');
    assert.deepEqual(await hf.sync(), { accepted: 0, rejected: 0, pending: 1, reachable: false });
    assert.deepEqual(api.writes, []);
    const [task] = await tasks.list();
    assert.deepEqual([task.title, task.done, task.$sync.status], [valve, true, 'pending']);
    assertPrinted(printed, `${valve} pending`);
    assertPrinted(printed, /^1 waiting\. \S.* \{ failed: 0, reachable: false \}$/);

    api.isWell = true;
    assert.deepEqual(await hf.sync(), { accepted: 1, rejected: 0, pending: 0, reachable: true });
    assert.equal((await tasks.get(task.id)).$sync.status, 'synced');
    assertPrinted(printed, `${valve} synced`);
    assertPrinted(printed, 'all sent { failed: 0, reachable: true }');
    assert.deepEqual(
      api.writes.map(({ method, path, record }) => [method, path, record.done]),
      [['POST', '/api/tasks', true]],
    );
    const settled = { ...(await tasks.get(task.id)) };
    assert.deepEqual(api.records('/api/tasks'), new Map([[task.id, settled]]));
  },

  async *'README.md: What your API does'({ api, printed, opened }) {
    const [hf] = opened;
    const tasks = hf.collection('task');
    const problem = { title: 'No such valve', status: 422, detail: 'Valve 7 is gone.' };
    api.refuses = ({ title }) => title === 'Valve 7' && problem;
    const { id } = await tasks.create({ title: 'Valve 7', done: false });
    await tasks.update(id, { done: true });
    const other = await tasks.create({ title: 'Valve 8', done: false });
    assert.equal((await hf.sync()).pending, 1);
    const { status, error } = (await tasks.get(id)).$sync;
    assert.deepEqual({ status, error }, { status: 'failed', error: problem });
    assert.equal((await tasks.get(other.id)).$sync.status, 'synced');

    api.refuses = () => false;
    yield;
    assertPrinted(printed, problem.detail);
    await hf.sync();
    assert.equal((await tasks.get(id)).$sync.status, 'synced');
    assert.deepEqual(await hf.deadLetters.list(), []);
    const sent = api.writes.filter(({ record }) => record.id === id);
    const [refused, retried, updated, ...more] = sent;
    assert.notEqual(retried.key, refused.key);
    const { updatedAt } = refused.record; // It is that of the request.
    const same = { ...retried.record, updatedAt };
    assert.deepEqual({ ...retried, key: refused.key, record: same }, refused);
    assert.deepEqual([updated.method, updated.record.done, more], ['PUT', true, []]);

    // The rest of what the table asks of an API: a deletion, and what others changed.
    await tasks.delete(id);
    await hf.sync();
    assert.equal(api.records('/api/tasks').get(id), undefined);
    const theirs = { id: 'theirs', title: 'Valve 9', done: false };
    await fetch(`${api.url}/api/tasks`, {
      method: 'POST',
      headers: { 'idempotency-key': '"theirs"' },
      body: JSON.stringify(theirs),
    });
    await hf.pull();
    assert.deepEqual({ ...(await tasks.get(theirs.id)) }, theirs);
  },

  async *'docs/pulling.md: Your own endpoint'({ api }) {
    const asked = [];
    api.lists['/api/changes'] = search => {
      asked.push(search);
      return search.includes('after')
        ? { items: [{ key: 8, name: 'Seal', gone: true }], next: null }
        : { items: [7, 8].map(key => ({ key, name: 'Gasket', gone: false })), next: 'c 1' };
    };
    yield;
    assert.deepEqual(asked, ['?page_size=200', '?after=c%201&page_size=200']);
  },

  async *'docs/pulling.md: An API without cursors'({ api }) {
    api.lists['/api/sites'] = () => [{ id: 'north', name: 'Northgate' }];
    yield;
  },

  async *'docs/outbox.md: Lanes: who waits for whom'({ api, opened }) {
    api.isWell = false; // Until 'Dead letters': what is told of before is not sent yet.
    yield;
    const [boiler, note, report] = await opened[0].outbox.list();
    assert.deepEqual(
      [boiler, note, report].map(({ change }) => change.title ?? change.text),
      ['Boiler', "Key is at the porter's", 'Report'],
    );
    assert.deepEqual(
      [boiler.waitsFor, note.waitsFor, report.waitsFor],
      [undefined, [boiler.id], [note.id]],
    );
  },

  async *'docs/outbox.md: Transactions'({ opened }) {
    yield;
    const [hf] = opened;
    const recorded = await hf.outbox.list();
    const [pump, ladder] = recorded.slice(3);
    assert.deepEqual([pump.change.title, ladder.waitsFor], ['Pump', [pump.id]]);
    const half = hf.transaction(tx => {
      tx.task.create({ title: 'Half' });
      tx.task.update('nowhere', { title: 'x' });
    });
    await assert.rejects(half, { code: 'not-found' });
    const whole = hf.transaction(() => Promise.resolve());
    await assert.rejects(whole, { code: 'bad-option' });
    assert.deepEqual(await hf.outbox.list(), recorded);
  },

  async *'docs/outbox.md: Coalescing'({ opened }) {
    yield;
    const [hf] = opened;
    const { id } = await hf.collection('task').create({ title: 'Never sent' });
    await hf.collection('task').delete(id);
    const order = (await hf.collection('task').list()).find(({ title }) => title === 'Pump');
    await hf.collection('task').update(order.id, { done: false });
    const all = (await hf.outbox.list()).slice(3);
    assert.deepEqual(
      all.map(({ kind, folded }) => [kind, folded]),
      [
        ['create', undefined],
        ['create', undefined],
        ['create', 1],
        ['update', undefined],
      ],
    );
  },

  async *'docs/outbox.md: Why it was not sent'({ opened }) {
    yield;
    const [hf] = opened;
    const [{ id, reason }] = await hf.outbox.history();
    assert.equal(reason, 'cancelled');
    assert.match((await hf.outbox.explain(id)).text, /the app cancelled it\.$/);
    const [boiler] = await hf.outbox.list();
    assert.deepEqual((await hf.outbox.explain(boiler.id)).can, ['cancel']);
  },

  async *'docs/outbox.md: Dead letters'({ api, printed, opened }) {
    api.isWell = true;
    const [hf] = opened;
    await hf.sync();
    const made = () => api.writes.map(({ record }) => record.title ?? record.text);
    const arrived = made();
    assert.deepEqual([...arrived].sort(), [
      'Boiler',
      'Bring the long ladder',
      "Key is at the porter's",
      'Meter',
      'Pump',
      'Pump',
    ]);
    for (const [task, note] of [
      ['Boiler', "Key is at the porter's"],
      ['Pump', 'Bring the long ladder'],
    ])
      assert.ok(arrived.indexOf(task) < arrived.indexOf(note), arrived.join());
    assert.equal(api.writes.find(({ record }) => record.title === 'Meter').record.done, true);
    const problem = { title: 'No such valve', status: 422, detail: 'There is no valve 13.' };
    api.refuses = ({ title }) => title === 'Valve 13' && problem;
    yield;
    assertPrinted(printed, 'There is no valve 13. 1');
    await hf.sync();
    assert.deepEqual(made().slice(6), ['Valve 13', 'Valve 12b', 'Superstitious?']);
    const [refused, edited] = api.writes.slice(6);
    assert.notEqual(edited.key, refused.key);
    yield;
    await hf.sync();
    assert.deepEqual(made().slice(9), ['Valve 13', 'Valve 14']);
    assert.deepEqual(
      api.writes.slice(9).map(({ method }) => method),
      ['POST', 'POST'],
    );
    assert.deepEqual(await hf.deadLetters.list(), []);

    // What may have been applied goes unchanged, under its own key.
    api.refuses = ({ title }) => title === 'Valve 15' && { status: 500 };
    const broken = await openHoldfast({
      name: 'broken',
      storage: 'memory',
      baseUrl: `${api.url}/api`,
      collections: { task: {} },
      maxAttempts: 1,
    });
    opened.push(broken);
    await broken.collection('task').create({ title: 'Valve 15' });
    await broken.sync();
    const [letter] = await broken.deadLetters.list();
    assert.equal(letter.unknown, true);
    const edit = broken.deadLetters.edit(letter.id, { title: 'Valve 16' });
    await assert.rejects(edit, { code: 'outcome-unknown' });
    api.refuses = () => false;
    await broken.deadLetters.retry(letter.id);
    assert.equal((await broken.sync()).pending, 0);
    const [first, second] = api.writes.slice(-2);
    assert.deepEqual(first, second);
  },

  async *"docs/outbox.md: Whose id it is"({ api, opened }) {
    api.numbers = '/numbered/parts';
    yield;
    const [shop] = opened;
    const [part] = await shop.collection('part').list();
    const [use] = await shop.collection('use').list();
    assert.equal(use.partId, part.id);
    assert.deepEqual(
      api.writes.map(({ path, record }) => [path, record.id, record.partId]),
      [
        ['/numbered/parts', undefined, undefined],
        ['/numbered/uses', use.id, 1],
      ],
    );
    await shop.collection('part').update(part.id, { name: 'Seal' });
    await shop.sync();
    assert.equal(api.writes.at(-1).path, '/numbered/parts/1');
  },

  async *'docs/outbox.md: Signing in'({ api, opened }) {
    const shown = [];
    globalThis.render = text => {
      shown.push(text);
      api.refuses = () => false;
    };
    yield;
    const [shop] = opened;
    api.refuses = () => ({ status: 401 });
    const before = api.writes.length;
    const settled = new Promise(resolve => shop.addEventListener('settled', resolve));
    await shop.collection('use').create({ partId: 'p' });
    await settled;
    assert.deepEqual(shown, ['Please sign in']);
    const [refused, accepted, ...more] = api.writes.slice(before);
    assert.deepEqual([refused, more], [accepted, []]);

    // And without a word one is tried for each probe.
    api.refuses = () => ({ status: 401 });
    globalThis.render = () => assert.fail('asked twice');
    const quiet = await openHoldfast({
      name: 'quiet',
      storage: 'memory',
      baseUrl: `${api.url}/api`,
      collections: { task: {} },
    });
    opened.push(quiet);
    for (const title of ['A', 'B', 'C']) await quiet.collection('task').create({ title });
    await quiet.sync();
    const tried = api.writes.length;
    await quiet.sync();
    assert.equal(api.writes.length, tried + 1);
    api.refuses = () => false;
    assert.equal((await quiet.sync()).pending, 0);
  },

  async *'docs/outbox.md: What an answer means to you'({ api, opened }) {
    yield;
    const visits = opened.at(-1);
    api.refuses = () => ({ status: 423 });
    const { id } = await visits.collection('visit').create({ at: '9:00' });
    await visits.sync();
    const { status, attempts } = (await visits.collection('visit').get(id)).$sync;
    assert.deepEqual([status, attempts], ['pending', 1]);
    api.refuses = () => ({ status: 403 });
    await visits.sync();
    assert.equal(visits.status.get().waitingFor, 'sign-in');
  },

  async *'docs/outbox.md: Batches'({ api, opened }) {
    api.refuses = () => false;
    yield;
    const busy = opened.at(-1);
    const write = async () => {
      const before = api.writes.length;
      await busy.pause();
      for (const value of [1, 2, 3]) await busy.collection('reading').create({ value });
      await busy.resume();
      assert.equal((await busy.sync()).pending, 0);
      // What was opened under other headings goes on beside it.
      const own = new Set(['/api/batch', '/api/readings']);
      return api.writes.slice(before).filter(({ path }) => own.has(path));
    };
    const batched = await write();
    assert.deepEqual(
      batched.map(({ path, batch, record }) => [path, batch, record.value]),
      [1, 2, 3].map(value => ['/api/readings', 1, value]),
    );
    assert.equal(new Set(batched.map(({ key }) => key)).size, 3);
    api.takesBatches = false;
    assert.deepEqual(
      (await write()).map(({ path, batch }) => [path, batch]),
      [
        ['/api/batch', undefined],
        ['/api/readings', undefined],
        ['/api/readings', undefined],
        ['/api/readings', undefined],
      ],
    );
  },
};
const valve = 'Replace the valve';

// What a reader is expected to have. `opens` and `closes` stand where the fences of a block are.
const declarations = `
  declare function token(): Promise<string>;
  declare function render(...shown: unknown[]): void;
  declare function opens(heading: string): Promise<void>;
  declare function closes(heading: string): Promise<void>;
`;

const root = fileURLToPath(new URL('../..', import.meta.url));
const app = mkdtempSync(join(tmpdir(), 'holdfast-readme-'));
after(() => rmSync(app, { recursive: true }));
process.setSourceMapsEnabled(true); // A stack tells the lines of the document.

const modules = documents().flatMap(modulesOf);
const problems = compile();

for (const { name, source, script } of modules) {
  test(`what ${name} shows compiles`, () => {
    const others = modules.map(module => module.source).filter(other => other !== source);
    const found = problems.filter(({ file }) => !others.includes(file?.fileName));
    if (found.length) assert.fail(found.map(told).join('\n'));
  });

  test(`what ${name} shows runs, and does what is said of it`, { timeout: 30_000 }, async t => {
    const api = await startApi();
    const reader = { api, printed: [], opened: [] };
    t.after(async () => {
      for (const holdfast of reader.opened) await holdfast.close();
      api.close();
    });
    const begun = new Map(); // By heading, what is promised there.
    const thrown = [];
    t.mock.method(console, 'log', (...values) => reader.printed.push(format(...values)));
    Object.assign(globalThis, {
      token: async () => 'a token',
      render: () => {},
      reportError: error => thrown.push(error),
      equals: (value, said) => assert.deepEqual(value, new Function(`return ${said}`)()),
      async opens(heading) {
        if (begun.has(heading)) return;
        begun.set(heading, promises[heading]?.(reader));
        await begun.get(heading)?.next();
      },
      async closes(heading) {
        await begun.get(heading)?.next();
      },
      async openHere(options) {
        // A snippet that opens in memory itself has an API of its own.
        const { pathname } = new URL(options.baseUrl, api.url);
        const baseUrl = options.storage ? options.baseUrl : `${api.url}${pathname}`;
        const holdfast = await openHoldfast({ ...options, baseUrl, storage: 'memory' });
        reader.opened.push(holdfast);
        return holdfast;
      },
    });
    await import(pathToFileURL(script).href);
    await turn(); // A live query shows its first rows soon, not at once.
    if (thrown.length) throw thrown[0];
    for (const [heading, promise] of begun)
      assert.ok(!promise || (await promise.next()).done, `${heading} promises of another snippet`);
  });
}

test('every promise is about a snippet', () => {
  const headings = modules.flatMap(module => module.headings);
  assert.deepEqual(
    Object.keys(promises).filter(heading => !headings.includes(heading)),
    [],
  );
});

function assertPrinted(printed, wanted) {
  const isWanted = line => (wanted instanceof RegExp ? wanted.test(line) : line === wanted);
  assert.ok(printed.some(isWanted), `${wanted} is not among:\n${printed.join('\n')}`);
}

function documents() {
  const docs = existsSync(join(root, 'docs')) ? readdirSync(join(root, 'docs')).sort() : [];
  return ['README.md', ...docs.filter(name => name.endsWith('.md')).map(name => `docs/${name}`)];
}

/**
 * The modules of a document: what they are called, the headings of their blocks, where they are
 * written and where they are compiled to. Each line is where it is in the document, and all that is
 * not of the module is blank.
 */
function modulesOf(document) {
  const lines = readFileSync(join(root, document), 'utf8').split('\n');
  const modules = [];
  for (const { heading, first, last } of blocksOf(document, lines)) {
    const block = lines.slice(first + 1, last);
    if (!modules.length || block.some(line => /^\s*import /.test(line)))
      modules.push({ headings: [], text: lines.map(() => '') });
    const { headings, text } = modules.at(-1);
    headings.push(heading);
    const hooks = ['opens', 'closes'].map(hook => `;await ${hook}(${JSON.stringify(heading)});`);
    text.splice(first, block.length + 2, hooks[0], ...block, hooks[1]);
  }
  return modules.map(({ headings, text }, index) => {
    const file = `${document.replaceAll('/', '-')}.${index + 1}`;
    const source = join(app, `${file}.mts`);
    writeFileSync(source, text.join('\n'));
    const name = modules.length > 1 ? `${document}, part ${index + 1},` : document;
    return { name, headings, source, script: join(app, 'run', `${file}.mjs`) };
  });
}

/** The ```ts blocks: the heading that each is under, and the indexes of its two fences. */
function blocksOf(document, lines) {
  const blocks = [];
  let heading = '';
  let fence;
  for (const [index, line] of lines.entries()) {
    const [, language] = line.match(/^\s*```(.*)$/) ?? [];
    if (language !== undefined && !fence) fence = { language: language.trim(), first: index };
    else if (language !== undefined) {
      if (fence.language === 'ts') blocks.push({ heading, first: fence.first, last: index });
      fence = undefined;
    } else if (!fence && /^#+ /.test(line)) heading = `${document}: ${line.replace(/^#+ /, '')}`;
  }
  assert.ok(!fence, `${document}:${fence?.first + 1} opens a block that is never closed`);
  return blocks;
}

/**
 * Compiles as an app that has the package installed, and answers what is wrong. What runs finds
 * another package of that name nearer, which is this one but for openHoldfast.
 */
function compile() {
  const shown = join(app, 'run/node_modules/holdfast');
  mkdirSync(shown, { recursive: true });
  const exports = { '.': './index.js', './testing': './testing.js' };
  writeFileSync(join(shown, 'package.json'), JSON.stringify({ type: 'module', exports }));
  writeFileSync(
    join(shown, 'testing.js'),
    `export * from '${import.meta.resolve('holdfast/testing')}';`,
  );
  writeFileSync(
    join(shown, 'index.js'),
    `export * from '${import.meta.resolve('holdfast')}';
    export const openHoldfast = options => openHere(options);`,
  );
  mkdirSync(join(app, 'node_modules'));
  symlinkSync(root, join(app, 'node_modules/holdfast'));
  const names = join(app, 'names.d.ts');
  writeFileSync(names, declarations);

  const program = ts.createProgram([names, ...modules.map(({ source }) => source)], {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: [],
    module: ts.ModuleKind.NodeNext,
    moduleDetection: ts.ModuleDetectionKind.Force,
    outDir: join(app, 'run'),
    sourceMap: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
  });
  program.emit(undefined, undefined, undefined, false, { before: [comparing] });
  return ts.getPreEmitDiagnostics(program);
}

/** Makes of a statement with a value beside it that it must equal this value. */
function comparing(context) {
  const { factory } = context;
  return source => {
    const visit = node => {
      const said = ts.isExpressionStatement(node) && valueBeside(node, source.text);
      if (!said) return ts.visitEachChild(node, visit, context);
      const equals = factory.createIdentifier('equals');
      const values = [node.expression, factory.createStringLiteral(said)];
      const call = factory.createCallExpression(equals, undefined, values);
      return ts.setTextRange(factory.createExpressionStatement(call), node);
    };
    return ts.visitNode(source, visit);
  };
}

/** The comment that follows on the same line, where it is a literal. */
function valueBeside(node, text) {
  // A statement without a semicolon of its own ends with the one that closes the block.
  const [comment] = [node.expression.end, node.end].flatMap(
    end => ts.getTrailingCommentRanges(text, end) ?? [],
  );
  const words = comment ? text.slice(comment.pos, comment.end).replace(/^\/\/ */, '') : '';
  return /^(?:'[^']*'|-?\d[\d_.]*|true|false|null|undefined|\[.*\]|\{.*\})$/.test(words) && words;
}

function told({ file, start, messageText, code }) {
  const line = file && file.getLineAndCharacterOfPosition(start).line + 1;
  const place = file ? `${relative(app, file.fileName)}:${line} ` : '';
  return `${place}TS${code}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
}

/**
 * An API over an array of changes that answers as README.md asks of one. `refuses` is given the
 * record of a change, and answers the problem with it, or false.
 */
async function startApi() {
  const changes = [];
  const answers = new Map();
  let batches = 0;
  let numbered = 0;

  /** The records of a collection by id, those that were deleted as undefined. */
  function records(path, since = 0) {
    const later = changes.slice(since).filter(({ place }) => dirname(place) === path);
    return new Map(later.map(({ place, record }) => [basename(place), record]));
  }

  function page(path, since) {
    const found = [...records(path, Number(since))];
    const deleted = found.filter(([, record]) => !record).map(([id]) => id);
    const kept = found.map(([, record]) => record).filter(record => record);
    return [200, { records: kept, deleted, cursor: String(changes.length), more: false }];
  }

  /** Its members one by one, each as a request of its own; `batch` counts them. */
  function batch({ requests }) {
    ++batches;
    const responses = requests.map(({ key, method, path, body }) => {
      const member = { method, path: `/api${path}`, since: '', key, record: body, batch: batches };
      api.writes.push(member);
      const [status, answer] = change(member);
      return { status, headers: { 'content-type': 'application/json' }, body: answer };
    });
    return [200, { responses }];
  }

  function change({ method, path, key, record }) {
    if (answers.has(key)) return answers.get(key);
    const problem = record && api.refuses(record);
    if (problem) return [problem.status, problem];
    if (method === 'POST' && path === api.numbers) record = { ...record, id: ++numbered };
    const place = method === 'POST' ? `${path}/${record.id}` : path;
    const current = records(dirname(place)).get(basename(place));
    const isOutdated = method === 'PUT' && current?.updatedAt > record.updatedAt;
    if (!isOutdated) changes.push({ place, record });
    const status = { POST: 201, PUT: 200, DELETE: 204 }[method];
    answers.set(key, [status, isOutdated ? current : record]);
    return answers.get(key);
  }

  function answerTo(request) {
    const { method, path, since } = request;
    if (path === '/api/batch' && !api.takesBatches) return [404, {}];
    if (method !== 'GET') return change(request);
    if (path.endsWith('/health')) return [api.isWell ? 200 : 503, {}];
    return page(path, since);
  }

  const server = createServer(async (request, response) => {
    const { pathname: path, searchParams } = new URL(request.url, api.url);
    const { method, headers } = request;
    const body = await text(request);
    const record = body ? JSON.parse(body) : undefined;
    const since = searchParams.get('since') ?? '';
    const received = { method, path, since, key: headers['idempotency-key'], record };
    const isBatch = path === '/api/batch' && api.takesBatches;
    if (method !== 'GET' && !isBatch) api.writes.push(received);
    const answered = () => (isBatch ? batch(record) : answerTo(received));
    const [status, answer] =
      path in api.lists ? [200, api.lists[path](new URL(request.url, api.url).search)] : answered();
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(answer && JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  const api = {
    url: `http://127.0.0.1:${server.address().port}`,
    isWell: true,
    takesBatches: true,
    /** Where the server chooses the ids of what is created. */
    numbers: '',
    refuses: () => false,
    writes: [],
    lists: {}, // What else is answered to a GET, by path: made of its query.
    records,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return api;
}
