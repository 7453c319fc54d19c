import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fakeClock, turn, units } from './units.mjs';

const { directoryName, HoldfastError, lead } = units;
const named = (name, message = name) => new DOMException(message, name);

/**
 * A lock that is had one after another, files that `open` may refuse, and what happened to both.
 */
function fixture({ refuse = () => undefined, ...rest } = {}) {
  const log = [];
  let queue = Promise.resolve();
  let opens = 0;
  const opened = [];
  const directory = path => ({
    getDirectoryHandle: async name => directory(`${path}/${name}`),
    getFileHandle: async name => ({
      async createSyncAccessHandle() {
        const error = refuse(name, opens++);
        if (error) throw error;
        opened.push(`${path}/${name}`);
        return { close: () => log.push(`close ${name}`) };
      },
    }),
  });
  const host = {
    locks: {
      request(name, { signal }, run) {
        const turn = queue.then(async () => {
          signal.throwIfAborted();
          log.push(`lock ${name}`);
          try {
            return await run();
          } finally {
            log.push('unlock');
          }
        });
        queue = turn.catch(() => {});
        return turn;
      },
    },
    storage: { getDirectory: async () => directory('') },
    secure: true,
    clock: fakeClock(),
    ...rest,
  };
  return { host, log, opened, opens: () => opens };
}
const open = () => new AbortController().signal;
const closes = ['close main.db', 'close main.db-wal', 'close main.db-journal', 'close ballast'];

test('the files are opened under the lock, and closed before it is let go', async () => {
  const { host, log, opened } = fixture();
  await lead('field/ada', host, open(), async handles => {
    assert.equal(handles.length, 4);
    log.push('session');
  });
  assert.deepEqual(
    opened,
    ['main.db', 'main.db-wal', 'main.db-journal', 'ballast'].map(
      file => `/holdfast/field%2Fada/${file}`,
    ),
  );
  assert.deepEqual(log, ['lock holdfast:field/ada', 'session', ...closes, 'unlock']);
});

test('a session that fails closes its files all the same', async () => {
  const { host, log } = fixture();
  await assert.rejects(
    lead('a', host, open(), async () => {
      throw new Error('trap');
    }),
    /trap/,
  );
  assert.deepEqual(log, ['lock holdfast:a', ...closes, 'unlock']);
});

test('a second worker waits until the first has ended', async () => {
  const { host, log } = fixture();
  let end;
  const first = lead('a', host, open(), () => new Promise(resolve => (end = resolve)));
  const second = lead('a', host, open(), async () => void log.push('second'));
  await turn();
  await turn();
  assert.deepEqual(log, ['lock holdfast:a']);
  end();
  await Promise.all([first, second]);
  assert.deepEqual(log, [
    'lock holdfast:a',
    ...closes,
    'unlock',
    'lock holdfast:a',
    'second',
    ...closes,
    'unlock',
  ]);
});

for (const error of ['NoModificationAllowedError', 'InvalidStateError', 'UnknownError'])
  test(`${error} passes: the files are asked for again, all or none`, async () => {
    const { host, log, opens } = fixture({
      refuse: (name, i) => (i === 2 ? named(error) : undefined),
    });
    let had = false;
    const led = lead('a', host, open(), async () => void (had = true));
    await turn();
    await turn();
    assert.deepEqual(log, [
      'lock holdfast:a',
      ...closes.filter(close => close !== 'close main.db-journal'),
    ]);
    host.clock.advance(10);
    await led;
    assert.ok(had);
    assert.equal(opens(), 8);
  });

test('files that stay held are given up after more than 5 s, with what to do', async () => {
  const { host, log } = fixture({ refuse: () => named('NoModificationAllowedError') });
  let error;
  void lead('a', host, open(), async () => {}).catch(reason => (error = reason));
  for (let waited = 0; waited < 5_000; waited += 250) {
    await turn();
    await turn();
    assert.equal(error, undefined);
    host.clock.advance(250);
  }
  for (let i = 0; i < 100 && !error; ++i) {
    await turn();
    await turn();
    host.clock.advance(250);
  }
  assert.equal(error.code, 'storage');
  assert.match(error.message, /still held by another page.*Close the other tabs/s);
  assert.equal(log.at(-1), 'unlock');
});

for (const [error, code] of [
  [named('QuotaExceededError'), 'disk-full'],
  [named('SecurityError'), 'no-opfs'],
  [named('NotFoundError'), 'storage'],
  [new TypeError('createSyncAccessHandle'), 'storage'],
])
  test(`${error.name} does not pass: ${code}`, async () => {
    const { host, opens } = fixture({ refuse: (name, i) => (i === 0 ? error : undefined) });
    await assert.rejects(
      lead('a', host, open(), async () => {}),
      { code },
    );
    assert.equal(opens(), 4);
  });

for (const [what, rest, code] of [
  ['a page over http', { secure: false }, 'insecure-context'],
  ['no locks', { locks: undefined }, 'no-opfs'],
  ['no storage', { storage: undefined }, 'no-opfs'],
  ['an old file system', { storage: {} }, 'no-opfs'],
  [
    'a private window',
    {
      storage: {
        getDirectory: async () => {
          throw named('SecurityError');
        },
      },
    },
    'no-opfs',
  ],
])
  test(`${what} is refused, never served from memory`, async () => {
    const { host } = fixture(rest);
    await assert.rejects(
      lead('a', host, open(), async () => assert.fail('a session')),
      error => {
        assert.ok(error instanceof HoldfastError);
        assert.equal(error.code, code);
        return true;
      },
    );
  });

test('a tab that closes before its turn comes leaves quietly', async () => {
  const { host, log } = fixture();
  const closed = new AbortController();
  let end;
  const first = lead('a', host, open(), () => new Promise(resolve => (end = resolve)));
  const second = lead('a', host, closed.signal, async () => assert.fail('a session'));
  await turn();
  closed.abort();
  end();
  await Promise.all([first, second]);
  assert.ok(!log.includes('second'));
});

test('a name becomes one directory, whatever stands in it', () => {
  assert.deepEqual(['..', 'a/b\\c', '*', 'أدا'].map(directoryName), [
    '%2E%2E',
    'a%2Fb%5Cc',
    '%2A',
    '%D8%A3%D8%AF%D8%A7',
  ]);
});
