// A smoke test of the client that was generated from /openapi.json, against a server of the careers example: what a
// person would write, checked by the compiler in strict mode and then by running it.
import assert from 'node:assert/strict';
import {
  createProfile, createSkill, deleteSkill, getSkill, listOccupations, listOccupationSkills, listProfiles, updateSkill,
} from './out/client/sdk.gen.js';
import { client } from './out/client/client.gen.js';
import type { OccupationPart, Problem, Skill } from './out/client/types.gen.js';

const [base, token] = process.argv.slice(2);
assert(base && token, 'usage: smoke.js BASE TOKEN');
client.setConfig({ baseUrl: base });
const auth = () => token; // given to a call, it signs the call

// A list: filter with arguments, sort, fields, total, expansion.
const list = await listOccupations({
  query: { filter: 'title.contains(arg.text)', args: { 'arg.text': 'Backend' }, sort: ['title', '-id'], limit: 2, total: true, expand: ['skills.skill'] },
});
assert.equal(list.response.status, 200);
assert(list.data);
const first: OccupationPart | undefined = list.data.items[0];
assert(first);
assert(first.title?.includes('Backend'));
assert((list.data.total ?? 0) > 0);
assert(first.skills?.items[0]?.skill?.name);

// Pages.
const seen = new Set<string>();
for (let cursor: string | undefined; ;) {
  const page = await listOccupationSkills({ query: { limit: 10, fields: ['id', 'skill.name'], cursor } });
  assert(page.data);
  for (const row of page.data.items) {
    assert(row.id && row.skill?.name && row.importance === undefined);
    assert(!seen.has(row.id));
    seen.add(row.id);
  }
  if (page.data.next === null) break;
  cursor = page.data.next;
}
assert(seen.size > 10);

// A write without a token is a problem with a type.
const refused = await createSkill({ body: { id: 'smoke', name: 'Smoke', kind: 'technical' } });
const problem: Problem | undefined = refused.error;
assert.equal(problem?.type, '/problems/unauthenticated');
assert.equal(problem.status, 401);

// Create, read, change, delete.
const created = await createSkill({ auth, body: { id: 'smoke', name: 'Smoke testing', kind: 'technical' } });
const skill: Skill | undefined = created.data;
assert.equal(skill?.source, 'guide'); // its default
assert.equal(skill.description, null);
assert.equal(created.response.headers.get('Location'), '/api/skills/smoke');

const read = await getSkill({ path: { id: 'smoke' } });
const etag = read.response.headers.get('ETag');
assert(etag);
const same = await getSkill({ path: { id: 'smoke' }, headers: { 'If-None-Match': etag } });
assert.equal(same.response.status, 304);

const changed = await updateSkill({ auth, path: { id: 'smoke' }, headers: { 'If-Match': etag }, body: { description: 'Does it start?' } });
assert.equal(changed.data?.description, 'Does it start?');
const stale = await updateSkill({ auth, path: { id: 'smoke' }, headers: { 'If-Match': etag }, body: { description: null } });
assert.equal(stale.error?.status, 412);

// What the compiler cannot see, the server says, every fault of it.
const bad = await createProfile({ auth, body: { headline: 'x'.repeat(121), salary: '1.234' } });
assert.deepEqual(bad.error?.errors?.map((fault) => fault.pointer).sort(), ['/headline', '/salary']);

const gone = await deleteSkill({ auth, path: { id: 'smoke' } });
assert.equal(gone.response.status, 204);
assert.equal((await getSkill({ path: { id: 'smoke' } })).error?.type, '/problems/not_found');

// A mask looks like what is missing.
const profiles = await listProfiles({ query: { filter: 'shared', fields: ['headline', 'salary'] } });
assert.equal(profiles.data?.items[0]?.salary, null);

// Types that must not compile: the client knows the model.
// @ts-expect-error a value that the enum does not have
void ((): Parameters<typeof createSkill>[0] => ({ body: { id: 'x', name: 'x', kind: 'magic' } }));
// @ts-expect-error a required member is missing
void ((): Parameters<typeof createSkill>[0] => ({ body: { id: 'x', name: 'x' } }));
// @ts-expect-error no such field to sort by
void ((): Parameters<typeof listOccupations>[0] => ({ query: { sort: ['salary'] } }));

console.log('the generated client works');
