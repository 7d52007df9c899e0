import { collectHeap } from '../../base/heap.ts';
import type { Role } from '../../control/contract.ts';
import type { EngineConfig } from '../engine-config.ts';
import { rehearseTakeover, type StartEngine } from './rehearsal.ts';

/** What is looked at of an engine. */
export interface Rehearsing {
  readonly config: EngineConfig;
  readonly role: Role;
  readonly upstream: { readonly core: { readonly connected: boolean } };
  /** Set when it was rehearsed to its end. */
  rehearsed: boolean;
}

/** Has an engine rehearse its takeover once: some time after it first follows a primary, and only while it does. */
export class StandbyRehearsal {
  readonly #engine: Rehearsing;
  readonly #start: StartEngine;
  readonly #onFailure: (text: string) => void;
  #isDue = false;

  constructor(options: {
    readonly engine: Rehearsing;
    readonly start: StartEngine;
    /** It could not be rehearsed; the takeover itself is as safe, and a few milliseconds slower. */
    readonly onFailure: (text: string) => void;
  }) {
    this.#engine = options.engine;
    this.#start = options.start;
    this.#onFailure = options.onFailure;
  }

  /** Called whenever something changed. */
  consider(): void {
    const { rehearseAfterMs } = this.#engine.config.timing;
    if (this.#isDue || rehearseAfterMs === 0 || !this.#follows) return;
    this.#isDue = true;
    setTimeout(() => this.#rehearse(), rehearseAfterMs).unref();
  }

  get #follows(): boolean {
    return this.#engine.role === 'standby' && this.#engine.upstream.core.connected;
  }

  #rehearse(): void {
    // The takeover is there, or somebody else is followed first: the next occasion.
    if (!this.#follows) {
      this.#isDue = false;
      return;
    }
    const { config } = this.#engine;
    rehearseTakeover({ config, start: this.#start, goesOn: () => this.#follows })
      .then((isThrough) => {
        // What two more engines leave behind would be collected next, which may be in the middle of the takeover.
        collectHeap();
        this.#engine.rehearsed = isThrough;
      })
      .catch((error: Error) => this.#onFailure(`its takeover could not be rehearsed: ${error.message}`));
  }
}
