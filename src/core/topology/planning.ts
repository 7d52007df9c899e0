import type { ComponentId, GroupId, SiteId } from '../base/ids.ts';
import type { Objective } from './topology.ts';

/**
 * What a topology file says beside the platform itself: what was promised, where, and how it is practised. Nothing
 * here is run; the checks read it, and so do reports and the drill calendar.
 */
export interface Planning {
  /** What moving a whole group to another site is allowed to take; a group without one has no site objective. */
  readonly groupObjectives: Readonly<Record<GroupId, Objective>>;
  /** Every place that states an objective, the one of the entry itself included. */
  readonly statements: readonly ObjectiveStatement[];
  /** Components that are recomputed from others and keep nothing of their own. */
  readonly derivedFrom: Readonly<Record<ComponentId, readonly ComponentId[]>>;
  /** Fields of the file for which a safe default stands although somebody should have decided. */
  readonly unstated: readonly string[];
  readonly dataClasses: readonly DataClass[];
  readonly scenarios: readonly PlannedScenario[];
  readonly drills: readonly PlannedDrill[];
  readonly siteSelection: SiteSelection | null;
  readonly accepted: readonly AcceptedFinding[];
}

export interface ObjectiveStatement {
  /** Field of the file that the statement is about, e.g. `components.engine`. */
  readonly subject: string;
  /** The statement itself in the file. */
  readonly path: string;
  /** Document and section; null where the file gives none. */
  readonly source: string | null;
  readonly rtoMs: number | null;
  readonly rpoMs: number | null;
  readonly availabilityPercent: number | null;
}

/** A kind of data, how much of it may be lost, and the component that keeps it (R8). */
export interface DataClass {
  readonly id: string;
  readonly rpoMs: number;
  readonly store: ComponentId;
  readonly keptBy: DataMechanism;
}

/** What keeps a class of data when the site that writes it is lost. */
export interface DataMechanism {
  readonly kind: DataMechanismKind;
  /** Whose copies or inputs count: the store itself unless the file names another component; of what is recomputed, its inputs. */
  readonly of: readonly ComponentId[];
  /** Between two backups; null where it is no backup, or the file does not say. */
  readonly everyMs: number | null;
  /** False: the file names none, and this is what the store gives. */
  readonly stated: boolean;
}

/** Each with what it can keep; documents and screens say it in these words. */
export const dataMechanisms = {
  synchronous: 'nothing is acknowledged before a copy at another site has it: loses nothing while its mode is strict',
  journal: 'rebuilt from the replicated journal of a trading engine: loses nothing while its mode is strict',
  asynchronous: 'copied to another site afterwards: loses what is on its way',
  cascade: 'copied from a copy: loses what is on its way, twice',
  recomputed: 'computed again from other components: loses what these lose',
  backup: 'copied now and then: loses up to the time between two backups',
  outside: 'kept by something that Holdfast does not look at: it cannot say',
} as const;
export type DataMechanismKind = keyof typeof dataMechanisms;
export const dataMechanismKinds = Object.keys(dataMechanisms) as [DataMechanismKind, ...DataMechanismKind[]];

/** A line of the scenario matrix (F9). */
export interface PlannedScenario {
  readonly id: string;
  readonly title: string;
  /** Expected times a year; null = not estimated. */
  readonly perYear: number | null;
  readonly rtoMs: number;
  readonly response: 'automatic' | 'approval' | 'manual';
  /** The group whose decision stage applies; null = none. */
  readonly group: GroupId | null;
}

export interface PlannedDrill {
  readonly id: string;
  readonly title: string;
  readonly windowMs: number;
  readonly phases: readonly { readonly name: string; readonly forMs: number }[];
  /** Every statement of when it takes place; more than one that differs is a contradiction. */
  readonly schedules: readonly string[];
}

/** Weighted scores of candidate sites (T5); totals are computed, a printed one is only compared. */
export interface SiteSelection {
  readonly weights: Readonly<Record<string, number>>;
  readonly scores: Readonly<Record<SiteId, Readonly<Record<string, number>>>>;
  readonly printedTotals: Readonly<Record<SiteId, number>>;
}

/** A person has looked at a finding and keeps it, with a reason. Errors cannot be accepted. */
export interface AcceptedFinding {
  readonly finding: string;
  /** Field of the file that the finding is about; null = wherever it occurs. */
  readonly at: string | null;
  readonly because: string;
  /** The acceptance itself in the file. */
  readonly path: string;
}

export const noPlanning: Planning = {
  groupObjectives: {},
  statements: [],
  derivedFrom: {},
  unstated: [],
  dataClasses: [],
  scenarios: [],
  drills: [],
  siteSelection: null,
  accepted: [],
};
