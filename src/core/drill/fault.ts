import type { ComponentId, HostId, InstanceId, SiteId } from '../base/ids.ts';
import { componentId, hostId, instanceId, siteId } from '../base/ids.ts';
import { err, ok, type Result } from '../base/result.ts';

/** A place by its part in the play, so that one scenario fits many firms; `named` ties it to one. */
export type SitePhrase =
  | { readonly kind: 'active' }
  /** The serving site that would be preferred next. */
  | { readonly kind: 'standby' }
  | { readonly kind: 'witness' }
  | { readonly kind: 'named'; readonly site: SiteId };

export type InstancePhrase =
  /** Who holds the grant of the component now. */
  | { readonly kind: 'primary'; readonly component: ComponentId }
  /** Another instance in the same site as the primary. */
  | { readonly kind: 'standby'; readonly component: ComponentId }
  /** An instance in the standby site. */
  | { readonly kind: 'remote-standby'; readonly component: ComponentId }
  | { readonly kind: 'named'; readonly instance: InstanceId };

export type HostPhrase =
  | { readonly kind: 'host-of'; readonly instance: InstancePhrase }
  | { readonly kind: 'named'; readonly host: HostId };

/** What can be killed or frozen alone. */
export type ProcessPhrase =
  | { readonly kind: 'instance'; readonly instance: InstancePhrase }
  | { readonly kind: 'agent'; readonly host: HostPhrase }
  | { readonly kind: 'warden'; readonly host: HostPhrase }
  /** Agent, warden and every instance. */
  | { readonly kind: 'host'; readonly host: HostPhrase }
  | { readonly kind: 'leading-controller' }
  | { readonly kind: 'controller'; readonly site: SitePhrase };

/** What is done to a firm, whoever does it: the simulator, the lab, or a drill. */
export type ScenarioFault =
  | { readonly kind: 'kill'; readonly target: ProcessPhrase }
  | { readonly kind: 'freeze'; readonly target: ProcessPhrase }
  | { readonly kind: 'host-power-off'; readonly host: HostPhrase }
  | { readonly kind: 'site-power-off'; readonly site: SitePhrase }
  | { readonly kind: 'isolate'; readonly site: SitePhrase }
  | { readonly kind: 'cut'; readonly from: SitePhrase; readonly to: SitePhrase; readonly oneWay: boolean }
  | { readonly kind: 'silence'; readonly host: HostPhrase }
  | { readonly kind: 'stop-authority' }
  /** Somebody promotes it without asking Holdfast. */
  | { readonly kind: 'rogue-promotion'; readonly instance: InstancePhrase };

/** A kill and a rogue promotion have no end; every other fault must say when it ends, on its target, by itself. */
export const endsByItself = (fault: ScenarioFault): boolean =>
  fault.kind !== 'kill' && fault.kind !== 'rogue-promotion';

export const FAULT_PHRASES: readonly string[] = [
  'kill PROCESS',
  'freeze PROCESS',
  'power off HOST',
  'power off SITE',
  'isolate SITE',
  'cut SITE from SITE',
  'cut one way SITE to SITE',
  'silence HOST',
  'stop the authority',
  'promote INSTANCE behind our back',
];

export const TARGET_PHRASES: readonly string[] = [
  'SITE: active site, standby site, witness site, site NAME',
  'INSTANCE: primary of COMPONENT, standby of COMPONENT, remote standby of COMPONENT, instance NAME',
  'HOST: host of INSTANCE, host NAME',
  'PROCESS: INSTANCE, agent of INSTANCE, warden of INSTANCE, HOST, leading controller, controller at SITE',
];

const NAME = '([A-Za-z0-9][A-Za-z0-9_-]*)';

export function parseSite(text: string): SitePhrase | null {
  const part = /^(active|standby|witness) site$/.exec(text);
  if (part) return { kind: part[1] as 'active' | 'standby' | 'witness' };
  const named = new RegExp(`^site ${NAME}$`).exec(text);
  return named ? { kind: 'named', site: siteId(named[1]!) } : null;
}

export function parseInstance(text: string): InstancePhrase | null {
  const part = new RegExp(`^(primary|standby|remote standby) of ${NAME}$`).exec(text);
  if (part) {
    const kind = part[1] === 'remote standby' ? 'remote-standby' : (part[1] as 'primary' | 'standby');
    return { kind, component: componentId(part[2]!) };
  }
  const named = new RegExp(`^instance ${NAME}$`).exec(text);
  return named ? { kind: 'named', instance: instanceId(named[1]!) } : null;
}

export function parseHost(text: string): HostPhrase | null {
  const instance = after(text, 'host of ', parseInstance);
  if (instance) return { kind: 'host-of', instance };
  const named = new RegExp(`^host ${NAME}$`).exec(text);
  return named ? { kind: 'named', host: hostId(named[1]!) } : null;
}

export function parseProcess(text: string): ProcessPhrase | null {
  if (text === 'leading controller') return { kind: 'leading-controller' };
  const site = after(text, 'controller at ', parseSite);
  if (site) return { kind: 'controller', site };
  for (const kind of ['agent', 'warden'] as const) {
    const instance = after(text, `${kind} of `, parseInstance);
    if (instance) return { kind, host: { kind: 'host-of', instance } };
  }
  const host = parseHost(text);
  if (host) return { kind: 'host', host };
  const instance = parseInstance(text);
  return instance ? { kind: 'instance', instance } : null;
}

/** One fault in words, as `FAULT_PHRASES` lists them. The error says what was expected. */
export function parseFault(text: string): Result<ScenarioFault, string> {
  if (text === 'stop the authority') return ok({ kind: 'stop-authority' });
  for (const kind of ['kill', 'freeze'] as const)
    if (text.startsWith(`${kind} `)) return withTarget(text, `${kind} `, parseProcess, (target) => ({ kind, target }));
  if (text.startsWith('power off ')) {
    const site = after(text, 'power off ', parseSite);
    return site
      ? ok({ kind: 'site-power-off', site })
      : withTarget(text, 'power off ', parseHost, (host) => ({ kind: 'host-power-off', host }));
  }
  if (text.startsWith('isolate ')) return withTarget(text, 'isolate ', parseSite, (site) => ({ kind: 'isolate', site }));
  if (text.startsWith('silence ')) return withTarget(text, 'silence ', parseHost, (host) => ({ kind: 'silence', host }));
  const rogue = /^promote (.+) behind our back$/.exec(text);
  if (rogue) return withTarget(rogue[1]!, '', parseInstance, (instance) => ({ kind: 'rogue-promotion', instance }));
  const cut = /^cut (one way )?(.+) (from|to) (.+)$/.exec(text);
  if (cut && (cut[1] === undefined) === (cut[3] === 'from')) return parseCut(cut[2]!, cut[4]!, cut[1] !== undefined);
  return err(`"${text}" is not a fault; use one of: ${FAULT_PHRASES.join(' · ')}`);
}

function parseCut(left: string, right: string, oneWay: boolean): Result<ScenarioFault, string> {
  const from = parseSite(left);
  const to = parseSite(right);
  if (!from || !to) return err(`"${from ? right : left}" is not a site; ${TARGET_PHRASES[0]}`);
  return ok({ kind: 'cut', from, to, oneWay });
}

function withTarget<Target>(
  text: string,
  verb: string,
  parse: (text: string) => Target | null,
  make: (target: Target) => ScenarioFault,
): Result<ScenarioFault, string> {
  const rest = text.slice(verb.length);
  const target = parse(rest);
  return target ? ok(make(target)) : err(`"${rest}" cannot be meant by "${verb.trim() || 'promote'}"; ${TARGET_PHRASES.join(' · ')}`);
}

function after<Phrase>(text: string, start: string, parse: (rest: string) => Phrase | null): Phrase | null {
  return text.startsWith(start) ? parse(text.slice(start.length)) : null;
}
