import type { Facts } from '../decision/facts.ts';
import { epochLook, exchangeLook } from './epoch-residue.ts';
import { notSeen, type ResidueFinding, type ResidueLook } from './finding.ts';
import { authorityLook, leaseLook } from './record-residue.ts';
import { detachedLook, gateLook, processLook } from './writer-residue.ts';

/** What is looked at, and what is so when nothing is left. */
export const RESIDUE_LOOKS = {
  process: 'No process of an old writer writes, is frozen, or ended unseen',
  gate: 'No gate but the holder’s is open, and that one is armed; clients are let in where the traffic is, and nowhere else',
  authority: 'The authority names no run that has ended, and every grant has a holder',
  epoch: 'One epoch everywhere: nobody has stored an older one than that of the grant, or a newer one than the record',
  lease: 'Every lease is that of the present holder',
  exchange: 'No old writer is connected to an exchange',
  detached: 'Whoever is to copy a holder does, or it is said that it does not',
} as const;

export type ResidueLookId = keyof typeof RESIDUE_LOOKS;
export const RESIDUE_LOOK_IDS = Object.keys(RESIDUE_LOOKS) as readonly ResidueLookId[];

export interface ResidueAnswer {
  readonly look: ResidueLookId;
  readonly outcome: ResidueVerdict;
  readonly findings: readonly ResidueFinding[];
}

export type ResidueVerdict = 'clean' | 'residue' | 'inconclusive';

export interface ResidueReport {
  readonly verdict: ResidueVerdict;
  readonly looks: readonly ResidueAnswer[];
}

const LOOKS: Readonly<Record<ResidueLookId, ResidueLook>> = {
  process: processLook,
  gate: gateLook,
  authority: authorityLook,
  epoch: epochLook,
  lease: leaseLook,
  exchange: exchangeLook,
  detached: detachedLook,
};

/**
 * Whether anything of an earlier reign is left. Every look is taken, none stops another. What cannot be looked at is `inconclusive`, never
 * `clean` (I6): that goes for everything while the authority is not heard, or nobody was ever granted anything. Pure.
 */
export function residueOf(facts: Facts): ResidueReport {
  const blind = unseenRecord(facts);
  const looks = RESIDUE_LOOK_IDS.map((look): ResidueAnswer => {
    const findings = blind === null ? LOOKS[look](facts) : [blind];
    return { look, outcome: worst(findings.map(({ certainty }) => certainty)), findings };
  });
  return { verdict: worst(looks.map(({ outcome }) => outcome)), looks };
}

function worst(outcomes: readonly ResidueVerdict[]): ResidueVerdict {
  return (['residue', 'inconclusive'] as const).find((each) => outcomes.includes(each)) ?? 'clean';
}

function unseenRecord({ record, authority, group, run }: Facts): ResidueFinding | null {
  const place = `group/${group.id}`;
  if (record === null) return notSeen(place, 'it was never activated', 'holdfast activate SITE');
  if (authority.silentMs === null || authority.silentMs > authority.staleAfterMs)
    return notSeen(place, 'the authority is not heard: what is known of it may be old', 'holdfast status');
  if (run !== null && run.run === record.run && run.result === null)
    return notSeen(place, `${run.run} is under way`, 'ask again when it has ended: holdfast runs last');
  return null;
}
