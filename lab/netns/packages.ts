import { accessSync, constants, existsSync, globSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { LabError } from '../lab-error.ts';
import type { KernelFacts } from './kernel-facts.ts';
import { mustRun } from './run-command.ts';

/** A Debian package and a program by which it is known to be there. */
interface NeededPackage {
  readonly name: string;
  readonly program: string;
  /** Absent: always needed. */
  readonly when?: (facts: KernelFacts) => boolean;
}

const always: readonly NeededPackage[] = [
  { name: 'iproute2', program: 'ip' },
  { name: 'nftables', program: 'nft' },
  { name: 'iputils-ping', program: 'ping' },
  { name: 'frr', program: '/usr/lib/frr/bgpd' },
  { name: 'keepalived', program: 'keepalived' },
  { name: 'python3', program: 'python3' },
  { name: 'wireguard-tools', program: 'wg' },
  { name: 'haproxy', program: 'haproxy' },
  { name: 'etcd-server', program: 'etcd' },
  { name: 'etcd-client', program: 'etcdctl' },
  { name: 'postgresql', program: '/usr/lib/postgresql/*/bin/postgres' },
  { name: 'patroni', program: 'patroni' },
  { name: 'pgbackrest', program: 'pgbackrest' },
  { name: 'redis-server', program: 'redis-server' },
  { name: 'pgbouncer', program: 'pgbouncer' },
  { name: 'bind9', program: 'named' },
  { name: 'bind9-dnsutils', program: 'nsupdate' },
];
const byFacts: readonly NeededPackage[] = [
  { name: 'iptables', program: 'iptables-restore', when: ({ delayBy }) => delayBy === 'queue' },
  { name: 'wireguard-go', program: 'wireguard-go', when: ({ wireguard }) => wireguard === 'user' },
];

/** Debian packages that are needed and not there. Without facts: those without which nothing can be found out either. */
export function missingPackages(
  facts: KernelFacts | null,
  isThere: (program: string) => boolean = isInstalled,
): readonly string[] {
  const needed = [...always, ...byFacts.filter(({ when }) => facts !== null && when?.(facts) === true)];
  return needed.filter(({ program }) => !isThere(program)).map(({ name }) => name);
}

function isInstalled(program: string): boolean {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const paths = program.startsWith('/') ? globSync(program) : directories.map((directory) => join(directory, program));
  return paths.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const installWithinMs = 300_000;
const policyFile = '/usr/sbin/policy-rc.d';

/** Installs Debian packages; none of their services is started. @throws LabError HF-7014 */
export async function installPackages(names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  if (!isInstalled('apt-get'))
    throw new LabError({
      code: 'HF-7014',
      attempted: `install ${names.join(', ')}`,
      found: 'there is no apt-get here',
      next: 'install what these Debian packages hold by other means',
    });
  const ownPolicy = !existsSync(policyFile);
  if (ownPolicy) writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const attempted = `install ${names.join(', ')}`;
    const quiet = ['DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', '-y'];
    await mustRun(attempted, 'env', [...quiet, 'update'], { deadlineMs: installWithinMs });
    await mustRun(attempted, 'env', [...quiet, '--no-install-recommends', 'install', ...names], {
      deadlineMs: installWithinMs,
    });
  } finally {
    if (ownPolicy) rmSync(policyFile, { force: true });
  }
}
