import type { LabName } from '../cli.ts';
import { labDown } from '../cli.ts';
import type { Narrate } from './acts.ts';
import { activate, bringUp, downOnSignal, startFlow } from './bring-up.ts';
import { readTopology } from './demo.ts';
import { Platform } from './platform.ts';

export interface StartOptions {
  readonly root: string;
  readonly name: string;
  readonly topologyFile: string;
  readonly overlays: readonly string[];
  readonly ratePerSecond: number;
  readonly narrate: Narrate;
  /** Shows the live status until the person ends it. */
  readonly board: () => Promise<void>;
}

/** The demo's platform with order flow and nothing broken: to look at, and to break by hand (`holdfast lab break`). */
export async function runStart(options: StartOptions): Promise<void> {
  const { narrate } = options;
  const lab: LabName = { root: options.root, name: options.name };
  const topology = readTopology(options);
  const release = downOnSignal(lab, narrate);
  try {
    await bringUp(lab, topology, options.topologyFile, narrate);
    const platform = new Platform(lab, topology);
    await activate(platform, narrate);
    await startFlow(platform, options.ratePerSecond, narrate);
    release();
    await options.board();
  } finally {
    release();
    narrate('bringing the lab down');
    await labDown(lab);
  }
}
