// The clock and the alarm. What needs either takes a Clock; only the composition roots hand in this
// one.

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /**
   * Calls `ring` after `ms`, or earlier if that is more than a timer can hold. Returns a way to
   * cancel it.
   */
  after(ms: number, ring: () => void): () => void;
}

/** The longest that a timer can be set for. */
const longest = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, ring) {
    const timer = setTimeout(ring, Math.min(Math.max(ms, 0), longest));
    return () => clearTimeout(timer);
  },
};

/** A time as records carry it. */
export function rfc3339(time: number): string {
  return new Date(time).toISOString();
}

/** Settles as `promise` does, or as `late` says after `ms`. */
export function within<T>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
  late: () => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => {
      try {
        resolve(late());
      } catch (error) {
        reject(error as Error);
      }
    });
    promise.then(resolve, reject).finally(cancel);
  });
}
