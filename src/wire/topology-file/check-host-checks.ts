import { buildHostChecks } from './build-topology.ts';
import type { Complaints } from './check-references.ts';
import type { TopologyFile } from './file-schema.ts';

/** Each look costs a host some files; a controller hears them all. */
const shortestLookMs = 1000;
/** Of these less is worse; of the others more. */
const lessIsWorse: readonly string[] = ['diskFree', 'certificate', 'memoryFree'];

/** What a `hostChecks:` section asks for can be kept to, and "bad" is worse than "warn". */
export function checkHostChecks({ hosts, hostChecks }: TopologyFile, complaints: Complaints): void {
  if (hostChecks === undefined) {
    for (const [id, { services }] of Object.entries(hosts))
      if (services !== undefined)
        complaints.say(
          'HF-2012',
          ['hosts', id, 'services'],
          `nobody looks at the services of ${id}: the topology has no "hostChecks"`,
          'add "hostChecks: {}", or remove "services"',
        );
    return;
  }
  const policy = buildHostChecks(hostChecks);
  if (policy.everyMs < shortestLookMs)
    complaints.say(
      'HF-2012',
      ['hostChecks', 'every'],
      `a look every ${policy.everyMs} ms is more than is done: at least ${shortestLookMs} ms lie between two`,
      `write ${shortestLookMs}ms or more`,
    );
  const limits = {
    diskFree: policy.diskFreePercent,
    certificate: policy.certificateMs,
    clock: policy.clockMs,
    memoryFree: policy.memoryFreePercent,
    memoryWait: policy.memoryWaitPercent,
    load: policy.loadPerProcessor,
  };
  for (const [name, { warn, bad }] of Object.entries(limits)) {
    const isOrdered = lessIsWorse.includes(name) ? bad <= warn : bad >= warn;
    if (!isOrdered)
      complaints.say(
        'HF-2012',
        ['hostChecks', name],
        `"bad" of ${name} (${bad}) is no worse than "warn" (${warn})`,
        lessIsWorse.includes(name) ? 'make "bad" the lower one' : 'make "bad" the higher one',
      );
  }
}
