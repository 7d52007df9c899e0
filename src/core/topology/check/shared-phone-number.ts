import type { TopologyRule } from '../topology-finding.ts';
import { dialled } from './phone-number.ts';

export const sharedPhoneNumber: TopologyRule = {
  id: 'shared-phone-number',
  title: 'Every role is reached at its own number',
  severity: 'error',
  check: ({ topology }) =>
    topology.contacts.flatMap((contact, index) => {
      const number = dialled(contact.phone);
      const earlier = topology.contacts
        .slice(0, index)
        .find((other) => other.role !== contact.role && number !== null && dialled(other.phone) === number);
      if (!earlier) return [];
      return [
        {
          path: `contacts.${index}.phone`,
          message: `"${earlier.role}" and "${contact.role}" have the same number ${contact.phone}: one call reaches one of them, and nobody knows which`,
          remedy: 'find out whose number it is; if both roles are one person or one desk, make them one contact',
        },
      ];
    }),
};
