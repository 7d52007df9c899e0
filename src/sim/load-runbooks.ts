import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { parseRunbook } from '../core/plan/parse-runbook.ts';
import type { Runbook, RunbookId } from '../core/plan/runbook.ts';

/** The shipped runbooks; the simulator runs what production runs. Throws on one that cannot be used. */
export function loadRunbooks(
  directory: URL = new URL('../../runbooks/', import.meta.url),
): ReadonlyMap<RunbookId, Runbook> {
  const runbooks = new Map<RunbookId, Runbook>();
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.yaml'))) {
    const parsed = parseRunbook(parse(readFileSync(new URL(name, directory), 'utf8')));
    if (!parsed.ok) throw new Error(`HF-1101 ${name}: ${parsed.error.join('; ')}`);
    runbooks.set(parsed.value.id, parsed.value);
  }
  return runbooks;
}
