import type { ComponentId, HostId, InstanceId, SiteId } from '../base/ids.ts';
import { componentId, hostId, instanceId, siteId } from '../base/ids.ts';

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

export type ControllerPhrase =
  | { readonly kind: 'leading-controller' }
  | { readonly kind: 'controller'; readonly site: SitePhrase };

/** What can be killed alone. Whoever supervises it starts it again: an agent its instances, the host's own supervisor the others. */
export type KillPhrase =
  | { readonly kind: 'instance'; readonly instance: InstancePhrase }
  | { readonly kind: 'agent'; readonly host: HostPhrase }
  | ControllerPhrase;

/** What can be frozen alone. */
export type FreezePhrase =
  | KillPhrase
  | { readonly kind: 'warden'; readonly host: HostPhrase }
  /** Agent, warden and every instance. */
  | { readonly kind: 'host'; readonly host: HostPhrase };

export const SITE_WORDS = 'SITE: active site, standby site, witness site, site NAME';
export const INSTANCE_WORDS =
  'INSTANCE: primary of COMPONENT, standby of COMPONENT, remote standby of COMPONENT, instance NAME';
export const HOST_WORDS = `HOST: host of INSTANCE, host NAME · ${INSTANCE_WORDS}`;
export const CONTROLLER_WORDS = `leading controller, controller at SITE · ${SITE_WORDS}`;
export const KILL_WORDS = `PROCESS: INSTANCE, agent of INSTANCE, leading controller, controller at SITE · ${INSTANCE_WORDS} · ${SITE_WORDS}`;
export const FREEZE_WORDS = `PROCESS: INSTANCE, agent of INSTANCE, warden of INSTANCE, HOST, leading controller, controller at SITE · ${HOST_WORDS} · ${SITE_WORDS}`;

const NAME = '([A-Za-z0-9][A-Za-z0-9_-]*)';

/** Null from each of these: no such phrase. */
export function readSite(text: string): SitePhrase | null {
  const part = /^(active|standby|witness) site$/.exec(text);
  if (part) return { kind: part[1] as 'active' | 'standby' | 'witness' };
  const named = new RegExp(`^site ${NAME}$`).exec(text);
  return named ? { kind: 'named', site: siteId(named[1]!) } : null;
}

export function readInstance(text: string): InstancePhrase | null {
  const part = new RegExp(`^(primary|standby|remote standby) of ${NAME}$`).exec(text);
  if (part) {
    const kind = part[1] === 'remote standby' ? 'remote-standby' : (part[1] as 'primary' | 'standby');
    return { kind, component: componentId(part[2]!) };
  }
  const named = new RegExp(`^instance ${NAME}$`).exec(text);
  return named ? { kind: 'named', instance: instanceId(named[1]!) } : null;
}

export function readHost(text: string): HostPhrase | null {
  const instance = after(text, 'host of ', readInstance);
  if (instance) return { kind: 'host-of', instance };
  const named = new RegExp(`^host ${NAME}$`).exec(text);
  return named ? { kind: 'named', host: hostId(named[1]!) } : null;
}

export function readController(text: string): ControllerPhrase | null {
  if (text === 'leading controller') return { kind: 'leading-controller' };
  const site = after(text, 'controller at ', readSite);
  return site ? { kind: 'controller', site } : null;
}

export function readKill(text: string): KillPhrase | null {
  const controller = readController(text);
  if (controller) return controller;
  const beside = after(text, 'agent of ', readInstance);
  if (beside) return { kind: 'agent', host: { kind: 'host-of', instance: beside } };
  const instance = readInstance(text);
  return instance ? { kind: 'instance', instance } : null;
}

export function readFreeze(text: string): FreezePhrase | null {
  const beside = after(text, 'warden of ', readInstance);
  if (beside) return { kind: 'warden', host: { kind: 'host-of', instance: beside } };
  const host = readHost(text);
  return host ? { kind: 'host', host } : readKill(text);
}

function after<Phrase>(text: string, start: string, read: (rest: string) => Phrase | null): Phrase | null {
  return text.startsWith(start) ? read(text.slice(start.length)) : null;
}
