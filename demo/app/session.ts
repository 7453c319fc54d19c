// Who is signed in: the token that the API gave, kept in this browser until it gives another. What
// waits in the outbox belongs to the user and not to the token.

export interface Session {
  /** For every request to the API. Rejects where nobody could be signed in so far. */
  headers(): Promise<Record<string, string>>;
  /** Resolves with a new token in place. Rejects with a word for the person. */
  signIn(): Promise<void>;
  /** Calls `listener` whenever another tab has signed in. */
  onSignIn(listener: () => void): void;
}

const key = 'token';

/** The demo asks for no password, so the first sign-in needs nobody; later ones are asked for. */
export function createSession(user: string): Session {
  let under: Promise<void> | undefined;

  async function request(): Promise<void> {
    const answer = await fetch('/api/sign-in', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user }),
    }).catch(() => undefined);
    const isJson = answer?.headers.get('content-type')?.includes('json');
    if (answer?.ok !== true || isJson !== true) {
      throw new Error('The server cannot be reached to sign in. Try again later');
    }
    const { token } = (await answer.json()) as { token: string };
    localStorage.setItem(key, token);
  }

  function signIn(): Promise<void> {
    under ??= request().finally(() => {
      under = undefined;
    });
    return under;
  }

  return {
    async headers() {
      if (localStorage.getItem(key) === null) await signIn();
      return { authorization: `Bearer ${localStorage.getItem(key) ?? ''}` };
    },
    signIn,
    onSignIn(listener) {
      addEventListener('storage', (event) => event.key === key && listener());
    },
  };
}
