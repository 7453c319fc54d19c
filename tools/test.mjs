// Sets up, builds and runs the suites, `node tools/test.mjs [part of a suite's name]…`. The very
// last line is `N passed, N failed`, over all suites. A suite that crashes, takes too long or runs
// no test at all counts as a failure.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { seconds } from './step.mjs';
import { chromium, root } from './toolchain.mjs';

const node = process.execPath;
const schedules = 20_000;

// In the order in which they run, quick ones first. `build` is what tools/build.mjs makes for it.
const suites = [
  {
    name: 'tidy',
    command: () => nodeTest(['tests/tidy.test.mjs']),
    build: [],
    minutes: 1,
  },
  {
    name: 'core, gcc',
    command: () => ['build/gcc/core_tests', '--no-colors=true'],
    build: ['core-gcc'],
    minutes: 5,
  },
  {
    name: 'core, clang',
    command: () => ['build/clang/core_tests', '--no-colors=true'],
    build: ['core-clang'],
    minutes: 5,
  },
  {
    name: 'core, wasm',
    command: () => [node, 'build/wasm/core_tests.cjs', '--no-colors=true'],
    build: ['core-wasm'],
    minutes: 5,
  },
  {
    name: 'simulation',
    command: () => ['build/release/simulation', String(schedules)],
    build: ['simulation'],
    // A thousand schedules that pass count as one test, so that the sum still tells of the others.
    asOne: 1000,
    minutes: 10,
  },
  {
    name: 'node',
    command: () =>
      nodeTest(testFiles(path => !/\/(tidy\.test\.mjs|(browser|bundlers)\/.*)$/.test(path))),
    build: ['package', 'demo'],
    minutes: 10,
  },
  {
    name: 'size',
    command: () => [node, 'tools/build.mjs', 'size'],
    build: ['package'],
    minutes: 1,
    isOneTest: true,
  },
  {
    name: 'browser',
    command: () =>
      nodeTest(
        testFiles(path => /\/browser\//.test(path)),
        1, // Killing browsers and filling disks wants the machine for itself.
      ),
    build: ['package', 'demo'],
    minutes: 25,
  },
  {
    name: 'bundlers',
    command: () => nodeTest(testFiles(path => /\/bundlers\//.test(path)), 1),
    build: ['package'],
    minutes: 15,
  },
];

const named = process.argv.slice(2);
const chosen = suites.filter(
  ({ name }) => !named.length || named.some(part => name.includes(part)),
);
const results = [];
if (!chosen.length) console.log(`The suites are: ${suites.map(({ name }) => name).join('; ')}.`);

if (await tool('setup', ['test'])) for (const suite of chosen) results.push(await runSuite(suite));
else results.push({ name: 'set-up', passed: 0, failed: 1, skipped: 0, ms: 0 });

const sum = key => results.reduce((total, result) => total + result[key], 0);
console.log(`\n${table(results)}`);
process.exitCode = sum('failed') || !sum('passed') ? 1 : 0;
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);

/** Runs one of the other tools; true when it did its work. */
async function tool(name, args) {
  const { code } = await runGroup([node, `tools/${name}.mjs`, ...args], 60, console.log);
  return code === 0;
}

async function runSuite({ name, command, build, minutes, asOne = 1, isOneTest = false }) {
  console.log(`\n${name}`);
  const start = performance.now();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const result = () => ({ name, ...counts, ms: performance.now() - start });
  if (build.length && !(await tool('build', build))) {
    counts.failed++;
    return result();
  }
  const print = line => {
    Object.assign(counts, countsIn(line));
    if (line.trim()) console.log(`  ${line}`);
  };
  const { code, end } = await runGroup(command(), minutes, print);
  if (code !== 0 && !counts.failed) {
    counts.failed++;
    console.log(`  it ended with ${end}`);
  }
  if (isOneTest && code === 0) counts.passed = 1;
  if (!counts.passed && !counts.failed) {
    counts.failed++;
    console.log('  it ran no test');
  }
  counts.passed = Math.ceil(counts.passed / asOne);
  return result();
}

// The line of counts that doctest, tools/reporter.mjs and the simulation end with.
function countsIn(line) {
  const match = line.match(/(\d+) passed *\| *(\d+) failed *\| *(\d+) skipped/);
  if (!match) return {};
  const [passed, failed, skipped] = match.slice(1).map(Number);
  return { passed, failed, skipped };
}

// Runs a command as a process group of its own, and ends what is left of the group: a test that
// fails may leave a server or a browser behind.
function runGroup([command, ...args], minutes, print) {
  return new Promise(resolve => {
    const child = spawn(command, args, {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOLDFAST_CHROMIUM: chromium() ?? '' },
    });
    const end = () => killGroup(child);
    const stop = signal => {
      end();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    };
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      end();
    }, minutes * 60_000);
    process.on('SIGINT', stop).on('SIGTERM', stop);
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', print);
    }
    child.on('error', error => print(`${command}: ${error.message}`));
    child.on('exit', () => {
      end();
      // What has left the group may still hold the pipes: it is not waited for.
      setTimeout(() => [child.stdout, child.stderr].forEach(pipe => pipe.destroy()), 2000).unref();
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      process.off('SIGINT', stop).off('SIGTERM', stop);
      resolve({ code, end: late ? `no end after ${minutes} minutes` : (signal ?? `code ${code}`) });
    });
  });
}

function killGroup({ pid }) {
  try {
    if (pid) process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function nodeTest(files, concurrency = 2) {
  const reporter = ['--test-reporter=./tools/reporter.mjs', '--test-reporter-destination=stdout'];
  if (!files.length) return [node, '-e', 'console.log("there is no such file")'];
  return [node, '--test', `--test-concurrency=${concurrency}`, ...reporter, ...files];
}

function testFiles(isWanted) {
  const directory = join(root, 'tests');
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true })
    .filter(path => path.endsWith('.test.mjs'))
    .map(path => `tests/${path}`)
    .filter(isWanted)
    .sort();
}

function table(rows) {
  const line = (name, ...cells) => name.padEnd(18) + cells.map(cell => cell.padStart(10)).join('');
  return [
    line('suite', 'passed', 'failed', 'skipped', 'time'),
    ...rows.map(({ name, passed, failed, skipped, ms }) =>
      line(name, String(passed), String(failed), String(skipped), seconds(ms)),
    ),
  ].join('\n');
}
