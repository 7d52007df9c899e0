import type { AcceptedFinding, Planning } from '../planning.ts';
import type { Topology } from '../topology.ts';
import type { RuleHit, TopologyFinding, TopologyRule } from '../topology-finding.ts';
import { allTopologyRules } from './all-rules.ts';

/**
 * Everything that a person should know about this topology, by rule. A warning that somebody accepted becomes a note
 * which gives the reason; an error cannot be accepted, and an acceptance of nothing is itself a finding.
 */
export function checkTopology(
  subject: { readonly topology: Topology; readonly planning: Planning },
  rules: readonly TopologyRule[] = allTopologyRules,
): readonly TopologyFinding[] {
  const used = new Set<AcceptedFinding>();
  const findings = rules.flatMap((rule) =>
    rule.check(subject).map((hit): TopologyFinding => {
      const severity = hit.severity ?? rule.severity;
      const found = { id: rule.id, where: { path: hit.path }, message: hit.message, remedy: hit.remedy };
      const accepted = subject.planning.accepted.find((each) => accepts(each, rule, hit));
      if (!accepted || severity === 'error') return { ...found, severity };
      used.add(accepted);
      return { ...found, severity: 'note', message: `${hit.message} (accepted: ${accepted.because})` };
    }),
  );
  const idle = subject.planning.accepted
    .filter((each) => !used.has(each))
    .map((each) => idleAcceptance(each, findings));
  return [...findings, ...idle];
}

/** The finding's own field or one above it. */
const accepts = ({ finding, at }: AcceptedFinding, rule: TopologyRule, hit: RuleHit): boolean =>
  finding === rule.id && (at === null || hit.path === at || hit.path.startsWith(`${at}.`));

function idleAcceptance(accepted: AcceptedFinding, findings: readonly TopologyFinding[]): TopologyFinding {
  const isError = findings.some((each) => each.id === accepted.finding && each.severity === 'error');
  return {
    id: 'acceptance-without-effect',
    severity: 'warning',
    where: { path: accepted.path },
    message: isError
      ? `"${accepted.finding}" is an error, which cannot be accepted`
      : `"${accepted.finding}" is accepted${accepted.at === null ? '' : ` at ${accepted.at}`}, but nothing of that kind was found`,
    remedy: isError ? 'resolve the finding' : 'remove the acceptance, so that it does not hide a later finding',
  };
}
