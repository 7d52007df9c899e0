import { ok, type Result } from '../base/result.ts';
import {
  CONTROLLER_WORDS,
  type ControllerPhrase,
  FREEZE_WORDS,
  type FreezePhrase,
  HOST_WORDS,
  type HostPhrase,
  INSTANCE_WORDS,
  type InstancePhrase,
  KILL_WORDS,
  type KillPhrase,
  readController,
  readFreeze,
  readHost,
  readInstance,
  readKill,
  readSite,
  SITE_WORDS,
  type SitePhrase,
} from './cast.ts';
import { parseDuration } from './condition.ts';
import { type Misread, misread } from './misread.ts';

/** What is done to a firm, whoever does it: the simulator, the lab, or a drill. */
export type ScenarioFault =
  | { readonly kind: 'kill'; readonly target: KillPhrase }
  | { readonly kind: 'freeze'; readonly target: FreezePhrase }
  | { readonly kind: 'host-power-off'; readonly host: HostPhrase }
  | { readonly kind: 'site-power-off'; readonly site: SitePhrase }
  | { readonly kind: 'isolate'; readonly site: SitePhrase }
  | { readonly kind: 'cut'; readonly from: SitePhrase; readonly to: SitePhrase; readonly oneWay: boolean }
  /** Cut for so long, both ways, then open for as long, and so on. */
  | { readonly kind: 'flap'; readonly from: SitePhrase; readonly to: SitePhrase; readonly everyMs: number }
  /** So much of what they send each other arrives late, as after a retransmission. */
  | { readonly kind: 'loss'; readonly from: SitePhrase; readonly to: SitePhrase; readonly percent: number }
  | { readonly kind: 'silence'; readonly host: HostPhrase }
  /** What it writes is on its disk only so much later. */
  | { readonly kind: 'slow-disk'; readonly instance: InstancePhrase; readonly diskMs: number }
  /** Nothing more can be written: it ends, and each start ends at once, for as long as there is no space. */
  | { readonly kind: 'full-disk'; readonly instance: InstancePhrase }
  /** What its machine says that the time is; how fast time passes does not change. */
  | { readonly kind: 'wrong-clock'; readonly target: ControllerPhrase; readonly byMs: number }
  /** It serves, and does not answer its agent. */
  | { readonly kind: 'hide'; readonly instance: InstancePhrase }
  /** What it computed is no longer what its journal amounts to. */
  | { readonly kind: 'alter-state'; readonly instance: InstancePhrase }
  | { readonly kind: 'stop-authority' }
  | { readonly kind: 'copy-authority' }
  /** Everything since the copy is forgotten. */
  | { readonly kind: 'restore-authority' }
  /** Somebody promotes it without asking Holdfast. */
  | { readonly kind: 'rogue-promotion'; readonly instance: InstancePhrase };

/** Every other fault must say when it ends, on its target, by itself. */
export const isOverAtOnce = ({ kind }: ScenarioFault): boolean => AT_ONCE.includes(kind);

const AT_ONCE: readonly ScenarioFault['kind'][] = [
  'kill',
  'rogue-promotion',
  'alter-state',
  'copy-authority',
  'restore-authority',
];

export const FAULT_PHRASES: readonly string[] = [
  'kill PROCESS',
  'freeze PROCESS for TIME',
  'power off HOST for TIME',
  'power off SITE for TIME',
  'isolate SITE for TIME',
  'cut SITE from SITE for TIME',
  'cut one way SITE to SITE for TIME',
  'flap the link of SITE and SITE every TIME for TIME',
  'lose PERCENT % between SITE and SITE for TIME',
  'silence HOST for TIME',
  'slow the disk of INSTANCE to TIME for TIME',
  'fill the disk of INSTANCE for TIME',
  'set the clock of leading controller back by TIME for TIME',
  'set the clock of leading controller forward by TIME for TIME',
  'hide INSTANCE from its agent for TIME',
  'alter the state of INSTANCE',
  'stop the authority for TIME',
  'copy the authority',
  'restore the authority from its copy',
  'promote INSTANCE behind our back',
];

/** One fault in words, as `FAULT_PHRASES` lists them, without its time. */
export function parseFault(text: string): Result<ScenarioFault, Misread> {
  if (text === 'stop the authority') return ok({ kind: 'stop-authority' });
  if (text === 'copy the authority') return ok({ kind: 'copy-authority' });
  if (text === 'restore the authority from its copy') return ok({ kind: 'restore-authority' });
  const rogue = /^promote (.+) behind our back$/.exec(text)?.[1];
  if (rogue !== undefined)
    return read(rogue, readInstance, INSTANCE_WORDS, (instance) => ({ kind: 'rogue-promotion', instance }));
  const hidden = /^hide (.+) from its agent$/.exec(text)?.[1];
  if (hidden !== undefined)
    return read(hidden, readInstance, INSTANCE_WORDS, (instance) => ({ kind: 'hide', instance }));
  const altered = /^alter the state of (.+)$/.exec(text)?.[1];
  if (altered !== undefined)
    return read(altered, readInstance, INSTANCE_WORDS, (instance) => ({ kind: 'alter-state', instance }));
  const flap = /^flap the link of (.+) and (.+) every (.+)$/.exec(text);
  if (flap) return parseFlap(flap[1]!, flap[2]!, flap[3]!);
  const loss = /^lose (\d+) % between (.+) and (.+)$/.exec(text);
  if (loss) return parseLoss(Number(loss[1]), loss[2]!, loss[3]!);
  const slow = /^slow the disk of (.+) to (.+)$/.exec(text);
  if (slow) return parseSlowDisk(slow[1]!, slow[2]!);
  const full = /^fill the disk of (.+)$/.exec(text)?.[1];
  if (full !== undefined)
    return read(full, readInstance, INSTANCE_WORDS, (instance) => ({ kind: 'full-disk', instance }));
  const clock = /^set the clock of (.+) (back|forward) by (.+)$/.exec(text);
  if (clock) return parseClock(clock[1]!, clock[2] === 'back' ? -1 : 1, clock[3]!);
  const cut = /^cut (one way )?(.+) (from|to) (.+)$/.exec(text);
  if (cut && (cut[1] === undefined) === (cut[3] === 'from')) return parseCut(cut[2]!, cut[4]!, cut[1] !== undefined);
  const [, verb, what] = /^(kill|freeze|power off|isolate|silence) (.+)$/.exec(text) ?? [];
  switch (verb) {
    case 'kill':
      return read(what!, readKill, KILL_WORDS, (target) => ({ kind: 'kill', target }));
    case 'freeze':
      return read(what!, readFreeze, FREEZE_WORDS, (target) => ({ kind: 'freeze', target }));
    case 'isolate':
      return read(what!, readSite, SITE_WORDS, (site) => ({ kind: 'isolate', site }));
    case 'silence':
      return read(what!, readHost, HOST_WORDS, (host) => ({ kind: 'silence', host }));
    case 'power off': {
      const site = readSite(what!);
      if (site) return ok({ kind: 'site-power-off', site });
      return read(what!, readHost, `${SITE_WORDS} · ${HOST_WORDS}`, (host) => ({ kind: 'host-power-off', host }));
    }
    default:
      return misread(`"${text}" is not a fault`, `one of: ${FAULT_PHRASES.join(' · ')}`);
  }
}

function parseCut(left: string, right: string, oneWay: boolean): Result<ScenarioFault, Misread> {
  const ends = parseEnds(left, right);
  return ends.ok ? ok({ kind: 'cut', ...ends.value, oneWay }) : ends;
}

function parseFlap(left: string, right: string, every: string): Result<ScenarioFault, Misread> {
  const ends = parseEnds(left, right);
  if (!ends.ok) return ends;
  const everyMs = parseDuration(every);
  return everyMs.ok ? ok({ kind: 'flap', ...ends.value, everyMs: everyMs.value }) : everyMs;
}

function parseLoss(percent: number, left: string, right: string): Result<ScenarioFault, Misread> {
  if (percent < 1 || percent > 100) return misread(`${percent} % cannot be lost`, 'a whole number from 1 to 100');
  const ends = parseEnds(left, right);
  return ends.ok ? ok({ kind: 'loss', ...ends.value, percent }) : ends;
}

function parseSlowDisk(who: string, time: string): Result<ScenarioFault, Misread> {
  const diskMs = parseDuration(time);
  if (!diskMs.ok) return diskMs;
  return read(who, readInstance, INSTANCE_WORDS, (instance) => ({
    kind: 'slow-disk',
    instance,
    diskMs: diskMs.value,
  }));
}

function parseClock(who: string, sign: number, time: string): Result<ScenarioFault, Misread> {
  const byMs = parseDuration(time);
  if (!byMs.ok) return byMs;
  return read(who, readController, CONTROLLER_WORDS, (target) => ({
    kind: 'wrong-clock',
    target,
    byMs: sign * byMs.value,
  }));
}

function parseEnds(left: string, right: string): Result<{ from: SitePhrase; to: SitePhrase }, Misread> {
  const from = readSite(left);
  const to = readSite(right);
  return from && to ? ok({ from, to }) : misread(`"${from ? right : left}" is not a site`, SITE_WORDS);
}

function read<Target>(
  text: string,
  reader: (text: string) => Target | null,
  words: string,
  make: (target: Target) => ScenarioFault,
): Result<ScenarioFault, Misread> {
  const target = reader(text);
  return target ? ok(make(target)) : misread(`"${text}" is nothing that this can be done to`, words);
}
