/**
 * Every message of the binary protocol: type, length, and each field's offset. Integers are little-endian and unsigned; `u64` holds at
 * most 2^53 − 1; `text N` is Latin-1, filled up with zero bytes. The page docs/reference/venue-binary.md is made from this table.
 */
export type FieldKind = 'u8' | 'u32' | 'u64' | 'text 16' | 'text 32';

export interface MessageLayout {
  readonly type: number;
  readonly length: number;
  readonly from: 'member' | 'exchange' | 'both';
  readonly meaning: string;
  readonly fields: { readonly [name: string]: readonly [offset: number, kind: FieldKind, meaning: string] };
}

/** Length (u16), type (u8), version (u8), four zero bytes. */
export const HEADER_BYTES = 8;
export const VERSION = 1;
export const ID_BYTES = 32;
export const SYMBOL_BYTES = 16;

export const LOGON = {
  type: 1,
  length: 128,
  from: 'member',
  meaning: 'First message of a connection. Answered by `logon-accepted` or `reject` and close.',
  fields: {
    firm: [8, 'text 32', 'the member'],
    session: [40, 'text 32', 'name of the session; the same name takes the session over'],
    password: [72, 'text 32', 'where the exchange has passwords'],
    epoch: [104, 'u64', 'the firm’s epoch; 0 where sessions have none'],
    next: [112, 'u64', 'first report wanted: everything from it on is sent again; 0 = only what happens from now on'],
    heartbeatMs: [
      120,
      'u32',
      'how often this side is heard at least; three times that silent and the connection is lost; 0 = no heartbeats',
    ],
    cancelOnDisconnect: [124, 'u8', '0 as the exchange says · 1 off · 2 all but good-till-cancelled · 3 all'],
    purpose: [125, 'u8', '0 order entry · 1 drop copy: reports only, no orders, no session is taken over'],
  },
} as const satisfies MessageLayout;

export const LOGOFF = {
  type: 2,
  length: 8,
  from: 'member',
  meaning: 'Goodbye: orders stay, whatever the setting. The exchange closes.',
  fields: {},
} as const satisfies MessageLayout;

export const HEARTBEAT = {
  type: 3,
  length: 8,
  from: 'both',
  meaning: 'Nothing to say. Any other message counts as one.',
  fields: {},
} as const satisfies MessageLayout;

export const NEW = {
  type: 4,
  length: 88,
  from: 'member',
  meaning: 'An order. Answered by the report `accepted` or `rejected`, by `duplicate`, or by `reject`.',
  fields: {
    id: [8, 'text 32', 'the member’s id, unique for the firm for ever'],
    symbol: [40, 'text 16', ''],
    price: [56, 'u64', 'ticks; not read for a market order'],
    quantity: [64, 'u64', 'lots'],
    epoch: [72, 'u64', 'of the order; 0 = of the session; a lower one than the firm’s is refused'],
    side: [80, 'u8', '0 buy · 1 sell'],
    type: [81, 'u8', '0 limit · 1 market'],
    timeInForce: [82, 'u8', '0 day · 1 good till cancelled · 2 immediate or cancel · 3 fill or kill'],
    selfTrade: [
      83,
      'u8',
      '0 as the exchange says · 1 allow · 2 cancel newest · 3 cancel oldest · 4 cancel both · 5 pass',
    ],
    dry: [84, 'u8', '1 = check only; answered by `dry-result`, nothing is booked'],
  },
} as const satisfies MessageLayout;

export const CANCEL = {
  type: 5,
  length: 80,
  from: 'member',
  meaning: 'Cancels what is open of an order. Answered by `cancelled`, `cancel-rejected`, `duplicate` or `reject`.',
  fields: {
    id: [8, 'text 32', 'the request’s own id, unique among the firm’s requests'],
    target: [40, 'text 32', 'the order’s id, or that of a replace of it that was accepted'],
    epoch: [72, 'u64', 'as in `new`'],
  },
} as const satisfies MessageLayout;

export const REPLACE = {
  type: 6,
  length: 96,
  from: 'member',
  meaning: 'Changes price and quantity. Answered by `replaced`, `replace-rejected`, `duplicate` or `reject`.',
  fields: {
    id: [8, 'text 32', 'the request’s own id; from now on also a name of the order'],
    target: [40, 'text 32', 'as in `cancel`'],
    price: [72, 'u64', ''],
    quantity: [80, 'u64', 'the new total, what is filled included'],
    epoch: [88, 'u64', 'as in `new`'],
  },
} as const satisfies MessageLayout;

export const MASS_CANCEL = {
  type: 7,
  length: 72,
  from: 'member',
  meaning:
    'Cancels all open orders of the firm, of all its sessions. Answered by a `cancelled` for each, then `mass-cancel-done`.',
  fields: {
    id: [8, 'text 32', 'the request’s own id'],
    symbol: [40, 'text 16', 'only this one; empty = all'],
    epoch: [56, 'u64', 'as in `new`'],
    side: [64, 'u8', '0 both · 1 buy · 2 sell'],
  },
} as const satisfies MessageLayout;

export const STATUS_REQUEST = {
  type: 8,
  length: 40,
  from: 'member',
  meaning: 'Asks for an order, or for all open ones. Answered by `status` for each, then `status-end`.',
  fields: { id: [8, 'text 32', 'empty = all open orders of the firm'] },
} as const satisfies MessageLayout;

export const FENCE = {
  type: 9,
  length: 80,
  from: 'member',
  meaning:
    'Raises the firm’s epoch; needs no logon. Answered by `fence-done` once stored, or `reject` with the newer epoch.',
  fields: {
    firm: [8, 'text 32', ''],
    password: [40, 'text 32', ''],
    epoch: [72, 'u64', ''],
  },
} as const satisfies MessageLayout;

export const SESSIONS_REQUEST = {
  type: 10,
  length: 8,
  from: 'member',
  meaning: 'Asks who else could still act for the firm. Answered by `sessions`.',
  fields: {},
} as const satisfies MessageLayout;

export const POSITIONS_REQUEST = {
  type: 11,
  length: 8,
  from: 'member',
  meaning: 'Asks what the firm traded, by symbol. Answered by a `position` for each, then `positions-end`.',
  fields: {},
} as const satisfies MessageLayout;

export const LOGON_ACCEPTED = {
  type: 65,
  length: 40,
  from: 'exchange',
  meaning: 'The session is seated.',
  fields: {
    epoch: [8, 'u64', 'of the session'],
    last: [16, 'u64', 'number of the firm’s last report'],
    next: [24, 'u64', 'number of the first report that will be sent'],
    heartbeatMs: [32, 'u32', 'how often the exchange is heard at least'],
  },
} as const satisfies MessageLayout;

export const REJECT = {
  type: 66,
  length: 56,
  from: 'exchange',
  meaning: 'A message was refused by the session; it took no effect and is not among the reports.',
  fields: {
    epoch: [8, 'u64', 'the firm’s highest, where that is the reason'],
    id: [16, 'text 32', 'of the message, where it has one that can be read'],
    code: [48, 'u8', 'see below'],
    of: [49, 'u8', 'type of the message'],
  },
} as const satisfies MessageLayout;

export const REPORT = {
  type: 67,
  length: 152,
  from: 'exchange',
  meaning: 'What happened to an order. Numbered per firm without gaps; every session of the firm gets all of them.',
  fields: {
    n: [8, 'u64', 'number; with the firm it is the execution id'],
    atMs: [16, 'u64', 'when, milliseconds since 1970'],
    id: [24, 'text 32', 'the order’s for `accepted`, `rejected`, `fill`; else the request’s, empty when nobody asked'],
    target: [56, 'text 32', 'the order’s, for everything about a cancel or replace'],
    symbol: [88, 'text 16', ''],
    price: [104, 'u64', 'of the order; of the execution for `fill`'],
    quantity: [112, 'u64', 'total of the order; lots of the execution for `fill`'],
    open: [120, 'u64', 'what is open of the order after this'],
    trade: [128, 'u64', 'number of the trade, the same for both sides; 0 = no trade'],
    epoch: [136, 'u64', 'of the session that brought the order, or asked for the change'],
    kind: [144, 'u8', 'see below'],
    side: [145, 'u8', 'as in `new`'],
    type: [146, 'u8', 'as in `new`'],
    timeInForce: [147, 'u8', 'as in `new`'],
    maker: [148, 'u8', '1 = the order was resting'],
    reason: [149, 'u8', 'see below; 0 = none'],
    cut: [150, 'u8', 'bit 0: `id` is longer than 32 characters, these are its first; bit 1: the same of `target`'],
  },
} as const satisfies MessageLayout;

export const DUPLICATE = {
  type: 68,
  length: 48,
  from: 'exchange',
  meaning: 'This id was here before with the same content, and has its effect or its refusal already.',
  fields: { id: [8, 'text 32', ''], of: [40, 'u8', 'type of the message'] },
} as const satisfies MessageLayout;

export const DRY_RESULT = {
  type: 69,
  length: 48,
  from: 'exchange',
  meaning: 'Answer to a `new` with `dry`.',
  fields: { id: [8, 'text 32', ''], reason: [40, 'u8', '0 = it would be accepted'] },
} as const satisfies MessageLayout;

export const MASS_CANCEL_DONE = {
  type: 70,
  length: 48,
  from: 'exchange',
  meaning: 'All orders that a mass cancel meant have ended.',
  fields: { id: [8, 'text 32', ''], count: [40, 'u32', 'how many'] },
} as const satisfies MessageLayout;

export const STATUS = {
  type: 71,
  length: 96,
  from: 'exchange',
  meaning: 'One order as it is now.',
  fields: {
    id: [8, 'text 32', 'the order’s; as it was asked for when it is unknown'],
    symbol: [40, 'text 16', ''],
    price: [56, 'u64', '0 for a market order'],
    quantity: [64, 'u64', ''],
    open: [72, 'u64', ''],
    epoch: [80, 'u64', ''],
    state: [88, 'u8', '0 open · 1 filled · 2 cancelled · 255 unknown'],
    side: [89, 'u8', 'as in `new`'],
    type: [90, 'u8', 'as in `new`'],
    timeInForce: [91, 'u8', 'as in `new`'],
  },
} as const satisfies MessageLayout;

export const STATUS_END = {
  type: 72,
  length: 16,
  from: 'exchange',
  meaning: 'That was all.',
  fields: { count: [8, 'u32', 'how many `status` were sent'] },
} as const satisfies MessageLayout;

export const CUT = {
  type: 73,
  length: 24,
  from: 'exchange',
  meaning: 'The connection lost its session and is closed; nothing that it still sends takes effect.',
  fields: { epoch: [8, 'u64', 'the firm’s highest'], code: [16, 'u8', 'see below'] },
} as const satisfies MessageLayout;

export const FENCE_DONE = {
  type: 74,
  length: 16,
  from: 'exchange',
  meaning: 'The epoch is stored.',
  fields: { epoch: [8, 'u64', ''] },
} as const satisfies MessageLayout;

export const REPLAY_END = {
  type: 75,
  length: 16,
  from: 'exchange',
  meaning: 'Everything that was asked for again was sent; what follows is live.',
  fields: { last: [8, 'u64', 'number of the last report so far'] },
} as const satisfies MessageLayout;

export const SESSIONS = {
  type: 76,
  length: 24,
  from: 'exchange',
  meaning: 'Which connections of the firm there are beside this one.',
  fields: {
    others: [8, 'u32', 'order entry sessions that are seated, on any protocol'],
    ending: [12, 'u32', 'sessions that were lost and whose orders may still be ended by cancel on disconnect'],
    epoch: [16, 'u64', 'the firm’s highest; 0 where sessions have none'],
  },
} as const satisfies MessageLayout;

export const POSITION = {
  type: 77,
  length: 40,
  from: 'exchange',
  meaning: 'What the firm traded of one symbol, all its sessions together, since the exchange’s first report to it.',
  fields: {
    symbol: [8, 'text 16', ''],
    bought: [24, 'u64', 'lots'],
    sold: [32, 'u64', 'lots'],
  },
} as const satisfies MessageLayout;

export const POSITIONS_END = {
  type: 78,
  length: 24,
  from: 'exchange',
  meaning: 'That was all: every report up to this one is counted, and none after it.',
  fields: { last: [8, 'u64', 'number of that report'], count: [16, 'u32', 'how many `position` were sent'] },
} as const satisfies MessageLayout;

/** By the name that the documentation uses. */
export const MESSAGES = {
  logon: LOGON,
  logoff: LOGOFF,
  heartbeat: HEARTBEAT,
  new: NEW,
  cancel: CANCEL,
  replace: REPLACE,
  'mass-cancel': MASS_CANCEL,
  'status-request': STATUS_REQUEST,
  fence: FENCE,
  'sessions-request': SESSIONS_REQUEST,
  'positions-request': POSITIONS_REQUEST,
  'logon-accepted': LOGON_ACCEPTED,
  reject: REJECT,
  report: REPORT,
  duplicate: DUPLICATE,
  'dry-result': DRY_RESULT,
  'mass-cancel-done': MASS_CANCEL_DONE,
  status: STATUS,
  'status-end': STATUS_END,
  cut: CUT,
  'fence-done': FENCE_DONE,
  'replay-end': REPLAY_END,
  sessions: SESSIONS,
  position: POSITION,
  'positions-end': POSITIONS_END,
} as const satisfies { readonly [name: string]: MessageLayout };

/** Why a session refuses a message; the place is the number. */
export const REJECT_CODES = [
  '',
  'bad-frame',
  'bad-version',
  'unknown-type',
  'bad-field',
  'not-logged-on',
  'already-logged-on',
  'not-authorised',
  'stale-epoch',
  'ahead',
  'altered-duplicate',
  'reports-only',
  'no-epochs',
  'replaced',
] as const;
export type RejectCode = (typeof REJECT_CODES)[number];

/** What a `reject` with this code does to the connection. */
export const CLOSES: ReadonlySet<RejectCode> = new Set<RejectCode>([
  'bad-frame',
  'bad-version',
  'ahead',
  'not-authorised',
]);

/** The place is the number. */
export const WIRE_REPORT_KINDS = [
  'accepted',
  'rejected',
  'fill',
  'cancelled',
  'cancel-rejected',
  'replaced',
  'replace-rejected',
] as const;

/** The place is the number; never changed, only added to. */
export const WIRE_REASONS = [
  '',
  'unknown-symbol',
  'bad-order',
  'market-closed',
  'halted',
  'not-in-this-phase',
  'unknown-order',
  'too-late',
  'bad-quantity',
  'immediate-remainder',
  'not-fillable',
  'no-liquidity',
  'self-trade',
  'expired',
  'disconnected',
  'mass-cancelled',
] as const;

export type Offsets<Layout extends MessageLayout> = { readonly [Name in keyof Layout['fields']]: number };

/** Offsets alone, to be read on the hot path. */
export const offsetsOf = <Layout extends MessageLayout>(layout: Layout): Offsets<Layout> =>
  Object.fromEntries(Object.entries(layout.fields).map(([name, [offset]]) => [name, offset])) as Offsets<Layout>;
