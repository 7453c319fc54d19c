// A real PostgreSQL in a temporary folder, if this machine has the programs for one.

import { execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { promisify } from 'node:util';
import pg from 'pg';

/** @returns {string | undefined} The folder of the programs. */
export function findPostgres() {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root) : [];
  return versions
    .sort((a, b) => Number(b) - Number(a))
    .map(version => join(root, version, 'bin'))
    .find(folder => existsSync(join(folder, 'postgres')));
}

/**
 * Starts a server that listens on a socket in its own folder only, so it needs no free port.
 *
 * @param {string} programs
 */
export async function startPostgres(programs) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-postgres-'));
  // PostgreSQL refuses to run as root.
  const user = process.getuid?.() === 0 ? idsOf('nobody') : {};
  if ('uid' in user) chownSync(folder, user.uid, user.gid);
  const cluster = join(folder, 'cluster');
  const options = { ...user, cwd: folder };
  const initdb = ['--auth=trust', '--username=holdfast', '--encoding=UTF8', '--no-sync', cluster];
  await promisify(execFile)(join(programs, 'initdb'), initdb, options);

  const settings = { listen_addresses: '', unix_socket_directories: folder, fsync: 'off' };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(join(programs, 'postgres'), ['-D', cluster, ...flags], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(server, 'exit');
  for await (const line of server.stderr.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    if (line.includes('ready to accept connections')) break;
  }
  server.stderr.resume();

  const urlOf = (/** @type {string} */ name) =>
    `postgres://holdfast@/${name}?host=${encodeURIComponent(folder)}`;

  return {
    /** @returns {Promise<string>} The URL of a new, empty database. */
    async createDatabase() {
      const name = `test_${randomBytes(6).toString('hex')}`;
      const client = new pg.Client({ connectionString: urlOf('postgres') });
      await client.connect();
      await client.query(`create database ${name}`);
      await client.end();
      return urlOf(name);
    },
    /** Ends every connection as well. */
    async stop() {
      server.kill('SIGINT');
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}

/** @param {string} user */
function idsOf(user) {
  const id = (/** @type {string} */ flag) =>
    Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
