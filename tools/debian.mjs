// Debian's packages, in two ways: installed into the system, by root; or downloaded and unpacked,
// by anyone, through an apt of our own that sees Debian 12 and 13 and that the system's apt never
// learns of.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { Failure, run } from './step.mjs';
import { program } from './toolchain.mjs';

export const isRoot = process.getuid?.() === 0;

/** 12 for Debian 12; undefined elsewhere. */
export function release() {
  const os = readOptional('/etc/os-release');
  return /^ID=debian$/m.test(os)
    ? Number(os.match(/^VERSION_ID="(\d+)"$/m)?.[1] ?? Infinity)
    : undefined;
}

/**
 * Installs packages into the system, for they bring `what`. Mends first what an apt that was killed
 * left half done, and waits for one that is at work.
 */
export async function install(packages, what) {
  const command = `apt-get install ${packages.join(' ')}`;
  if (!program('apt-get')) {
    throw new Failure(
      `${what} is missing, and there is no apt-get here to install it with. ` +
        `Install what brings it (on Debian: ${packages.join(', ')}), then run this again.`,
    );
  }
  if (!isRoot) {
    throw new Failure(
      `${what} is missing, and only root can install it: \`${command}\`. Then run this again.`,
    );
  }
  await whenUnlocked('dpkg', ['--configure', '-a']);
  await whenUnlocked('apt-get', ['-q', 'update']);
  await whenUnlocked('apt-get', ['-qy', 'install', '--no-install-recommends', ...packages]);
}

// A machine that has just started is often at work on its own updates.
async function whenUnlocked(command, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
  for (let attempts = 100; ; attempts--) {
    try {
      return await run(command, args, { env });
    } catch (error) {
      if (!attempts || !/Unable to lock|Could not get lock|was locked by/.test(error.message)) {
        throw error;
      }
      await pause(3000);
    }
  }
}

/**
 * Downloads packages into `directory`, and what apt needs for that beside them. A package is named
 * as for apt-get, `name/suite` or `name=version`.
 */
export async function download(packages, directory) {
  mkdirSync(directory, { recursive: true });
  const env = { ...process.env, APT_CONFIG: await configure(join(directory, 'apt')) };
  await run('apt-get', ['-q', 'update'], { env });
  await run('apt-get', ['-q', 'download', ...packages], { env, cwd: directory });
  rmSync(join(directory, 'apt'), { recursive: true });
}

/** The package that `pin` of pins.json names, downloaded to `directory`, once its sum is right. */
export function pinned(pin, directory) {
  const [name] = pin.deb.split('=');
  const deb = join(
    directory,
    readdirSync(directory).find(file => file.startsWith(`${name}_`)),
  );
  const found = createHash('sha256').update(readFileSync(deb)).digest('hex');
  if (found === pin.sha256) return deb;
  throw new Failure(
    `${pin.deb} has the checksum ${found}, and tools/pins.json wants ${pin.sha256}. ` +
      'Either the mirror is broken or the package was built anew: compare before changing the pin.',
  );
}

/** Unpacks a package below `directory`, less the files that match one of `without`. */
export async function unpack(deb, directory, without = []) {
  mkdirSync(directory, { recursive: true });
  if (without.length === 0) return void (await run('dpkg-deb', ['-x', deb, directory]));
  const excludes = without.map(pattern => `--exclude='${pattern}'`).join(' ');
  const pipe = `set -o pipefail; dpkg-deb --fsys-tarfile "$0" | tar -x -C "$1" ${excludes}`;
  await run('bash', ['-c', pipe, deb, directory]);
}

async function configure(directory) {
  const at = name => join(directory, name);
  const mirror = await ownMirror();
  mkdirSync(at('lists/partial'), { recursive: true });
  mkdirSync(at('cache/archives/partial'), { recursive: true });
  writeFileSync(at('status'), '');
  const key = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const sources = ['bookworm', 'trixie'].map(
    suite => `deb [signed-by=${key}] ${mirror} ${suite} main\n`,
  );
  writeFileSync(at('sources.list'), sources.join(''));
  const settings = `
    Dir::State "${directory}";
    Dir::State::status "${at('status')}";
    Dir::State::Lists "${at('lists')}";
    Dir::Cache "${at('cache')}";
    Dir::Etc::SourceList "${at('sources.list')}";
    Dir::Etc::SourceParts "/dev/null";
    Dir::Etc::PreferencesParts "/dev/null";
    APT::Sandbox::User "";
    Acquire::Languages "none";
    Debug::NoLocking "true";
  `;
  writeFileSync(at('apt.conf'), settings);
  return at('apt.conf');
}

// The mirror that the system's own sources name. Asked without needing lists or root.
async function ownMirror() {
  const advice =
    'Install Emscripten (emsdk) and set $EMSDK, or use Debian 12 or newer, whose mirror also has ' +
    'nlohmann/json and doctest.';
  if (!program('apt-get'))
    throw new Failure(`there is no apt-get here to download with. ${advice}`);
  const uris = await run('apt-get', ['--print-uris', 'update']);
  const mirror = uris.match(/^'(\S+)\/dists\/[a-z]+\/InRelease'/m)?.[1];
  if (!mirror) throw new Failure(`apt's sources name no mirror of Debian. ${advice}`);
  return mirror;
}

function readOptional(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
