// How an order stands against the server, said above it while there is something to say.

import type { RecordSync } from 'holdfast';
import { h, setAttribute, setText } from './dom.js';
import { createMark } from './mark.js';
import type { View } from './keyed.js';
import type { Names } from './schema.js';
import { standingWords } from './words.js';

export function createStanding(
  first: RecordSync,
  names: Names,
  openOutbox: () => void,
): View<RecordSync> {
  const mark = createMark();
  const words = h('strong');
  const reason = h('span', { class: 'reason' });
  const resolve = h(
    'button',
    { type: 'button', class: 'button small', on: { click: openOutbox } },
    'Resolve',
  );
  const text = h('div', { class: 'standing-text' }, words, reason);
  const element = h('div', { class: 'standing', 'data-testid': 'standing' });
  element.append(mark.element, text, resolve);

  function update(sync: RecordSync): void {
    element.hidden = sync.status === 'synced';
    setAttribute(element, 'data-status', sync.status);
    mark.update(sync);
    const { title, detail } = standingWords(sync, names);
    setText(words, title);
    setText(reason, detail ?? '');
    resolve.hidden = sync.status !== 'failed' && sync.blockedBy === undefined;
  }

  update(first);
  return { element, update };
}
