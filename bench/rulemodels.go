package main

import (
	"slices"
	"strconv"
	"strings"
)

// ruleModel is one typical way to decide about visibility, with its rows and requests.
type ruleModel struct {
	name string
	rule string // text for the report
	yaml string
	load []string // SQL, see bulk
	asks []ruleAsk
}

// ruleAsk is one request, and the best statement for it by hand.
type ruleAsk struct {
	what   string
	table  string
	who    int // number of the user; 0: anonymous
	roles  []string
	sort   string
	filter string
	get    int    // number of the row; 0: a list, or a total
	total  bool   // only the total counts
	hand   string // {cols} are the columns of the row, {me} is the caller's id
}

const pageOf = 20

// bulk writes a statement of a load for an engine. It replaces {users}, {rows} and the like by numbers of rows, {uuid
// x} by the id of a number and {series n} by a table of the numbers from 1. It replaces {time x} by a time some
// seconds after a day, and {bool x} by a condition.
func bulk(sql string, postgres bool, rows int) string {
	for name, n := range sizes(rows) {
		sql = strings.ReplaceAll(sql, "{"+name+"}", n)
	}
	for {
		at := strings.LastIndexByte(sql, '{')
		if at < 0 {
			return sql
		}
		end := at + strings.IndexByte(sql[at:], '}')
		word, arg, _ := strings.Cut(sql[at+1:end], " ")
		sql = sql[:at] + bulkWord(word, arg, postgres) + sql[end+1:]
	}
}

func bulkWord(word, arg string, postgres bool) string {
	switch word {
	case "uuid":
		if postgres {
			return "('00000000-0000-7000-8000-' || lpad(to_hex(" + arg + "), 12, '0'))::uuid"
		}
		return "printf('00000000-0000-7000-8000-%012x', " + arg + ")"
	case "series":
		if postgres {
			return "generate_series(1::bigint, " + arg + ") AS s(n)"
		}
		return "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < " + arg + ") SELECT n FROM s) AS s"
	case "time":
		if postgres {
			return "(timestamptz '2026-01-01 00:00:00Z' + (" + arg + ") * interval '1 second')"
		}
		return "(1767225600000000 + (" + arg + ") * 1000000)"
	case "bool":
		if postgres {
			return "(" + arg + ")"
		}
		return "(CASE WHEN " + arg + " THEN 1 ELSE 0 END)"
	}
	panic("bench: no word " + word)
}

// sizes returns the numbers of rows of the other tables, for a number of rows of the large one.
func sizes(rows int) map[string]string {
	n := func(n int) string { return strconv.Itoa(max(n, 20)) }
	return map[string]string{
		"rows": n(rows), "users": n(rows / 100), "orgs": n(rows / 200), "members": n(rows / 50),
		"teams": n(rows / 2000), "projects": n(rows / 200), "folders": n(rows / 10), "friendships": n(rows / 25),
	}
}

// The first users send the requests: one without rows, one with few, one with more.
const (
	nobody = 1
	little = 2
	more   = 3
)

const loadUsers = `INSERT INTO users (id, created_at, updated_at, _rev) SELECT {uuid n}, {time 0}, {time 0}, n FROM {series {users}}`

var ruleModels = []ruleModel{
	{
		name: "tenant", rule: "org.members.exists(m, m.user_id == auth.id)",
		yaml: `
  orgs:
    key: int
    fields: {name: {type: text, max: 80}}
    access: {read: "members.exists(m, m.user_id == auth.id)"}
  members:
    key: int
    fields: {org: {ref: orgs, reverse: members}, user: {ref: users, reverse: memberships}}
    unique: [[org, user]]
    access: {read: user_id == auth.id}
  posts:
    key: int
    fields: {org: {ref: orgs, reverse: posts}, title: {type: text, max: 200}, body: {type: text}}
    access: {read: "org.members.exists(m, m.user_id == auth.id)"}
`,
		load: []string{
			`INSERT INTO orgs (id, name, created_at, updated_at, _rev) SELECT n, 'org ' || n, {time n}, {time n}, n FROM {series {orgs}}`,
			`INSERT INTO members (id, org_id, user_id, created_at, updated_at, _rev)
SELECT n, n * 7919 % {orgs} + 1, {uuid 4 + (n - 1) / 4 % ({users} - 4)}, {time n}, {time n}, n FROM {series {members}}`,
			`INSERT INTO members (id, org_id, user_id, created_at, updated_at, _rev) SELECT {members} + 1, 17, {uuid 2}, {time 0}, {time 0}, 1`,
			`INSERT INTO members (id, org_id, user_id, created_at, updated_at, _rev) SELECT {members} + 1 + n, n * 2, {uuid 3}, {time 0}, {time 0}, 1 FROM {series 9}`,
			`INSERT INTO posts (id, org_id, title, body, created_at, updated_at, _rev)
SELECT n, n * 7919 % {orgs} + 1, 'post ' || n, '` + someText + `', {time n * 7907 % {rows}}, {time n}, n FROM {series {rows}}`,
		},
		asks: slices.Concat(
			forEach([]int{nobody, little, more}, ruleAsk{what: "first page", table: "posts",
				hand: `SELECT {cols} FROM posts AS t WHERE t.org_id IN (SELECT org_id FROM members WHERE user_id = {me}) ORDER BY t.id LIMIT 21`}),
			forEach([]int{nobody, little, more}, ruleAsk{what: "newest", table: "posts", sort: "-created_at",
				hand: `SELECT {cols} FROM posts AS t WHERE t.org_id IN (SELECT org_id FROM members WHERE user_id = {me}) ORDER BY t.created_at DESC, t.id DESC LIMIT 21`}),
			forEach([]int{nobody, little, more}, ruleAsk{what: "total", table: "posts", total: true,
				hand: `SELECT count(*) FROM posts AS t WHERE t.org_id IN (SELECT org_id FROM members WHERE user_id = {me})`}),
			forEach([]int{nobody, more}, ruleAsk{what: "get", table: "posts", get: 12345,
				hand: `SELECT {cols} FROM posts AS t WHERE t.id = 12345 AND EXISTS (SELECT 1 FROM members AS m WHERE m.org_id = t.org_id AND m.user_id = {me})`}),
		),
	},
	{
		name: "owner or shared", rule: "shared || owner_id == auth.id",
		yaml: `
  documents:
    key: int
    fields: {owner: {ref: users, reverse: documents}, shared: {type: bool, index: true}, title: {type: text, max: 200}, body: {type: text}}
    indexes: [[created_at]]
    access: {read: shared || owner_id == auth.id}
`,
		load: []string{ // of every second document the owner is the third user, and one of 500 is shared
			`INSERT INTO documents (id, owner_id, shared, title, body, created_at, updated_at, _rev)
SELECT n, {uuid CASE WHEN n % 2 = 0 THEN 3 WHEN n % 40001 = 7 THEN 2 ELSE 4 + n * 7919 % ({users} - 4) END}, {bool n % 500 = 1}, 'document ' || n, '` + someText + `',
{time n * 7907 % {rows}}, {time n}, n FROM {series {rows}}`,
		},
		asks: slices.Concat(
			forEach([]int{0, little, more}, ruleAsk{what: "first page", table: "documents",
				hand: `SELECT {cols} FROM documents AS t WHERE t.shared = {true} OR t.owner_id = {me} ORDER BY t.id LIMIT 21`}),
			forEach([]int{0, little}, ruleAsk{what: "newest", table: "documents", sort: "-created_at",
				hand: `SELECT {cols} FROM documents AS t WHERE t.shared = {true} OR t.owner_id = {me} ORDER BY t.created_at DESC, t.id DESC LIMIT 21`}),
			forEach([]int{more}, ruleAsk{what: "newest", table: "documents", sort: "-created_at",
				hand: `SELECT {cols} FROM documents AS t WHERE (t.shared = {true} OR t.owner_id = {me}) IS TRUE ORDER BY t.created_at DESC, t.id DESC LIMIT 21`}),
			forEach([]int{0, little, more}, ruleAsk{what: "total", table: "documents", total: true,
				hand: `SELECT count(*) FROM documents AS t WHERE t.shared = {true} OR t.owner_id = {me}`}),
			forEach([]int{little}, ruleAsk{what: "get", table: "documents", get: 12346,
				hand: `SELECT {cols} FROM documents AS t WHERE t.id = 12346 AND (t.shared = {true} OR t.owner_id = {me})`}),
		),
	},
	{
		name: "roles", rule: "'auditor' in auth.roles || project.team.members.exists(m, m.user_id == auth.id && m.role != 'guest')",
		yaml: `
  teams:
    key: int
    fields: {name: {type: text, max: 80}}
    access: {read: true}
  members:
    key: int
    fields: {team: {ref: teams, reverse: members}, user: {ref: users, reverse: memberships}, role: {type: enum, values: [guest, worker, lead]}}
    unique: [[team, user]]
    access: {read: user_id == auth.id}
  projects:
    key: int
    fields: {team: {ref: teams, reverse: projects}, name: {type: text, max: 80}}
    access: {read: true}
  tasks:
    key: int
    fields: {project: {ref: projects, reverse: tasks}, title: {type: text, max: 200}, state: {type: enum, values: [open, done]}, body: {type: text}}
    indexes: [[state, created_at], [created_at]]
    access: {read: "'auditor' in auth.roles || project.team.members.exists(m, m.user_id == auth.id && m.role != 'guest')"}
`,
		load: []string{
			`INSERT INTO teams (id, name, created_at, updated_at, _rev) SELECT n, 'team ' || n, {time n}, {time n}, n FROM {series {teams}}`,
			`INSERT INTO members (id, team_id, user_id, role, created_at, updated_at, _rev)
SELECT n, n % {teams} + 1, {uuid 4 + n % ({users} - 4)}, CASE n % 3 WHEN 0 THEN 'guest' WHEN 1 THEN 'worker' ELSE 'lead' END, {time n}, {time n}, n FROM {series {users} - 4}`,
			`INSERT INTO members (id, team_id, user_id, role, created_at, updated_at, _rev) SELECT {users} + 1, 7, {uuid 2}, 'worker', {time 0}, {time 0}, 1`,
			`INSERT INTO members (id, team_id, user_id, role, created_at, updated_at, _rev)
SELECT {users} + 1 + n, n * 2, {uuid 3}, CASE WHEN n > 2 THEN 'lead' ELSE 'guest' END, {time 0}, {time 0}, 1 FROM {series 7}`,
			`INSERT INTO projects (id, team_id, name, created_at, updated_at, _rev) SELECT n, n % {teams} + 1, 'project ' || n, {time n}, {time n}, n FROM {series {projects}}`,
			`INSERT INTO tasks (id, project_id, title, state, body, created_at, updated_at, _rev)
SELECT n, n * 7919 % {projects} + 1, 'task ' || n, CASE WHEN n % 4 = 0 THEN 'open' ELSE 'done' END, '` + someText + `', {time n * 7907 % {rows}}, {time n}, n FROM {series {rows}}`,
		},
		asks: slices.Concat(
			forEach([]int{nobody, little, more}, ruleAsk{what: "first page", table: "tasks",
				hand: `SELECT {cols} FROM tasks AS t WHERE t.project_id IN (SELECT p.id FROM projects AS p JOIN members AS m ON m.team_id = p.team_id WHERE m.user_id = {me} AND m.role <> 'guest') ORDER BY t.id LIMIT 21`}),
			forEach([]int{nobody, little, more}, ruleAsk{what: "newest open", table: "tasks", sort: "-created_at", filter: "state == 'open'",
				hand: `SELECT {cols} FROM tasks AS t WHERE t.project_id IN (SELECT p.id FROM projects AS p JOIN members AS m ON m.team_id = p.team_id WHERE m.user_id = {me} AND m.role <> 'guest')
AND {opaque t.state} = 'open' ORDER BY t.created_at DESC, t.id DESC LIMIT 21`}),
			forEach([]int{nobody, little, more}, ruleAsk{what: "total", table: "tasks", total: true,
				hand: `SELECT count(*) FROM tasks AS t WHERE t.project_id IN (SELECT p.id FROM projects AS p JOIN members AS m ON m.team_id = p.team_id WHERE m.user_id = {me} AND m.role <> 'guest')`}),
			[]ruleAsk{{what: "newest, auditor", table: "tasks", who: nobody, roles: []string{"auditor"}, sort: "-created_at",
				hand: `SELECT {cols} FROM tasks AS t ORDER BY t.created_at DESC, t.id DESC LIMIT 21`}},
			forEach([]int{nobody, more}, ruleAsk{what: "get", table: "tasks", get: 12345,
				hand: `SELECT {cols} FROM tasks AS t WHERE t.id = 12345 AND EXISTS (SELECT 1 FROM projects AS p JOIN members AS m ON m.team_id = p.team_id WHERE p.id = t.project_id AND m.user_id = {me} AND m.role <> 'guest')`}),
		),
	},
	{
		name: "blog", rule: "state == 'published' || author_id == auth.id",
		yaml: `
  posts:
    key: int
    fields:
      title:     {type: text, max: 200}
      slug:      {type: text, format: slug, unique: true}
      body:      {type: text}
      state:     {type: enum, values: [draft, published]}
      published: {type: timestamp, optional: true}
      author:    {ref: users, reverse: posts}
    indexes: [[state, published], [published]]
    access: {read: state == 'published' || author_id == auth.id}
`,
		load: []string{
			`INSERT INTO posts (id, title, slug, body, state, published, author_id, created_at, updated_at, _rev)
SELECT n, 'post ' || n, 'post-' || n, '` + someText + `', CASE WHEN n % 10 = 0 THEN 'draft' ELSE 'published' END,
CASE WHEN n % 10 = 0 THEN NULL ELSE {time n * 7907 % {rows}} END, {uuid CASE WHEN n % 40001 = 10 THEN 2 ELSE 4 + n * 7919 % ({users} - 4) END}, {time n}, {time n}, n FROM {series {rows}}`,
		},
		asks: slices.Concat(
			forEach([]int{0, little}, ruleAsk{what: "first page", table: "posts",
				hand: `SELECT {cols} FROM posts AS t WHERE ({opaque t.state} = 'published' OR t.author_id = {me}) ORDER BY t.id LIMIT 21`}),
			forEach([]int{0, little}, ruleAsk{what: "newest", table: "posts", sort: "-published",
				hand: `SELECT {cols} FROM posts AS t WHERE ({opaque t.state} = 'published' OR t.author_id = {me}) AND t.published IS NOT NULL ORDER BY t.published DESC, t.id DESC LIMIT 21`}),
			forEach([]int{0, little}, ruleAsk{what: "drafts", table: "posts", filter: "state == 'draft'",
				hand: `SELECT {cols} FROM posts AS t WHERE t.author_id = {me} AND t.state = 'draft' ORDER BY t.id LIMIT 21`}),
			forEach([]int{0, little}, ruleAsk{what: "total", table: "posts", total: true,
				hand: `SELECT count(*) FROM posts AS t WHERE t.state = 'published' OR t.author_id = {me}`}),
			forEach([]int{0}, ruleAsk{what: "get", table: "posts", get: 12345,
				hand: `SELECT {cols} FROM posts AS t WHERE t.id = 12345 AND (t.state = 'published' OR t.author_id = {me})`}),
		),
	},
	{
		name: "tree", rule: "folder.owner_id == auth.id || folder.parent.owner_id == auth.id || folder.parent.parent.owner_id == auth.id",
		yaml: `
  folders:
    key: int
    fields: {parent: {ref: folders, reverse: folders, optional: true}, owner: {ref: users, reverse: folders}, name: {type: text, max: 80}}
    access: {read: true}
  files:
    key: int
    fields: {folder: {ref: folders, reverse: files}, name: {type: text, max: 200}, body: {type: text}}
    indexes: [[created_at]]
    access: {read: folder.owner_id == auth.id || folder.parent.owner_id == auth.id || folder.parent.parent.owner_id == auth.id}
`,
		load: []string{
			`INSERT INTO folders (id, parent_id, owner_id, name, created_at, updated_at, _rev)
SELECT n, CASE WHEN n >= 10 THEN n / 10 END, {uuid CASE WHEN n = 1234 THEN 2 WHEN n = 321 THEN 3 ELSE 4 + n * 7919 % ({users} - 4) END}, 'folder ' || n, {time n}, {time n}, n FROM {series {folders}}`,
			`INSERT INTO files (id, folder_id, name, body, created_at, updated_at, _rev)
SELECT n, n * 7919 % {folders} + 1, 'file ' || n, '` + someText + `', {time n * 7907 % {rows}}, {time n}, n FROM {series {rows}}`,
		},
		asks: slices.Concat(
			forEach([]int{nobody, little, more}, ruleAsk{what: "first page", table: "files", hand: `SELECT {cols} FROM files AS t WHERE t.folder_id IN (` + below + `) ORDER BY t.id LIMIT 21`}),
			forEach([]int{nobody, little, more}, ruleAsk{what: "newest", table: "files", sort: "-created_at", hand: `SELECT {cols} FROM files AS t WHERE t.folder_id IN (` + below + `) ORDER BY t.created_at DESC, t.id DESC LIMIT 21`}),
			forEach([]int{nobody, little, more}, ruleAsk{what: "total", table: "files", total: true, hand: `SELECT count(*) FROM files AS t WHERE t.folder_id IN (` + below + `)`}),
			forEach([]int{more}, ruleAsk{what: "get", table: "files", get: 12345, hand: `SELECT {cols} FROM files AS t JOIN folders AS f ON f.id = t.folder_id LEFT JOIN folders AS g ON g.id = f.parent_id LEFT JOIN folders AS h ON h.id = g.parent_id
WHERE t.id = 12345 AND (f.owner_id = {me} OR g.owner_id = {me} OR h.owner_id = {me})`}),
		),
	},
	{
		name: "friends", rule: "author_id == auth.id || author.friends.exists(f, f.friend_id == auth.id || f.friend.friends.exists(g, g.friend_id == auth.id))",
		yaml: `
  friendships:
    key: int
    fields: {user: {ref: users, reverse: friends}, friend: {ref: users, reverse: friend_of}}
    unique: [[user, friend]]
    access: {read: user_id == auth.id}
  posts:
    key: int
    fields: {author: {ref: users, reverse: posts}, text: {type: text, max: 200}, body: {type: text}}
    indexes: [[created_at]]
    access: {read: "author_id == auth.id || author.friends.exists(f, f.friend_id == auth.id || f.friend.friends.exists(g, g.friend_id == auth.id))"}
`,
		load: []string{ // everybody from the fourth on has four friends; the second user has one, the third nine
			`INSERT INTO friendships (id, user_id, friend_id, created_at, updated_at, _rev)
SELECT n, {uuid 4 + (n - 1) / 4 % ({users} - 4)}, {uuid 4 + ((n - 1) / 4 + 1 + (n - 1) % 4 * 37) % ({users} - 4)}, {time n}, {time n}, n FROM {series ({users} - 4) * 4}`,
			`INSERT INTO friendships (id, user_id, friend_id, created_at, updated_at, _rev) SELECT {users} * 4 + 1, {uuid 5}, {uuid 2}, {time 0}, {time 0}, 1`,
			`INSERT INTO friendships (id, user_id, friend_id, created_at, updated_at, _rev) SELECT {users} * 4 + 1 + n, {uuid 5 + n}, {uuid 3}, {time 0}, {time 0}, 1 FROM {series 9}`,
			`INSERT INTO posts (id, author_id, text, body, created_at, updated_at, _rev)
SELECT n, {uuid 2 + n * 7919 % ({users} - 2)}, 'post ' || n, '` + someText + `', {time n * 7907 % {rows}}, {time n}, n FROM {series {rows}}`,
		},
		asks: slices.Concat(
			forEach([]int{nobody, little, more}, ruleAsk{what: "first page", table: "posts", hand: `SELECT {cols} FROM posts AS t WHERE t.author_id IN (` + friends + `) ORDER BY t.id LIMIT 21`}),
			forEach([]int{nobody, little, more}, ruleAsk{what: "newest", table: "posts", sort: "-created_at", hand: `SELECT {cols} FROM posts AS t WHERE t.author_id IN (` + friends + `) ORDER BY t.created_at DESC, t.id DESC LIMIT 21`}),
			forEach([]int{nobody, little, more}, ruleAsk{what: "total", table: "posts", total: true, hand: `SELECT count(*) FROM posts AS t WHERE t.author_id IN (` + friends + `)`}),
			forEach([]int{more}, ruleAsk{what: "get", table: "posts", get: 12345, hand: `SELECT {cols} FROM posts AS t WHERE t.id = 12345 AND (t.author_id = {me}
OR EXISTS (SELECT 1 FROM friendships AS f WHERE f.user_id = t.author_id AND f.friend_id = {me})
OR EXISTS (SELECT 1 FROM friendships AS f JOIN friendships AS g ON g.user_id = f.friend_id WHERE f.user_id = t.author_id AND g.friend_id = {me}))`}),
		),
	},
}

const someText = `The quick brown fox jumps over the lazy dog, and does it again and again until the body of the row is as long as one is.`

// below are the folders of the caller and two levels under them.
const below = `WITH a AS (SELECT id FROM folders WHERE owner_id = {me}),
b AS (SELECT id FROM a UNION SELECT id FROM folders WHERE parent_id IN (SELECT id FROM a)), c AS (SELECT id FROM b UNION SELECT id FROM folders WHERE parent_id IN (SELECT id FROM b)) SELECT id FROM c`

// friends are the caller, his friends and theirs.
const friends = `SELECT {me} UNION SELECT user_id FROM friendships WHERE friend_id = {me}
UNION SELECT f.user_id FROM friendships AS g JOIN friendships AS f ON f.friend_id = g.user_id WHERE g.friend_id = {me}`

func forEach(who []int, ask ruleAsk) []ruleAsk {
	var all []ruleAsk
	for _, n := range who {
		ask.who = n
		all = append(all, ask)
	}
	return all
}
