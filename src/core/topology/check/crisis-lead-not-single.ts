import type { TopologyRule } from '../topology-finding.ts';

export const crisisLeadNotSingle: TopologyRule = {
  id: 'crisis-lead-not-single',
  title: 'Exactly one contact leads a crisis',
  severity: 'error',
  check({ topology }) {
    const leads = topology.contacts
      .map((contact, index) => ({ contact, index }))
      .filter((each) => each.contact.crisisLead);
    if (topology.contacts.length === 0 || leads.length === 1) return [];
    const second = leads[1];
    if (!second)
      return [
        {
          path: 'contacts',
          message: 'nobody is named to lead a crisis',
          remedy:
            'set "crisisLead: true" at one contact; who follows when that person is unavailable is a matter of the plan',
        },
      ];
    return [
      {
        path: `contacts.${second.index}.crisisLead`,
        message: `${leads.length} contacts lead a crisis: ${leads.map((each) => each.contact.role).join(', ')}`,
        remedy: 'keep "crisisLead: true" at one of them; the others follow in the succession',
      },
    ];
  },
};
