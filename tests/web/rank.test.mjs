import assert from 'node:assert/strict';
import { test } from 'node:test';

import { units } from './units.mjs';

const { fingerprint, isNewer, ranksBefore } = units;
const rank = parts => ({ version: '1.2.3', config: 'a', since: 5, visible: true, ...parts });

for (const [one, other, newer] of [
  [{}, {}, false],
  [{ version: '1.2.4' }, {}, true],
  [{ version: '1.10.0' }, { version: '1.9.9' }, true],
  [{ version: '1.2.3' }, { version: '1.2.4', config: 'b', since: 0 }, false],
  [{ config: 'b', since: 6 }, {}, true],
  [{ config: 'b', since: 4 }, {}, false],
  [{ since: 6 }, {}, false],
])
  test(`${newer}: ${JSON.stringify(one)} is newer than ${JSON.stringify(other)}`, () => {
    assert.equal(isNewer(rank(one), rank(other)), newer);
    if (newer) assert.ok(!isNewer(rank(other), rank(one)));
  });

test('a visible tab leads in place of a hidden one, but not of a newer one', () => {
  const hidden = rank({ visible: false });
  assert.ok(ranksBefore(rank(), hidden));
  assert.ok(!ranksBefore(rank(), rank()));
  assert.ok(!ranksBefore(hidden, hidden));
  assert.ok(!ranksBefore(rank(), rank({ visible: false, version: '2.0.0' })));
});

test('a fingerprint differs by any letter', () => {
  const texts = ['', 'a', 'b', 'ab', 'ba', '{"a":1}', '{"a":2}'];
  assert.equal(new Set(texts.map(fingerprint)).size, texts.length);
});
