import { indexOf } from '../../topology/topology-index.ts';
import { block, cannotEvaluate, pass, type SafetyRule } from '../safety-rule.ts';

/** What a moved component depends on is held in the same site afterwards. */
export const dependencyRule: SafetyRule = {
  id: 'R-DEPENDENCY',
  title: 'What it depends on will be there',
  overridable: false,
  evaluate: ({ facts, intent }) => {
    const { component: components, siteOfInstance } = indexOf(facts.topology);
    const after = (id: string) =>
      [...intent.moves, ...(intent.delegates ?? [])].find((move) => move.component === id)?.to ??
      facts.record?.grants[id as never]?.holder ??
      null;
    for (const move of intent.moves) {
      for (const needed of components.get(move.component)?.dependsOn ?? []) {
        const component = components.get(needed);
        if (component === undefined || !facts.group.components.includes(needed)) continue;
        // A delegate's primary may be at another site: it moved by itself. The group only goes where it is or will be.
        const delegated = component.kind === 'patroni' && intent.scope === 'site';
        if (component.authority !== 'owned' && !delegated) continue;
        const holder = after(needed);
        if (holder === null) return cannotEvaluate(`${move.component} depends on ${needed}, which nobody would hold`);
        if (siteOfInstance.get(holder) !== intent.toSite)
          return block(`${move.component} in ${intent.toSite} would depend on ${needed} held by ${holder}`);
      }
    }
    return pass('all dependencies are in the same site');
  },
};
