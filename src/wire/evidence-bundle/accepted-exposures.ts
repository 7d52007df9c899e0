import { type ChainItem, isUnreadable } from '../../core/evidence/chain-text.ts';
import type { EvidenceEntry } from '../../core/evidence/evidence-entry.ts';
import type { EvidenceVerdict } from '../../core/evidence/verify-evidence.ts';
import type { RecoveryReport } from '../../core/objective/recovery-report.ts';
import { chainCopy, type StoredChain } from './chain-directory.ts';

/** A halt that a named person ended: what went on acknowledging without its copy, from when on, and until when. */
export interface AcceptedExposure {
  /** UTC, ms, on the clock of the controller that wrote it. */
  readonly atMs: number;
  readonly person: string;
  readonly role: string;
  readonly reason: string;
  readonly group: string | null;
  readonly epoch: number | null;
  readonly covered: readonly CoveredComponent[];
  readonly evidence: { readonly chain: string; readonly sequence: number };
  /** False: the chain that says so does not verify. */
  readonly intact: boolean;
}

export interface CoveredComponent {
  readonly component: string;
  readonly holder: string | null;
  /** Without whom it went on. */
  readonly lost: readonly string[];
  /** Where the holder's log stood; what was acknowledged after it was at risk. Null = it was not known. */
  readonly position: { readonly generation: number; readonly sequence: number } | null;
  /** When the holder's agent recorded the end: every copy back, or another halt. Null = this evidence has no end of it. */
  readonly endedAtMs: number | null;
  readonly endedBy: 'strict' | 'halted' | null;
}

/** A report together with what people took upon themselves; absent where the evidence was not asked for it. */
export type ReportWithExposures = RecoveryReport & { readonly acceptedExposures?: readonly AcceptedExposure[] };

/** Every `exposure-accepted` of these chains, oldest first, each once however many copies there are of its chain. */
export function acceptedExposures(
  chains: readonly StoredChain[],
  verdict: EvidenceVerdict,
): readonly AcceptedExposure[] {
  const entries = chains.flatMap((stored) => chainCopy(stored).items.filter(isEntry));
  const ends = entries.flatMap(endOf);
  const broken = new Set(verdict.chains.filter(({ integrity }) => integrity !== 'intact').map(({ chain }) => chain));
  const found = new Map<string, AcceptedExposure>();
  for (const entry of entries) {
    if (entry.kind !== 'exposure-accepted') continue;
    const data = fieldsOf(entry.data);
    found.set(`${entry.hash} ${entry.chain} ${entry.sequence}`, {
      atMs: entry.at,
      person: textOf(data['person']),
      role: textOf(data['role']),
      reason: textOf(data['reason']),
      group: entry.group,
      epoch: entry.epoch,
      covered: listOf(data['exposure']).map((each) => coveredBy(fieldsOf(each), entry.at, ends)),
      evidence: { chain: entry.chain, sequence: entry.sequence },
      intact: !broken.has(entry.chain),
    });
  }
  return [...found.values()].toSorted((left, right) => left.atMs - right.atMs);
}

interface ModeChange {
  readonly instance: string;
  readonly to: 'strict' | 'halted';
  readonly atMs: number;
}

const isEntry = (item: ChainItem): item is EvidenceEntry => !isUnreadable(item);

/** Agents write `{instance, about: {from, to, …}}`. */
function endOf({ kind, data, at }: EvidenceEntry): readonly ModeChange[] {
  if (kind !== 'durability-changed') return [];
  const { instance, about } = fieldsOf(data);
  const to = fieldsOf(about)['to'];
  return typeof instance === 'string' && (to === 'strict' || to === 'halted') ? [{ instance, to, atMs: at }] : [];
}

function coveredBy(data: Fields, atMs: number, ends: readonly ModeChange[]): CoveredComponent {
  const holder = typeof data['holder'] === 'string' ? data['holder'] : null;
  const end = ends
    .filter((change) => change.instance === holder && change.atMs > atMs)
    .toSorted((left, right) => left.atMs - right.atMs)[0];
  const { generation, sequence } = fieldsOf(data['position']);
  return {
    component: textOf(data['component']),
    holder,
    lost: listOf(data['lost']).map(textOf),
    position: typeof generation === 'number' && typeof sequence === 'number' ? { generation, sequence } : null,
    endedAtMs: end?.atMs ?? null,
    endedBy: end?.to ?? null,
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** Evidence is shown also where another version wrote it: what is not there is said to be missing, never guessed. */
const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const textOf = (value: unknown): string => (typeof value === 'string' && value !== '' ? value : 'not recorded');
