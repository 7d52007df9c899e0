import type { ComponentId, GroupId } from '../core/base/ids.ts';

/** Every key that Holdfast keeps in the authority. The authority is small: some hundred short keys. */
export const keys = {
  group: (group: GroupId) => `group/${group}`,
  lease: (group: GroupId, component: ComponentId) => `lease/${group}/${component}`,
  brakes: (group: GroupId) => `brakes/${group}`,
  /** Number and hash of the newest journal entry. */
  journalHead: (group: GroupId) => `journal/${group}/head`,
  journalEntry: (group: GroupId, number: number) => `journal/${group}/${String(number).padStart(9, '0')}`,
  /** Who leads and in which term; changes only when leadership does. */
  leader: 'leader',
  /** Counts while the leader is alive. */
  leaderRenewal: 'leader-renewal',
  /** Head of one evidence chain. */
  anchor: (chain: string) => `anchor/${chain}`,
} as const;
