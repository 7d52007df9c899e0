const steps = [
  { unit: 'd', ms: 86_400_000 },
  { unit: 'h', ms: 3_600_000 },
  { unit: 'min', ms: 60_000 },
  { unit: 's', ms: 1000 },
] as const;

/** A duration as the topology file writes it: `15min`, `20.5min`, `30s`, `250ms`. Parsing the text gives it back. */
export function durationText(ms: number): string {
  if (ms === 0) return '0s';
  const step = steps.find((each) => ms >= each.ms && (ms * 100) % each.ms === 0);
  return step ? `${ms / step.ms}${step.unit}` : `${ms}ms`;
}
