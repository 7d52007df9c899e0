import type { Fault } from './fault.ts';
import type { FaultReport, GroundEvent, GroundState } from './ground.ts';
import type { LabErrorCode } from './lab-error.ts';
import type { LinkMeasurement } from './net/measure-link.ts';
import type { LaunchSpec } from './process-spec.ts';
import type { LabUsage } from './usage.ts';

/**
 * What the ground answers on its control address: newline-delimited JSON, `{id, method, params}` → `{id, ok, result | error}`,
 * events as `{event}`. The first request must be `hello` with the lab's token; anything else closes the connection.
 */
export interface GroundMethods {
  readonly hello: {
    readonly params: { readonly token: string };
    readonly result: { readonly lab: string; readonly pid: number };
  };
  readonly start: { readonly params: { readonly specs: readonly LaunchSpec[] }; readonly result: null };
  /** For a later fault `authority-restored`. */
  readonly 'copy-authority': { readonly params: null; readonly result: { readonly bytes: number } };
  readonly restart: { readonly params: { readonly key: string }; readonly result: null };
  readonly break: {
    readonly params: { readonly fault: Fault; readonly expiresInMs: number | null };
    readonly result: FaultReport;
  };
  /** A fault's id, or `all`. */
  readonly heal: { readonly params: { readonly fault: string }; readonly result: readonly FaultReport[] };
  readonly state: { readonly params: null; readonly result: GroundState };
  readonly measure: {
    readonly params: { readonly samples: number; readonly deadlineMs: number };
    readonly result: readonly LinkMeasurement[];
  };
  readonly usage: { readonly params: null; readonly result: LabUsage };
}

export type GroundMethod = keyof GroundMethods;

export interface GroundRequest {
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
}

export interface GroundProblem {
  readonly code: LabErrorCode | 'HF-7000';
  readonly attempted: string;
  readonly found: string;
  readonly next: string;
}

export type GroundAnswer =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | { readonly id: number; readonly ok: false; readonly error: GroundProblem };

export interface GroundNotice {
  readonly event: GroundEvent;
}
