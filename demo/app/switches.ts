// The corner with the demo's own switches: they make its server vanish or fail, so that a person at
// a desk can see what a technician in a basement sees. Hidden where the server has no /control.

import { h } from './dom.js';

interface Control {
  offline: boolean;
  fail: { status: number } | null;
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
}

export function createSwitches(): Switches {
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
  const element = h(
    'aside',
    { class: 'switches', hidden: true, 'aria-label': 'Demo switches' },
    h('span', { class: 'switches-title' }, 'Demo'),
    h('label', {}, offline, 'Offline'),
    h('label', {}, failing, 'Failing API'),
    how,
  );

  function failure(): Control['fail'] {
    return failing.checked ? { status: Number(how.value) } : null;
  }

  function show(control: Control): void {
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

  return { element, refresh: () => request() };
}
