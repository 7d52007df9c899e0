import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixFrame } from '../testing/fix-text.ts';
import { FixMessage } from './fix-message.ts';
import { MessageCheck } from './message-check.ts';
import { isDefinedMsgType, messageSpec } from './message-table.ts';

const check = new MessageCheck();
const problemOf = (fields: string) => {
  const message = new FixMessage();
  const frame = fixFrame(fields);
  message.index(frame, 0, frame.length);
  return check.problemOf(message, messageSpec(message.msgType)!);
};

const HEAD = '34=1|49=A|56=B|52=20260105-09:00:00';
const ORDER = `35=D|${HEAD}|11=x|55=S|54=1|60=20260105-09:00:00|40=2|44=1.5|38=10`;

test('a complete order is right, with parties, user-defined fields and fields of FIX 4.4 that nobody reads here', () => {
  for (const more of [
    '',
    '|453=2|448=a|447=D|452=1|448=b|447=D|452=3',
    '|453=1|448=a|447=D|452=1|802=1|523=s|803=4',
    '|386=1|336=day',
    '|5001=x|20000=y|5001=z',
    '|555=1|600=leg|624=1',
    '|354=3|355=a|b',
  ])
    assert.equal(problemOf(ORDER + more), null, more);
});

for (const [what, fields, reason, tag] of [
  ['a required field is missing', ORDER.replace('|54=1', ''), 1, 54],
  ['a field belongs to another message', `${ORDER}|150=0`, 2, 150],
  ['FIX 4.4 has no such field', `${ORDER}|4000=x`, 3, 4000],
  ['a field has no value', `${ORDER}|58=`, 4, 58],
  ['a value has no meaning', ORDER.replace('|54=1', '|54=Z'), 5, 54],
  ['a price is no number', ORDER.replace('44=1.5', '44=1e5'), 6, 44],
  ['a time is none', ORDER.replace('60=20260105-09:00:00', '60=20260230-09:00:00'), 6, 60],
  ['a flag is neither Y nor N', `${ORDER}|114=1`, 6, 114],
  ['a field stands twice', `${ORDER}|11=y`, 13, 11],
  ['a header field stands in the body', `${ORDER}|97=Y`, 14, 97],
  ['a group does not begin with its first field', `${ORDER}|453=1|447=D|448=a`, 15, 447],
  ['a group says another number of entries', `${ORDER}|453=3|448=a|448=b`, 16, 453],
] as const)
  test(`it is rejected with reason ${reason} when ${what}`, () => {
    const problem = problemOf(fields);
    assert.deepEqual([problem?.reason, problem?.tag], [reason, tag], problem?.text);
    assert.match(problem?.text ?? '', /[a-z]/);
  });

test('message types are in use, defined only, or neither', () => {
  assert.notEqual(messageSpec('AF'), undefined);
  assert.equal(messageSpec('B'), undefined);
  assert.equal(isDefinedMsgType('B'), true);
  assert.equal(isDefinedMsgType('U1'), true);
  assert.equal(isDefinedMsgType('I'), false);
  assert.equal(isDefinedMsgType('ZZ'), false);
});
