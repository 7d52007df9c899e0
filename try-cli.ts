import { SimulatedFirm, contextOf, FakeTerminal } from './src/cli/simulated-controllers.test.ts';
import { statusCommand } from './src/cli/commands/status.ts';
import { moveCommand } from './src/cli/commands/move.ts';
import { approveCommand } from './src/cli/commands/approve.ts';
import { fenceCommand } from './src/cli/commands/fence.ts';
import { runsCommand } from './src/cli/commands/runs.ts';
const show = async (title: string, firm: SimulatedFirm) => { const o = await statusCommand(contextOf(firm), {maxAgeMs: 10000}); console.log(`##### ${title} exit ${o.exitCode}\n${o.text}`); };
const off = (firm: SimulatedFirm, id: string) => { const h = firm.world.hosts.find(h => h.id === id)!; firm.world.network.silence(h.id); h.agent.crash(); h.gate.reset(); for (const i of h.instances) i.die(); h.agent.routes.clear(); };
{
const firm = new SimulatedFirm();
off(firm, 'bravo-d'); firm.pass(9000);
await show('degraded', firm);
const t = new FakeTerminal({interactive: true, answers: ['bravo']});
const base = { verb: 'failover', toSite: null, overrides: [], reason: '', acceptDataLoss: null, consent: {yes:false,digest:null}, wait: true } as const;
const o = await moveCommand(contextOf(firm, {terminal: t}), {...base, verb:'switchover'});
console.log(o.text, o.exitCode);
const o2 = await moveCommand(contextOf(firm, {terminal: t}), {...base, overrides: ['R-VERDICT'], reason: 'x', acceptDataLoss: 'db:unknown'});
console.log(o2.text, o2.exitCode);
}
{
const firm = new SimulatedFirm();
const t = new FakeTerminal({interactive: true, answers: ['bravo']});
const base = { verb: 'switchover', toSite: null, overrides: [], reason: '', acceptDataLoss: null, consent: {yes:false,digest:null}, wait: true } as const;
const o = await moveCommand(contextOf(firm, {terminal: t}), base);
console.log(t.output.slice(-1500), o.text, o.exitCode);
firm.pass(1000);
await show('after', firm);
firm.pass(25000);
firm.loseActiveSite(); firm.pass(8000);
const s: any = await firm.ask({kind:'status'});
const a = await approveCommand(contextOf(firm, {terminal: new FakeTerminal({interactive:true, answers:[s.result.groups[0].decision.toSite]})}), {digest: s.result.groups[0].decision.digest, minutes: 5, acceptDataLoss: null, yes:false, wait:true});
console.log(a.text, a.exitCode);
const f = await fenceCommand(contextOf(firm), {instance: 'alfa-eng2', lift:false, attest:false, reason:'odd', yes:true});
console.log(f.text, f.exitCode);
console.log((await runsCommand(contextOf(firm), null)).text);
}
