import { fromJSON, type MethodDefinition } from '@grpc/proto-loader';

/**
 * The part of etcd's public v3 API that Holdfast speaks, as data: message fields with their wire numbers, and typed views
 * of what is sent and received. No lease message is here: renewal is a compare-and-set.
 */
const int64 = (id: number) => ({ type: 'int64', id });
const uint64 = (id: number) => ({ type: 'uint64', id });
const bytes = (id: number) => ({ type: 'bytes', id });
const text = (id: number) => ({ type: 'string', id });
const flag = (id: number) => ({ type: 'bool', id });
const one = (type: string, id: number) => ({ type, id });
const many = (type: string, id: number) => ({ rule: 'repeated', type, id });

/** Enumerations travel as plain numbers here; see `compareEqual` and its neighbours. */
const enumeration = (id: number) => ({ type: 'int32', id });

const mvccpb = {
  KeyValue: {
    fields: { key: bytes(1), create_revision: int64(2), mod_revision: int64(3), version: int64(4), value: bytes(5) },
  },
  Event: { fields: { type: enumeration(1), kv: one('KeyValue', 2) } },
};

const etcdserverpb = {
  ResponseHeader: { fields: { cluster_id: uint64(1), member_id: uint64(2), revision: int64(3), raft_term: uint64(4) } },

  RangeRequest: { fields: { key: bytes(1), range_end: bytes(2) } },
  RangeResponse: { fields: { header: one('ResponseHeader', 1), kvs: many('mvccpb.KeyValue', 2) } },
  PutRequest: { fields: { key: bytes(1), value: bytes(2) } },
  PutResponse: { fields: { header: one('ResponseHeader', 1) } },
  DeleteRangeRequest: { fields: { key: bytes(1), range_end: bytes(2) } },
  DeleteRangeResponse: { fields: { header: one('ResponseHeader', 1), deleted: int64(2) } },
  RequestOp: {
    oneofs: { request: { oneof: ['request_range', 'request_put', 'request_delete_range'] } },
    fields: {
      request_range: one('RangeRequest', 1),
      request_put: one('PutRequest', 2),
      request_delete_range: one('DeleteRangeRequest', 3),
    },
  },
  ResponseOp: {
    oneofs: { response: { oneof: ['response_range', 'response_put', 'response_delete_range'] } },
    fields: {
      response_range: one('RangeResponse', 1),
      response_put: one('PutResponse', 2),
      response_delete_range: one('DeleteRangeResponse', 3),
    },
  },
  Compare: {
    oneofs: { target_union: { oneof: ['create_revision', 'mod_revision', 'value'] } },
    fields: {
      result: enumeration(1),
      target: enumeration(2),
      key: bytes(3),
      create_revision: int64(5),
      mod_revision: int64(6),
      value: bytes(7),
    },
  },
  TxnRequest: { fields: { compare: many('Compare', 1), success: many('RequestOp', 2), failure: many('RequestOp', 3) } },
  TxnResponse: { fields: { header: one('ResponseHeader', 1), succeeded: flag(2), responses: many('ResponseOp', 3) } },

  WatchCreateRequest: { fields: { key: bytes(1), range_end: bytes(2), start_revision: int64(3) } },
  WatchCancelRequest: { fields: { watch_id: int64(1) } },
  WatchRequest: {
    oneofs: { request_union: { oneof: ['create_request', 'cancel_request'] } },
    fields: { create_request: one('WatchCreateRequest', 1), cancel_request: one('WatchCancelRequest', 2) },
  },
  WatchResponse: {
    fields: {
      header: one('ResponseHeader', 1),
      watch_id: int64(2),
      created: flag(3),
      canceled: flag(4),
      compact_revision: int64(5),
      cancel_reason: text(6),
      events: many('mvccpb.Event', 11),
    },
  },

  StatusRequest: { fields: {} },
  StatusResponse: {
    fields: {
      header: one('ResponseHeader', 1),
      version: text(2),
      dbSize: int64(3),
      leader: uint64(4),
      raftIndex: uint64(5),
      raftTerm: uint64(6),
      errors: { rule: 'repeated', type: 'string', id: 8 },
      dbSizeInUse: int64(9),
      isLearner: flag(10),
    },
  },
  AlarmRequest: { fields: { action: enumeration(1), memberID: uint64(2), alarm: enumeration(3) } },
  AlarmMember: { fields: { memberID: uint64(1), alarm: enumeration(2) } },
  AlarmResponse: { fields: { header: one('ResponseHeader', 1), alarms: many('AlarmMember', 2) } },
  SnapshotRequest: { fields: {} },
  SnapshotResponse: { fields: { header: one('ResponseHeader', 1), remaining_bytes: uint64(2), blob: bytes(3) } },

  Member: {
    fields: {
      ID: uint64(1),
      name: text(2),
      peerURLs: { rule: 'repeated', type: 'string', id: 3 },
      clientURLs: { rule: 'repeated', type: 'string', id: 4 },
      isLearner: flag(5),
    },
  },
  MemberListRequest: { fields: {} },
  MemberListResponse: { fields: { header: one('ResponseHeader', 1), members: many('Member', 2) } },

  KV: { methods: { Txn: { requestType: 'TxnRequest', responseType: 'TxnResponse' } } },
  Watch: {
    methods: {
      Watch: { requestType: 'WatchRequest', requestStream: true, responseType: 'WatchResponse', responseStream: true },
    },
  },
  Maintenance: {
    methods: {
      Status: { requestType: 'StatusRequest', responseType: 'StatusResponse' },
      Alarm: { requestType: 'AlarmRequest', responseType: 'AlarmResponse' },
      Snapshot: { requestType: 'SnapshotRequest', responseType: 'SnapshotResponse', responseStream: true },
    },
  },
  Cluster: { methods: { MemberList: { requestType: 'MemberListRequest', responseType: 'MemberListResponse' } } },
};

/** `Compare.result` and `Compare.target`. */
export const compareEqual = 0;
export const compareGreater = 1;
export const targetCreateRevision = 1;
export const targetModRevision = 2;
export const targetValue = 3;
/** `Event.type`. */
export const eventDelete = 1;
/** `AlarmMember.alarm`. */
export const alarmNames: Readonly<Record<number, string>> = { 1: 'NOSPACE', 2: 'CORRUPT' };

/** 64-bit numbers arrive as decimal text: identifiers use all 64 bits. */
export interface ResponseHeader {
  readonly cluster_id: string;
  readonly member_id: string;
  readonly revision: string;
  readonly raft_term: string;
}
export interface KeyValue {
  readonly key: Buffer;
  readonly mod_revision: string;
  readonly value: Buffer;
}
export interface Compare {
  readonly result: number;
  readonly target: number;
  readonly key: Buffer;
  readonly create_revision?: number;
  readonly mod_revision?: number;
  readonly value?: Buffer;
}
export interface KeyRange {
  readonly key: Buffer;
  readonly range_end?: Buffer;
}
export type RequestOp =
  | { readonly request_range: KeyRange }
  | { readonly request_put: { readonly key: Buffer; readonly value: Buffer } }
  | { readonly request_delete_range: KeyRange };
export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}
export interface TxnResponse {
  readonly header: ResponseHeader;
  readonly succeeded: boolean;
  readonly responses: readonly { readonly response_range?: { readonly kvs: readonly KeyValue[] } }[];
}
export type WatchRequest =
  | { readonly create_request: KeyRange & { readonly start_revision: number } }
  | { readonly cancel_request: { readonly watch_id: string } };
export interface WatchResponse {
  readonly header: ResponseHeader;
  readonly watch_id: string;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compact_revision: string;
  readonly cancel_reason: string;
  readonly events: readonly { readonly type: number; readonly kv: KeyValue }[];
}
export interface StatusResponse {
  readonly header: ResponseHeader;
  readonly version: string;
  readonly dbSize: string;
  readonly dbSizeInUse: string;
  readonly leader: string;
  readonly raftTerm: string;
  readonly errors: readonly string[];
  readonly isLearner: boolean;
}
export interface AlarmResponse {
  readonly alarms: readonly { readonly memberID: string; readonly alarm: number }[];
}
export interface SnapshotResponse {
  readonly remaining_bytes: string;
  readonly blob: Buffer;
}
export interface MemberListResponse {
  readonly members: readonly {
    readonly ID: string;
    readonly name: string;
    readonly clientURLs: readonly string[];
    readonly isLearner: boolean;
  }[];
}

/** One remote procedure: its path and how its messages become bytes. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

const definitions = fromJSON(
  { nested: { mvccpb: { nested: mvccpb }, etcdserverpb: { nested: etcdserverpb } } } as Parameters<typeof fromJSON>[0],
  { keepCase: true, longs: String, defaults: true },
);

function method<Request, Response>(service: string, name: string): Method<Request, Response> {
  const found = (definitions[`etcdserverpb.${service}`] as unknown as Record<string, MethodDefinition<object, object>>)[
    name
  ]!;
  return found as unknown as Method<Request, Response>;
}

export const txn = method<TxnRequest, TxnResponse>('KV', 'Txn');
export const watch = method<WatchRequest, WatchResponse>('Watch', 'Watch');
export const status = method<Record<string, never>, StatusResponse>('Maintenance', 'Status');
export const alarm = method<{ readonly action: 0 }, AlarmResponse>('Maintenance', 'Alarm');
export const snapshot = method<Record<string, never>, SnapshotResponse>('Maintenance', 'Snapshot');
export const memberList = method<Record<string, never>, MemberListResponse>('Cluster', 'MemberList');
