import { type TailAnswer, type TailEntry, type TailKind, tailKinds } from '../core/replication/divergent-tail.ts';
import { Fields, ShapeError, textItem } from './fields.ts';

/** @throws ShapeError */
export function tailKindItem(value: unknown, at: string): TailKind {
  const kind = tailKinds.find((each) => each === value);
  if (kind === undefined) throw new ShapeError(at, `must be one of ${tailKinds.join(', ')}`);
  return kind;
}

/** What an instance answers to `tail`. @throws ShapeError */
export function parseTailAnswer(value: unknown): TailAnswer {
  const fields = Fields.of(value, 'tail');
  const entries = fields.list('entries', entryOf);
  return {
    instance: fields.text('instance'),
    comparedWith: fields.text('comparedWith'),
    file: fields.text('file'),
    from: fields.text('from'),
    to: fields.text('to'),
    transactions: fields.count('transactions'),
    entries,
    inconclusive: fields.list('inconclusive', textItem),
    entryCount: fields.count('entryCount'),
    digest: fields.text('digest'),
  };
}

function entryOf(value: unknown, at: string): TailEntry {
  const fields = Fields.of(value, at);
  return {
    kind: fields.oneOf('kind', tailKinds),
    id: fields.words('id'),
    table: fields.text('table'),
    change: fields.oneOf('change', ['inserted', 'changed', 'deleted']),
    atNewPrimary: fields.oneOf('atNewPrimary', ['absent', 'same', 'differs', 'present']),
  };
}
