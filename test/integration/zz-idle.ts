import { FirmUnderTest, eventually } from '/work/main/test/integration/firm-under-test.ts';
import { readFileSync } from 'node:fs';
const cpu = (pid: number) => { const f = readFileSync(`/proc/${pid}/stat`,'utf8').split(') ')[1]!.split(' '); return (Number(f[11])+Number(f[12]))*10; };
const rss = (pid: number) => Number(/Pss:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/smaps_rollup`,'utf8'))![1])/1024;
const firm = await FirmUnderTest.open();
try {
  const t=performance.now();
  await firm.start();
  const ada = firm.client('ada');
  let last: any = null;
  const record = async () => { last = await ada.status(); return last.groups[0]; };
  await eventually('hosts healthy', async () => (await record()).hosts.every((h: any) => h.state === 'healthy'), 10000);
  await ada.ask({ kind: 'activate', group: 'trading', site: 'east' });
  await eventually('east serves', async () => { const g = await record(); return g.record?.run === null && g.record.tradingEnabled && g.record.activeSite === 'east'; }, 20000);
  console.log('active', Math.round(performance.now()-t));
  await eventually('in sync', async () => (await record()).instances.some((i: any) => i.instance === 'engine-east' && i.observation.releasing), 5000);
  const pids = Object.fromEntries([...firm.processes].map(([n, p]) => [n, p.child.pid!]));
  const before = Object.fromEntries(Object.entries(pids).map(([n, p]) => [n, cpu(p)]));
  await new Promise(r => setTimeout(r, 10000));
  for (const [n, p] of Object.entries(pids)) console.log(n, 'cpu ms/s', (cpu(p) - before[n]!) / 10, 'rss', rss(p).toFixed(0));
  for (const n of ['controller west', 'agent west']) { const s = performance.now(); firm.process(n).child.kill('SIGTERM'); console.log(n, 'exit', await firm.process(n).ended, Math.round(performance.now()-s)); }
  for (const p of firm.processes.values()) console.log('---', p.name, p.child.exitCode, p.output.slice(-1500));
} catch (e) { console.log(e); for (const p of firm.processes.values()) console.log('---', p.name, p.child.exitCode, p.output.slice(-1500)); }
finally { await firm.close(); }
