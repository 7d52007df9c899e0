import { confirmedPrimary, delegatedComponents } from '../authority/delegated-primary.ts';
import type { Facts, InstanceFacts } from '../decision/facts.ts';
import type { Component, ComponentKind } from '../topology/topology.ts';
import { type Check, type CheckAnswer, fails, inconclusive, passes, worstOf } from './check.ts';

const MARKET_DATA_FRESH_MS = 5000;
const OMS_BEHIND_MS = 5000;
const POSITIONS_AGREED_MS = 300_000;

/** A holder of what is owned: primary at the epoch of its grant, healthy, seen freshly. Else the answer that says so. */
function holderOf(facts: Facts, component: Component): InstanceFacts | CheckAnswer {
  const grant = facts.record?.grants[component.id];
  const holder = grant?.holder ?? null;
  if (grant === undefined || holder === null) return fails(`nobody holds ${component.id}`);
  const known = facts.instances.get(holder);
  if (!known?.fresh || known.observation === null) return inconclusive(`nothing fresh is known about ${holder}`);
  const { role, process, health, reason } = known.observation;
  if (process !== 'running') return fails(`${holder} is ${process}`);
  if (role !== 'primary') return fails(`${holder} is ${role}`);
  if (health === 'unknown') return inconclusive(`${holder} does not say how it is`);
  if (health === 'bad') return fails(`${holder}: ${reason ?? 'bad'}`);
  return known;
}

/** Components of that kind in the group, each looked at. A kind that this firm does not run is no pass. */
const each =
  (kind: ComponentKind, look: (facts: Facts, component: Component) => CheckAnswer): Check =>
  (facts) =>
    worstOf(
      facts.topology.components
        .filter((component) => component.kind === kind && facts.group.components.includes(component.id))
        .map((component) => look(facts, component)),
      `the group runs no ${kind}`,
    );

/** What is delegated is at the active site, has its lock, and is where the record leads to. */
function delegatedDatabase(facts: Facts, component: Component): CheckAnswer {
  const primary = confirmedPrimary(facts, component);
  const adopted = facts.record?.delegates?.[component.id]?.holder ?? null;
  if (primary === null) return inconclusive(`nobody is confirmed to be primary of ${component.id}`);
  const { holder, lock } = primary;
  if (adopted !== holder) return inconclusive(`${holder} is primary, and ${adopted ?? 'nobody'} is led to`);
  const site = facts.instances.get(holder)?.site;
  if (site !== facts.record?.activeSite) return fails(`${holder} is primary, at ${site}`);
  const { observation } = facts.instances.get(holder)!;
  if (!observation?.releasing || observation.health === 'bad')
    return fails(`${holder}: ${observation?.reason ?? 'it accepts no writes'}`);
  return passes(`${holder} accepts writes under its delegate's lock, revision ${lock}`);
}

export const databaseCheck: Check = (facts) => {
  const delegated = delegatedComponents(facts.topology, facts.group);
  if (delegated.length === 0) return ownedDatabase(facts);
  const answers = delegated.map((component) => delegatedDatabase(facts, component));
  const hasOwned = facts.topology.components.some(
    ({ kind, id }) => kind === 'postgres' && facts.group.components.includes(id),
  );
  return worstOf([...answers, ...(hasOwned ? [ownedDatabase(facts)] : [])], '');
};

const ownedDatabase = each('postgres', (facts, component) => {
  const holder = holderOf(facts, component);
  if ('measured' in holder) return holder;
  const { instance, observation } = holder;
  if (!observation?.releasing) return fails(`${instance.id} is primary and accepts no writes`);
  return passes(
    `${instance.id} accepts writes at epoch ${observation.epoch}, log ${observation.position?.sequence ?? '?'}`,
  );
});

export const engineCheck = each('trading-engine', (facts, component) => {
  const holder = holderOf(facts, component);
  if ('measured' in holder) return holder;
  const { instance, observation } = holder;
  if (!observation?.releasing) return fails(`${instance.id} is primary and releases nothing`);
  if (facts.record?.tradingEnabled !== true || !observation.tradingEnabled)
    return fails(`${instance.id} takes no new risk`);
  if (observation.figures['venueReady'] === 0) return fails(`${instance.id} is not logged on at the exchange`);
  const open = observation.figures['activeOrders'];
  return passes(`${instance.id} releases and trades at epoch ${observation.epoch}, ${open ?? '?'} open orders`);
});

export const orderManagementCheck = each('order-management', (facts, component) => {
  const holder = holderOf(facts, component);
  if ('measured' in holder) return holder;
  const { instance, observation } = holder;
  if (!observation?.releasing) return fails(`${instance.id} cannot store what it is given`);
  const { lagMs, lagEntries } = observation.figures;
  if (lagMs !== undefined && lagMs > OMS_BEHIND_MS)
    return fails(`${instance.id} is ${Math.round(lagMs)} ms behind the engine`);
  return passes(`${instance.id} stores${lagEntries === undefined ? '' : `, ${lagEntries} entries to come`}`);
});

/** Stateless or leased: whoever serves at the active site is looked at, by the figures that its kind reports. */
const serving = (kind: ComponentKind, look: (known: InstanceFacts) => CheckAnswer): Check =>
  each(kind, (facts, component) => {
    const there = component.instances
      .map((instance) => facts.instances.get(instance.id))
      .filter((known) => known !== undefined && known.site === facts.record?.activeSite);
    if (there.length === 0)
      return fails(`${component.id} has no instance at ${facts.record?.activeSite ?? 'any site'}`);
    const answers = there.map((known): CheckAnswer => {
      if (!known?.fresh || known.observation === null)
        return inconclusive(`nothing fresh is known about ${component.id}`);
      if (known.observation.process !== 'running') return fails(`${known.instance.id} is ${known.observation.process}`);
      if (known.observation.health === 'bad')
        return fails(`${known.instance.id}: ${known.observation.reason ?? 'bad'}`);
      return look(known);
    });
    // One that serves is enough; a second one is its standby.
    return answers.find(({ outcome }) => outcome === 'pass') ?? worstOf(answers, `${component.id} was not looked at`);
  });

export const marketDataCheck = serving('market-data', ({ instance, observation }) => {
  const { marketDataAgeMs } = observation?.figures ?? {};
  if (observation?.health === 'degraded') return fails(`${instance.id}: ${observation.reason ?? 'degraded'}`);
  if (marketDataAgeMs === undefined) return inconclusive(`${instance.id} does not say how old its data is`);
  const said = `${instance.id}: ${Math.round(marketDataAgeMs)} ms old`;
  // Outside market hours old data is no fault, and then its own health says so.
  return marketDataAgeMs <= MARKET_DATA_FRESH_MS || observation?.health === 'ok' ? passes(said) : fails(said);
});

/** One in fail-safe answers, and everything it answers is no: its health says which. */
export const riskCheck = each('risk-engine', (facts, component) => {
  const holder = holderOf(facts, component);
  if ('measured' in holder) return holder;
  const { instance, observation } = holder;
  if (observation?.health !== 'ok') return fails(`${instance.id}: ${observation?.reason ?? 'not well'}`);
  if (!observation.releasing) return fails(`${instance.id} approves nothing`);
  return passes(`${instance.id} approves at epoch ${observation.epoch}`);
});

export const positionsCheck = serving('position-keeper', ({ instance, observation }) => {
  const { agreedAgoMs } = observation?.figures ?? {};
  if (observation?.health === 'degraded') return fails(`${instance.id}: ${observation.reason ?? 'degraded'}`);
  if (agreedAgoMs === undefined) return inconclusive(`${instance.id} has not agreed with the engine yet`);
  const said = `${instance.id} agreed with the engine ${Math.round(agreedAgoMs / 1000)} s ago`;
  return agreedAgoMs <= POSITIONS_AGREED_MS ? passes(said) : inconclusive(said);
});
