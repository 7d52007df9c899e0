/** Tags that code speaks of by name. What each message may hold is in `message-table.ts`. */
export const TAG = {
  Account: 1,
  AvgPx: 6,
  BeginSeqNo: 7,
  BeginString: 8,
  BodyLength: 9,
  CheckSum: 10,
  ClOrdID: 11,
  CumQty: 14,
  EndSeqNo: 16,
  ExecID: 17,
  LastPx: 31,
  LastQty: 32,
  MsgSeqNum: 34,
  MsgType: 35,
  NewSeqNo: 36,
  OrderID: 37,
  OrderQty: 38,
  OrdStatus: 39,
  OrdType: 40,
  OrigClOrdID: 41,
  PossDupFlag: 43,
  Price: 44,
  RefSeqNum: 45,
  SenderCompID: 49,
  SendingTime: 52,
  Side: 54,
  Symbol: 55,
  TargetCompID: 56,
  Text: 58,
  TimeInForce: 59,
  TransactTime: 60,
  PossResend: 97,
  EncryptMethod: 98,
  CxlRejReason: 102,
  OrdRejReason: 103,
  HeartBtInt: 108,
  TestReqID: 112,
  OrigSendingTime: 122,
  GapFillFlag: 123,
  ResetSeqNumFlag: 141,
  ExecType: 150,
  LeavesQty: 151,
  SubscriptionRequestType: 263,
  SecurityStatusReqID: 324,
  SecurityTradingStatus: 326,
  TradSesReqID: 335,
  TradingSessionID: 336,
  TradSesStatus: 340,
  RefTagID: 371,
  RefMsgType: 372,
  SessionRejectReason: 373,
  BusinessRejectRefID: 379,
  BusinessRejectReason: 380,
  CxlRejResponseTo: 434,
  MassCancelRequestType: 530,
  MassCancelResponse: 531,
  TotalAffectedOrders: 533,
  MassStatusReqID: 584,
  MassStatusReqType: 585,
  NextExpectedMsgSeqNum: 789,
  OrdStatusReqID: 790,
  LastRptRequested: 912,
} as const;

/** MsgType of the messages of the session itself. All others are the application's. */
export const MSG = {
  Heartbeat: '0',
  TestRequest: '1',
  ResendRequest: '2',
  Reject: '3',
  SequenceReset: '4',
  Logout: '5',
  Logon: 'A',
  BusinessMessageReject: 'j',
} as const;

/** SessionRejectReason (373), volume 2, "Reject". */
export const REJECT_REASON = {
  invalidTag: 0,
  requiredTagMissing: 1,
  tagNotForMessage: 2,
  undefinedTag: 3,
  tagWithoutValue: 4,
  valueIncorrect: 5,
  valueFormat: 6,
  compIdProblem: 9,
  sendingTimeAccuracy: 10,
  invalidMsgType: 11,
  tagRepeated: 13,
  tagOutOfOrder: 14,
  groupOutOfOrder: 15,
  groupCount: 16,
  valueWithDelimiter: 17,
  other: 99,
} as const;

const ADMIN = new Set<string>(['0', '1', '2', '3', '4', '5', 'A']);

/** Whether a message belongs to the session itself and is never sent again as it was. */
export const isAdmin = (msgType: string): boolean => ADMIN.has(msgType);

const HEADER = new Set([
  8, 9, 35, 49, 56, 115, 128, 90, 91, 34, 50, 142, 57, 143, 116, 144, 129, 145, 43, 97, 52, 122, 212, 213, 347, 369,
  627, 628, 629, 630,
]);

export const isHeaderTag = (tag: number): boolean => HEADER.has(tag);
export const isTrailerTag = (tag: number): boolean => tag === 10 || tag === 89 || tag === 93;

/** Fields that hold any bytes at all, by the field before them that says how many. */
export const DATA_TAG_OF_LENGTH_TAG: ReadonlyMap<number, number> = new Map([
  [90, 91],
  [93, 89],
  [95, 96],
  [212, 213],
  [348, 349],
  [350, 351],
  [352, 353],
  [354, 355],
  [356, 357],
  [358, 359],
  [360, 361],
  [362, 363],
  [364, 365],
  [445, 446],
  [618, 619],
  [621, 622],
]);
