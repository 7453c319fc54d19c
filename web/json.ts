// JSON as it crosses: out of the app only what JSON carries faithfully, into the app nothing that
// reaches a prototype.

import { HoldfastError, type ErrorCode } from './errors.js';

/** Bytes of one mutation's JSON. */
export const maxBody: number = 1 << 20;
const maxDepth = 64;

/**
 * The JSON text of `value`, a plain object of the app. At its top level members that are undefined,
 * and those whose name begins with '$', are left out. What else JSON would drop or bend is refused:
 * undefined further down, NaN, infinities, integers past 2^53, bigint, functions, symbols, lone
 * surrogates, instances of classes, cycles, `__proto__`.
 *
 * @throws {HoldfastError} `code`, with the path of the offending value after `name`; 'too-large'
 * above 1 MiB.
 */
export function toJson(value: unknown, name: string, code: ErrorCode = 'bad-body'): string {
  if (!isPlainObject(value))
    throw new HoldfastError(code, `${name} must be a plain object, not ${kindOf(value)}.`);
  const kept = Object.fromEntries(
    Object.entries(value).filter(([key, member]) => member !== undefined && !key.startsWith('$')),
  );
  new Inspection(code).visit(kept, name, 1);
  const text = JSON.stringify(kept);
  if (exceeds(text, maxBody)) throw tooLarge(name);
  return text;
}

/** Refuses what `toJson` would refuse inside an object. */
export function checkJson(value: unknown, name: string, code: ErrorCode): void {
  new Inspection(code).visit(value, name, 1);
}

/**
 * Reads a JSON text. A member called `__proto__` is left out, however the text came to have one.
 */
export function parseJson(text: string): unknown {
  if (!text.includes('"__proto__"')) return JSON.parse(text);
  return JSON.parse(text, function (this: unknown, key: string, value: unknown) {
    return key === '__proto__' ? undefined : value;
  });
}

/** Whether two JSON values are the same, the order of members included. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  const others = Object.keys(b);
  return (
    keys.length === others.length &&
    keys.every((key, i) => key === others[i] && sameJson((a as Plain)[key], (b as Plain)[key]))
  );
}

type Plain = Record<string, unknown>;

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // The second: an object literal of another window.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

class Inspection {
  readonly #code: ErrorCode;
  readonly #above = new Set<object>();
  #nodes = 0;

  constructor(code: ErrorCode) {
    this.#code = code;
  }

  visit(value: unknown, path: string, depth: number): void {
    // Each node is at least a byte: this ends a small object that refers to itself in too many ways
    // to list.
    if (++this.#nodes > maxBody) throw tooLarge(path);
    switch (typeof value) {
      case 'boolean':
        return;
      case 'string':
        if (hasLoneSurrogate(value)) throw this.#refuse(path, 'is text with half a surrogate pair');
        return;
      case 'number':
        if (!Number.isFinite(value)) throw this.#refuse(path, `is ${value}`);
        if (Number.isInteger(value) && !Number.isSafeInteger(value))
          throw this.#refuse(path, 'is an integer past 2^53: write it as a string');
        return;
      case 'object':
        if (value !== null) this.#visitMembers(value, path, depth);
        return;
      default:
        throw this.#refuse(path, `is ${kindOf(value)}`);
    }
  }

  #visitMembers(value: object, path: string, depth: number): void {
    if (this.#above.has(value)) throw this.#refuse(path, 'contains itself');
    if (depth > maxDepth) throw this.#refuse(path, `is nested deeper than ${maxDepth} levels`);
    this.#above.add(value);
    if (Array.isArray(value)) {
      // By index: a hole is undefined, and refused like it.
      for (let i = 0; i < value.length; ++i) this.visit(value[i], `${path}[${i}]`, depth + 1);
    } else if (isPlainObject(value)) {
      for (const [key, member] of Object.entries(value)) {
        if (key === '__proto__') throw this.#refuse(path, 'has a member called __proto__');
        if (hasLoneSurrogate(key))
          throw this.#refuse(path, 'has a name with half a surrogate pair');
        this.visit(member, `${path}.${key}`, depth + 1);
      }
    } else {
      throw this.#refuse(path, `is ${kindOf(value)}`);
    }
    this.#above.delete(value);
  }

  #refuse(path: string, flaw: string): HoldfastError {
    return new HoldfastError(
      this.#code,
      `${path} ${flaw}, which JSON cannot carry. Nothing was recorded: change the value and call ` +
        'again.',
    );
  }
}

function tooLarge(name: string): HoldfastError {
  return new HoldfastError(
    'too-large',
    `${name} is larger than 1 MiB as JSON. Nothing was recorded: keep large content elsewhere ` +
      'and store its address.',
  );
}

function exceeds(text: string, bytes: number): boolean {
  return (
    text.length > bytes ||
    (text.length * 3 > bytes && new TextEncoder().encode(text).length > bytes)
  );
}

/** A pair counts as one letter under the u flag, so only half a one is a surrogate. */
function hasLoneSurrogate(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object')
    return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`;
  const { constructor } = value;
  return typeof constructor === 'function' ? `a ${constructor.name}` : 'an object of another kind';
}
