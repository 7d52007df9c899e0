import { readFile } from 'node:fs/promises';
import type { Json } from '../../core/base/canonical-json.ts';
import { unanchoredSentence } from '../../core/evidence/completeness.ts';
import { type EvidenceVerdict, evidenceProblems } from '../../core/evidence/verify-evidence.ts';
import { exportBundle, NotABundle, readEvidence, verifyChains } from '../../wire/evidence-bundle/bundle.ts';
import { causeText, HoldfastError } from '../../wire/holdfast-error.ts';
import type { CommandOutcome } from '../command-outcome.ts';

export interface EvidenceVerifyOptions {
  /** Bundle files, and directories that are searched for chains. */
  readonly paths: readonly string[];
  /** JSON file `{CHAIN: base64 public key}` of keys known from elsewhere. */
  readonly keysFile?: string;
}

/**
 * `holdfast evidence verify PATH… [--keys FILE]`: reads only. 0 = intact and complete up to the latest anchor; 1 = broken
 * or incomplete; 5 = intact, but completeness is not proved because no anchor is there.
 */
export async function evidenceVerify(options: EvidenceVerifyOptions): Promise<CommandOutcome> {
  return guarded('verify evidence', options.paths, async () => {
    const { chains, anchors } = await readEvidence(options.paths);
    if (chains.length === 0) throw nothingFound(options.paths);
    const trustedKeys = options.keysFile === undefined ? undefined : await readKeys(options.keysFile);
    const verdict = verifyChains(chains, { fromAuthority: anchors, ...(trustedKeys ? { trustedKeys } : {}) });
    return { exitCode: exitCodeOf(verdict), text: verdictText(verdict), json: verdict as unknown as Json };
  });
}

export interface EvidenceExportOptions {
  readonly directories: readonly string[];
  readonly out: string;
  readonly software: Readonly<Record<string, string>>;
  /** UTC, ms; the shell's clock. */
  readonly nowMs: number;
}

/**
 * `holdfast evidence export DIR… --out FILE`: writes everything that is there into one file, damaged or not, and says what
 * verification makes of it. The exit code tells whether the file was written (0), not whether the evidence holds.
 */
export async function evidenceExport(options: EvidenceExportOptions): Promise<CommandOutcome> {
  return guarded('export evidence', options.directories, async () => {
    const { chains } = await readEvidence(options.directories);
    if (chains.length === 0) throw nothingFound(options.directories);
    const { directories, out, software } = options;
    const createdAt = new Date(options.nowMs).toISOString();
    const bundle = await exportBundle({ directories, out, software, createdAt });
    const verdict = verifyChains(bundle.chains, { fromAuthority: bundle.anchors });
    const written = `Wrote ${bundle.chains.length} chains, ${verdict.entries} entries, to ${out}.`;
    return {
      exitCode: 0,
      text: `${written}\n${verdictText(verdict)}`,
      json: {
        out,
        chains: bundle.chains.length,
        entries: verdict.entries,
        integrity: verdict.integrity,
        completeness: verdict.completeness.verdict,
      },
    };
  });
}

function exitCodeOf(verdict: EvidenceVerdict): 0 | 1 | 5 {
  if (verdict.integrity === 'broken' || evidenceProblems(verdict).length > 0) return 1;
  if (verdict.completeness.verdict === 'incomplete') return 1;
  return verdict.completeness.verdict === 'complete' ? 0 : 5;
}

function verdictText(verdict: EvidenceVerdict): string {
  const { completeness } = verdict;
  const integrity = verdict.integrity === 'intact' ? '✓ intact' : '✕ broken';
  const complete = { complete: '✓', incomplete: '✕', unproven: '?' }[completeness.verdict];
  const width = Math.max(...verdict.chains.map((chain) => chain.chain.length));
  const lines = [
    `INTEGRITY     ${integrity}   ${verdict.entries} entries, ${verdict.chains.length} chains`,
    `COMPLETENESS  ${complete} ${completeness.sentence}`,
    '',
    ...verdict.chains.map(
      (chain) =>
        `${chain.integrity === 'intact' ? '✓' : '✕'} ${chain.chain.padEnd(width)}  ${String(chain.entries).padStart(7)} entries  key ${chain.fingerprint}  head ${chain.head?.hash.slice(0, 16) ?? 'none'}  ${chain.source}`,
    ),
    ...section('WRONG', evidenceProblems(verdict)),
    ...section('UNANCHORED', completeness.unanchored.map(unanchoredSentence)),
    ...section('NOTES', verdict.notes),
  ];
  return `${lines.join('\n')}\n`;
}

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];

async function readKeys(path: string): Promise<Readonly<Record<string, string>>> {
  const value: unknown = JSON.parse(await readFile(path, 'utf8'));
  if (typeof value !== 'object' || value === null || !Object.values(value).every((key) => typeof key === 'string'))
    throw new NotABundle('the keys file must be a JSON object: {"CHAIN": "base64 public key"}');
  return value as Readonly<Record<string, string>>;
}

const nothingFound = (paths: readonly string[]): HoldfastError =>
  new HoldfastError({
    code: 'HF-6010',
    attempted: `find evidence in ${paths.join(', ')}`,
    found: 'no directory with a chain.jsonl, and no bundle',
    next: 'name the state directory of a controller or agent, or a file written by "holdfast evidence export"',
  });

async function guarded(
  attempted: string,
  paths: readonly string[],
  work: () => Promise<CommandOutcome>,
): Promise<CommandOutcome> {
  if (paths.length === 0) throw nothingFound(paths);
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    const absent = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT' && 'path' in cause;
    if (absent)
      throw new HoldfastError({
        code: 'HF-6010',
        attempted: `${attempted} in ${paths.join(', ')}`,
        found: `there is no ${String(cause.path)}`,
        next: 'name paths that exist: state directories of controllers or agents, or bundles',
        cause,
      });
    throw new HoldfastError({
      code: 'HF-6011',
      attempted: `${attempted} in ${paths.join(', ')}`,
      found: causeText(cause),
      next: 'check that the path can be read, and is not being copied',
      cause,
    });
  }
}
