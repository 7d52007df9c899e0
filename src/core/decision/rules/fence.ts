import { isGated } from '../../authority/delegate-gate.ts';
import { endedHolder } from '../../authority/delegated-primary.ts';
import { fencingOutlook, outlookForHolder } from '../../authority/fencing.ts';
import type { InstanceId } from '../../base/ids.ts';
import { indexOf } from '../../topology/topology-index.ts';
import type { Facts } from '../facts.ts';
import { block, pass, type SafetyRule } from '../safety-rule.ts';

/** For people: what they can still do when neither an agent nor a gate gives the proof. */
function attestNext(facts: Facts, old: InstanceId | null): string {
  const waiting = facts.brakes.attestations?.find((each) => each.instance === old && facts.wallMs < each.until);
  return waiting && waiting.confirmed === null
    ? `${waiting.by} says that its host is off; somebody else, after making sure: holdfast fence ${old} --attest --reason TEXT`
    : `bring its agent back, or switch its host off for good; then two people: holdfast fence ${old} --attest --reason TEXT`;
}

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
      else return block(`fence not proven: ${outlook.reason}; its agent cannot be reached`, attestNext(facts, old));
    }
    for (const { component: id, from, to } of intent.delegates ?? []) {
      const component = components.get(id);
      if (component === undefined || from === null || from === to) continue;
      const sooner = [
        ...(endedHolder(facts, component) === from ? ['once its agent proves that nothing of it is left'] : []),
        ...(isGated(component) && intent.runbook !== 'switchover-site' ? ['once its gate has closed'] : []),
      ];
      held.push(`${from}: its delegate's lock${sooner.length === 0 ? '' : `, sooner ${sooner.join(' or ')}`}`);
    }
    return pass(held.length > 0 ? held.join(' · ') : 'nobody holds what moves');
  },
};
