import type { Json } from '../core/base/canonical-json.ts';
import type { WallMs } from '../core/base/ids.ts';
import { replicationPaths } from '../core/replication/replication-path.ts';
import type { ControllerCore } from './controller-core.ts';

/** Who copies from whom, how far behind, and the worst since this controller watches. Any controller may tell what it heard. */
export function projectReplication(controller: ControllerCore, now: number, wall: WallMs): Json {
  const { config, replication } = controller;
  return {
    at: wall,
    controller: { id: config.id, leading: controller.leading },
    watchedSince: replication.since,
    groups: [...controller.groups.values()].map((group) => {
      const facts = group.facts(now, wall);
      return {
        group: group.group.id,
        epoch: facts.record?.epoch ?? null,
        holders: Object.values(facts.record?.grants ?? {}).map(({ component, holder, mode }) => ({
          component,
          holder,
          mode: mode.kind,
        })),
        paths: replicationPaths(facts, replication.paces).map((path) => ({
          ...path,
          worst: replication.worstOf(path.to),
        })) as unknown as Json,
      };
    }),
  };
}
