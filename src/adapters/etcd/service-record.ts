import { addressIn } from '../../core/topology/served.ts';
import { Fields } from '../../wire/fields.ts';

/** Where a service is, under which epoch that was said; `address` null: nowhere for now. */
export interface ServiceRecord {
  /** `HOST:PORT`. */
  readonly address: string | null;
  readonly epoch: number;
}

/** `{"address":"HOST:PORT","epoch":N}`. @throws ShapeError when somebody else wrote it */
export function parseService(text: string): ServiceRecord {
  const fields = Fields.parse(text, 'service');
  const address = fields.textOrNull('address');
  if (address !== null && addressIn(address) === null) throw fields.error('address', 'must be HOST:PORT');
  return { address, epoch: fields.count('epoch') };
}

export const serviceText = ({ address, epoch }: ServiceRecord): string => JSON.stringify({ address, epoch });
