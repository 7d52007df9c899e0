import type { TopologyRule } from '../topology-finding.ts';
import { dialled } from './phone-number.ts';

export const roleWithTwoNumbers: TopologyRule = {
  id: 'role-with-two-numbers',
  title: 'Every role has one number',
  severity: 'error',
  check: ({ topology }) =>
    topology.contacts.flatMap((contact, index) => {
      const number = dialled(contact.phone);
      const earlier = topology.contacts
        .slice(0, index)
        .map((other) => ({ phone: other.phone, role: other.role, number: dialled(other.phone) }))
        .find(
          (other) => other.role === contact.role && other.number !== null && number !== null && other.number !== number,
        );
      if (!earlier) return [];
      return [
        {
          path: `contacts.${index}.phone`,
          message: `"${contact.role}" is stated with two numbers, ${earlier.phone} and ${contact.phone}`,
          remedy: 'call both, keep the one that is answered at night; a second line is a role of its own',
        },
      ];
    }),
};
