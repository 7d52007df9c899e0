import type { DialAddress } from '../system/dial.ts';
import type { Transact } from './discovery-driver.ts';
import { EtcdEndpoint, type EtcdTls } from './etcd-endpoint.ts';
import { txn } from './etcd-messages.ts';

/** @param tls what this agent shows and believes; null = in the clear */
export function etcdMember(address: DialAddress, tls: EtcdTls | null): Transact {
  const endpoint = new EtcdEndpoint(`${address.host}:${address.port}`, tls ?? undefined);
  return async (request, { deadlineMs }) => {
    const answer = await endpoint.unary(txn, request, performance.now() + deadlineMs);
    // A connection to somebody who was silent may stay "ready" for minutes.
    if (answer.kind === 'failed') endpoint.reset();
    return answer;
  };
}
