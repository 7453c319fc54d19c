// Which of two tabs should lead: one of a newer app rather than an older one, and of equals one
// that is looked at rather than one that is not.

export interface Rank {
  /** Of the package. */
  version: string;
  /** Of the configuration, as a fingerprint. */
  config: string;
  /** When the tab opened the database: of two configurations the later one is the newer. */
  since: number;
  visible: boolean;
}

export function isNewer(one: Rank, other: Rank): boolean {
  const order = compareVersions(one.version, other.version);
  if (order !== 0) return order > 0;
  return one.config !== other.config && one.since > other.since;
}

/** Whether `one` should lead in place of `other`, who does. */
export function ranksBefore(one: Rank, other: Rank): boolean {
  if (isNewer(one, other)) return true;
  return one.visible && !other.visible && !isNewer(other, one);
}

function compareVersions(one: string, other: string): number {
  const [a, b] = [one, other].map(version => version.split(/[.+-]/, 3).map(Number));
  for (let i = 0; i < 3; ++i) {
    const order = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}

/** A short text that differs where two texts do, but for chance: FNV-1a, twice 32 bits. */
export function fingerprint(text: string): string {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < text.length; ++i) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ text.charCodeAt(i), 0x811c9dc5);
  }
  return `${(a >>> 0).toString(36)}.${(b >>> 0).toString(36)}`;
}
