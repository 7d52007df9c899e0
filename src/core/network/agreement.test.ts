import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agreementOf, type Claim } from './agreement.ts';

const record = (vantage: string, name: string | null, epoch: number): Claim => ({
  vantage,
  subject: 'engine',
  source: 'record',
  says: { kind: 'writer', name },
  epoch,
});
const seen = (vantage: string, name: string, epoch: number | null): Claim => ({
  ...record(vantage, name, 0),
  source: 'seen',
  epoch,
});
const unknown = (vantage: string): Claim => ({ ...seen(vantage, '', null), says: { kind: 'unknown', why: 'silent' } });
const only = (claims: readonly Claim[]) => agreementOf(claims)[0]!;

test('everybody names the writer of the newest record, and that is agreement', () => {
  const { verdict, agreed, against } = only([record('nyc', 'e1', 4), record('chi', 'e1', 4), seen('e1', 'e1', 5)]);
  assert.deepEqual([verdict, agreed, against], ['agree', { writer: 'e1', epoch: 4 }, []]);
});

test('an old record differs although most hold it', () => {
  const { verdict, agreed, against } = only([record('nyc', 'e1', 3), record('ldn', 'e1', 3), record('chi', 'e2', 4)]);
  assert.deepEqual([verdict, agreed], ['differ', { writer: 'e2', epoch: 4 }]);
  assert.deepEqual(
    against.map(({ vantage, says }) => `${vantage}: ${says}`),
    ['nyc: e1, epoch 3', 'ldn: e1, epoch 3'],
  );
});

test('two records of one epoch that name different writers: nothing is agreed, and both are named', () => {
  const { verdict, agreed, against } = only([record('nyc', 'e1', 4), record('chi', 'e2', 4)]);
  assert.deepEqual([verdict, agreed, against.length], ['differ', null, 2]);
});

test('an instance that still writes under an older epoch, and one that follows somebody else, are named', () => {
  const { verdict, against } = only([
    record('chi', 'e2', 4),
    seen('e1', 'e1', 3),
    seen('e3', 'e1', 4),
    seen('e2', 'e2', 3),
  ]);
  assert.equal(verdict, 'differ');
  assert.deepEqual(
    against.map(({ vantage }) => vantage),
    ['e1', 'e3', 'e2'],
  );
});

test('who says nothing agrees with nobody', () => {
  const { verdict, with: agrees, unknown: open } = only([record('nyc', 'e1', 4), unknown('chi')]);
  assert.deepEqual([verdict, agrees, open], ['unknown', ['nyc'], [{ vantage: 'chi', why: 'silent' }]]);
});

test('without any record nothing is agreed, whatever is seen', () => {
  const { verdict, agreed } = only([unknown('nyc'), seen('e1', 'e1', 4)]);
  assert.deepEqual([verdict, agreed], ['unknown', null]);
});

test('a closed front agrees as long as clients are led elsewhere', () => {
  const closed = (name: string): Claim => ({ ...seen(`front-${name}`, '', null), says: { kind: 'not', name } });
  assert.equal(only([record('nyc', 'nyc', 4), closed('chi')]).verdict, 'agree');
  assert.equal(only([record('nyc', 'nyc', 4), closed('nyc')]).verdict, 'differ');
});
