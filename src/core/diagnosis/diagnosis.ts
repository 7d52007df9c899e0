import type { ComponentId, HostId, InstanceId, SiteId } from '../base/ids.ts';

/**
 * What is wrong, from a closed list. Always recorded, also when automation is frozen. Narrow names are for one instance,
 * wide ones for a site; a wider diagnosis supersedes a narrower run.
 */
export const DIAGNOSES = {
  InstanceDown: 'A standby or stateless instance is gone; its component still serves.',
  PrimaryDown: 'The instance that holds the grant is gone, as a fact or by quorum.',
  PrimaryUnreachableButServing:
    'We cannot reach the primary, but its lease is renewed or dependants still have it: look, do not act.',
  NoPrimary: 'A component has no holder: a take-over was begun and not ended, or nobody has the lock of a delegate.',
  TakeoverUnfinished:
    'All is held, but clients are not led there or new risk is not accepted: the last steps are missing.',
  GroupSplit: 'Components that move together are held in different sites.',
  ReplicationStalled:
    'A member of the acknowledgement set is lost, or has been catching up for so long that clients notice.',
  DurabilityDegraded: 'Nobody confirms as the policy asks: the primary acknowledges alone, or stands still.',
  DataDiverged:
    'An instance has a tail that the present primary does not have; it is kept aside. Over when it is in step again, or acknowledged.',
  DataCorrupt:
    'The state of an instance is not what its log amounts to, or two that should be equal are not. Where it is the primary’s people decide.',
  DualPrimarySuspected: 'Two instances of one component say that they are primary.',
  HostSilent: 'A host is silent by quorum.',
  SiteDown: 'Every host of a site is silent by quorum.',
  SiteIsolated: 'A site hears nothing from the others, or only some observers hear it.',
  LinkDown: 'Two sites do not hear each other while a third hears both.',
  WitnessLost: 'A voter is gone: one more and nothing can be decided.',
  ControlPlaneWithoutQuorum: 'The authority does not answer: nothing can be promoted.',
  AuthorityRestored: 'The authority is not the one that this record was written in.',
  Overloaded: 'An instance is alive and unfit: bad health, errors or latency beyond its bound.',
} as const;

export type DiagnosisKind = keyof typeof DIAGNOSES;

export interface Diagnosis {
  readonly kind: DiagnosisKind;
  readonly site: SiteId | null;
  readonly host: HostId | null;
  readonly component: ComponentId | null;
  readonly instance: InstanceId | null;
  readonly basis: 'fact' | 'quorum' | 'observation';
  readonly summary: string;
}
