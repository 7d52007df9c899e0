import { ownedComponents } from '../../topology/topology-index.ts';
import { block, pass, type SafetyRule } from '../safety-rule.ts';

/**
 * A holder that is only silent may come back before its lease has run out, so nothing is revoked until then: a partition
 * shorter than the lease costs nothing. A holder that is proved dead is not waited for.
 */
export const leaseRule: SafetyRule = {
  id: 'R-LEASE',
  title: 'A silent holder had its whole lease to come back',
  overridable: false,
  evaluate: ({ facts, intent }) => {
    if (intent.requestedBy !== null) return pass('a person asks; fencing is waited for in the run');
    const { record } = facts;
    if (record === null) return pass('nobody ever held a lease');
    let longest = 0;
    let whom = '';
    for (const component of ownedComponents(facts.topology, facts.group)) {
      const grant = record.grants[component.id];
      const holder = grant?.holder ?? null;
      if (holder === null) continue;
      const instance = facts.instances.get(holder);
      if (instance?.provedDead || instance?.verdict.state !== 'failed' || instance.verdict.basis === 'fact') continue;
      if (facts.hosts.get(instance.instance.host)?.verdict.state === 'healthy') continue;
      const lease = facts.leases.get(component.id);
      const left = lease && lease.holder === holder ? facts.successorWaitMs - lease.seenMsAgo : 0;
      if (left > longest) {
        longest = left;
        whom = holder;
      }
    }
    return longest <= 0
      ? pass('no silent holder has a lease left')
      : block(`${whom} may still hold its lease`, 'wait: the lease bound runs out', Math.ceil(longest));
  },
};
