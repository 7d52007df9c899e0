import type { Json } from '../base/canonical-json.ts';
import type { Facts } from '../decision/facts.ts';
import { CHECK_IDS, type Check, type CheckId, type CheckResult } from './check.ts';
import {
  databaseCheck,
  engineCheck,
  marketDataCheck,
  orderManagementCheck,
  positionsCheck,
  riskCheck,
} from './component-checks.ts';
import { integrityCheck, networkCheck, replicationCheck } from './platform-checks.ts';
import { redisCheck } from './server-checks.ts';

/** All ten checks and one word about them. */
export interface Validation {
  readonly verdict: 'pass' | 'fail' | 'inconclusive';
  readonly checks: readonly CheckResult[];
}

const LOOKS: Readonly<Record<CheckId, Check>> = {
  database: databaseCheck,
  redis: redisCheck,
  engine: engineCheck,
  'market-data': marketDataCheck,
  'order-management': orderManagementCheck,
  risk: riskCheck,
  positions: positionsCheck,
  integrity: integrityCheck,
  replication: replicationCheck,
  network: networkCheck,
};

/**
 * Every check is made, none stops another. `fail` if any failed; else `inconclusive` if any could not be made, or if none
 * applied at all; else `pass`. Pure: the same facts always have the same verdict, at any time, whoever asks.
 */
export function validate(facts: Facts): Validation {
  const checks = CHECK_IDS.map((check): CheckResult => ({ check, ...LOOKS[check](facts) }));
  const any = (outcome: CheckResult['outcome']) => checks.some((each) => each.outcome === outcome);
  const verdict = any('fail') ? 'fail' : any('inconclusive') || !any('pass') ? 'inconclusive' : 'pass';
  return { verdict, checks };
}

/** For a journal and a report: the verdict, and of every check that did not pass what was measured. */
export function verdictInWords({ verdict, checks }: Validation): string {
  const passed = checks.filter(({ outcome }) => outcome === 'pass').length;
  const none = checks.filter(({ outcome }) => outcome === 'not-applicable').length;
  const open = checks
    .filter(({ outcome }) => outcome === 'fail' || outcome === 'inconclusive')
    .map(({ check, outcome, measured }) => `${check} ${outcome}: ${measured}`);
  return [`validation ${verdict}: ${passed} passed, ${none} not applicable`, ...open].join('; ');
}

export const validationJson = (validation: Validation): Json => validation as unknown as Json;
