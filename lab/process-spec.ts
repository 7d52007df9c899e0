import type { HostId, SiteId } from '../src/core/base/ids.ts';
import type { Address } from './layout.ts';

/** One process that the lab starts: an agent, a warden, a controller, the authority, a venue, the load. */
export interface ProcessSpec {
  /** Unique in the lab, e.g. `agent/HOST`, `warden/HOST`, `controller/SITE`, `venue/VENUE`, `authority`, `load`. */
  readonly key: string;
  /** Loses power with this site or host; null stands outside. */
  readonly site: SiteId | null;
  readonly host: HostId | null;
  /** Path of the script from the project's root. */
  readonly script: string;
  /** Written as JSON, 0600; null = the process needs no file of its own. */
  readonly config: { readonly file: string; readonly content: unknown } | null;
  /** Arguments of the script; without them the absolute path of `config.file` is its only one. */
  readonly args?: readonly string[];
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly ready: ReadyCheck;
  /** Processes of one stage start together, stages one after another; a lower one is ready before the next starts. */
  readonly stage: number;
}

/** How a start is known to have succeeded. */
export type ReadyCheck =
  | { readonly kind: 'tcp'; readonly address: Address; readonly deadlineMs: number }
  /** This text appears in what the process prints. */
  | { readonly kind: 'output'; readonly text: string; readonly deadlineMs: number }
  | { readonly kind: 'none' };

/** A process spec with its paths settled: what the ground needs to start it, now and after every loss of power. */
export interface LaunchSpec {
  readonly key: string;
  readonly site: string | null;
  readonly host: string | null;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly ready: ReadyCheck;
  readonly stage: number;
  /** What is started only leads to the process that is meant: a fault aimed at it hits both. */
  readonly wraps?: true;
  /** It does not wait for what hosts do besides, as what stands outside of them does not. */
  readonly comesFirst?: true;
}

export const agentKey = (host: HostId): string => `agent/${host}`;
export const wardenKey = (host: HostId): string => `warden/${host}`;
export const controllerKey = (site: SiteId): string => `controller/${site}`;
export const venueKey = (venue: string): string => `venue/${venue}`;
export const authorityKey = 'authority';
export const loadKey = 'load';
