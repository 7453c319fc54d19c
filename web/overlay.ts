// What a page read last, with what it wrote since laid over it: what it can be shown while no
// leader answers. It knows the rows of the latest reads and nothing else; a guess that needs more
// is not made.

import type { Refusal } from './errors.js';
import { isPlainObject, parseJson } from './json.js';
import type { Change, Query, Read, Row, Transact, Where, Write } from './protocol.js';

export interface Overlay {
  /** Up to which number a read that is asked now will see this page's writes. */
  asOf(): number;
  /** The leader answered this read, which was asked then, with this JSON text. */
  remember(read: Read, text: string, asOf: number): void;
  /** What a write is refused with by what is known; undefined: by nothing. */
  flaw(call: Write | Transact): Refusal | undefined;
  /** Lays a write over what was read before it, as the leader did. */
  lay(call: Write | Transact, updatedAt: string): void;
  /**
   * Lays a write that no leader has over whatever is read. Returns what its leader would answer, as
   * far as that is known.
   */
  spill(call: Write | Transact, updatedAt: string): unknown;
  /** The leader has the write of this number now. */
  taken(number: number): void;
  /** Whether there is a write that no leader has. */
  spills(): boolean;
  /** The JSON text that answers a read, or undefined if that is not known. */
  read(read: Read): string | undefined;
}

/** How many reads are remembered, and the longest of them. */
const maxReads = 64;
const maxText = 1 << 20;
/** How many writes that a leader has are remembered, and letters of all together. */
const maxLaid = 256;
const maxLetters = 1 << 20;

type Body = Row['body'];
type Laid = Change & { updatedAt: string };

interface Layer {
  number: number;
  spilled: boolean;
  changes: Laid[];
  letters: number;
}

interface Known {
  row: Row | null;
  asOf: number;
}

export function overlay(): Overlay {
  const texts = new Map<string, { read: Read; text: string; asOf: number }>();
  let layers: Layer[] = [];
  let letters = 0;
  /** Each record as it was read last; made when first wanted. */
  let index: Map<string, Known> | undefined;

  function asOf(): number {
    const unseen = layers.find(({ spilled }) => spilled);
    return unseen ? unseen.number - 1 : (layers.at(-1)?.number ?? 0);
  }

  function remember(read: Read, text: string, asOf: number): void {
    if (read.type !== 'get' && read.type !== 'list') return;
    const key = JSON.stringify(read);
    texts.delete(key);
    index = undefined;
    if (text.length > maxText) return;
    texts.set(key, { read, text, asOf });
    const [oldest] = texts.keys();
    if (texts.size > maxReads && oldest !== undefined) texts.delete(oldest);
  }

  function known(collection: string, id: string): Known | undefined {
    if (!index) {
      index = new Map();
      for (const { read, text, asOf } of texts.values())
        if (read.type === 'get')
          index.set(keyOf(read.collection, read.id), { row: parseJson(text) as Row | null, asOf });
        else if (read.type === 'list')
          for (const row of parseJson(text) as Row[])
            index.set(keyOf(read.collection, String(row.body.id)), { row, asOf });
    }
    return index.get(keyOf(collection, id));
  }

  /** What to lay over a collection that was read then. */
  function changesOf(collection: string, asOf: number): Laid[] {
    return layers
      .filter(({ spilled, number }) => spilled || number > asOf)
      .flatMap(({ changes }) => changes)
      .filter(change => change.collection === collection);
  }

  /** A record with all that is laid over it; undefined where it is not known. */
  function rowOf(collection: string, id: string): Row | null | undefined {
    const { row: base, asOf = 0 }: Partial<Known> = known(collection, id) ?? {};
    let row = base;
    for (const change of changesOf(collection, asOf))
      if (change.record === id) row = changed(row, change);
    return row;
  }

  function list(read: Extract<Read, { type: 'list' }>): string | undefined {
    const { text, asOf = 0 } = texts.get(JSON.stringify(read)) ?? {};
    const { collection, query } = read;
    const records = new Set(changesOf(collection, asOf).map(({ record }) => record));
    if (text === undefined || records.size === 0) return text;
    const before = parseJson(text) as Row[];
    const rows = before.filter(row => !records.has(String(row.body.id)));
    for (const id of records) {
      // Where a page begins is not known, only what was on it.
      const isOnPage = before.some(({ body }) => body.id === id);
      if ((query.after !== undefined || query.offset) && !isOnPage) continue;
      const row = rowOf(collection, id);
      if (row && matches(row.body, query.where ?? {})) rows.push(row);
    }
    rows.sort(orderOf(query.orderBy));
    return JSON.stringify(rows.slice(0, query.limit));
  }

  function add(call: Write | Transact, updatedAt: string, spilled: boolean): Laid[] {
    const changes = changesIn(call).map(change => ({ ...change, updatedAt }));
    const size = changes.reduce((sum, { change }) => sum + change.length, 0);
    layers.push({ number: call.number, spilled, changes, letters: size });
    letters += size;
    return changes;
  }

  function prune(): void {
    while (layers.length > maxLaid || letters > maxLetters) {
      const oldest = layers[0];
      if (!oldest || oldest.spilled) return;
      layers.shift();
      letters -= oldest.letters;
    }
  }

  return {
    asOf,
    remember,
    flaw(call) {
      for (const { kind, collection, record } of changesIn(call)) {
        const row = rowOf(collection, record);
        if (kind === 'create' && row)
          return { code: 'exists', message: 'There is a record with this id.' };
        if (kind !== 'create' && row === null)
          return { code: 'not-found', message: 'There is no record with this id.' };
        if (call.type === 'transact') break; // The others depend on the first.
      }
      return undefined;
    },
    lay(call, updatedAt) {
      add(call, updatedAt, false);
      prune();
    },
    spill(call, updatedAt) {
      const changes = add(call, updatedAt, true);
      const rows = changes.map(({ collection, record }) => rowOf(collection, record) ?? null);
      return structuredClone(call.type === 'transact' ? rows : rows[0]);
    },
    taken(number) {
      layers = layers.map(each => (each.number === number ? { ...each, spilled: false } : each));
      prune();
    },
    spills: () => layers.some(({ spilled }) => spilled),
    read(read) {
      if (read.type === 'list') return list(read);
      if (read.type !== 'get') return undefined;
      const row = rowOf(read.collection, read.id);
      return row === undefined ? undefined : JSON.stringify(row);
    },
  };
}

function changesIn(call: Write | Transact): Change[] {
  return call.type === 'transact' ? call.writes : [call];
}

function keyOf(collection: string, id: string): string {
  return `${collection}/${id}`;
}

/** A row with a change made to it, as the core will make it. */
function changed(row: Row | null | undefined, change: Laid): Row | null | undefined {
  const { id: mutation, kind, record, updatedAt } = change;
  const sync: Row['sync'] = { status: 'pending', attempts: 0, mutation };
  switch (kind) {
    case 'create':
      return { body: { ...(parseJson(change.change) as Body), id: record, updatedAt }, sync };
    case 'update': {
      if (!row) return row;
      const { set, remove = [] } = parseJson(change.change) as { set: Body; remove?: string[] };
      const kept = Object.entries(row.body).filter(([name]) => !remove.includes(name));
      return { body: { ...Object.fromEntries(kept), ...set, id: record, updatedAt }, sync };
    }
    case 'delete':
      return null;
    default:
      return kind satisfies never;
  }
}

// A query as SQLite answers it: null before numbers before texts, and NULL compares with nothing.

type Scalar = null | number | string;

function scalar(value: unknown): Scalar {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return Number(value);
  return typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value);
}

function compared(a: Scalar, b: Scalar): number {
  const rank = (value: Scalar): number => (value === null ? 0 : typeof value === 'number' ? 1 : 2);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (a === b || a === null || b === null) return 0;
  return a < b ? -1 : 1;
}

function fieldOf(body: Body, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, name) => (isPlainObject(value) ? value[name] : undefined), body);
}

function matches(body: Body, where: Where): boolean {
  return Object.entries(where).every(([field, condition]) => {
    if (field === 'and') return (condition as Where[]).every(part => matches(body, part));
    if (field === 'or') return (condition as Where[]).some(part => matches(body, part));
    if (field === 'not') return !matches(body, condition as Where);
    const value = scalar(fieldOf(body, field));
    const isPlain = typeof condition === 'object' && condition !== null;
    return Object.entries(isPlain ? condition : { eq: condition }).every(([comparison, wanted]) =>
      holds(value, comparison, wanted),
    );
  });
}

function holds(value: Scalar, comparison: string, wanted: unknown): boolean {
  if (comparison === 'in')
    return (wanted as unknown[]).some(each => compared(value, scalar(each)) === 0);
  if (comparison === 'isNull') return (value === null) === wanted;
  if (comparison === 'prefix') return typeof value === 'string' && value.startsWith(String(wanted));
  if (comparison === 'like') return typeof value === 'string' && isLike(value, String(wanted));
  const other = scalar(wanted);
  const order = compared(value, other);
  if (comparison === 'eq') return order === 0;
  if (comparison === 'ne') return order !== 0;
  if (value === null || other === null) return false;
  return { lt: order < 0, lte: order <= 0, gt: order > 0, gte: order >= 0 }[comparison] ?? false;
}

function isLike(text: string, pattern: string): boolean {
  const lower = (text: string): string => text.replace(/[A-Z]/g, letter => letter.toLowerCase());
  if (/^(?:[^\\]|\\.)*\\$/s.test(pattern)) return false; // Nothing is left to be taken as it is.
  const expression = lower(pattern).replace(/\\?[^]/gu, letter =>
    letter === '%' ? '.*' : letter === '_' ? '.' : escaped(letter.replace(/^\\(?=[^])/, '')),
  );
  return new RegExp(`^${expression}$`, 'su').test(lower(text));
}

function escaped(letter: string): string {
  return letter.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
}

function orderOf(orderBy: Query['orderBy'] = []): (a: Row, b: Row) => number {
  const fields = [...(typeof orderBy === 'string' ? [orderBy] : orderBy), 'id'];
  return (a, b) => {
    for (const field of fields) {
      const name = field.replace(/^-/, '');
      const order = compared(scalar(fieldOf(a.body, name)), scalar(fieldOf(b.body, name)));
      if (order !== 0) return field.startsWith('-') ? -order : order;
    }
    return 0;
  };
}
