import {
  DB,
  ENGINE,
  type FactsBuilder,
  OMS,
  seenToEnd,
  silentByQuorum,
  suspected,
} from '../../../../test/builders/facts.ts';
import { engineFailover, siteFailover, switchover } from '../../../../test/builders/plans.ts';
import { checkRule } from '../../../../test/builders/rule-cases.ts';
import { instanceId, revision } from '../../base/ids.ts';
import type { Intent } from '../intent.ts';

const byGrace = (intent: Intent): Intent => ({ ...intent, requestedBy: 'Grace' });
const silentEngine = (world: FactsBuilder) =>
  world.instance('alfa-eng1', { verdict: silentByQuorum, fresh: false }).host('alfa-e1', {
    verdict: silentByQuorum,
    connected: false,
  });
checkRule('R-VERDICT', [
  {
    when: 'when a holder was seen to end',
    outcome: 'pass',
    reason: /alfa-eng1: exited with SIGSEGV/,
    intent: engineFailover,
    given: (world) => world.instance('alfa-eng1', { verdict: seenToEnd }),
  },
  {
    when: 'when a component has nobody',
    outcome: 'pass',
    reason: /engine: nobody holds it/,
    given: (world) => world.revoke(ENGINE),
  },
  { when: 'for a planned move of what is well', outcome: 'pass', reason: /planned/, intent: switchover },
  {
    when: 'for the first activation',
    outcome: 'pass',
    reason: /first activation/,
    intent: { ...siteFailover, trigger: 'Activation', runbook: 'activate-site' },
    given: (world) => world.change({ record: null }),
  },
  {
    when: 'for the last steps of a take-over',
    outcome: 'pass',
    reason: /nothing changes hands/,
    intent: { ...engineFailover, trigger: 'TakeoverUnfinished', moves: [] },
  },
  {
    when: 'for a group that is split',
    outcome: 'pass',
    reason: /held in different sites/,
    intent: { ...siteFailover, trigger: 'GroupSplit' },
  },
  {
    when: 'when every holder is alive',
    outcome: 'block',
    reason: /every holder is alive/,
    next: /switchover/,
  },
  {
    when: 'when a person asks and every holder is alive',
    outcome: 'block',
    reason: /every holder is alive/,
    intent: byGrace({ ...siteFailover, trigger: 'Planned' }),
  },
  {
    when: 'when a holder is only suspected',
    outcome: 'cannot-evaluate',
    reason: /no quorum says that engine has failed/,
    next: /another site|more observers/,
    given: (world) => world.instance('alfa-eng1', { verdict: suspected }),
  },
  {
    when: 'when nothing at all is known of a holder',
    outcome: 'cannot-evaluate',
    reason: /no quorum says that oms has failed/,
    given: (world) => world.facts.instances.delete(instanceId('alfa-oms')),
  },
  {
    when: 'before the first activation',
    outcome: 'cannot-evaluate',
    reason: /never activated/,
    next: /holdfast activate/,
    given: (world) => world.change({ record: null }),
  },
]);

checkRule('R-LEASE', [
  { when: 'when no holder is silent', outcome: 'pass', reason: /no silent holder has a lease left/ },
  {
    when: 'when the lease of the silent holder has run out',
    outcome: 'pass',
    reason: /no silent holder has a lease left/,
    given: (world) => silentEngine(world).lease(ENGINE, { seenMsAgo: world.facts.successorWaitMs }),
  },
  {
    when: 'when the silent holder is proved dead',
    outcome: 'pass',
    reason: /no silent holder/,
    given: (world) => silentEngine(world).instance('alfa-eng1', { provedDead: true }),
  },
  {
    when: 'when a person asks, who waits in the run',
    outcome: 'pass',
    reason: /a person asks/,
    intent: byGrace(siteFailover),
    given: silentEngine,
  },
  {
    when: 'while a silent holder may still come back',
    outcome: 'block',
    reason: /alfa-eng1 may still hold its lease/,
    next: /wait/,
    passesInMs: 352,
    given: (world) => silentEngine(world).lease(ENGINE, { seenMsAgo: world.facts.successorWaitMs - 351.5 }),
  },
  {
    when: 'until the last of several silent holders may have come back',
    outcome: 'block',
    reason: /alfa-db may still hold its lease/,
    passesInMs: 500,
    given: (world) =>
      world
        .lose('alfa')
        .lease(ENGINE, { seenMsAgo: world.facts.successorWaitMs - 100 })
        .lease(DB, { seenMsAgo: world.facts.successorWaitMs - 500 })
        .lease(OMS, { seenMsAgo: world.facts.successorWaitMs - 300 }),
  },
]);

checkRule('R-FENCE', [
  {
    when: 'when the old holder is proved dead',
    outcome: 'pass',
    reason: /alfa-eng1: process-dead/,
    intent: engineFailover,
    given: (world) => silentEngine(world).instance('alfa-eng1', { provedDead: true }),
  },
  {
    when: 'when its agent can be told to stop it',
    outcome: 'pass',
    reason: /alfa-eng1: its agent can stop it/,
    intent: engineFailover,
  },
  {
    when: 'when its gate closes within a known bound',
    outcome: 'pass',
    reason: /alfa-eng1: lease-expired in 602 ms/,
    intent: engineFailover,
    given: (world) => silentEngine(world).lease(ENGINE, { seenMsAgo: world.facts.successorWaitMs - 601.5 }),
  },
  {
    when: 'when it never renewed under the grant that is taken from it',
    outcome: 'pass',
    reason: /alfa-eng1: never-held/,
    intent: engineFailover,
    given: (world) => silentEngine(world).revoke(ENGINE, { leaseRevision: revision(0) }),
  },
  {
    when: 'when nobody ever held it',
    outcome: 'pass',
    reason: /nobody ever held a grant/,
    given: (world) => world.change({ record: null }),
  },
  {
    when: 'when no gate was armed and its agent is gone',
    outcome: 'block',
    reason:
      /fence not proven: no gate that binds trading-engine was armed when alfa-eng1 last renewed.*agent cannot be reached/,
    next: /fence alfa-eng1 --attest/,
    intent: engineFailover,
    given: (world) => silentEngine(world).lease(ENGINE, { gate: null, seenMsAgo: 9_000_000 }),
  },
  {
    when: 'for a database behind a gate that is inside it',
    outcome: 'block',
    reason: /no gate that binds postgres/,
    given: (world) => world.lose('alfa').lease(DB, { gate: { kind: 'self', boundMs: 20 } }),
  },
  {
    when: 'when the renewal that was revoked is not the one that is known here',
    outcome: 'block',
    reason: /the last renewal of alfa-eng1 is not known here/,
    intent: engineFailover,
    given: (world) => silentEngine(world).revoke(ENGINE, { leaseRevision: revision(41) }),
  },
  {
    when: 'when its agent is connected and its host only suspected',
    outcome: 'block',
    reason: /fence not proven/,
    intent: engineFailover,
    given: (world) => world.host('alfa-e1', { verdict: suspected }).lease(ENGINE, { gate: null }),
  },
  {
    when: 'for one unfenced holder among three',
    outcome: 'block',
    reason: /last renewed/,
    given: (world) =>
      world
        .lose('alfa')
        .instance('alfa-db', { provedDead: true })
        .instance('alfa-oms', { provedDead: true })
        .lease(ENGINE, { gate: null }),
  },
]);

checkRule('R-DUAL', [
  { when: 'when the only primary is the one that is named', outcome: 'pass', reason: /no primary without a grant/ },
  {
    when: 'for the old holder, which the run fences',
    outcome: 'pass',
    reason: /no primary without a grant/,
    given: (world) => world.revoke(ENGINE),
  },
  {
    when: 'for a component that does not move',
    outcome: 'pass',
    reason: /no primary without a grant/,
    intent: engineFailover,
    given: (world) => world.observation('bravo-db', { role: 'primary' }),
  },
  {
    when: 'when somebody else says that it is primary',
    outcome: 'block',
    reason: /bravo-eng2 says that it is primary and no grant names it/,
    next: /holdfast fence bravo-eng2/,
    given: (world) => world.observation('bravo-eng2', { role: 'primary' }),
  },
]);
