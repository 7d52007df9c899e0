import { block, pass, type SafetyRule } from '../safety-rule.ts';

/** A second primary that no grant names is a mystery; nothing automatic is piled on top of it. Its agent stops it by itself. */
export const dualRule: SafetyRule = {
  id: 'R-DUAL',
  title: 'Nobody else says that it is primary',
  overridable: false,
  evaluate: ({ facts, intent }) => {
    const moving = new Set(intent.moves.map((move) => move.component));
    for (const known of facts.instances.values()) {
      if (!moving.has(known.instance.component) || !known.fresh || known.observation?.role !== 'primary') continue;
      const grant = facts.record?.grants[known.instance.component];
      if (grant?.holder === known.instance.id || grant?.revoked?.instance === known.instance.id) continue;
      return block(
        `${known.instance.id} says that it is primary and no grant names it`,
        `holdfast fence ${known.instance.id}`,
      );
    }
    return pass('no primary without a grant was seen');
  },
};
