// What node:test tells tools/test.mjs: failures whole, what tests print, and at the end one line
// of counts. Tests are counted, the suites around them are not. A file without a test has failed.

import { relative } from 'node:path';
import { inspect } from 'node:util';

import { root } from './toolchain.mjs';

export default async function* report(events) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of events) {
    if (type === 'test:stdout' || type === 'test:stderr') yield data.message;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const { details, file = '', name } = data;
    const { error } = details;
    const isFile = name === file || file.endsWith(`/${name}`);
    const isGroup = details.type === 'suite' || error?.failureType === 'subtestsFailed';
    if (type === 'test:fail') {
      if (isGroup && error?.failureType === 'subtestsFailed') continue;
      counts.failed++;
      const what = isFile ? 'the file could not be run' : name;
      yield `✗ ${relative(root, file)}: ${what}\n${indented(told(error?.cause ?? error))}\n`;
    } else if (data.skip !== undefined || data.todo !== undefined) {
      counts.skipped++;
    } else if (isFile) {
      counts.failed++;
      yield `✗ ${relative(root, file)}: it has no test\n`;
    } else if (!isGroup) {
      counts.passed++;
    }
  }
  yield `${counts.passed} passed | ${counts.failed} failed | ${counts.skipped} skipped\n`;
}

// An error without Node's own part of its stack.
function told(error) {
  const text = error instanceof Error ? (error.stack ?? error.message) : inspect(error);
  return text.replaceAll(/\n +at .*\(?node:internal.*/g, '');
}

function indented(text) {
  return text.replaceAll(/^/gm, '    ');
}
