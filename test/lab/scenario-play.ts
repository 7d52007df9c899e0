import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { LabDirectory } from '../../lab/lab-directory.ts';
import type { PlayGround } from '../../lab/scenario/ground-switches.ts';
import { notPlayed } from '../../lab/scenario/not-played.ts';
import { playInLab } from '../../lab/scenario/play-in-lab.ts';
import type { Scenario } from '../../src/core/drill/scenario.ts';
import { topologyOf } from '../../src/sim/build-topology.ts';
import { loadScenario } from '../../src/sim/load-scenario.ts';
import { shapeOf } from '../../src/sim/scenario-shape.ts';
import { projectRoot } from './lab-under-test.ts';

const directory = join(projectRoot, 'scenarios');
/** As `patient.yaml`, unless the shipped timing is asked for. */
const pace = process.env['HOLDFAST_SUITE_TIMING'] === 'shipped' ? 1 : 2.5;
const labNames = { loopback: 'suite-play', netns: 'suite-play-netns' } as const satisfies Record<PlayGround, string>;

export interface ShippedScenario {
  readonly file: string;
  readonly scenario: Scenario;
}

export const shippedScenario = (file: string): ShippedScenario => ({
  file: `scenarios/${file}`,
  scenario: loadScenario(join(directory, file), file),
});

export const shippedScenarios = (): readonly ShippedScenario[] =>
  readdirSync(directory)
    .filter((file) => file.endsWith('.scenario'))
    .toSorted()
    .map(shippedScenario);

/** Plays one in a lab of its own; a failure tells the whole story. */
export async function playsInLab(
  context: TestContext,
  { file, scenario }: ShippedScenario,
  ground: PlayGround = 'loopback',
): Promise<void> {
  const name = labNames[ground];
  const obstacle = notPlayed(scenario, ground);
  if (obstacle !== null) {
    context.skip(obstacle.reason);
    return;
  }
  const story: string[] = [];
  try {
    const { verdict, reason } = await playInLab({
      root: projectRoot,
      name,
      file,
      scenario,
      firm: topologyOf(shapeOf(scenario)),
      pace,
      ground,
      ratePerSecond: 100,
      command: 'npm run test:lab',
      say: (line) => story.push(line),
    });
    assert.equal(verdict, 'held', `${reason ?? ''}\n${story.join('\n')}`);
  } finally {
    rmSync(new LabDirectory(projectRoot, name).path, { recursive: true, force: true });
  }
}
