import type { LabName } from '../cli.ts';
import type { Narrate } from './acts.ts';
import { activate, bringDown, bringUp, downOnSignal, startFlow } from './bring-up.ts';
import { readTopology } from './demo.ts';
import { onInterruption } from './interruption.ts';
import { Platform } from './platform.ts';

export interface StartOptions {
  readonly root: string;
  readonly name: string;
  readonly topologyFile: string;
  readonly overlays: readonly string[];
  readonly ratePerSecond: number;
  /** End a lab of this name that runs; without it one that runs is refused (HF-7002). */
  readonly replace: boolean;
  readonly narrate: Narrate;
  /** Shows the live status until the person ends it. */
  readonly board: () => Promise<void>;
}

/** The demo's platform with order flow and nothing broken: to look at, and to break by hand (`holdfast lab break`). */
export async function runStart(options: StartOptions): Promise<void> {
  const { narrate } = options;
  const lab: LabName = { root: options.root, name: options.name };
  const topology = readTopology(options);
  let release = downOnSignal(lab, narrate);
  try {
    const { topologyFile, replace } = options;
    await bringUp({ lab, topology, topologyFile, command: 'holdfast start', attended: true, replace }, narrate);
    try {
      const platform = new Platform(lab, topology);
      await activate(platform, narrate);
      await startFlow(platform, options.ratePerSecond, narrate);
      release();
      // The board ends at the first signal; one that comes with it must not end what follows.
      release = onInterruption(() => {});
      await options.board();
    } finally {
      await bringDown(lab, narrate);
    }
  } finally {
    release();
  }
}
