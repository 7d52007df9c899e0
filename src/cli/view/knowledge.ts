import type { Json } from '../../core/base/canonical-json.ts';
import type { ReceiptView } from './receipt-view.ts';
import type { GroupView, StatusView } from './status-view.ts';
import { elapsedText } from './time-text.ts';

/** Everything that one screen is drawn from: what a controller answered, and what was asked besides. */
export interface Knowledge {
  readonly status: StatusView;
  readonly raw: Json;
  /** Since the answer came. */
  readonly receivedMsAgo: number;
  /** What a failover would do now, by group. */
  readonly outlooks: Readonly<Record<string, Outlook>>;
  /** Since when each component acknowledges without its peer, UTC ms; null = not found in the history. */
  readonly exposedSince: Readonly<Record<string, Readonly<Record<string, number | null>>>>;
}

/** A dry run, or why there is none. */
export type Outlook =
  | { readonly kind: 'planned'; readonly receipt: ReceiptView }
  | { readonly kind: 'refused'; readonly found: string }
  | { readonly kind: 'no-leader' }
  | { readonly kind: 'not-asked'; readonly why: string };

/** From here on the authority counts as silent to whoever reads; the controllers' own bound may be shorter. */
const authoritySilentMs = 5000;

/** Why nothing can be approved or run now; null when it can, as far as this answer says. */
export function standstill({
  status,
  outlooks,
  receivedMsAgo,
}: Knowledge): { readonly word: string; readonly sentence: string } | null {
  const { controller, authority } = status;
  const no = (found: string) => ({ word: 'NO QUORUM', sentence: `${found}: nothing can be approved or run` });
  if (authority.heardMsAgo === null) return no(`${controller.id} never heard the authority`);
  const silentMs = authority.heardMsAgo + receivedMsAgo;
  if (silentMs > authoritySilentMs) return no(`the authority is silent for ${elapsedText(silentMs)}`);
  for (const group of status.groups)
    if (knownDiagnoses(status, group).some(({ kind }) => kind === 'ControlPlaneWithoutQuorum'))
      return no('the authority does not answer');
  const leaderless = !controller.leading && Object.values(outlooks).some(({ kind }) => kind === 'no-leader');
  return leaderless ? { word: 'NO LEADER', sentence: 'no controller leads: nothing can be approved or run' } : null;
}

/** Only a leader diagnoses; what another one remembers from when it led says nothing about now. */
export const knownDiagnoses = (status: StatusView, group: GroupView) =>
  status.controller.leading ? group.diagnoses : [];

export const knownDecision = (status: StatusView, group: GroupView): ReceiptView | null =>
  status.controller.leading ? group.decision : null;

/** Sites of controllers that are configured as observers, and those of them that have a word on anything now. */
export function observersOf(group: GroupView): {
  readonly all: readonly string[];
  readonly speaking: readonly string[];
} {
  const all = [...new Set(group.hosts.flatMap(({ observers }) => observers.map(({ site }) => site)))];
  const speaking = all.filter((site) =>
    group.hosts.some(({ observers }) => observers.some((one) => one.site === site && one.opinion !== 'unknown')),
  );
  return { all, speaking };
}

/** What each observer says of a site: `silent` when it hears none of its hosts, `alive` when it hears one. */
export function opinionsOn(
  group: GroupView,
  site: string,
): readonly { readonly observer: string; readonly opinion: string }[] {
  const hosts = group.hosts.filter((host) => host.site === site);
  return observersOf(group).all.map((observer) => {
    const words = hosts.flatMap(({ observers }) =>
      observers.filter((one) => one.site === observer).map((one) => one.opinion),
    );
    const opinion = words.includes('alive') ? 'alive' : words.includes('silent') ? 'silent' : 'unknown';
    return { observer, opinion };
  });
}

/** Since anything was heard from a site, by whoever heard it last; null when nobody says. */
export function siteSilentMs(group: GroupView, site: string): number | null {
  const heard = group.hosts
    .filter((host) => host.site === site)
    .flatMap(({ observers }) => observers.filter((one) => one.opinion !== 'unknown').map((one) => one.silentMs));
  return heard.length === 0 ? null : Math.min(...heard);
}

/** The last that was seen, for a value that is no longer known. */
export function lastSeenText(observation: { readonly role: string; readonly process: string } | null): string {
  if (observation === null) return 'never seen';
  return `was ${observation.process === 'running' ? observation.role : `${observation.role}, ${observation.process}`}`;
}
