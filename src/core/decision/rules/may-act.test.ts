import { type FactsBuilder, NOW } from '../../../../test/builders/facts.ts';
import { engineFailover, planOf, siteFailover } from '../../../../test/builders/plans.ts';
import { checkRule } from '../../../../test/builders/rule-cases.ts';
import { instanceId, runId, term, wallMs } from '../../base/ids.ts';
import { foldRun } from '../../run/run.ts';
import type { Intent } from '../intent.ts';

const byGrace = (intent: Intent): Intent => ({ ...intent, requestedBy: 'Grace' });
const openRun = (intent: Intent) => (world: FactsBuilder) => {
  const plan = planOf(intent, world.facts);
  const opened = {
    kind: 'opened',
    run: runId('trading-8'),
    plan,
    automatic: true,
    by: 'policy automatic',
    at: NOW,
    detectedAt: NOW,
    lastGoodAt: null,
    decidedAt: NOW,
  } as const;
  const entry = { number: 1, run: runId('trading-8'), term: term(3), epoch: world.record.epoch, controller: 'bravo' };
  world.change({ run: foldRun([{ ...entry, events: [opened] }]) });
};
checkRule('R-LEADER', [
  { when: 'for the leading controller', outcome: 'pass', reason: /^leads in term 3$/ },
  {
    when: 'for any other controller',
    outcome: 'block',
    reason: /another controller leads/,
    next: /holdfast status/,
    given: (world) => world.change({ leadership: { leading: false, term: term(3) } }),
  },
]);

checkRule('R-QUORUM', [
  {
    when: 'up to the very bound of its silence',
    outcome: 'pass',
    reason: /heard 1000 ms ago/,
    given: (world) => world.change({ authority: { silentMs: 1000, staleAfterMs: 1000, incarnationMatches: true } }),
  },
  {
    when: 'when the authority is silent for longer',
    outcome: 'block',
    reason: /silent for 1001 ms, more than 1000 ms/,
    next: /majority of the voters/,
    given: (world) => world.change({ authority: { silentMs: 1001, staleAfterMs: 1000, incarnationMatches: true } }),
  },
  {
    when: 'when the authority was never heard',
    outcome: 'cannot-evaluate',
    reason: /never heard/,
    given: (world) => world.change({ authority: { silentMs: null, staleAfterMs: 1000, incarnationMatches: true } }),
  },
]);

checkRule('R-INCARNATION', [
  { when: 'in the store that wrote the record', outcome: 'pass', reason: /^incarnation one$/ },
  {
    when: 'after the store was restored',
    outcome: 'block',
    reason: /restored or rebuilt/,
    next: /authority adopt/,
    given: (world) => world.change({ authority: { silentMs: 1, staleAfterMs: 1000, incarnationMatches: false } }),
  },
  {
    when: 'when the store was never read, whatever is assumed of it',
    outcome: 'cannot-evaluate',
    reason: /never read/,
    given: (world) => world.change({ authority: { silentMs: null, staleAfterMs: 1000, incarnationMatches: true } }),
  },
]);

checkRule('R-RUN', [
  { when: 'when no run is open', outcome: 'pass', reason: /no run is open/ },
  {
    when: 'for a site over a run that moves one instance',
    outcome: 'pass',
    reason: /wider than trading-8, which it supersedes/,
    given: openRun(engineFailover),
  },
  {
    when: 'for an instance while a site moves',
    outcome: 'block',
    reason: /run trading-8 \(failover-site\) is open/,
    next: /holdfast runs trading-8/,
    intent: engineFailover,
    given: openRun(siteFailover),
  },
  {
    when: 'for a site while a site moves',
    outcome: 'block',
    reason: /run trading-8 \(failover-site\) is open/,
    given: openRun(siteFailover),
  },
]);

checkRule('R-FREEZE', [
  { when: 'when nobody has frozen it', outcome: 'pass', reason: /^not frozen$/ },
  {
    when: 'when the freeze has just ended',
    outcome: 'pass',
    reason: /^not frozen$/,
    given: (world) => world.brake('freeze', { until: NOW }),
  },
  {
    when: 'for a person, who knows',
    outcome: 'pass',
    reason: /frozen by Grace, but Grace asks/,
    intent: byGrace(siteFailover),
    given: (world) => world.brake('freeze'),
  },
  {
    when: 'for automation, with who froze it and why',
    outcome: 'block',
    reason: /frozen by Grace 60 s ago: quarter end/,
    next: /freeze --lift/,
    given: (world) => world.brake('freeze', { until: wallMs(NOW + 1) }),
  },
]);

checkRule('R-MAINTENANCE', [
  { when: 'when there is none', outcome: 'pass', reason: /^not in maintenance$/ },
  {
    when: 'for a person, who knows',
    outcome: 'pass',
    reason: /in maintenance by Grace, but Grace asks/,
    intent: byGrace(siteFailover),
    given: (world) => world.brake('maintenance'),
  },
  {
    when: 'for automation, with who announced it and why',
    outcome: 'block',
    reason: /in maintenance by Grace since 60 s: quarter end/,
    next: /maintenance --end/,
    given: (world) => world.brake('maintenance'),
  },
]);

checkRule('R-COOLDOWN', [
  { when: 'when nothing was demoted lately', outcome: 'pass', reason: /no candidate was demoted/ },
  {
    when: 'for a person',
    outcome: 'pass',
    reason: /a person asks/,
    intent: byGrace(engineFailover),
    given: (world) => world.ran({ demoted: [instanceId('alfa-eng2')] }),
  },
  {
    when: 'when nobody holds it: somebody must',
    outcome: 'pass',
    reason: /take-over must end/,
    intent: { ...engineFailover, trigger: 'NoPrimary' },
    given: (world) => world.ran({ demoted: [instanceId('alfa-eng2')] }),
  },
  {
    when: 'for a site after the run of an instance',
    outcome: 'pass',
    reason: /no candidate was demoted/,
    given: (world) => world.ran({ scope: 'instance', demoted: [instanceId('bravo-eng1')] }),
  },
  {
    when: 'at the very end of the window',
    outcome: 'pass',
    reason: /no candidate was demoted/,
    intent: engineFailover,
    given: (world) => world.ran({ demoted: [instanceId('alfa-eng2')], endedAt: wallMs(NOW - 20_000) }),
  },
  {
    when: 'after a person has looked at it',
    outcome: 'pass',
    reason: /no candidate was demoted/,
    intent: engineFailover,
    given: (world) => world.ran({ demoted: [instanceId('alfa-eng2')], acknowledged: true }),
  },
  {
    when: 'for what was demoted a moment ago',
    outcome: 'block',
    reason: /alfa-eng2 was demoted 5 s ago in trading-6/,
    next: /holdfast ack trading-6/,
    passesInMs: 15_000,
    intent: engineFailover,
    given: (world) => world.ran({ demoted: [instanceId('alfa-eng2')] }),
  },
  {
    when: 'when a run seems to have ended in the future',
    outcome: 'cannot-evaluate',
    reason: /trading-6 ended in the future: a clock was set/,
    intent: engineFailover,
    given: (world) => world.ran({ endedAt: wallMs(NOW + 5000) }),
  },
]);

checkRule('R-FLAPPING', [
  {
    when: 'below the limit',
    outcome: 'pass',
    reason: /1 of 2 automatic runs in the window/,
    intent: engineFailover,
    given: (world) => world.ran({}).ran({ automatic: false }).ran({ result: 'failed' }).ran({ acknowledged: true }),
  },
  {
    when: 'for a site after runs of instances',
    outcome: 'pass',
    reason: /0 of 2 automatic runs/,
    given: (world) => world.ran({}).ran({}).ran({}),
  },
  {
    when: 'when nobody holds it: somebody must',
    outcome: 'pass',
    reason: /take-over must end/,
    intent: { ...engineFailover, trigger: 'NoPrimary' },
    given: (world) => world.ran({}).ran({}),
  },
  {
    when: 'for a person',
    outcome: 'pass',
    reason: /a person asks/,
    intent: byGrace(engineFailover),
    given: (world) => world.ran({}).ran({}),
  },
  {
    when: 'at the limit, until the oldest run leaves the window',
    outcome: 'block',
    reason: /2 automatic runs within 20000 ms/,
    next: /holdfast ack trading-7/,
    passesInMs: 8000,
    intent: engineFailover,
    given: (world) => world.ran({ endedAt: wallMs(NOW - 12_000) }).ran({ run: runId('trading-7') }),
  },
  {
    when: 'when a run seems to have ended in the future',
    outcome: 'cannot-evaluate',
    reason: /ended in the future: a clock was set/,
    intent: engineFailover,
    given: (world) => world.ran({ endedAt: wallMs(NOW + 1) }),
  },
]);
