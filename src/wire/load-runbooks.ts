import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { parseRunbook } from '../core/plan/parse-runbook.ts';
import type { Runbook, RunbookId } from '../core/plan/runbook.ts';
import { HoldfastError } from './holdfast-error.ts';

const shipped = new URL(import.meta.url.endsWith('.ts') ? '../../runbooks/' : '../../../runbooks/', import.meta.url);

/**
 * The runbooks of a directory, by default the shipped ones; each sound, none missing.
 * @throws HoldfastError HF-1101 naming the file and every problem in it
 */
export function loadRunbooks(directory: URL = shipped): ReadonlyMap<RunbookId, Runbook> {
  const runbooks = new Map<RunbookId, Runbook>();
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.yaml'))) {
    const parsed = parseRunbook(parse(readFileSync(new URL(name, directory), 'utf8')));
    if (!parsed.ok)
      throw new HoldfastError({
        code: 'HF-1101',
        attempted: `read the runbook ${name}`,
        found: parsed.error.join('; '),
        next: 'correct the file; docs/reference/runbooks.md lists the steps and their order',
      });
    runbooks.set(parsed.value.id, parsed.value);
  }
  return runbooks;
}
