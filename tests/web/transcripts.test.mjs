// Replays tests/transcripts/*.json through the real wasm and web/core.ts. What a transcript is, and
// what a line of one may leave out, stands in tests/core/transcript_test.cpp, which replays the
// same files natively.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import glue from '../../dist/holdfast.js';
import { quietStatus, units } from './units.mjs';

const { compileBytes, fileNames, openCore } = units;

const transcripts = new URL('../transcripts/', import.meta.url);
const wasm = new URL('../../dist/holdfast.wasm', import.meta.url);
const module = await compileBytes(readFileSync(wasm), 'dist/holdfast.wasm');

const names = readdirSync(transcripts).filter(name => name.endsWith('.json'));

test('the transcripts are there to be read', () => assert.ok(names.length >= 10));

for (const name of names.sort())
  test(`the core does as ${name} says`, async () => {
    const [{ config }, ...lines] = JSON.parse(readFileSync(new URL(name, transcripts), 'utf8'));
    const files = fileNames.map(memoryFile);
    let core = await openCore(glue, module, config, files, () => 0);
    let status = { ...quietStatus, reachable: false };
    for (const [i, line] of lines.entries()) {
      const place = `${name}, line ${i + 1}: ${line.say}`;
      if (line.restart) {
        core.close();
        core = await openCore(glue, module, config, files, () => 0);
      } else if (line.read) {
        expect(answer(core, line.read), line.expect, place);
      } else {
        const events = line.events.map(event => completedEvent(event, line.now));
        const step = core.handle(events, line.now);
        // A transcript says which collections changed, not which of their records.
        step.changed = [...new Set(step.changed.map(name => name.split('/')[0]))];
        expect(step, completedStep(line.expect, events, status), place);
        status = step.status;
      }
    }
    core.close();
  });

function expect(found, expected, place) {
  try {
    assert.deepEqual(found, expected);
  } catch (error) {
    error.message = `${place}\n${error.message}`;
    throw error;
  }
}

// core.ts throws what bindings/embind.cpp answers as an error.
function answer(core, read) {
  try {
    return JSON.parse(core.read(read));
  } catch ({ code, message }) {
    return { error: { code, message } };
  }
}

function completedEvent(event, now) {
  const { outcome } = event;
  if (event.type === 'write') {
    const defaults = { client: 'page', acknowledged: event.number - 1, at: now };
    return { ...defaults, ...event, change: text(event.change) };
  }
  const completed = event.type === 'probed' ? { check: true, ...event } : { ...event };
  if (typeof outcome === 'object') completed.outcome = completedResponse(outcome);
  return completed;
}

function completedResponse(response) {
  return {
    redirect: false,
    complete: true,
    contentType: 'application/json',
    etag: '',
    retryAfter: '',
    date: '',
    ...response,
    body: text(response.body ?? ''),
  };
}

function completedStep(expected, events, status) {
  return {
    results: events.map(() => ({})),
    changed: [],
    ...expected,
    effects: (expected.effects ?? []).map(effect =>
      'body' in effect ? { ...effect, body: text(effect.body) } : effect,
    ),
    status: { ...status, ...expected.status },
  };
}

function text(value) {
  return typeof value === 'object' ? JSON.stringify(value) : value;
}

/** A file in memory that outlives the core, as one in OPFS does. */
function memoryFile() {
  let bytes = new Uint8Array(0);
  function resize(size) {
    const resized = new Uint8Array(size);
    resized.set(bytes.subarray(0, size));
    bytes = resized;
  }
  return {
    read(to, { at }) {
      const part = bytes.subarray(at, at + to.length);
      to.set(part);
      return part.length;
    },
    write(from, { at }) {
      if (at + from.length > bytes.length) resize(at + from.length);
      bytes.set(from, at);
      return from.length;
    },
    truncate: resize,
    flush() {},
    getSize: () => bytes.length,
    close() {},
  };
}
