/** A run as the evidence of the controllers has it. Times are this machine's wall clock. */
export interface RunSeen {
  readonly run: string;
  readonly openedAtMs: number;
  /** When what led to it was first seen. */
  readonly detectedAtMs: number;
  readonly runbook: string;
  readonly trigger: string;
  readonly scope: 'instance' | 'site';
  readonly moves: readonly { readonly component: string; readonly from: string | null; readonly to: string }[];
  /** Null while it is open. */
  readonly result: string | null;
  /** By how much it raised the group's epoch, as recorded. */
  readonly raised: number;
}

/** A fault of ours: from its cause until the platform had settled after it. */
export interface Planted {
  readonly name: string;
  readonly instance: string;
  readonly atMs: number;
  readonly settledAtMs: number;
}

/** A processor was not run by what is below the kernel. */
export interface Standstill {
  readonly processor: number;
  readonly endedAtMs: number;
  readonly lastedMs: number;
}

export interface FreezeSeen extends Planted {
  /** By the client's clock; null when no outage was seen, or it did not end. */
  readonly outageMs: number | null;
  readonly problem: string | null;
}

export interface WrongFailover {
  /** Null: the epoch rose and no run says why. */
  readonly run: RunSeen | null;
  readonly why: string;
  /** Standstills that no software on this machine could have told from a dead process; empty = it is the product's. */
  readonly excusedBy: readonly Standstill[];
}

export interface FreezeJudged extends FreezeSeen {
  readonly met: boolean | 'inconclusive';
  readonly excusedBy: readonly Standstill[];
}

export interface Judgement {
  readonly wrong: readonly WrongFailover[];
  readonly freezes: readonly FreezeJudged[];
  readonly verdict: 'met' | 'missed' | 'inconclusive';
}

/**
 * A living engine says so every 100 ms, and nobody may take it for dead before 220 ms of silence: a processor that stood still for
 * less than the difference cannot be what made a living engine look dead.
 */
export const EXCUSE_FROM_MS = 120;
/** A wrong failover follows from what was not heard shortly before it was decided. */
const EXCUSES_FOR_MS = 2000;

/**
 * A run is asked for when it is the first one after a planted freeze, before the platform settled, and takes nothing but the frozen
 * instance's right; also a further one, once the one before it has failed. Every other run, and every rise of the epoch without a
 * run, is wrong.
 */
export function judge(seen: {
  readonly runs: readonly RunSeen[];
  readonly freezes: readonly FreezeSeen[];
  readonly standstills: readonly Standstill[];
  readonly epochFrom: number;
  readonly epochTo: number;
  readonly goalMs: number;
  /** Somebody stopped processes and continued them, so often. What followed is theirs, and nothing is judged. */
  readonly stops: number;
}): Judgement {
  const { standstills, goalMs } = seen;
  const served = new Set<FreezeSeen>();
  const wrong: WrongFailover[] = [];
  for (const run of seen.runs) {
    const why = whyWrong(run, seen.freezes, served);
    if (why !== null) wrong.push({ run, why, excusedBy: excuses(standstills, run) });
  }
  const unexplained = seen.epochTo - seen.epochFrom - seen.runs.reduce((sum, { raised }) => sum + raised, 0);
  if (unexplained !== 0)
    wrong.push({
      run: null,
      why: `the epoch went from ${seen.epochFrom} to ${seen.epochTo}, ${unexplained} more than the runs' evidence says`,
      excusedBy: [],
    });
  const freezes = seen.freezes.map((freeze) => judgeFreeze(freeze, standstills, goalMs));
  const missed =
    freezes.length === 0 ||
    wrong.some(({ excusedBy }) => excusedBy.length === 0) ||
    freezes.some(({ met }) => met === false);
  const doubtful = wrong.length > 0 || freezes.some(({ met }) => met !== true);
  const verdict = seen.stops > 0 ? 'inconclusive' : missed ? 'missed' : doubtful ? 'inconclusive' : 'met';
  return { wrong, freezes, verdict };
}

function whyWrong(run: RunSeen, freezes: readonly FreezeSeen[], served: Set<FreezeSeen>): string | null {
  const fault = freezes.find(({ atMs, settledAtMs }) => run.openedAtMs >= atMs && run.openedAtMs <= settledAtMs);
  if (fault === undefined) return 'nothing was broken';
  if (served.has(fault)) return `${fault.instance} had been replaced already, and nothing else was broken`;
  if (run.scope !== 'instance') return `only ${fault.instance} was frozen, and a whole site was replaced`;
  const healthy = run.moves.filter(({ from }) => from !== null && from !== fault.instance);
  if (healthy.length > 0) return `${healthy.map(({ from }) => from).join(', ')} lost its right and was not broken`;
  if (run.result === 'completed' || run.result === null) served.add(fault);
  return null;
}

const excuses = (standstills: readonly Standstill[], { openedAtMs }: RunSeen): readonly Standstill[] =>
  standstills.filter(
    ({ endedAtMs, lastedMs }) =>
      lastedMs >= EXCUSE_FROM_MS && endedAtMs >= openedAtMs - EXCUSES_FOR_MS && endedAtMs - lastedMs <= openedAtMs,
  );

/** Missed in doubt only if, without the time for which processors stood still meanwhile, it would have been met. */
function judgeFreeze(freeze: FreezeSeen, standstills: readonly Standstill[], goalMs: number): FreezeJudged {
  const { outageMs, atMs } = freeze;
  if (outageMs === null) return { ...freeze, met: false, excusedBy: [] };
  if (outageMs <= goalMs) return { ...freeze, met: true, excusedBy: [] };
  const meanwhile = standstills.filter(
    ({ endedAtMs, lastedMs }) => endedAtMs >= atMs && endedAtMs - lastedMs <= atMs + outageMs,
  );
  const stoodStillMs = meanwhile.reduce((sum, { lastedMs }) => sum + lastedMs, 0);
  return outageMs - stoodStillMs <= goalMs
    ? { ...freeze, met: 'inconclusive', excusedBy: meanwhile }
    : { ...freeze, met: false, excusedBy: [] };
}
