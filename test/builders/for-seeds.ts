import { Random } from '../../src/sim/random.ts';

/**
 * Runs a property for the seeds 1 to `count`, each with its own generator. The first failure names its seed: the same seed draws
 * the same case again.
 */
export function forSeeds(count: number, property: (random: Random, seed: number) => void): void {
  for (let seed = 1; seed <= count; seed += 1) {
    try {
      property(new Random(seed), seed);
    } catch (cause) {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }
}

/** Each item with the given probability, in its order. */
export const someOf = <Item>(random: Random, items: readonly Item[], probability = 0.5): Item[] =>
  items.filter(() => random.chance(probability));

export function shuffled<Item>(random: Random, items: readonly Item[]): Item[] {
  const left = [...items];
  const order: Item[] = [];
  while (left.length > 0) order.push(...left.splice(random.whole(0, left.length - 1), 1));
  return order;
}
