import { HoldfastError } from '../wire/holdfast-error.ts';
import type { GroupView, StatusView } from './view/status-view.ts';

/** The named group, or the only one. @throws HoldfastError HF-8007 */
export function chooseGroup(status: StatusView, wanted: string | null): GroupView {
  const names = status.groups.map(({ group }) => group);
  const found =
    wanted === null && names.length === 1 ? status.groups[0] : status.groups.find(({ group }) => group === wanted);
  if (found !== undefined) return found;
  throw new HoldfastError({
    code: 'HF-8007',
    attempted: wanted === null ? 'act on the only failover group' : `act on the group ${wanted}`,
    found: wanted === null ? `there are ${names.length}` : 'there is none of that name',
    next: `--group one of: ${names.join(', ')}`,
  });
}

/** The same status with the named group alone, or as it is where none is named. @throws HoldfastError HF-8007 */
export function onlyGroup(status: StatusView, wanted: string | null): StatusView {
  if (wanted === null) return status;
  const found = status.groups.filter(({ group }) => group === wanted);
  if (found.length > 0) return { ...status, groups: found };
  throw new HoldfastError({
    code: 'HF-8007',
    attempted: `look at the group ${wanted}`,
    found: 'there is none of that name',
    next: `--group one of: ${status.groups.map(({ group }) => group).join(', ')}`,
  });
}

/** The group of this instance. @throws HoldfastError HF-4002, HF-8007 */
export function groupOfInstance(
  status: StatusView,
  {
    wanted,
    instance,
    attempted,
  }: { readonly wanted: string | null; readonly instance: string; readonly attempted: string },
): GroupView {
  const home = status.groups.find((group) => group.instances.some((each) => each.instance === instance));
  if (home !== undefined && (wanted === null || wanted === home.group)) return home;
  const group = chooseGroup(status, wanted);
  throw new HoldfastError({
    code: 'HF-4002',
    attempted,
    found: `there is no instance ${instance} in ${group.group}`,
    next: `instances: ${group.instances.map((each) => each.instance).join(', ')}`,
  });
}
