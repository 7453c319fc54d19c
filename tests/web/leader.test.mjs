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
  let holder = () => {};
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
      request(name, { signal, steal }, run) {
        let rob;
        const robbed = new Promise((_, reject) => (rob = () => reject(named('AbortError'))));
        const hold = async () => {
          log.push(`${steal ? 'steal' : 'lock'} ${name}`);
          holder = rob;
          const over = run();
          await Promise.race([over, robbed]).finally(() => log.push('unlock'));
          return over;
        };
        if (steal) {
          holder();
          const thief = hold();
          queue = thief.catch(() => {});
          return thief;
        }
        const aborted = new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        );
        const turn = queue.then(() => {
          signal.throwIfAborted();
          return hold();
        });
        queue = turn.catch(() => {});
        return Promise.race([turn, aborted]);
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

test('files that stay held are waited for, and the lock is kept', async () => {
  let held = true;
  const { host, log } = fixture({
    refuse: () => (held ? named('NoModificationAllowedError') : undefined),
  });
  const closed = new AbortController();
  let had = false;
  const led = lead('a', host, closed.signal, async () => void (had = true));
  for (let waited = 0; waited < 60_000; waited += 250) {
    await turn();
    host.clock.advance(250);
  }
  assert.ok(!had && !log.includes('unlock'));
  held = false;
  for (let i = 0; i < 3; ++i) {
    await turn();
    host.clock.advance(250);
  }
  await turn();
  assert.ok(had);
  closed.abort();
  await led;
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

test('who offers its place closes the files first, and waits for another turn', async () => {
  const { host, log } = fixture();
  const closed = new AbortController();
  let take;
  let terms = 0;
  const first = lead('a', host, closed.signal, async () =>
    ++terms === 1 ? () => (log.push('offer'), take()) : undefined,
  );
  const other = lead('a', host, open(), async () => void log.push('other'), to => (take = to));
  await Promise.all([first, other]);
  const isMain = entry => !/-wal|-journal|ballast/.test(entry);
  assert.deepEqual(log.filter(isMain), [
    'lock holdfast:a',
    'close main.db',
    'offer',
    'steal holdfast:a',
    'unlock',
    'other',
    'close main.db',
    'unlock',
    'lock holdfast:a',
    'close main.db',
    'unlock',
  ]);
});

test('an offer that nobody takes goes to whoever waited longest', async () => {
  const { host, log } = fixture();
  const first = lead('a', host, open(), async () => () => log.push('offer'));
  const other = lead('a', host, open(), async () => void log.push('other'));
  void first.catch(() => {});
  for (let i = 0; i < 4; ++i) await turn();
  assert.ok(log.includes('offer') && !log.includes('other'));
  host.clock.advance(500);
  await other;
});

test('a lock that is stolen ends the term, and another is waited for', async () => {
  const { host, log } = fixture();
  let terms = 0;
  const led = lead('a', host, open(), async (_handles, over) => {
    if (++terms === 2) return;
    await new Promise(resolve => over.addEventListener('abort', resolve));
    log.push('over');
  });
  await turn();
  await host.locks.request('holdfast:a', { steal: true }, async () => {});
  await led;
  assert.equal(terms, 2);
  assert.ok(log.indexOf('over') < log.indexOf('close main.db'));
});

test('a name becomes one directory, whatever stands in it', () => {
  assert.deepEqual(['..', 'a/b\\c', '*', 'أدا'].map(directoryName), [
    '%2E%2E',
    'a%2Fb%5Cc',
    '%2A',
    '%D8%A3%D8%AF%D8%A7',
  ]);
});
