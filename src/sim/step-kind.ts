import type { ControllerProcess } from './controller-process.ts';

/** Of the run that this controller leads; a recovery action's step has its own name. */
export const stepKind = (leader: ControllerProcess, step: string): string => {
  const run = leader.core ? [...leader.core.groups.values()][0]!.run() : null;
  return run?.plan.steps.find(({ id }) => id === step)?.kind ?? step;
};
