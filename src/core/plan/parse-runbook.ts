import { err, ok, type Result } from '../base/result.ts';
import { checkRunbook, RUNBOOK_IDS, type Runbook, type RunbookId } from './runbook.ts';

/** A runbook from its file's content, already read as data. Every problem is named, not only the first. */
export function parseRunbook(value: unknown): Result<Runbook, readonly string[]> {
  if (!isObject(value)) return err(['a runbook is a mapping with id, version, title and steps']);
  const { id, version, title, steps } = value;
  const problems: string[] = [];
  if (!RUNBOOK_IDS.includes(id as RunbookId)) problems.push(`id: "${String(id)}" is none of ${RUNBOOK_IDS.join(', ')}`);
  if (!Number.isInteger(version)) problems.push('version: a whole number is needed');
  if (typeof title !== 'string') problems.push('title: a sentence is needed');
  if (!Array.isArray(steps)) problems.push('steps: a list is needed');
  const parsed = Array.isArray(steps) ? steps.map((step, at) => parseStep(step, at, problems)) : [];
  if (problems.length > 0) return err(problems);
  const runbook = { id, version, title, steps: parsed } as Runbook;
  const unsound = checkRunbook(runbook);
  return unsound.length > 0 ? err(unsound) : ok(runbook);
}

function parseStep(step: unknown, at: number, problems: string[]): Runbook['steps'][number] {
  const place = `steps[${at}]`;
  if (!isObject(step)) {
    problems.push(`${place}: a mapping with kind, deadlineMs and does is needed`);
    return { kind: 'revoke', deadlineMs: 0, does: '' };
  }
  const { kind, deadlineMs, does, onExpiry, action, ...rest } = step;
  if (typeof kind !== 'string') problems.push(`${place}.kind: missing`);
  if (typeof deadlineMs !== 'number') problems.push(`${place}.deadlineMs: a number of milliseconds is needed`);
  if (typeof does !== 'string') problems.push(`${place}.does: a sentence for people is needed`);
  for (const unknown of Object.keys(rest)) problems.push(`${place}.${unknown}: unknown`);
  return {
    kind,
    deadlineMs,
    does,
    ...(onExpiry === undefined ? {} : { onExpiry }),
    ...(action === undefined ? {} : { action }),
  } as Runbook['steps'][number];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
