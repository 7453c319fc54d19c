// A question that must be answered before something is taken away.

import { h } from './dom.js';

export interface Question {
  title: string;
  text: string;
  /** What the button says that does it. */
  verb: string;
  testid: string;
}

/** Resolves with whether the person said yes; Escape and the other button say no. */
export function confirmed(question: Question): Promise<boolean> {
  const { title, text, verb, testid } = question;
  const no = h('button', { class: 'button', value: 'no', autofocus: true }, 'Cancel');
  const yes = h('button', { class: 'button danger', value: 'yes', 'data-testid': testid }, verb);
  const dialog = h(
    'dialog',
    { class: 'confirm', 'aria-labelledby': 'confirm-title', 'aria-describedby': 'confirm-text' },
    h('h2', { id: 'confirm-title' }, title),
    h('p', { id: 'confirm-text' }, text),
    h('form', { method: 'dialog', class: 'buttons' }, no, yes),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
  });
}
