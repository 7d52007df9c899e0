import type { Complaints } from './check-references.ts';
import { defaultNetwork } from './entry-defaults.ts';
import type { TopologyFile } from './file-schema.ts';

/** Probes cost little because they are few. */
const shortestProbeMs = 250;
/** A window with fewer probes has no percentiles, one with more is no window. */
const probesInWindow = { least: 20, most: 5000 } as const;

/** What a `network:` section asks for can be measured, and its budgets name what is there. */
export function checkNetwork({ network, sites }: TopologyFile, complaints: Complaints): void {
  if (network === undefined) return;
  const { everyMs, answerWithinMs, windowMs } = {
    everyMs: network.every ?? defaultNetwork.everyMs,
    answerWithinMs: network.answerWithin ?? defaultNetwork.answerWithinMs,
    windowMs: network.window ?? defaultNetwork.windowMs,
  };
  if (everyMs < shortestProbeMs)
    complaints.say(
      'HF-2012',
      ['network', 'every'],
      `a probe every ${everyMs} ms is more than is sent: at least ${shortestProbeMs} ms lie between two`,
      `write ${shortestProbeMs}ms or more`,
    );
  const probes = windowMs / everyMs;
  if (probes < probesInWindow.least || probes > probesInWindow.most)
    complaints.say(
      'HF-2012',
      ['network', 'window' in network ? 'window' : 'every'],
      `a window of ${windowMs} ms has ${Math.floor(probes)} probes; ${probesInWindow.least} to ${probesInWindow.most} give percentiles`,
      'change "window" or "every"',
    );
  if (answerWithinMs > windowMs / 2)
    complaints.say(
      'HF-2012',
      ['network', 'answerWithin' in network ? 'answerWithin' : 'window'],
      `an answer is waited for ${answerWithinMs} ms, more than half of the window of ${windowMs} ms`,
      'make the window longer, or wait less',
    );
  for (const [id, { between, limit }] of Object.entries(network.budgets ?? {})) {
    const at = ['network', 'budgets', id];
    for (const [index, site] of between.entries())
      complaints.unresolved([...at, 'between', index], 'site', site, sites);
    if (between[0] === between[1])
      complaints.say(
        'HF-2012',
        [...at, 'between'],
        `the budget ${id} joins ${between[0]} with itself`,
        'name two sites',
      );
    if (limit >= answerWithinMs)
      complaints.say(
        'HF-2012',
        [...at, 'limit'],
        `the budget ${id} allows ${limit} ms, and what takes ${answerWithinMs} ms counts as lost`,
        'raise "answerWithin" of the network',
      );
  }
}
