// The steps of an order, to be ticked off one by one.

import type { Actions } from './actions.js';
import { h, setAttribute, setText, written } from './dom.js';
import { keyed } from './keyed.js';
import type { View } from './keyed.js';
import type { ChecklistItem, OrderRow } from './order.js';

export function createChecklist(first: OrderRow, actions: Actions): View<OrderRow> {
  let order = first;
  const title = h('h2', {}, 'Checklist');
  const count = h('span', { class: 'checklist-count' });
  const progress = h('progress', { 'aria-label': 'Steps done' });
  const steps = h('ul', { class: 'steps' });
  const element = h('section', { class: 'block checklist' });
  element.append(h('div', { class: 'block-head' }, title, count), progress, steps);

  // A step has no id of its own: its place in the list is what it is known by.
  const showSteps = keyed<[number, ChecklistItem]>(
    steps,
    ([index]) => String(index),
    ([index, item]) => createStep(item, (done) => actions.tickItem(order, index, done)),
  );

  function update(latest: OrderRow): void {
    order = latest;
    const { checklist } = order;
    const done = checklist.filter((item) => item.done).length;
    element.hidden = checklist.length === 0;
    setText(count, `${done} of ${checklist.length}`);
    setAttribute(progress, 'max', checklist.length);
    setAttribute(progress, 'value', done);
    showSteps([...checklist.entries()]);
  }

  update(first);
  return { element, update };
}

function createStep(
  first: ChecklistItem,
  tick: (done: boolean) => Promise<boolean>,
): View<[number, ChecklistItem]> {
  let item = first;
  const box = h('input', {
    type: 'checkbox',
    class: 'tick',
    'data-testid': 'step-toggle',
    on: {
      change: () =>
        void tick(box.checked).then((ticked) => {
          if (!ticked) box.checked = item.done;
        }),
    },
  });
  const text = written('span', { class: 'step-text' });
  const element = h('li', {}, h('label', { class: 'step' }, box, text));

  function update([, latest]: [number, ChecklistItem]): void {
    item = latest;
    box.checked = item.done;
    setText(text, item.text);
  }

  update([0, first]);
  return { element, update };
}
