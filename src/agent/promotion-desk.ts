import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openAuthority } from '../adapters/open-authority.ts';
import type { GroupRecord } from '../core/authority/group-record.ts';
import { notRead, type PromotionPermit, promotionPermit } from '../core/authority/promotion-permit.ts';
import { assert } from '../core/base/assert.ts';
import type { InstanceId } from '../core/base/ids.ts';
import type { Brakes } from '../core/decision/brakes.ts';
import type { Component, FailoverGroup } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { keys } from '../engine/authority-keys.ts';
import type { AuthorityPort } from '../engine/authority-port.ts';
import type { AgentConfigFile } from '../wire/agent-config.ts';
import { causeText } from '../wire/holdfast-error.ts';
import type { TlsIdentity } from '../wire/peer-identity.ts';
import { GrantSocket } from './grant-socket.ts';

/** Before whoever asks gives up, who waits for 10 s. */
const readWithinMs = 8000;

interface Asking {
  readonly instance: InstanceId;
  readonly component: Component;
  readonly group: FailoverGroup;
  readonly path: string;
}

export interface PromotionDeskOptions {
  readonly config: AgentConfigFile;
  readonly identity: TlsIdentity;
  readonly answered: (instance: InstanceId, permit: PromotionPermit, tookMs: number) => void;
  /** Nobody can ask there: that member is never promoted. */
  readonly closed: (instance: InstanceId, reason: string) => void;
}

/**
 * Answers each Patroni of this host, before it promotes, by what the authority says then. Over a connection of its own: what the agent's
 * renewals compare with has to be what the agent itself has read. Null: no member here asks.
 */
export async function promotionDesk(
  options: PromotionDeskOptions,
): Promise<{ readonly close: () => Promise<void> } | null> {
  const { config, identity, answered, closed } = options;
  const asking = askingHere(config);
  if (asking.length === 0) return null;
  const stateDir = join(config.stateDir, 'promotions');
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const authority = await openAuthority({
    config: config.authority,
    stateDir,
    identity,
    noticeSilenceWithinMs: readWithinMs,
  });
  const sockets = asking.map((about) => {
    const { instance, path } = about;
    return new GrantSocket({
      path,
      permit: () => permitNow(authority, about).catch((cause: unknown) => notRead(causeText(cause))),
      answered: (permit, tookMs) => answered(instance, permit, tookMs),
    });
  });
  for (const [at, socket] of sockets.entries())
    await socket.listen().catch((cause: unknown) => {
      const { instance, path } = asking[at]!;
      closed(instance, `Patroni finds nobody to ask at ${path}: ${causeText(cause)}`);
    });
  return {
    close: async () => {
      await Promise.allSettled([...sockets.map((socket) => socket.close()), authority.close()]);
    },
  };
}

function askingHere({ instances, topology }: AgentConfigFile): readonly Asking[] {
  const index = indexOf(topology);
  return instances.flatMap((each) => {
    if (each.kind !== 'served') return [];
    const component = index.component.get(index.instance.get(each.instance)?.component ?? ('' as never));
    const path = each.server.grantSocket ?? component?.served?.servers[each.instance]?.grantSocket;
    if (component === undefined || path === undefined) return [];
    const group = topology.groups.find(({ components }) => components.includes(component.id));
    assert(group !== undefined, `${component.id} belongs to no group`);
    return [{ instance: each.instance, component, group, path }];
  });
}

/** Reads anew; what was not read in time is refused. */
export async function permitNow(
  authority: Pick<AuthorityPort, 'range'>,
  { group, component, instance }: Pick<Asking, 'group' | 'component' | 'instance'>,
): Promise<PromotionPermit> {
  const [brakesKey, recordKey] = [keys.brakes(group.id), keys.group(group.id)];
  const [brakes, record] = await Promise.all(
    [brakesKey, recordKey].map((key) => authority.range(key, { deadlineMs: readWithinMs })),
  );
  if (brakes?.kind !== 'ok') return notRead(brakes?.reason ?? 'no answer');
  if (record?.kind !== 'ok') return notRead(record?.reason ?? 'no answer');
  const facts = {
    record: (record.entries[recordKey]?.value ?? null) as GroupRecord | null,
    brakes: (brakes.entries[brakesKey]?.value ?? null) as Brakes | null,
    incarnation: record.incarnation,
  };
  return promotionPermit(facts, component, instance);
}
