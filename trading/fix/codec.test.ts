import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fixFrame } from '../testing/fix-text.ts';
import { BodyWriter, cleanText, UnwritableValue } from './body-writer.ts';
import { FixMessage } from './fix-message.ts';
import { FrameEncoder } from './frame-encoder.ts';
import { FrameReader } from './frame-reader.ts';
import { PARTIES } from './message-table.ts';

const read = (bytes: Buffer, cuts: readonly number[] = []): { messages: string[]; garbled: string[] } => {
  const messages: string[] = [];
  const garbled: string[] = [];
  const reader = new FrameReader({
    maxMessageBytes: 4096,
    onMessage: (message) => messages.push(message.toString()),
    onGarbled: (found) => garbled.push(found),
  });
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    reader.push(bytes.subarray(from, cut));
    from = cut;
  }
  return { messages, garbled };
};

const message = (fields: string): FixMessage => {
  const parsed = new FixMessage();
  const frame = fixFrame(fields);
  parsed.index(frame, 0, frame.length);
  return parsed;
};

const heartbeat = fixFrame('35=0|34=7|49=A|56=B|52=20260105-09:00:00.000');

describe('the frame reader', () => {
  test('finds the same messages whatever pieces the bytes arrive in', () => {
    const frames = [heartbeat, fixFrame('35=D|34=8|11=x|96=a'), fixFrame('35=1|34=9|112=t')];
    const bytes = Buffer.concat(frames);
    const whole = read(bytes).messages;
    assert.equal(whole.length, 3);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
        const sorted = cuts.toSorted((a, b) => a - b);
        assert.deepEqual(read(bytes, sorted), { messages: whole, garbled: [] });
      }),
    );
    assert.deepEqual(read(bytes, [...bytes.keys()]).messages, whole);
  });

  test('with one byte changed or lost, never takes another message for it, and finds the next one again', () => {
    const bytes = Buffer.concat([heartbeat, fixFrame('35=1|34=8|112=t'), heartbeat, heartbeat]);
    const known = new Set(read(bytes).messages);
    for (let at = 0; at < heartbeat.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= 1 << bit;
        const { messages, garbled } = read(changed);
        assert.ok(messages.every((each) => known.has(each)));
        assert.equal(garbled.length > 0 && messages.length >= 1, true, `byte ${at} bit ${bit}`);
      }
      const shorter = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
      assert.ok(read(shorter).messages.every((each) => known.has(each)));
    }
  });

  test('survives any bytes, and what follows them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        const { messages } = read(Buffer.concat([noise, Buffer.from('\u0001'), heartbeat, heartbeat]));
        assert.ok(messages.length <= 2);
      }),
      { numRuns: 2000 },
    );
  });

  test('tells of noise again and again, so that its owner can end it', () => {
    const { garbled } = read(
      Buffer.alloc(40_960, 'x'),
      [...Array(40).keys()].map((at) => at * 1024),
    );
    assert.ok(garbled.length >= 9 && garbled.length <= 12, `${garbled.length}`);
  });

  for (const [what, text] of [
    ['a first field that is not BeginString', '9=5|8=FIX.4.4|35=0|10=000|'],
    ['a second field that is not BodyLength', '8=FIX.4.4|35=0|9=5|10=000|'],
    ['a third field that is not MsgType', '8=FIX.4.4|9=5|34=1|10=000|'],
    ['a BodyLength that leads elsewhere', '8=FIX.4.4|9=6|35=0|34=1|10=000|'],
    ['a BodyLength that is no number', '8=FIX.4.4|9=x|35=0|10=000|'],
    ['a wrong CheckSum', '8=FIX.4.4|9=5|35=0|10=000|'],
    ['a message larger than the limit', '8=FIX.4.4|9=5000|35=0|'],
  ] as const)
    test(`calls ${what} garbled and goes on`, () => {
      const { messages, garbled } = read(Buffer.concat([Buffer.from(text.replaceAll('|', '\u0001')), heartbeat]));
      assert.ok(garbled.length >= 1);
      assert.equal(messages.length, 1);
    });
});

describe('a message', () => {
  test('gives values as what they are asked for, or null', () => {
    const order = message('35=D|34=12|11=id-1|44=101.250|38=500|43=Y|60=20260105-09:00:00.123|58=grüß|99=1e5|6=-0.5');
    assert.equal(order.msgType, 'D');
    assert.equal(order.text(11), 'id-1');
    assert.equal(order.int(34), 12);
    assert.equal(order.scaled(44, 2), 10125);
    assert.equal(order.scaled(44, 4), 1012500);
    assert.equal(order.scaled(44, 1), null);
    assert.equal(order.scaled(38, 0), 500);
    assert.equal(order.scaled(6, 2), -50);
    assert.equal(order.scaled(99, 2), null);
    assert.equal(order.flag(43), true);
    assert.equal(order.flag(97), false);
    assert.equal(order.utcMs(60), Date.UTC(2026, 0, 5, 9, 0, 0, 123));
    assert.equal(order.text(58), 'grüß');
    assert.equal(order.int(44), null);
    assert.equal(order.int(54), null);
  });

  test('keeps a delimiter inside a data field', () => {
    const logon = new FixMessage();
    const frame = fixFrame('35=A|95=5|96=a|b=c|98=0');
    logon.index(frame, 0, frame.length);
    assert.equal(logon.text(96), 'a\u0001b=c');
    assert.equal(logon.int(98), 0);
    assert.equal(logon.problem, null);
  });

  test('shows the entries of a repeating group', () => {
    const order = message('35=D|453=2|448=a|447=D|452=1|448=b|452=3|55=X');
    const entries = order.groupEntries(PARTIES.countTag, PARTIES.firstTag, PARTIES.members);
    assert.equal(entries.length, 3);
    assert.equal(order.text(448, entries[1], entries[2]), 'b');
    assert.equal(order.text(447, entries[1], entries[2]), null);
    assert.equal(order.text(447, entries[0], entries[1]), 'D');
  });

  for (const [fields, reason, tag] of [
    ['35=0|11=|34=1', 4, 11],
    ['35=0|x=1|34=1', 0, 0],
    ['35=0|=1|34=1', 0, 0],
    ['35=0|011=1|34=1', 0, 0],
    ['35=0|text|34=1', 0, 0],
    ['35=A|95=9|96=a|34=1', 6, 96],
  ] as const)
    test(`says what is wrong with ${fields}, and still has the number`, () => {
      const wrong = message(fields);
      assert.deepEqual([wrong.problem?.reason, wrong.problem?.tag], [reason, tag]);
      assert.equal(wrong.int(34), 1);
    });
});

describe('the encoder', () => {
  const encoder = new FrameEncoder({ beginString: 'FIX.4.4', senderCompId: 'A', targetCompId: 'B' });
  const writer = new BodyWriter(16);

  test('writes what the reader reads', () => {
    const fields = writer
      .begin()
      .text(11, 'id-1')
      .scaled(44, 10125, 2)
      .scaled(6, -5, 3)
      .int(38, 0)
      .flag(141, false)
      .utc(60, Date.UTC(2026, 11, 31, 23, 59, 59, 7))
      .data(95, 96, Buffer.from('a\u0001b'))
      .body();
    const frame = encoder.encode(
      { msgType: 'D', seq: 1234567, sendingMs: Date.UTC(2026, 0, 5), possDup: true, origSendingMs: 0 },
      fields,
    );
    assert.deepEqual(read(frame).messages, [
      '8=FIX.4.4|9=157|35=D|49=A|56=B|34=1234567|43=Y|52=20260105-00:00:00.000|122=19700101-00:00:00.000|11=id-1|44=101.25|6=-0.005|38=0|141=N|60=20261231-23:59:59.007|95=3|96=a|b|10=' +
        `${frame.subarray(-4, -1).toString()}|`,
    ]);
  });

  test('gives back any text, number and price it was given', () => {
    const values = fc.record({
      text: fc.stringMatching(/^[ -~]{1,40}$/),
      int: fc.integer(),
      price: fc.integer({ min: -1e12, max: 1e12 }),
      decimals: fc.nat(8),
      atMs: fc.integer({ min: 0, max: 4e12 }),
    });
    fc.assert(
      fc.property(values, ({ text, int, price, decimals, atMs }) => {
        const fields = writer.begin().text(58, text).int(108, int).scaled(44, price, decimals).utc(60, atMs).body();
        const parsed = new FixMessage();
        const frame = encoder.encode({ msgType: 'D', seq: 1, sendingMs: atMs }, fields);
        parsed.index(frame, 0, frame.length);
        assert.equal(parsed.text(58), text);
        assert.equal(parsed.int(108), int);
        assert.equal(parsed.scaled(44, decimals), price);
        assert.equal(parsed.utcMs(60), atMs);
        assert.equal(read(frame).messages.length, 1);
      }),
    );
  });

  test('refuses a value that would add a field', () => {
    assert.throws(() => writer.begin().text(11, 'a\u000154=2'), UnwritableValue);
    assert.throws(() => writer.begin().text(11, ''), UnwritableValue);
    assert.throws(() => writer.begin().int(38, 1.5), UnwritableValue);
    assert.equal(cleanText('a\u000154=2 €'), 'a 54=2 ?');
  });
});
