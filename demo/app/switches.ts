// The corner with the demo's own switches: they make its server vanish or fail, so that a person at
// a desk can see what a technician in a basement sees. Hidden where the server has no /control.

import { h, setText } from './dom.js';
import type { OrderRow } from './order.js';
import type { Toast } from './toast.js';

interface Control {
  offline: boolean;
  fail: { status: number } | null;
  refuse: { id: string; title?: string } | null;
}

const failures: Record<number, string> = {
  422: 'refuses',
  500: 'breaks',
  503: 'is busy',
};

export interface Switches {
  readonly element: HTMLElement;
  /** Asks the server how they stand. */
  refresh(): Promise<void>;
  /** Another order is open, or none. */
  update(): void;
}

export function createSwitches(openOrder: () => OrderRow | undefined, toast: Toast): Switches {
  let refused: Control['refuse'] = null;
  const offline = h('input', {
    type: 'checkbox',
    role: 'switch',
    class: 'switch',
    'data-testid': 'switch-offline',
    on: { change: () => void vanish(offline.checked) },
  });
  const failing = h('input', {
    type: 'checkbox',
    role: 'switch',
    class: 'switch',
    'data-testid': 'switch-failing',
    on: { change: () => void send({ fail: failure() }) },
  });
  const how = h('select', {
    class: 'how',
    'aria-label': 'How the API fails',
    'data-testid': 'failing-how',
    on: { change: () => failing.checked && void send({ fail: failure() }) },
  });
  for (const [status, words] of Object.entries(failures)) {
    how.append(h('option', { value: status }, `${status} ${words}`));
  }
  // The server refuses it under the title that it has now: another title mends it.
  const refuse = h('input', {
    type: 'checkbox',
    role: 'switch',
    class: 'switch',
    'data-testid': 'switch-refuse',
    on: { change: () => void send({ refuse: refusal() }) },
  });
  const refuseWords = h('span');
  const expire = h(
    'button',
    {
      type: 'button',
      class: 'expire',
      'data-testid': 'expire',
      on: { click: () => void expireSignIn() },
    },
    'End sign-in',
  );
  const element = h(
    'aside',
    { class: 'switches', hidden: true, 'aria-label': 'Demo switches' },
    h('span', { class: 'switches-title' }, 'Demo'),
    h('label', {}, offline, 'Offline'),
    h('span', { class: 'failing' }, h('label', {}, failing, 'Failing API'), how),
    h('label', {}, refuse, refuseWords),
    expire,
  );

  function failure(): Control['fail'] {
    return failing.checked ? { status: Number(how.value) } : null;
  }

  function refusal(): Control['refuse'] {
    const order = openOrder();
    return refuse.checked && order !== undefined ? { id: order.id, title: order.title } : null;
  }

  /** What is refused can always be let through again, whichever order is open. */
  function update(): void {
    refuse.checked = refused !== null;
    refuse.disabled = refused === null && openOrder() === undefined;
    setText(refuseWords, refused === null ? 'Refuse this order' : 'Refuse one order');
  }

  async function expireSignIn(): Promise<void> {
    const answer = await fetch('/control/expire', { method: 'POST' }).catch(() => undefined);
    if (answer?.ok === true) toast.show('The sign-in is over: the next change will find out');
  }

  function show(control: Control): void {
    refused = control.refuse;
    update();
    offline.checked = control.offline;
    failing.checked = control.fail !== null;
    const status = String(control.fail?.status);
    if (status in failures) how.value = status;
    element.hidden = false;
  }

  /** The server goes or comes back, and the browser hears of it as it does of a network. */
  async function vanish(gone: boolean): Promise<void> {
    await send({ offline: gone });
    dispatchEvent(new Event(gone ? 'offline' : 'online'));
  }

  async function send(change: Partial<Control>): Promise<void> {
    await request({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(change),
    });
  }

  /** A server that is really gone leaves the switches as they were. */
  async function request(init?: RequestInit): Promise<void> {
    const answer = await fetch('/control', init).catch(() => undefined);
    if (answer === undefined) return;
    const isControl = answer.ok && answer.headers.get('content-type')?.includes('json');
    if (isControl) show((await answer.json()) as Control);
    else element.hidden = true;
  }

  update();
  return { element, refresh: () => request(), update };
}
