import { durationText } from '../duration-text.ts';
import { componentNamed } from '../lookup.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const dataClassNotKept: TopologyRule = {
  id: 'data-class-not-kept',
  title: 'Every class of data is stored where no more of it can be lost than allowed',
  severity: 'error',
  check: ({ topology, planning }) =>
    planning.dataClasses.flatMap((each) => {
      const store = componentNamed(topology, each.store);
      if (store.objective.rpoMs <= each.rpoMs) return [];
      return [
        {
          path: `dataClasses.${each.id}.store`,
          message: `${each.id} may lose ${durationText(each.rpoMs)} and is kept in ${store.id}, which may lose ${durationText(store.objective.rpoMs)}`,
          remedy: `keep ${each.id} in a component with an RPO of at most ${durationText(each.rpoMs)}`,
        },
      ];
    }),
};
