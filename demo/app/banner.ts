// The banner of who was signed out: writing goes on, and nothing is sent until there is a new
// sign-in.

import type { Holdfast } from 'holdfast';
import { h, setAttribute, setText } from './dom.js';
import type { Schema } from './schema.js';
import type { Session } from './session.js';
import { signedOutWords } from './words.js';

export function createBanner(
  holdfast: Holdfast<Schema>,
  session: Session,
  /** Takes the keyboard on when the banner goes. */
  leave: () => void,
): HTMLElement {
  const words = h('p');
  const failure = h('p', { class: 'error' });
  const button = h(
    'button',
    {
      type: 'button',
      class: 'button small primary',
      'data-testid': 'sign-in',
      on: {
        click: () =>
          void attempt(async () => {
            await session.signIn();
            await goOn();
          }),
      },
    },
    'Sign in',
  );
  const element = h(
    'section',
    { class: 'banner', role: 'alert', hidden: true, 'data-testid': 'signed-out' },
    h('div', {}, words, failure),
    button,
  );

  // The event comes once, and not again after a reload: then it shows by what the changes wait for.
  let wanted = false;
  let busy = false;

  function show(): void {
    setText(words, signedOutWords(holdfast.status.get()));
    if (element.hidden === !wanted) return;
    const hadFocus = element.contains(document.activeElement);
    element.hidden = !wanted;
    if (hadFocus) leave();
  }

  /** Resolves when it has shown whether the new sign-in is any better. */
  async function goOn(): Promise<void> {
    await holdfast.signedIn();
    wanted = false;
    setText(failure, '');
    show();
    await holdfast.sync();
    wanted = holdfast.status.get().waitingFor === 'sign-in';
    show();
  }

  async function attempt(work: () => Promise<void>): Promise<void> {
    if (busy) return;
    busy = true;
    // Not disabled: that would take the keyboard away from it.
    setAttribute(button, 'aria-disabled', 'true');
    try {
      await work();
    } catch (error) {
      setText(failure, error instanceof Error ? `${error.message}.` : '');
    } finally {
      busy = false;
      setAttribute(button, 'aria-disabled', undefined);
    }
  }

  holdfast.addEventListener('signin', () => {
    wanted = true;
    show();
  });
  holdfast.status.subscribe((status) => {
    wanted ||= !busy && status.waitingFor === 'sign-in';
    show();
  });
  session.onSignIn(() => void attempt(goOn));
  return element;
}
