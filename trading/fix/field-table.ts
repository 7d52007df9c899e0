/** What a value must look like (volume 1, "data types"). */
export type FieldType =
  | 'string'
  | 'char'
  | 'boolean'
  | 'int'
  | 'seqnum'
  | 'count'
  | 'length'
  | 'decimal'
  | 'qty'
  | 'timestamp'
  | 'date'
  | 'data';

export interface FieldSpec {
  readonly tag: number;
  readonly name: string;
  readonly type: FieldType;
  /** The only values that FIX 4.4 gives a meaning; null = any. */
  readonly values: ReadonlySet<string> | null;
}

const chars = (text: string): readonly string[] => [...text];
const upTo = (last: number, first = 0): readonly string[] =>
  Array.from({ length: last - first + 1 }, (_, at) => String(first + at));

type Row = readonly [tag: number, name: string, type: FieldType, values?: readonly string[]];

/** The fields that the messages in use are read by. A field of FIX 4.4 that is not here is accepted and not looked at. */
const ROWS: readonly Row[] = [
  [1, 'Account', 'string'],
  [6, 'AvgPx', 'decimal'],
  [7, 'BeginSeqNo', 'seqnum'],
  [8, 'BeginString', 'string'],
  [9, 'BodyLength', 'length'],
  [10, 'CheckSum', 'string'],
  [11, 'ClOrdID', 'string'],
  [14, 'CumQty', 'qty'],
  [15, 'Currency', 'string'],
  [16, 'EndSeqNo', 'seqnum'],
  [17, 'ExecID', 'string'],
  [18, 'ExecInst', 'string'],
  [19, 'ExecRefID', 'string'],
  [21, 'HandlInst', 'char', chars('123')],
  [22, 'SecurityIDSource', 'string'],
  [30, 'LastMkt', 'string'],
  [31, 'LastPx', 'decimal'],
  [32, 'LastQty', 'qty'],
  [34, 'MsgSeqNum', 'seqnum'],
  [35, 'MsgType', 'string'],
  [36, 'NewSeqNo', 'seqnum'],
  [37, 'OrderID', 'string'],
  [38, 'OrderQty', 'qty'],
  [39, 'OrdStatus', 'char', chars('0123456789ABCDE')],
  [40, 'OrdType', 'char', chars('123456789DEGIJKLMP')],
  [41, 'OrigClOrdID', 'string'],
  [43, 'PossDupFlag', 'boolean'],
  [44, 'Price', 'decimal'],
  [45, 'RefSeqNum', 'seqnum'],
  [48, 'SecurityID', 'string'],
  [49, 'SenderCompID', 'string'],
  [52, 'SendingTime', 'timestamp'],
  [54, 'Side', 'char', chars('123456789ABCDEFG')],
  [55, 'Symbol', 'string'],
  [56, 'TargetCompID', 'string'],
  [58, 'Text', 'string'],
  [59, 'TimeInForce', 'char', chars('01234567')],
  [60, 'TransactTime', 'timestamp'],
  [65, 'SymbolSfx', 'string'],
  [75, 'TradeDate', 'date'],
  [77, 'PositionEffect', 'char', chars('OCRF')],
  [95, 'RawDataLength', 'length'],
  [96, 'RawData', 'data'],
  [97, 'PossResend', 'boolean'],
  [98, 'EncryptMethod', 'int', upTo(6)],
  [99, 'StopPx', 'decimal'],
  [100, 'ExDestination', 'string'],
  [102, 'CxlRejReason', 'int', [...upTo(6), '99']],
  [103, 'OrdRejReason', 'int', [...upTo(15), '99']],
  [108, 'HeartBtInt', 'int'],
  [110, 'MinQty', 'qty'],
  [111, 'MaxFloor', 'qty'],
  [112, 'TestReqID', 'string'],
  [114, 'LocateReqd', 'boolean'],
  [122, 'OrigSendingTime', 'timestamp'],
  [123, 'GapFillFlag', 'boolean'],
  [126, 'ExpireTime', 'timestamp'],
  [141, 'ResetSeqNumFlag', 'boolean'],
  [150, 'ExecType', 'char', chars('03456789ABCDEFGHI')],
  [151, 'LeavesQty', 'qty'],
  [152, 'CashOrderQty', 'qty'],
  [168, 'EffectiveTime', 'timestamp'],
  [198, 'SecondaryOrderID', 'string'],
  [200, 'MaturityMonthYear', 'string'],
  [207, 'SecurityExchange', 'string'],
  [263, 'SubscriptionRequestType', 'char', chars('012')],
  [291, 'FinancialStatus', 'string'],
  [292, 'CorporateAction', 'string'],
  [324, 'SecurityStatusReqID', 'string'],
  [325, 'UnsolicitedIndicator', 'boolean'],
  [326, 'SecurityTradingStatus', 'int', upTo(23, 1)],
  [327, 'HaltReason', 'char', chars('IXPDEM')],
  [328, 'InViewOfCommon', 'boolean'],
  [329, 'DueToRelated', 'boolean'],
  [330, 'BuyVolume', 'qty'],
  [331, 'SellVolume', 'qty'],
  [332, 'HighPx', 'decimal'],
  [333, 'LowPx', 'decimal'],
  [334, 'Adjustment', 'int', upTo(3, 1)],
  [335, 'TradSesReqID', 'string'],
  [336, 'TradingSessionID', 'string'],
  [338, 'TradSesMethod', 'int', upTo(3, 1)],
  [339, 'TradSesMode', 'int', upTo(3, 1)],
  [340, 'TradSesStatus', 'int', upTo(6)],
  [341, 'TradSesStartTime', 'timestamp'],
  [342, 'TradSesOpenTime', 'timestamp'],
  [343, 'TradSesPreCloseTime', 'timestamp'],
  [344, 'TradSesCloseTime', 'timestamp'],
  [345, 'TradSesEndTime', 'timestamp'],
  [354, 'EncodedTextLen', 'length'],
  [355, 'EncodedText', 'data'],
  [371, 'RefTagID', 'int'],
  [372, 'RefMsgType', 'string'],
  [373, 'SessionRejectReason', 'int', [...upTo(17), '99']],
  [376, 'ComplianceID', 'string'],
  [378, 'ExecRestatementReason', 'int', [...upTo(10), '99']],
  [379, 'BusinessRejectRefID', 'string'],
  [380, 'BusinessRejectReason', 'int', upTo(7)],
  [383, 'MaxMessageSize', 'length'],
  [384, 'NoMsgTypes', 'count'],
  [385, 'MsgDirection', 'char', chars('SR')],
  [386, 'NoTradingSessions', 'count'],
  [387, 'TotalVolumeTraded', 'qty'],
  [423, 'PriceType', 'int', upTo(11, 1)],
  [432, 'ExpireDate', 'date'],
  [434, 'CxlRejResponseTo', 'char', chars('12')],
  [447, 'PartyIDSource', 'char'],
  [448, 'PartyID', 'string'],
  [452, 'PartyRole', 'int'],
  [453, 'NoPartyIDs', 'count'],
  [464, 'TestMessageIndicator', 'boolean'],
  [523, 'PartySubID', 'string'],
  [526, 'SecondaryClOrdID', 'string'],
  [527, 'SecondaryExecID', 'string'],
  [528, 'OrderCapacity', 'char', chars('AGIPRW')],
  [529, 'OrderRestrictions', 'string'],
  [530, 'MassCancelRequestType', 'char', chars('1234567')],
  [531, 'MassCancelResponse', 'char', chars('01234567')],
  [532, 'MassCancelRejectReason', 'int', [...upTo(6), '99']],
  [533, 'TotalAffectedOrders', 'int'],
  [534, 'NoAffectedOrders', 'count'],
  [535, 'AffectedOrderID', 'string'],
  [536, 'AffectedSecondaryOrderID', 'string'],
  [553, 'Username', 'string'],
  [554, 'Password', 'string'],
  [567, 'TradSesStatusRejReason', 'int', ['1', '99']],
  [581, 'AccountType', 'int', ['1', '2', '3', '4', '6', '7', '8']],
  [582, 'CustOrderCapacity', 'int', upTo(4, 1)],
  [583, 'ClOrdLinkID', 'string'],
  [584, 'MassStatusReqID', 'string'],
  [585, 'MassStatusReqType', 'int', upTo(8, 1)],
  [625, 'TradingSessionSubID', 'string'],
  [636, 'WorkingIndicator', 'boolean'],
  [660, 'AcctIDSource', 'int'],
  [789, 'NextExpectedMsgSeqNum', 'seqnum'],
  [790, 'OrdStatusReqID', 'string'],
  [802, 'NoPartySubIDs', 'count'],
  [803, 'PartySubIDType', 'int'],
  [851, 'LastLiquidityInd', 'int', upTo(3, 1)],
  [911, 'TotNumReports', 'int'],
  [912, 'LastRptRequested', 'boolean'],
];

const BY_TAG: (FieldSpec | undefined)[] = [];
for (const [tag, name, type, values] of ROWS)
  BY_TAG[tag] = { tag, name, type, values: values === undefined ? null : new Set(values) };

export const fieldSpec = (tag: number): FieldSpec | undefined => BY_TAG[tag];

/** `Side (54)`, or the tag alone. */
export const fieldName = (tag: number): string => {
  const spec = fieldSpec(tag);
  return spec === undefined ? `field ${tag}` : `${spec.name} (${tag})`;
};

/** Highest tag of FIX 4.4. Up to 4999 nothing else is defined; from 5000 on tags are agreed between two firms. */
export const LAST_STANDARD_TAG = 956;
export const FIRST_USER_TAG = 5000;
