import type { TopologyRule } from '../topology-finding.ts';

/** All power becomes heat; a kilowatt is this many BTU an hour. */
const btuPerHourPerKw = 3412;
const tolerance = 0.01;

export const coolingNotFromPower: TopologyRule = {
  id: 'cooling-not-from-power',
  title: 'Cooling removes the heat that the stated power makes',
  severity: 'warning',
  check: ({ topology }) =>
    topology.sites.flatMap(({ id, inventory }) => {
      if (inventory?.powerKw == null || inventory.coolingBtuPerHour === null) return [];
      const needed = inventory.powerKw * btuPerHourPerKw;
      if (Math.abs(inventory.coolingBtuPerHour - needed) <= needed * tolerance) return [];
      return [
        {
          path: `sites.${id}.inventory.cooling`,
          message: `${id} states ${inventory.coolingBtuPerHour} BTU/h of cooling for ${inventory.powerKw} kW, which make ${needed} BTU/h`,
          remedy: `state "cooling: ${needed}BTU/h", leave it out to have it computed, or correct the power`,
        },
      ];
    }),
};
