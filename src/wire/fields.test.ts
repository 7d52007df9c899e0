import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields, ShapeError, textOrNullItem } from './fields.ts';
import { FrameTooLong, LineFrames } from './line-frames.ts';
import { parseOperatorRequest } from './operator-api.ts';
import { identityOf, mustBe } from './peer-identity.ts';

test('a complaint names the path to what is wrong', () => {
  const fields = Fields.parse('{"command":{"order":{"instances":[{"name":"a"},{"name":7}]}}}', '');
  const order = fields.fields('command').fields('order');
  assert.throws(
    () => order.list('instances', (value, at) => Fields.of(value, at).text('name')),
    /"command.order.instances\[1\].name" must be a text/,
  );
  assert.throws(() => fields.count('term'), /"term" is missing; it must be a whole number/);
});

test('members that an object only inherits are not there', () => {
  const fields = Fields.parse('{}', 'frame');
  assert.equal(fields.has('constructor'), false);
  assert.throws(() => fields.text('constructor'), ShapeError);
});

test('null is absent, and a default is used for it', () => {
  const fields = Fields.parse('{"a":null,"routes":{"orders":null,"database":"pg"}}', '');
  assert.equal(fields.textOrNull('a'), null);
  assert.equal(fields.count('a', 4), 4);
  assert.equal(fields.json('a', null), null);
  assert.deepEqual(fields.map('routes', textOrNullItem), { orders: null, database: 'pg' });
});

test('lines are cut where they end, whatever the pieces; an endless one is refused', () => {
  const frames = new LineFrames({ maxLength: 10 });
  assert.deepEqual([...frames.push('ab'), ...frames.push('c\n\nde\nf'), ...frames.push('\n')], ['abc', 'de', 'f']);
  frames.push('0123456789');
  assert.throws(() => frames.push('0'), FrameTooLong);
});

test('a request of a person is read member by member', () => {
  assert.deepEqual(parseOperatorRequest({ kind: 'plan', group: 'trading', move: 'failover', more: 1 }), {
    kind: 'plan',
    group: 'trading',
    move: 'failover',
    toSite: null,
    overrides: [],
    acceptDataLoss: null,
    ticket: null,
  });
  const move = { kind: 'move', group: 'trading', move: 'switchover', reason: 'r' };
  assert.throws(() => parseOperatorRequest({ ...move, acceptDataLoss: 'orders:1' }), /a switchover loses nothing/);
  assert.throws(() => parseOperatorRequest({ ...move, move: 'failover', acceptDataLoss: ' ' }), /must name the loss/);
  assert.deepEqual(parseOperatorRequest({ kind: 'adopt', group: 'trading', reason: 'snapshot', more: 1 }), {
    kind: 'adopt',
    group: 'trading',
    reason: 'snapshot',
  });
  assert.throws(
    () => parseOperatorRequest({ kind: 'approve', group: 'trading', digest: 'd', minutes: -1 }),
    /request.minutes/,
  );
  assert.throws(
    () => parseOperatorRequest({ kind: 'freeze', group: 'trading', reason: 'x'.repeat(2001) }),
    /at most 2000/,
  );
});

test('a certificate that names two people, or an unknown role, names nobody', () => {
  const certificate = (subject: object) => ({ subject }) as never;
  assert.deepEqual(identityOf(certificate({ CN: 'east-1', OU: 'agent' })), { name: 'east-1', role: 'agent' });
  assert.equal(identityOf(certificate({ CN: ['a', 'b'], OU: 'agent' })), null);
  assert.equal(identityOf(certificate({ CN: 'a', OU: 'root' })), null);
  assert.equal(identityOf(null), null);
  assert.match(
    mustBe({ name: 'east', role: 'controller' })('', certificate({ CN: 'east', OU: 'agent' }))?.message ?? '',
    /expected controller east, found agent east/,
  );
});
