import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostSwitches } from '../host-switches.ts';
import { systemCode } from '../lab-error.ts';
import { waitFor } from '../wait.ts';
import { machineNamed, type NetworkPlan } from './network-plan.ts';

const freezeWithinMs = 5_000;

/** Where the kernel's unified control groups are mounted and may be written; null where hosts are only frozen by signals. */
export function findControlGroups(mounts: string = readFileSync('/proc/mounts', 'utf8')): string | null {
  for (const line of mounts.split('\n')) {
    const [, directory, type, options] = line.split(' ');
    if (type === 'cgroup2' && directory !== undefined && options?.split(',').includes('rw') === true) return directory;
  }
  return null;
}

/** A control group for each machine of one lab: all of it freezes, thaws or dies in one step. */
export class HostControlGroups implements HostSwitches {
  readonly #root: string;
  readonly #plan: Pick<NetworkPlan, 'nodes'>;

  /** @param prefix names the lab; `findLeftGroups` finds its groups by it. */
  constructor(mount: string, prefix: string, plan: Pick<NetworkPlan, 'nodes'>) {
    this.#root = join(mount, `${prefix}hosts`);
    this.#plan = plan;
  }

  /** The directory of a machine's group, by the machine's id in the plan. */
  directory(node: string): string {
    return join(this.#root, node.replaceAll('/', '-'));
  }

  create(nodes: readonly string[]): void {
    for (const node of nodes) mkdirSync(this.directory(node), { recursive: true });
  }

  async freeze(host: string): Promise<readonly number[] | null> {
    const directory = this.directory(this.#nodeOf(host));
    if (!existsSync(join(directory, 'cgroup.freeze'))) return null;
    writeFileSync(join(directory, 'cgroup.freeze'), '1');
    const isFrozen = () => /^frozen 1$/m.test(readFileSync(join(directory, 'cgroup.events'), 'utf8'));
    await waitFor(`every process of ${host} to stand still`, isFrozen, freezeWithinMs);
    return readFileSync(join(directory, 'cgroup.procs'), 'utf8').trim().split('\n').map(Number);
  }

  thaw(host: string): boolean {
    return this.#write(host, 'cgroup.freeze', '0');
  }

  powerOff(host: string): void {
    this.#write(host, 'cgroup.kill', '1');
    this.#write(host, 'cgroup.freeze', '0');
  }

  #nodeOf(host: string): string {
    return machineNamed(this.#plan, host)?.id ?? host;
  }

  #write(host: string, file: string, text: string): boolean {
    const path = join(this.directory(this.#nodeOf(host)), file);
    if (!existsSync(path)) return false;
    writeFileSync(path, text);
    return true;
  }
}

/** Directories of a lab's control groups that are there, the innermost first. */
export function findLeftGroups(mount: string, prefix: string): readonly string[] {
  const root = join(mount, `${prefix}hosts`);
  try {
    const inside = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...inside.map(({ name }) => join(root, name)), root];
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** False when it still holds a process. */
export function removeGroup(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    return systemCode(error) === 'ENOENT';
  }
}
