// The mark of a record: an orange cloud while a change waits, a red one when the server refused it,
// nothing when the server has it all. Its place is kept free, so nothing moves when it comes.

import type { RecordSync } from 'holdfast';
import { h } from './dom.js';
import { icon } from './icon.js';
import { markWords } from './words.js';

export interface Mark {
  readonly element: HTMLElement;
  update(sync: RecordSync): void;
}

export function createMark(): Mark {
  const element = h('span', { class: 'mark-place' });
  let shown = '';

  return {
    element,
    update(sync) {
      const { status, blockedBy } = sync;
      const words = markWords(sync);
      if (words === shown) return;
      shown = words;
      element.replaceChildren();
      if (status === 'synced') return;
      const mark = h('span', {
        class: 'mark',
        role: 'img',
        'aria-label': words,
        title: words,
        'data-testid': 'mark',
        'data-status': status,
        'data-blocked': blockedBy !== undefined,
      });
      const waiting = blockedBy === undefined ? 'cloud' : 'cloudHeld';
      mark.append(icon(status === 'pending' ? waiting : 'cloudFailed'));
      element.append(mark);
    },
  };
}
