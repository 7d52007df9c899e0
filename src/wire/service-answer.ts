import { type ServiceState, serviceStates } from '../core/health/service-state.ts';
import { Fields, numberItem } from './fields.ts';

/** What an agent answers when it is asked for the service of an instance. */
export interface ServiceAnswer {
  readonly instance: string;
  /** As the topology writes it. */
  readonly service: string;
  /** Null: its manager did not say; `said` is why. */
  readonly state: ServiceState | null;
  readonly said: string;
  /** Its manager refuses to start it; null: its manager knows no such thing. */
  readonly masked: boolean | null;
  /** What of it is alive; null: that cannot be seen, `hidden` is why. */
  readonly pids: readonly number[] | null;
  readonly hidden: string | null;
  readonly bar: { readonly epoch: number } | null;
  readonly barsBroken: number;
  readonly startsByItself: boolean | null;
}

/** @throws ShapeError */
export function parseServiceAnswer(value: unknown): ServiceAnswer {
  const fields = Fields.of(value, 'service');
  const flagOrNull = (name: string) => (fields.json(name, null) === null ? null : fields.flag(name));
  const bar = fields.fieldsOrNull('bar');
  return {
    instance: fields.text('instance'),
    service: fields.text('service'),
    state: fields.json('state', null) === null ? null : fields.oneOf('state', serviceStates),
    said: fields.words('said', ''),
    masked: flagOrNull('masked'),
    pids: fields.json('pids', null) === null ? null : fields.list('pids', numberItem),
    hidden: fields.json('hidden', null) === null ? null : fields.words('hidden'),
    bar: bar === null ? null : { epoch: bar.count('epoch') },
    barsBroken: fields.count('barsBroken', 0),
    startsByItself: flagOrNull('startsByItself'),
  };
}
