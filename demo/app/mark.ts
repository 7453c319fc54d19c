// The mark of a record: an orange cloud while a change waits, a red one when the server refused it,
// nothing when the server has it all. Its place is kept free, so nothing moves when it comes.

import type { RecordSync } from 'holdfast';
import { h } from './dom.js';
import { icon } from './icon.js';
import { markWords } from './words.js';

export interface Mark {
  readonly element: HTMLElement;
  update(status: RecordSync['status']): void;
}

export function createMark(): Mark {
  const element = h('span', { class: 'mark-place' });
  let shown: RecordSync['status'] = 'synced';

  return {
    element,
    update(status) {
      if (status === shown) return;
      shown = status;
      element.replaceChildren();
      if (status === 'synced') return;
      const words = markWords(status);
      const attributes = { class: 'mark', role: 'img', 'aria-label': words, title: words };
      const mark = h('span', { ...attributes, 'data-testid': 'mark', 'data-status': status });
      mark.append(icon(status === 'pending' ? 'cloud' : 'cloudFailed'));
      element.append(mark);
    },
  };
}
