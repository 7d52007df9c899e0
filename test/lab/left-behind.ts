import type { ResidueReport } from '../../src/core/residue/residue.ts';
import type { LabUnderTest } from './lab-under-test.ts';

/**
 * What a fault and what was done about it left behind, one sentence each; empty: nothing. `holdfast residue` says whether an old writer, an
 * older epoch or a detached copy is left, `holdfast network check` whether everybody takes the same one for the writer.
 */
export async function leftBehind(lab: LabUnderTest): Promise<readonly string[]> {
  const request = { kind: 'residue', group: lab.topology.groups[0]!.id } as const;
  const { looks } = (await lab.platform.demand('Olivia Observer', request)) as ResidueReport;
  const findings = looks.flatMap(({ look, findings: found }) =>
    found.map((each) => `${look} ${each.certainty} ${each.place}: ${each.found}`),
  );
  return findings.length > 0 ? findings : lab.notAgreed();
}
