import { type SchedulingClass, schedulingClasses } from '../../core/topology/topology.ts';
import type { GroupView, HostView } from './status-view.ts';

const order = (one: SchedulingClass): number => schedulingClasses.indexOf(one);

/** `real-time`, or `raised to real-time` where a host's processes differ; what nobody has said is unknown. */
export function schedulingText({ scheduling: { processes } }: HostView): string {
  const sorted = processes.map((each) => each.class).toSorted((one, other) => order(one) - order(other));
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (least === undefined || most === undefined) return '? unknown';
  return least === most ? least : `${least} to ${most}`;
}

/** What serves is never more than raised, so no more is missed of it. */
const due = (process: string, asked: SchedulingClass): SchedulingClass =>
  asked === 'real-time' && process !== 'agent' && process !== 'warden' ? 'raised' : asked;

/** One sentence per host on which the topology asks for more than its processes have. */
export function schedulingShortfalls({ hosts }: GroupView): readonly string[] {
  return hosts.flatMap(({ host, scheduling: { asked, processes } }) => {
    if (asked === null) return [];
    const less = processes.filter((each) => order(each.class) < order(due(each.process, asked)));
    if (less.length === 0) return [];
    const found = less.map((each) => `${each.process} ${each.class}`).join(', ');
    return [`${host}: the topology asks for ${asked}, the kernel has ${found}`];
  });
}
