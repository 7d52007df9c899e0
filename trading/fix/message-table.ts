/** A repeating group: its counter, the field that begins each entry, and everything that an entry may hold. */
export interface GroupSpec {
  readonly countTag: number;
  readonly firstTag: number;
  readonly members: ReadonlySet<number>;
}

export interface MessageSpec {
  readonly msgType: string;
  readonly name: string;
  readonly required: readonly number[];
  /** Of the fields in `field-table.ts`, those that may stand in the body of this message. */
  readonly allowed: ReadonlySet<number>;
  readonly groups: readonly GroupSpec[];
}

const tags = (text: string): readonly number[] => text.split(' ').map(Number);
const group = (countTag: number, firstTag: number, members: string): GroupSpec => ({
  countTag,
  firstTag,
  members: new Set([firstTag, ...tags(members)]),
});

/** Parties with their own sub-ids, as one group: nobody here reads the sub-ids. */
export const PARTIES: GroupSpec = group(453, 448, '447 452 802 523 803');
export const TRADING_SESSIONS: GroupSpec = group(386, 336, '625');
export const AFFECTED_ORDERS: GroupSpec = group(534, 41, '535 536');
/** Of the reference exchange's own message: lots by symbol. */
export const TRADED_LOTS: GroupSpec = group(5013, 55, '5014 5015');
const MSG_TYPES: GroupSpec = group(384, 372, '385');

const INSTRUMENT = '22 48 55 65 200 207';
const PARTY = '447 448 452 453 523 802 803';
const TEXT = '58 354 355';
const ORDER = `1 11 15 18 21 38 40 44 54 59 60 75 77 99 100 110 111 114 126 152 168 336 376 386 423 432 526 528 529 581 582 583 625 660`;

const message = (
  msgType: string,
  name: string,
  body: { readonly required: readonly number[]; readonly allowed: string; readonly groups?: readonly GroupSpec[] },
): MessageSpec => ({
  msgType,
  name,
  required: body.required,
  allowed: new Set(tags(body.allowed)),
  groups: body.groups ?? [],
});

const SPECS: readonly MessageSpec[] = [
  message('0', 'Heartbeat', { required: [], allowed: '112' }),
  message('1', 'TestRequest', { required: [112], allowed: '112' }),
  message('2', 'ResendRequest', { required: [7, 16], allowed: '7 16' }),
  message('3', 'Reject', { required: [45], allowed: `45 371 372 373 ${TEXT}` }),
  message('4', 'SequenceReset', { required: [36], allowed: '36 123' }),
  message('5', 'Logout', { required: [], allowed: TEXT }),
  message('A', 'Logon', {
    required: [98, 108],
    allowed: '95 96 98 108 141 372 383 384 385 464 553 554 789 58 354 355',
    groups: [MSG_TYPES],
  }),
  message('D', 'NewOrderSingle', {
    required: [11, 54, 60, 40],
    allowed: `${ORDER} ${INSTRUMENT} ${PARTY} ${TEXT}`,
    groups: [PARTIES, TRADING_SESSIONS],
  }),
  message('F', 'OrderCancelRequest', {
    required: [41, 11, 54, 60],
    allowed: `1 11 37 38 41 54 60 152 376 526 581 583 660 ${INSTRUMENT} ${PARTY} ${TEXT}`,
    groups: [PARTIES],
  }),
  message('G', 'OrderCancelReplaceRequest', {
    required: [41, 11, 54, 60, 40],
    allowed: `37 41 ${ORDER} ${INSTRUMENT} ${PARTY} ${TEXT}`,
    groups: [PARTIES, TRADING_SESSIONS],
  }),
  message('8', 'ExecutionReport', {
    required: [37, 17, 150, 39, 54, 151, 14, 6],
    allowed: `1 6 11 14 15 17 18 19 21 30 31 32 37 38 39 40 41 44 54 59 60 75 77 99 103 110 111 126 150 151 152 168 198 336 376 378 423 432 526 527 528 529 581 582 583 584 625 636 660 790 851 911 912 ${INSTRUMENT} ${PARTY} ${TEXT}`,
    groups: [PARTIES],
  }),
  message('9', 'OrderCancelReject', {
    required: [37, 11, 41, 39, 434],
    allowed: `1 11 37 39 41 60 75 102 198 434 526 581 583 636 660 ${TEXT}`,
  }),
  message('H', 'OrderStatusRequest', {
    required: [11, 54],
    allowed: `1 11 37 54 526 583 660 790 ${INSTRUMENT} ${PARTY}`,
    groups: [PARTIES],
  }),
  message('AF', 'OrderMassStatusRequest', {
    required: [584, 585],
    allowed: `1 54 336 584 585 625 660 ${INSTRUMENT} ${PARTY}`,
    groups: [PARTIES],
  }),
  message('q', 'OrderMassCancelRequest', {
    required: [11, 530, 60],
    allowed: `11 54 60 336 526 530 625 ${INSTRUMENT} ${TEXT}`,
  }),
  message('r', 'OrderMassCancelReport', {
    required: [37, 530, 531],
    allowed: `11 37 41 54 60 198 336 526 530 531 532 533 534 535 536 625 ${INSTRUMENT} ${TEXT}`,
    groups: [AFFECTED_ORDERS],
  }),
  message('j', 'BusinessMessageReject', { required: [372, 380], allowed: `45 372 379 380 ${TEXT}` }),
  message('g', 'TradingSessionStatusRequest', { required: [335, 263], allowed: '263 335 336 338 339 625' }),
  message('h', 'TradingSessionStatus', {
    required: [336, 340],
    allowed: `325 335 336 338 339 340 341 342 343 344 345 387 567 625 ${TEXT}`,
  }),
  message('e', 'SecurityStatusRequest', {
    required: [324, 263],
    allowed: `15 263 324 336 625 ${INSTRUMENT}`,
  }),
  message('U1', 'FirmStateRequest', { required: [], allowed: '58' }),
  message('U2', 'FirmState', { required: [912], allowed: '55 912', groups: [TRADED_LOTS] }),
  message('f', 'SecurityStatus', {
    required: [],
    allowed: `15 31 60 291 292 324 325 326 327 328 329 330 331 332 333 334 336 625 ${INSTRUMENT} ${TEXT}`,
  }),
];

const BY_TYPE = new Map(SPECS.map((spec) => [spec.msgType, spec]));

/** The messages in use, by MsgType (35). */
export const messageSpec = (msgType: string): MessageSpec | undefined => BY_TYPE.get(msgType);

/** `ExecutionReport (8)`, or the type alone. */
export const messageName = (msgType: string): string => {
  const spec = BY_TYPE.get(msgType);
  return spec === undefined ? `message type ${msgType}` : `${spec.name} (${msgType})`;
};

/** All message types that FIX 4.4 defines: one of these that is not in use is refused as business, any other as malformed. */
const DEFINED = new Set([
  ...'0123456789ABCDEFGHJKLMNPQRSTVWXYZabcdefghijklmnopqrstuvwxyz',
  ...[...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].map((letter) => `A${letter}`),
  ...[...'ABCDEFGH'].map((letter) => `B${letter}`),
]);

export const isDefinedMsgType = (msgType: string): boolean =>
  DEFINED.has(msgType) || (msgType.startsWith('U') && msgType.length > 1);
