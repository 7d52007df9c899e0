import type { DurabilityMode, Grant, GroupRecord } from '../core/authority/group-record.ts';
import type { AgentEvidence } from './agent-effects.ts';
import type { LocalInstance } from './local-instance.ts';

/**
 * What a holder's agent writes down when the durability mode changes: without whom from now on, and where the log ends, so that what
 * is acknowledged in a stretch without a second copy can be counted from the evidence alone. The position is the last that was seen: at
 * the begin of a stretch it is no later than the truth, at its end no earlier than what the copies have, so a count is never too small.
 */
export function durabilityEvidence(
  { instance, component, observation }: LocalInstance,
  record: GroupRecord,
  grant: Grant,
  before: DurabilityMode['kind'] | null,
): AgentEvidence {
  const { mode, ackSet, promotable } = grant;
  const position = observation?.position ?? null;
  return {
    kind: 'durability-changed',
    instance: instance.id,
    data: {
      from: before,
      to: mode.kind,
      ackSet: [...ackSet],
      promotable: [...promotable],
      component: component.id,
      epoch: record.epoch,
      lost: mode.kind === 'strict' ? [] : [...mode.lost],
      position: position === null ? null : { generation: position.generation, sequence: position.sequence },
    },
  };
}

/** Told of one mode once, whoever wrote it: the run that granted it, a person who ended a halt, or this agent. */
export class ToldMode {
  #told: { readonly kind: DurabilityMode['kind']; readonly essence: string } | null = null;

  /** The mode that was told before, where this is another one; `'same'` where there is nothing to tell. */
  next({ mode, epoch }: Grant): DurabilityMode['kind'] | null | 'same' {
    const essence = mode.kind === 'strict' ? mode.kind : `${mode.kind} ${epoch} ${mode.lost.join(' ')}`;
    const before = this.#told;
    this.#told = { kind: mode.kind, essence };
    if (before === null) return mode.kind === 'strict' ? 'same' : null;
    return before.essence === essence ? 'same' : before.kind;
  }
}
