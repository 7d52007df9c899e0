import type { StepKind } from '../plan/runbook.ts';
import type { AutomationPolicy } from '../topology/topology.ts';
import type { SitePhrase } from './cast.ts';
import type { Condition } from './condition.ts';
import type { ScenarioFault } from './fault.ts';

/**
 * A play in plain text, for the simulator, the lab and drills alike: a firm, its policy, and lines that are done one after the
 * other. No variables, loops or conditions; whoever needs those writes a test.
 */
export interface Scenario {
  /** One sentence: what it shows. */
  readonly title: string;
  readonly firm: Firm;
  readonly policy: ScenarioPolicy;
  readonly lines: readonly ScenarioLine[];
  /** What was read, up to the line of dashes. */
  readonly script: string;
  /** What stands below the dashes: what happens, line by line, as the player writes it. */
  readonly story: readonly string[];
}

/** What the firm must look like; a lab looks whether its topology does. */
export interface Firm {
  readonly servingSites: number;
  readonly enginesPerSite: number;
  readonly archive: boolean;
  /** Risk engines, without whose approval an engine takes no new risk, and position keepers. */
  readonly services: boolean;
  /** A proxy, a pooler, a name server, a Redis, a router, a member of service discovery and a shared address at each serving site; left out = none. */
  readonly servers?: boolean;
  /** Something else says who is primary of the database; left out = Holdfast does. */
  readonly delegatedDatabase?: boolean;
  /** With it: its clients come through gates; left out = they come as they like. */
  readonly gatedDatabase?: boolean;
}

export interface ScenarioPolicy {
  readonly site: AutomationPolicy;
  readonly instance: AutomationPolicy;
  readonly afterPeerLoss: 'degrade' | 'halt';
}

export type ScenarioLine = { readonly number: number; readonly text: string } & (
  | {
      readonly kind: 'fault';
      readonly fault: ScenarioFault;
      /** Null for what is over at once. */
      readonly forMs: number | null;
      /** Done at the moment at which a run begins this step; the play goes on meanwhile. */
      readonly atStep: StepKind | null;
    }
  | { readonly kind: 'person'; readonly request: PersonRequest }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'wait-until'; readonly condition: Condition; readonly withinMs: number }
  | { readonly kind: 'expect'; readonly condition: Condition }
);

export type PersonRequest =
  | { readonly kind: 'freeze' }
  | { readonly kind: 'unfreeze' }
  | { readonly kind: 'approve' }
  /** Looks at the plan that may lose something, accepts exactly that, and approves it. */
  | { readonly kind: 'approve-loss' }
  | { readonly kind: 'acknowledge' }
  /** Names who is missing, and lets what stands still go on without them. */
  | { readonly kind: 'resume' }
  /** Says that what the authority says since it was restored is to be believed. */
  | { readonly kind: 'adopt' }
  | { readonly kind: 'move'; readonly move: 'switchover' | 'failover'; readonly site: SitePhrase }
  | { readonly kind: 'recover'; readonly component: string };
