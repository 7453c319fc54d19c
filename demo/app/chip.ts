// The chip in the header: whether everything is sent and, if not, how much waits and for what.

import type { Readable, Status } from 'holdfast';
import { h, setAttribute, setText } from './dom.js';
import { icon } from './icon.js';
import type { IconName } from './icon.js';
import { chipWords } from './words.js';

export function createChip(status: Readable<Status>, open: () => void): HTMLElement {
  const words = h('span');
  const sign = h('span', { class: 'chip-icon' });
  const element = h(
    'button',
    { type: 'button', class: 'chip', 'data-testid': 'chip', on: { click: open } },
    sign,
    words,
  );
  element.setAttribute('aria-haspopup', 'dialog');
  let shown: IconName | undefined;

  status.subscribe((now) => {
    // Where it needs two lines, a number stays with what it counts.
    setText(words, chipWords(now).replace(/(\d) /g, '$1\u00a0'));
    setAttribute(element, 'data-state', stateOf(now));
    setAttribute(element, 'data-pending', now.pending);
    setAttribute(element, 'data-failed', now.failed);
    setAttribute(element, 'data-reachable', String(now.reachable));
    const name = iconOf(now);
    if (name !== shown) sign.replaceChildren(icon(name));
    shown = name;
  });
  return element;
}

/** The chip's words for who cannot see it, once they settled: a busy outbox is not read out. */
export function createAnnouncer(status: Readable<Status>): HTMLElement {
  const element = h('div', { class: 'visually-hidden', role: 'status' });
  let timer: ReturnType<typeof setTimeout> | undefined;
  status.subscribe((now) => {
    clearTimeout(timer);
    timer = setTimeout(() => setText(element, chipWords(now)), 1500);
  });
  return element;
}

function stateOf(status: Status): string {
  if (status.failed > 0) return 'failed';
  if (status.pending > 0) return 'pending';
  return status.reachable ? 'sent' : 'offline';
}

function iconOf(status: Status): IconName {
  if (status.failed > 0) return 'cloudFailed';
  if (!status.reachable) return 'cloudOff';
  return status.pending > 0 ? 'cloud' : 'cloudSent';
}
