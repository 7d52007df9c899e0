import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { topologyCheck, topologyShow } from './topology.ts';

const example = (name: string) => fileURLToPath(new URL(`../../../examples/${name}.yaml`, import.meta.url));

test('check ends with 0 for a sound file and 1 when something cannot be kept', () => {
  const sound = topologyCheck(example('three-site'));
  assert.equal(sound.exitCode, 0);
  assert.match(sound.text, /Three-site trading firm: no findings$/);
  const documented = topologyCheck(example('as-documented'));
  assert.equal(documented.exitCode, 1);
  assert.match(
    documented.text,
    /as-documented\.yaml:\d+:\d+: error fewer-than-three-voters\n {2}only nyc and chi vote/,
  );
  assert.match(documented.text, /\d+ errors, \d+ warnings, \d+ notes$/);
});

test('a file that cannot be used ends with 2, names the place and says what to do', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'höld fast '));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'broken.yaml');
  writeFileSync(file, 'format: holdfast-topology/1\nname: x\nsites: {}\nhosts: {}\ncomponent: {}\ngroups: {}\n');
  for (const command of [topologyCheck, topologyShow]) {
    const { exitCode, text, json } = command(file);
    assert.equal(exitCode, 2);
    assert.ok(
      text.includes(`${file}:5:1: HF-2002 a topology file has no field "component"\n  → did you mean "components"?`),
      text,
    );
    assert.equal(json.ok, false);
  }
});

test('a file that is not there ends with 2, also as an overlay', () => {
  assert.match(topologyCheck('nowhere.yaml').text, /^nowhere\.yaml:1:1: HF-2011 .*ENOENT/);
  assert.equal(topologyCheck(example('three-site'), { overlays: ['nowhere.yaml'] }).exitCode, 2);
});

test('as JSON the text is the report', () => {
  const { text, json, exitCode } = topologyCheck(example('as-documented'), { json: true });
  assert.equal(exitCode, 1);
  assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(json)));
  assert.ok(json.findings.length > 20);
  const shown = topologyShow(example('two-site'), { json: true, overlays: [example('demo-overlay')] });
  assert.equal(JSON.parse(shown.text).topology.groups[0].sitePolicy, 'automatic');
});

for (const name of ['three-site', 'two-site', 'four-site', 'as-documented'])
  test(`the picture of ${name} fits on a screen and names every site, host, instance and group`, () => {
    const { text, json, exitCode } = topologyShow(example(name));
    assert.equal(exitCode, 0);
    const lines = text.split('\n');
    assert.ok(lines.length <= 45, `${lines.length} lines`);
    for (const line of lines) assert.ok(line.length <= 100, line);
    const { sites, hosts, components, groups } = json.topology!;
    const instances = components.flatMap((component) => component.instances);
    for (const { id } of [...sites, ...hosts, ...components, ...instances, ...groups]) assert.ok(text.includes(id), id);
  });

test('the picture of a firm is drawn to the character', () => {
  assert.equal(
    topologyShow(example('two-site')).text,
    `Norrsken Markets
authority  3 voters (north, south, lookout), 2 decide; 18ms from north

┌─ north · serve standby votes ──┐  ┌─ south · serve standby votes ──┐
│ Stockholm                      │  │ Frankfurt                      │
│ birch    ● matcher-birch       │  │ oak     ● matcher-oak          │
│ spruce   ● matcher-spruce      │  │ beech   ● matcher-beech        │
│ granite  ● ledger-granite      │  │ slate   ● ledger-slate         │
│ harbour  ○ order-desk-harbour  │  │ bridge  ○ order-desk-bridge    │
│          ○ gate-harbour        │  │         ○ gate-bridge          │
└────────────────────────────────┘  └────────────────────────────────┘
┌─ lookout · witness votes ──────┐
│ Dublin, one small machine      │
│ lamp  (no instance)            │
└────────────────────────────────┘
● must acknowledge   ◐ follows   ○ keeps nothing   – never primary

links      north ── south     18ms 10Gb/s baltic · 21ms 1Gb/s denmark
           north ── lookout   38ms 100Mb/s internet-north
           south ── lookout   26ms 100Mb/s internet-south

group      core-trading   instance automatic · site approval · cool-down 5min · RTO 5min RPO 0s
           1. ledger      leased  RTO 20s RPO 0s      waits for remote-site, else degrade
           2. matcher     leased  RTO 20s RPO 0s      waits for remote-site, else degrade
           3. order-desk  leased  RTO 30s RPO 0s      keeps nothing itself
           4. gate        moved   RTO 30s RPO 0s      keeps nothing itself

findings   none`,
  );
});
