// A line at the bottom that says what has just happened, for a few seconds, with at most one thing
// to do about it. Whatever it offers can also be done elsewhere, so nobody has to be quick.

import { h } from './dom.js';

const shownMs = 6000;

export interface ToastAction {
  label: string;
  run: () => void;
}

export interface Toast {
  readonly element: HTMLElement;
  /** Replaces what was shown before. */
  show(text: string, action?: ToastAction): void;
}

export function createToast(): Toast {
  const element = h('div', {
    class: 'toast-place',
    role: 'status',
    on: { pointerenter: stay, focusin: stay, pointerleave: leave, focusout: leave },
  });
  let timer: ReturnType<typeof setTimeout> | undefined;

  function stay(): void {
    clearTimeout(timer);
  }

  function leave(): void {
    clearTimeout(timer);
    timer = setTimeout(hide, shownMs);
  }

  function hide(): void {
    clearTimeout(timer);
    element.replaceChildren();
  }

  return {
    element,
    show(text, action) {
      const toast = h('div', { class: 'toast', 'data-testid': 'toast' }, h('span', {}, text));
      if (action !== undefined) {
        const run = (): void => {
          hide();
          action.run();
        };
        toast.append(h('button', { type: 'button', on: { click: run } }, action.label));
      }
      element.replaceChildren(toast);
      leave();
    },
  };
}
