import { DB, ENGINE, type FactsBuilder, NOW, OMS, unheardOf } from '../../../../test/builders/facts.ts';
import { engineFailover, planOf, siteFailover, switchover } from '../../../../test/builders/plans.ts';
import { checkRule } from '../../../../test/builders/rule-cases.ts';
import { componentId, instanceId, planDigest, siteId } from '../../base/ids.ts';

const lossyEngine = (world: FactsBuilder) => world.grant(ENGINE, { ackSet: [], promotable: [] });

checkRule('R-CANDIDATE', [
  {
    when: 'and names who takes what',
    outcome: 'pass',
    reason: /db → bravo-db, engine → bravo-eng1, oms → bravo-oms/,
  },
  {
    when: 'with the reason against each instance',
    outcome: 'block',
    reason:
      /^engine: bravo-eng1 its process is exited; bravo-eng2 what is known about it is stale · oms: no instance in bravo$/,
    next: /bring a standby back/,
    intent: {
      ...siteFailover,
      missing: [
        {
          component: ENGINE,
          rejected: [
            { instance: instanceId('bravo-eng1'), reason: 'its process is exited' },
            { instance: instanceId('bravo-eng2'), reason: 'what is known about it is stale' },
          ],
        },
        { component: OMS, rejected: [] },
      ],
    },
  },
]);

checkRule('R-DATA', [
  { when: 'when every candidate was in the recorded set', outcome: 'pass', reason: /recorded promotable set/ },
  {
    when: 'for the old holder itself',
    outcome: 'pass',
    reason: /recorded promotable set/,
    intent: { ...engineFailover, moves: [{ component: ENGINE, from: null, to: instanceId('alfa-eng1') }] },
    given: (world) => lossyEngine(world).revoke(ENGINE),
  },
  {
    when: 'when a person has accepted the loss of this very plan',
    outcome: 'pass',
    reason: /Ada accepted the loss: orders:12/,
    given: (world) =>
      lossyEngine(world).approve({
        digest: planOf(siteFailover, world.facts).digest,
        acceptsLoss: 'orders:12',
      }),
  },
  {
    when: 'when a candidate may lack what was acknowledged',
    outcome: 'block',
    reason: /^engine on bravo-eng1 may lack acknowledged writes$/,
    next: /--accept-data-loss/,
    given: lossyEngine,
  },
  {
    when: 'when the set was empty at the revocation, whatever it is now',
    outcome: 'block',
    reason: /engine on bravo-eng1/,
    given: (world) =>
      lossyEngine(world)
        .revoke(ENGINE)
        .grant(ENGINE, { promotable: [instanceId('bravo-eng1')] }),
  },
  {
    when: 'when the plan was approved but no loss accepted',
    outcome: 'block',
    reason: /engine on bravo-eng1/,
    given: (world) => lossyEngine(world).approve({ digest: planOf(siteFailover, world.facts).digest }),
  },
  {
    when: 'when the loss of another plan was accepted',
    outcome: 'block',
    reason: /engine on bravo-eng1/,
    given: (world) => lossyEngine(world).approve({ digest: planDigest('another'), acceptsLoss: 'orders:12' }),
  },
  {
    when: 'when the acceptance has just ended',
    outcome: 'block',
    reason: /engine on bravo-eng1/,
    given: (world) =>
      lossyEngine(world).approve({
        digest: planOf(siteFailover, world.facts).digest,
        acceptsLoss: 'orders:12',
        until: NOW,
      }),
  },
  {
    when: 'for a component that the topology does not have',
    outcome: 'cannot-evaluate',
    reason: /component ghost is not in the topology/,
    intent: { ...siteFailover, moves: [{ component: componentId('ghost'), from: null, to: instanceId('bravo-db') }] },
  },
]);

checkRule('R-TARGET', [
  { when: 'for a standby site that is alive', outcome: 'pass', reason: /bravo is healthy/ },
  {
    when: 'for a witness',
    outcome: 'block',
    reason: /wit has capabilities witness, archive: it never serves/,
    intent: { ...siteFailover, toSite: siteId('wit') },
  },
  {
    when: 'for a site that has failed',
    outcome: 'block',
    reason: /bravo has failed: 1 of 1 hosts failed/,
    given: (world) => world.lose('bravo'),
  },
  {
    when: 'for a site that nobody has heard of',
    outcome: 'block',
    reason: /site atlantis is not in the topology/,
    intent: { ...siteFailover, toSite: siteId('atlantis') },
  },
  {
    when: 'when nothing is known of the site',
    outcome: 'cannot-evaluate',
    reason: /nothing is known about bravo/,
    given: (world) => world.site('bravo', unheardOf),
  },
]);

checkRule('R-DEPENDENCY', [
  { when: 'when what is needed moves along', outcome: 'pass', reason: /same site/ },
  {
    when: 'when what is needed is there already',
    outcome: 'pass',
    reason: /same site/,
    intent: engineFailover,
  },
  {
    when: 'when what is needed stays behind',
    outcome: 'block',
    reason: /^engine in bravo would depend on db held by alfa-db$/,
    intent: { ...siteFailover, moves: siteFailover.moves.filter((move) => move.component !== DB) },
  },
  {
    when: 'when nobody would hold what is needed',
    outcome: 'cannot-evaluate',
    reason: /engine depends on db, which nobody would hold/,
    intent: engineFailover,
    given: (world) => world.revoke(DB),
  },
]);

checkRule('R-ACTIVATION', [
  { when: 'when no activation is remembered', outcome: 'pass', reason: /long ago/ },
  {
    when: 'once the activation was completed',
    outcome: 'pass',
    reason: /was completed/,
    given: (world) => world.ran({ runbook: 'activate-site' }),
  },
  {
    when: 'once a later run was completed',
    outcome: 'pass',
    reason: /was completed/,
    given: (world) => world.ran({ runbook: 'activate-site', result: 'failed' }).ran({ result: 'completed' }),
  },
  {
    when: 'inside the site that was to be activated',
    outcome: 'pass',
    reason: /stays at its site/,
    intent: engineFailover,
    given: (world) => world.ran({ runbook: 'activate-site', result: 'failed' }),
  },
  {
    when: 'when a person asks',
    outcome: 'pass',
    reason: /a person asks/,
    intent: { ...siteFailover, requestedBy: 'Grace' },
    given: (world) => world.ran({ runbook: 'activate-site', result: 'failed' }),
  },
  {
    when: 'while nothing was ever completed',
    outcome: 'block',
    reason: /^the first activation, trading-6, failed, and nothing was completed since$/,
    next: /^holdfast failover bravo, after looking at why$/,
    given: (world) => world.ran({ runbook: 'activate-site', result: 'failed' }).ran({ result: 'failed' }),
  },
]);

checkRule('R-SYNC', [
  { when: 'when every candidate is in the set', outcome: 'pass', reason: /acknowledgement set/, intent: switchover },
  {
    when: 'for an unplanned move, which R-DATA guards',
    outcome: 'pass',
    reason: /not a planned move/,
    given: (world) => lossyEngine(world),
  },
  {
    when: 'for what the target site holds already',
    outcome: 'pass',
    reason: /acknowledgement set/,
    intent: switchover,
    given: (world) => world.grant(ENGINE, { holder: instanceId('bravo-eng1'), promotable: [instanceId('alfa-eng1')] }),
  },
  {
    when: 'when a candidate has not caught up',
    outcome: 'block',
    reason: /bravo-eng1 is not in the acknowledgement set of alfa-eng1/,
    next: /caught up/,
    intent: switchover,
    given: lossyEngine,
  },
  {
    when: 'when what is known of a candidate is stale',
    outcome: 'cannot-evaluate',
    reason: /nothing fresh is known about bravo-eng1/,
    intent: switchover,
    given: (world) => world.instance('bravo-eng1', { fresh: false }),
  },
  {
    when: 'when a candidate was never seen',
    outcome: 'cannot-evaluate',
    reason: /nothing fresh is known about bravo-oms/,
    intent: switchover,
    given: (world) => world.instance('bravo-oms', { observation: null }),
  },
]);
