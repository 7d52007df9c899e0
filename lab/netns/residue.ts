import { readdirSync } from 'node:fs';
import { LabError, systemCode } from '../lab-error.ts';
import { waitFor } from '../wait.ts';
import { findControlGroups, findLeftGroups, removeGroup } from './host-control-groups.ts';
import { namespacePrefix } from './network-plan.ts';
import { tryCommand } from './run-command.ts';

/** What a lab's network leaves outside its directory when its processes are gone. */
export interface Residue {
  readonly namespaces: readonly string[];
  readonly controlGroups: readonly string[];
}

/** Looks at the machine, not at any list: a lab that nobody remembers is found as well. Empty where there was no such network. */
export function findResidue(labId: string): Residue {
  const prefix = namespacePrefix(labId);
  const mount = findControlGroups();
  return {
    namespaces: namesIn('/run/netns').filter((name) => name.startsWith(prefix)),
    controlGroups: mount === null ? [] : findLeftGroups(mount, prefix),
  };
}

/** Every process of the lab is gone already. @throws LabError HF-7009 with what is still there */
export async function removeResidue(labId: string): Promise<void> {
  const { namespaces, controlGroups } = findResidue(labId);
  if (namespaces.length > 0)
    await tryCommand('ip', ['-force', '-batch', '-'], {
      input: `${namespaces.map((namespace) => `netns del ${namespace}`).join('\n')}\n`,
      deadlineMs: 30_000,
    });
  // A group with processes that are just ending is busy for a moment, and so is the one above it.
  await waitFor(
    'groups to be empty',
    () => controlGroups.filter((each) => !removeGroup(each)).length === 0,
    5_000,
  ).catch(() => {});
  const left = findResidue(labId);
  const all = [...left.namespaces.map((name) => `network namespace ${name}`), ...left.controlGroups];
  if (all.length > 0)
    throw new LabError({
      code: 'HF-7009',
      attempted: `remove the network of lab ${labId.split('.')[0]}`,
      found: `still there: ${all.join(', ')}`,
      next: 'run "holdfast lab down" as root',
    });
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
