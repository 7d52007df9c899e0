import type { Json } from '../core/base/canonical-json.ts';
import type { ComponentId, WallMs } from '../core/base/ids.ts';
import type { Facts } from '../core/decision/facts.ts';
import { componentLoss } from '../core/replication/component-loss.ts';
import { dataClassRpo } from '../core/replication/data-class-rpo.ts';
import type { ControllerCore } from './controller-core.ts';

/** What a loss of the writing site would cost now, by class of data and by component. Any controller may tell what it heard. */
export function projectRpo(controller: ControllerCore, now: number, wall: WallMs): Json {
  const { config, replication } = controller;
  const { paces } = replication;
  const all = [...controller.groups.values()].map((group) => group.facts(now, wall));
  const factsOf = (component: ComponentId): Facts | null =>
    all.find(({ group }) => group.components.includes(component)) ?? null;
  return {
    at: wall,
    controller: { id: config.id, leading: controller.leading },
    watchedSince: replication.since,
    classes: (config.dataClasses ?? []).map((each) => dataClassRpo(each, factsOf, paces)) as unknown as Json,
    groups: all.map((facts) => ({
      group: facts.group.id,
      activeSite: facts.record?.activeSite ?? null,
      epoch: facts.record?.epoch ?? null,
      components: facts.topology.components
        .filter(({ id, instances }) => facts.group.components.includes(id) && instances.some(keepsCopy))
        .map(({ id }) => {
          const loss = componentLoss(facts, paces, id);
          return { ...loss, worst: loss.best === null ? null : replication.worstOf(loss.best) };
        }) as unknown as Json,
    })),
  };
}

const keepsCopy = ({ replication }: { readonly replication: string }): boolean => replication !== 'none';
