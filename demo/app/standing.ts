// How an order stands against the server, said above it while there is something to say.

import type { RecordSync } from 'holdfast';
import { h, setAttribute, setText } from './dom.js';
import { createMark } from './mark.js';
import type { View } from './keyed.js';
import { markWords, problemWords } from './words.js';

export function createStanding(first: RecordSync, openOutbox: () => void): View<RecordSync> {
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

  function update({ status, attempts, error }: RecordSync): void {
    element.hidden = status === 'synced';
    setAttribute(element, 'data-status', status);
    mark.update(status);
    const failed = status === 'failed';
    const problem = problemWords(error);
    setText(words, failed ? problem.title : markWords(status));
    const tried = attempts > 1 ? `Tried ${attempts} times so far.` : '';
    setText(reason, failed ? (problem.detail ?? '') : tried);
    resolve.hidden = !failed;
  }

  update(first);
  return { element, update };
}
