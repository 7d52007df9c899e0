import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BINARY_ID_BYTES, copyId, MESSAGE, MESSAGE_BYTES, readAnswer, writeAck } from './binary-protocol.ts';

const ID = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._';
const ACK_BYTES = MESSAGE_BYTES[MESSAGE.ack]!;
/** What lies behind an id in its field is none of ours. */
const fieldOf = (id: string): DataView => {
  const bytes = new Uint8Array(BINARY_ID_BYTES).fill(0xff);
  bytes.set(Buffer.from(id, 'latin1'));
  return new DataView(bytes.buffer);
};

test('an acknowledgement names the whole id, and nothing of what was in its place before', () => {
  for (let idLength = 1; idLength <= BINARY_ID_BYTES; idLength++) {
    const bytes = Buffer.alloc(ACK_BYTES, 0xee);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const [sequence, epoch] = [2 ** 40 + idLength, 2 ** 33 + 1];
    writeAck(view, 0, { from: fieldOf(ID.slice(0, idLength)), idAt: 0, idLength }, sequence, epoch);
    assert.deepEqual(readAnswer(bytes), { t: 'ack', id: ID.slice(0, idLength), seq: sequence, epoch });
    assert.deepEqual([...bytes.subarray(1, 2), ...bytes.subarray(3, 8)], [0, 0, 0, 0, 0, 0]);
    assert.ok(bytes.subarray(24 + idLength).every((byte) => byte === 0));
  }
});

test('an id of any length is copied whole; one with a strange character anywhere is none', () => {
  for (let length = 1; length <= BINARY_ID_BYTES; length++) {
    const copy = Buffer.alloc(BINARY_ID_BYTES + 4);
    const view = new DataView(copy.buffer, copy.byteOffset, copy.length);
    assert.ok(copyId(fieldOf(ID.slice(0, length)), 0, length, view, 0));
    assert.equal(copy.toString('latin1', 0, length), ID.slice(0, length));
    for (let at = 0; at < length; at++)
      for (const strange of ['\0', ' ', '\x80', '\xff', '"'])
        assert.ok(!copyId(fieldOf(`${ID.slice(0, at)}${strange}${ID.slice(at + 1, length)}`), 0, length, view, 0));
  }
  const view = new DataView(new ArrayBuffer(BINARY_ID_BYTES + 4));
  for (const length of [0, 65, 255]) assert.ok(!copyId(fieldOf(ID), 0, length, view, 0));
});
