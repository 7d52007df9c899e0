import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { emptyIdView, type IdView, idText } from '../base/id-view.ts';
import { decodeReport, encodeReport, ReportMessage } from './answers.ts';
import { FrameReader } from './frame-reader.ts';
import { HEADER_BYTES, MESSAGES, type MessageLayout, VERSION, WIRE_REASONS, WIRE_REPORT_KINDS } from './layout.ts';
import {
  CancelMessage,
  decodeCancel,
  decodeFence,
  decodeLogon,
  decodeMassCancel,
  decodeNew,
  decodeReplace,
  decodeStatusRequest,
  encodeCancel,
  encodeNew,
  FenceMessage,
  LogonMessage,
  MassCancelMessage,
  NewMessage,
  ReplaceMessage,
  requestId,
} from './requests.ts';
import { WireBuffer } from './wire-buffer.ts';

const text = (length: number) =>
  fc.string({
    minLength: 1,
    maxLength: length,
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  });
const viewOf = (value: string): IdView => ({ bytes: Buffer.from(value, 'latin1'), at: 0, length: value.length });
const safe = fc.maxSafeNat();

describe('layout', () => {
  test('fields do not overlap, lie behind the header and fill no more than the message', () => {
    const sizes = { u8: 1, u32: 4, u64: 8, 'text 16': 16, 'text 32': 32 } as const;
    for (const [name, { fields, length }] of Object.entries(MESSAGES)) {
      let end = HEADER_BYTES;
      const laidOut: MessageLayout['fields'] = fields;
      for (const [field, [offset, kind]] of Object.entries(laidOut).sort((a, b) => a[1][0] - b[1][0])) {
        assert.ok(offset >= end, `${name}.${field} begins inside another field`);
        if (kind === 'u64') assert.equal(offset % 8, 0, `${name}.${field} is not aligned`);
        end = offset + sizes[kind];
      }
      assert.ok(end <= length && length % 8 === 0, `${name} has ${length} bytes, its fields end at ${end}`);
    }
    const types = Object.values(MESSAGES).map(({ type }) => type);
    assert.equal(new Set(types).size, types.length);
  });
});

test('what is encoded is decoded as it was', () => {
  const order = fc.record({
    id: text(32),
    symbol: text(16),
    price: safe,
    quantity: safe,
    epoch: safe,
    side: fc.nat(1),
    type: fc.nat(1),
    timeInForce: fc.nat(3),
    selfTrade: fc.nat(5),
    dry: fc.nat(1),
  });
  fc.assert(
    fc.property(order, ({ id, symbol, ...rest }) => {
      const buffer = new WireBuffer(16);
      encodeNew(buffer, Object.assign(new NewMessage(), rest, { id: viewOf(id), symbol: viewOf(symbol) }));
      const into = new NewMessage();
      assert.equal(decodeNew(buffer.bytes, buffer.view, 0, into), true);
      assert.deepEqual({ ...into, id: idText(into.id), symbol: idText(into.symbol) }, { ...rest, id, symbol });
    }),
  );
  const reported = fc.record({
    kind: fc.constantFrom(...WIRE_REPORT_KINDS),
    n: safe,
    atMs: safe,
    id: text(32),
    target: text(32),
    symbol: text(16),
    side: fc.nat(1),
    type: fc.nat(1),
    timeInForce: fc.nat(3),
    price: safe,
    quantity: safe,
    open: safe,
    trade: safe,
    maker: fc.boolean(),
    reason: fc.constantFrom(...WIRE_REASONS),
    epoch: safe,
  });
  fc.assert(
    fc.property(reported, ({ id, target, symbol, ...rest }) => {
      const buffer = new WireBuffer();
      encodeReport(buffer, { ...rest, id: viewOf(id), target: viewOf(target) }, viewOf(symbol));
      const into = new ReportMessage();
      assert.equal(decodeReport(buffer.bytes, buffer.view, 0, into), true);
      const { cut, ...same } = into;
      const texts = { id: idText(into.id), target: idText(into.target), symbol: idText(into.symbol) };
      assert.deepEqual({ ...same, ...texts }, { ...rest, id, target, symbol });
      assert.equal(cut, false);
    }),
  );
});

test('an id that has no room is marked as cut', () => {
  const buffer = new WireBuffer();
  const long = viewOf('x'.repeat(33));
  const report = new ReportMessage();
  encodeReport(buffer, { ...report, id: long, target: viewOf('t') }, viewOf('X'));
  assert.equal(decodeReport(buffer.bytes, buffer.view, 0, report), true);
  assert.equal(report.cut, true);
});

test('a stream is cut into the same messages however it is split', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), text(32)), { minLength: 1, maxLength: 30 }), sizes, (sent, splits) => {
      const buffer = new WireBuffer();
      for (const [order, id] of sent)
        if (order) encodeNew(buffer, Object.assign(new NewMessage(), { id: viewOf(id), symbol: viewOf('X') }));
        else encodeCancel(buffer, Object.assign(new CancelMessage(), { id: viewOf(id), target: viewOf('t') }));
      const got: string[] = [];
      const id = emptyIdView();
      const reader = new FrameReader({
        onFrame: (type, bytes, _, at) => {
          requestId(type, bytes, at, id);
          got.push(`${type} ${idText(id)}`);
        },
        onBroken: () => got.push('broken'),
        onUnknown: () => got.push('unknown'),
      });
      const all = buffer.bytes.subarray(0, buffer.end);
      for (let at = 0, turn = 0; at < all.length; turn++) {
        const size = splits[turn % splits.length]!;
        reader.push(Uint8Array.from(all.subarray(at, at + size)));
        at += size;
      }
      assert.deepEqual(
        got,
        sent.map(([order, each]) => `${order ? 4 : 5} ${each}`),
      );
    }),
  );
});

const RUNS = Number(process.env['HOLDFAST_PROTOCOL_RUNS'] ?? 3000);

test('whatever bytes come, readers answer and never throw, and a broken stream is reported once', () => {
  const layouts = Object.values(MESSAGES);
  const wellFramed = fc.constantFrom(...layouts).chain(({ type, length }) =>
    fc.record({
      length: fc.constant(length),
      type: fc.constant(type),
      version: fc.constant(VERSION as number),
      body: fc.uint8Array({ minLength: length - HEADER_BYTES, maxLength: length - HEADER_BYTES }),
    }),
  );
  const framedAnyhow = fc.record({
    length: fc.nat(0xffff),
    type: fc.oneof(fc.constantFrom(...layouts.map((each) => each.type as number)), fc.nat(255)),
    version: fc.nat(255),
    body: fc.uint8Array({ maxLength: 200 }),
  });
  const header = fc.oneof({ weight: 4, arbitrary: wellFramed }, { weight: 1, arbitrary: framedAnyhow });
  let frames = 0;
  let broken = 0;
  fc.assert(
    fc.property(fc.array(header, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 50 }), (sent, size) => {
      const bytes = Buffer.concat(
        sent.map(({ length, type, version, body }) => {
          const whole = Buffer.alloc(8 + body.length);
          whole.writeUInt16LE(length, 0);
          whole[2] = type;
          whole[3] = version;
          whole.set(body, 8);
          return whole;
        }),
      );
      let ends = 0;
      const reader = new FrameReader({
        onFrame: (_, frame, view, at) => {
          assert.equal(ends, 0);
          frames += 1;
          decodeAll(frame, view, at);
        },
        onBroken: () => {
          ends += 1;
        },
        onUnknown: () => {},
      });
      for (let at = 0; at < bytes.length; at += size) reader.push(Uint8Array.from(bytes.subarray(at, at + size)));
      assert.ok(ends <= 1);
      broken += ends;
    }),
    { numRuns: RUNS },
  );
  assert.ok(frames > RUNS && broken > RUNS / 10, `${frames} frames, ${broken} broken streams`);
});

/** As if it were each of the messages that fit into what is there. */
const decodeAll = (bytes: Uint8Array, view: DataView, at: number): void => {
  const room = bytes.length - at;
  const id = emptyIdView();
  if (room >= 128) decodeLogon(bytes, view, at, new LogonMessage());
  if (room >= 88) decodeNew(bytes, view, at, new NewMessage());
  if (room >= 80) decodeCancel(bytes, view, at, new CancelMessage());
  if (room >= 80) decodeFence(bytes, view, at, new FenceMessage());
  if (room >= 96) decodeReplace(bytes, view, at, new ReplaceMessage());
  if (room >= 72) decodeMassCancel(bytes, view, at, new MassCancelMessage());
  if (room >= 40) decodeStatusRequest(bytes, at, id);
  if (room >= 152) decodeReport(bytes, view, at, new ReportMessage());
};

test('what was handed over stays as it is while other messages are written', () => {
  const buffer = new WireBuffer();
  const cancel = (id: string) =>
    encodeCancel(buffer, Object.assign(new CancelMessage(), { id: viewOf(id), target: viewOf('t') }));
  cancel('a');
  const staged = buffer.staged;
  const before = Buffer.from(staged);
  buffer.handOver();
  cancel('b');
  assert.deepEqual(staged, before);
  assert.notDeepEqual(buffer.staged, before);
});

test('memory that was handed over is used again once it was given back, and not before', () => {
  const buffer = new WireBuffer();
  const first = buffer.bytes;
  buffer.handOver();
  const second = buffer.bytes;
  assert.notEqual(second, first);
  buffer.takeBack(first);
  assert.equal(buffer.bytes, second);
  buffer.handOver();
  assert.equal(buffer.bytes, first);
  buffer.handOver();
  assert.ok(buffer.bytes !== first && buffer.bytes !== second);
});

test('every message is whole words of 8 bytes, which a buffer clears at once', () => {
  for (const [name, { length }] of Object.entries(MESSAGES)) assert.equal(length % 8, 0, name);
});
