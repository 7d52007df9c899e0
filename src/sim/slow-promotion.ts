import type { World } from './world.ts';

/** From now on a database takes up to some leases to become primary. */
export function slowPromotion(world: World): () => void {
  const databases = [...world.instances.values()].filter((each) => !each.selfGated);
  const slowMs = world.random.between(0.2, 2.5) * world.topology.timing.selfFenceAfterMs;
  for (const each of databases) each.promotionMs = slowMs;
  return () => {
    for (const each of databases) each.promotionMs = 0;
  };
}

/** The database is lost; whoever is promoted instead loses its agent, its gate or the authority while it is on its way. */
export function slowPromotionThenCutOff(world: World): () => void {
  const heal = slowPromotion(world);
  world.random
    .pick(
      [...world.instances.values()].filter(
        (each) => !each.selfGated && each.role === 'primary' && each.process === 'running',
      ),
    )
    ?.die();
  const heals: (() => void)[] = [];
  let over = false;
  const hurt = () => {
    const becoming = [...world.instances.values()].find((each) => each.becomingPrimary);
    if (over || heals.length > 0) return;
    const host = world.hosts.find((each) => each.id === becoming?.place.host);
    if (!host) return void world.queue.after(50, hurt);
    const { agent, gate } = host;
    world.authority.deafen(agent.place, true);
    heals.push(() => world.authority.deafen(agent.place, false));
    if (world.random.chance(0.5)) {
      gate.freeze();
      heals.push(() => gate.thaw());
    }
    if (world.random.chance(0.5)) {
      agent.freeze();
      heals.push(() => agent.thaw());
    }
  };
  hurt();
  return () => {
    over = true;
    heal();
    for (const each of heals.reverse()) each();
  };
}
