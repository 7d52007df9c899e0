import { fencingOutlook, outlookForHolder } from '../../authority/fencing.ts';
import { indexOf } from '../../topology/topology-index.ts';
import { block, pass, type SafetyRule } from '../safety-rule.ts';

/**
 * I3, the rule this project exists for: for every holder that is to be replaced there is a proof that it is silent, or a
 * way to get one within the lease bound: its agent can be told to stop it, or a gate of known bound was armed.
 */
export const fenceRule: SafetyRule = {
  id: 'R-FENCE',
  title: 'The old writer is fenced, or will provably be',
  overridable: false,
  evaluate: ({ facts, intent }) => {
    const { record } = facts;
    if (record === null) return pass('nobody ever held a grant');
    const { component: components } = indexOf(facts.topology);
    const held: string[] = [];
    for (const move of intent.moves) {
      const component = components.get(move.component);
      const grant = record.grants[move.component];
      if (!component || !grant) continue;
      const outlook = grant.revoked
        ? fencingOutlook(facts, component, grant.revoked)
        : outlookForHolder(facts, component, grant);
      if (outlook === null) continue;
      const old = grant.revoked?.instance ?? grant.holder;
      const oldHost =
        old === null ? undefined : facts.hosts.get(facts.instances.get(old)?.instance.host ?? ('' as never));
      if (outlook.kind === 'proved') held.push(`${old}: ${outlook.proof.method}`);
      else if (oldHost?.connected && oldHost.verdict.state === 'healthy') held.push(`${old}: its agent can stop it`);
      else if (outlook.kind === 'in') held.push(`${old}: ${outlook.method} in ${outlook.ms} ms`);
      else
        return block(
          `fence not proven: ${outlook.reason}; its agent cannot be reached`,
          `holdfast fence ${old} --attest, by a person who has made sure that it is off`,
        );
    }
    return pass(held.length > 0 ? held.join(' · ') : 'nobody holds what moves');
  },
};
