import { createHash } from 'node:crypto';
import type { Digest } from '../../src/core/base/canonical-json.ts';
import { instanceId, siteId } from '../../src/core/base/ids.ts';
import type { Facts } from '../../src/core/decision/facts.ts';
import type { Intent } from '../../src/core/decision/intent.ts';
import { buildPlan } from '../../src/core/plan/build-plan.ts';
import type { RecoveryPlan } from '../../src/core/plan/recovery-plan.ts';
import { loadRunbooks } from '../../src/wire/load-runbooks.ts';
import { DB, ENGINE, OMS } from './facts.ts';

export const sha256: Digest = (text) => createHash('sha256').update(text).digest('hex');

/** The shipped ones. */
export const runbooks = loadRunbooks();

/** The whole of alfa gives way to bravo, by itself. */
export const siteFailover: Intent = {
  runbook: 'failover-site',
  scope: 'site',
  trigger: 'SiteDown',
  requestedBy: null,
  reason: 'alfa is down',
  fromSite: siteId('alfa'),
  toSite: siteId('bravo'),
  moves: [
    { component: DB, from: instanceId('alfa-db'), to: instanceId('bravo-db') },
    { component: ENGINE, from: instanceId('alfa-eng1'), to: instanceId('bravo-eng1') },
    { component: OMS, from: instanceId('alfa-oms'), to: instanceId('bravo-oms') },
  ],
  missing: [],
  lossy: [],
  rejected: [],
};

/** The second engine of alfa takes over from the first, by itself. */
export const engineFailover: Intent = {
  ...siteFailover,
  runbook: 'failover-instance',
  scope: 'instance',
  trigger: 'PrimaryDown',
  reason: 'engine not served',
  toSite: siteId('alfa'),
  moves: [{ component: ENGINE, from: instanceId('alfa-eng1'), to: instanceId('alfa-eng2') }],
};

/** The same move, planned by a person. */
export const switchover: Intent = {
  ...siteFailover,
  runbook: 'switchover-site',
  trigger: 'Planned',
  requestedBy: 'Grace',
  reason: 'asked for by Grace',
};

export const planOf = (intent: Intent, facts: Facts): RecoveryPlan =>
  buildPlan(intent, facts, runbooks.get(intent.runbook)!, sha256);
