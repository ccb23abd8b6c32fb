==== anonymous
-- get
SELECT t0."id", t0."title", t0."price"::numeric, NULL::bigint, (CASE WHEN (t0."shared") THEN t0."owner_id" END), t0."team_id", t0."shared", t0."created_at", t0."updated_at", t0."_rev" FROM "posts" AS t0 WHERE t0."id" = $1::bigint AND (t0."shared")
-- readable
SELECT 1 FROM "teams" AS t0 WHERE t0."id" = $1::uuid AND FALSE
-- list, range 0
SELECT t0."id", t0."title", t0."price"::numeric, t0."id" FROM "posts" AS t0 WHERE t0."shared" AND (t0."title" = ($1::text COLLATE "C")) AND (t0."price" < $2::numeric) AND (CASE WHEN t0."shared" THEN starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND FALSE), ($3::text COLLATE "C")) END) AND (CASE WHEN t0."shared" THEN (NULL::bigint IS DISTINCT FROM $4::bigint) END) AND t0."price" = $5::numeric AND t0."id" < $6::bigint ORDER BY t0."id" DESC LIMIT $7::bigint
-- list, range 1
SELECT t0."id", t0."title", t0."price"::numeric, t0."id" FROM "posts" AS t0 WHERE t0."shared" AND (t0."title" = ($1::text COLLATE "C")) AND (t0."price" < $2::numeric) AND (CASE WHEN t0."shared" THEN starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND FALSE), ($3::text COLLATE "C")) END) AND (CASE WHEN t0."shared" THEN (NULL::bigint IS DISTINCT FROM $4::bigint) END) AND t0."price" < $5::numeric ORDER BY t0."price" DESC, t0."id" DESC LIMIT $6::bigint
-- list, range 2
SELECT t0."id", t0."title", t0."price"::numeric, t0."id" FROM "posts" AS t0 WHERE t0."shared" AND (t0."title" = ($1::text COLLATE "C")) AND (t0."price" < $2::numeric) AND (CASE WHEN t0."shared" THEN starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND FALSE), ($3::text COLLATE "C")) END) AND (CASE WHEN t0."shared" THEN (NULL::bigint IS DISTINCT FROM $4::bigint) END) AND t0."price" IS NULL ORDER BY t0."id" DESC LIMIT $5::bigint
-- count
SELECT count(*) FROM "posts" AS t0 WHERE t0."shared" AND (t0."title" = ($1::text COLLATE "C")) AND (t0."price" < $2::numeric) AND (CASE WHEN t0."shared" THEN starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND FALSE), ($3::text COLLATE "C")) END) AND (CASE WHEN t0."shared" THEN (NULL::bigint IS DISTINCT FROM $4::bigint) END)
-- to-one
SELECT t0."id", t0."name", t0."id" FROM "teams" AS t0 WHERE t0."id" = ANY($1::text[]::uuid[]) AND FALSE
-- to-many
SELECT t0."id", t0."title", t0."id", k.key FROM unnest($1::text[]::uuid[]) AS k(key) CROSS JOIN LATERAL (SELECT t1."id" FROM "posts" AS t1 WHERE t1."team_id" = k.key AND (t1."shared") ORDER BY t1."id" LIMIT $2::bigint) AS first JOIN "posts" AS t0 ON t0."id" = first."id" ORDER BY t0."id"
-- get of a view
SELECT t0."id", t0."owner_id", NULL::bigint, t0."price"::numeric FROM (SELECT q."id"::text COLLATE "C" AS "id", q."owner_id"::uuid AS "owner_id", q."n"::bigint AS "n", q."price"::numeric AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."id" = ($1::text COLLATE "C") AND FALSE
-- list of a view
SELECT t0."id", t0."owner_id", t0."id" FROM (SELECT q."id"::text COLLATE "C" AS "id", q."owner_id"::uuid AS "owner_id", q."n"::bigint AS "n", q."price"::numeric AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE FALSE AND (t0."id") > (($1::text COLLATE "C")) ORDER BY t0."id" LIMIT $2::bigint
-- to-many of a view
SELECT c0, c1, c2, c3, c4 FROM (SELECT t0."id" AS c0, t0."owner_id" AS c1, NULL::bigint AS c2, t0."id" AS c3, k.key AS c4, row_number() OVER (PARTITION BY k.key ORDER BY t0."id") AS place FROM unnest($1::text[]::uuid[]) AS k(key) CROSS JOIN (SELECT q."id"::text COLLATE "C" AS "id", q."owner_id"::uuid AS "owner_id", q."n"::bigint AS "n", q."price"::numeric AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."owner_id" = k.key AND FALSE) AS r WHERE place <= $2::bigint ORDER BY c3
-- before an update
SELECT t0."_rev", FALSE, FALSE, t0."id", t0."title", t0."price", t0."stars", t0."owner_id", t0."team_id", t0."shared", t0."created_at", t0."updated_at" FROM "posts" AS t0 WHERE t0."id" = $1::bigint AND (t0."shared") FOR NO KEY UPDATE OF t0
-- insert
INSERT INTO "posts" ("id", "title", "price", "stars", "owner_id", "team_id", "shared", "created_at", "updated_at", "_rev") VALUES ($1::bigint, ($2::text COLLATE "C"), $3::numeric, $4::bigint, $5::uuid, $6::uuid, $7::boolean, $8::timestamptz, $9::timestamptz, $10::bigint) RETURNING ("posts"."shared"), FALSE, "posts"."id", "posts"."title", "posts"."_rev"
-- insert of a row that is known

-- update
UPDATE "posts" SET "_rev" = $1::bigint, "title" = ($2::text COLLATE "C"), "price" = $3::numeric WHERE "posts"."id" = $4::bigint AND ("posts"."owner_id" IS NOT DISTINCT FROM "posts"."owner_id")
-- the revision before a change
SELECT t0."_rev" FROM "posts" AS t0 WHERE t0."id" = $1::bigint FOR NO KEY UPDATE OF t0
-- change

-- delete

-- a row that is not stored
SELECT (t0."owner_id" IS NOT DISTINCT FROM old."owner_id"), ((old."id" IS NOT DISTINCT FROM NULL) OR (t1."price" IS NOT DISTINCT FROM NULL) OR (t1."price" >= old."price")) FROM (SELECT $1::bigint AS "id", ($2::text COLLATE "C") AS "title", $3::numeric AS "price", $4::bigint AS "stars", $5::uuid AS "owner_id", $6::uuid AS "team_id", $7::boolean AS "shared", $8::timestamptz AS "created_at", $9::timestamptz AS "updated_at") AS t0, (SELECT $10::bigint AS "id", ($11::text COLLATE "C") AS "title", $12::numeric AS "price", $13::bigint AS "stars", $14::uuid AS "owner_id", $15::uuid AS "team_id", $16::boolean AS "shared", $17::timestamptz AS "created_at", $18::timestamptz AS "updated_at") AS t1, (SELECT $19::bigint AS "id", ($20::text COLLATE "C") AS "title", $21::numeric AS "price", $22::bigint AS "stars", $23::uuid AS "owner_id", $24::uuid AS "team_id", $25::boolean AS "shared", $26::timestamptz AS "created_at", $27::timestamptz AS "updated_at") AS old
-- insert whose rule looks at other rows
INSERT INTO "members" ("id", "team_id", "user_id", "role", "created_at", "updated_at", "_rev") SELECT $1::uuid, $2::uuid, $3::uuid, ($4::text COLLATE "C"), $5::timestamptz, $6::timestamptz, $7::bigint WHERE FALSE RETURNING TRUE, TRUE, "members"."id", "members"."team_id", "members"."_rev"
-- insert of a known row whose rule looks at other rows

-- change of team_id whose rule looks at other rows

-- change of role whose rule looks at other rows

-- after an update
SELECT (t0."shared"), TRUE, ((old."id" IS NOT DISTINCT FROM NULL) OR (t0."price" IS NOT DISTINCT FROM NULL) OR (t0."price" >= old."price")), t0."id", t0."title", t0."_rev" FROM "posts" AS t0, (SELECT $1::bigint AS "id", ($2::text COLLATE "C") AS "title", $3::numeric AS "price", $4::bigint AS "stars", $5::uuid AS "owner_id", $6::uuid AS "team_id", $7::boolean AS "shared", $8::timestamptz AS "created_at", $9::timestamptz AS "updated_at") AS old WHERE t0."id" = $10::bigint AND t0."_rev" = $11::bigint
==== user
-- get
SELECT t0."id", t0."title", t0."price"::numeric, (CASE WHEN (t0."owner_id" = $1::uuid) THEN t0."stars" END), (CASE WHEN (t0."shared") THEN t0."owner_id" END), t0."team_id", t0."shared", t0."created_at", t0."updated_at", t0."_rev" FROM "posts" AS t0 WHERE t0."id" = $2::bigint AND (t0."shared" OR (t0."owner_id" = $1::uuid))
-- readable
SELECT 1 FROM "teams" AS t0 WHERE t0."id" = $1::uuid AND EXISTS (SELECT 1 FROM "members" AS t1 WHERE t1."team_id" = t0."id" AND (t1."user_id" = $2::uuid))
-- list, range 0
SELECT t0."id", t0."title", t0."price"::numeric, t0."id" FROM "posts" AS t0 WHERE (t0."shared" OR (t0."owner_id" = $1::uuid)) AND (t0."title" = ($2::text COLLATE "C")) AND (t0."price" < $3::numeric) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" = $1::uuid))), ($4::text COLLATE "C")) END) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN ((CASE WHEN (t0."owner_id" = $1::uuid) THEN t0."stars" END) IS DISTINCT FROM $5::bigint) END) AND t0."price" = $6::numeric AND t0."id" < $7::bigint ORDER BY t0."id" DESC LIMIT $8::bigint
-- list, range 1
SELECT t0."id", t0."title", t0."price"::numeric, t0."id" FROM "posts" AS t0 WHERE (t0."shared" OR (t0."owner_id" = $1::uuid)) AND (t0."title" = ($2::text COLLATE "C")) AND (t0."price" < $3::numeric) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" = $1::uuid))), ($4::text COLLATE "C")) END) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN ((CASE WHEN (t0."owner_id" = $1::uuid) THEN t0."stars" END) IS DISTINCT FROM $5::bigint) END) AND t0."price" < $6::numeric ORDER BY t0."price" DESC, t0."id" DESC LIMIT $7::bigint
-- list, range 2
SELECT t0."id", t0."title", t0."price"::numeric, t0."id" FROM "posts" AS t0 WHERE (t0."shared" OR (t0."owner_id" = $1::uuid)) AND (t0."title" = ($2::text COLLATE "C")) AND (t0."price" < $3::numeric) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" = $1::uuid))), ($4::text COLLATE "C")) END) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN ((CASE WHEN (t0."owner_id" = $1::uuid) THEN t0."stars" END) IS DISTINCT FROM $5::bigint) END) AND t0."price" IS NULL ORDER BY t0."id" DESC LIMIT $6::bigint
-- count
SELECT count(*) FROM "posts" AS t0 WHERE (t0."shared" OR (t0."owner_id" = $1::uuid)) AND (t0."title" = ($2::text COLLATE "C")) AND (t0."price" < $3::numeric) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" = $1::uuid))), ($4::text COLLATE "C")) END) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN ((CASE WHEN (t0."owner_id" = $1::uuid) THEN t0."stars" END) IS DISTINCT FROM $5::bigint) END)
-- to-one
SELECT t0."id", t0."name", t0."id" FROM "teams" AS t0 WHERE t0."id" = ANY($1::text[]::uuid[]) AND EXISTS (SELECT 1 FROM "members" AS t1 WHERE t1."team_id" = t0."id" AND (t1."user_id" = $2::uuid))
-- to-many
SELECT t0."id", t0."title", t0."id", k.key FROM unnest($1::text[]::uuid[]) AS k(key) CROSS JOIN LATERAL (SELECT t1."id" FROM "posts" AS t1 WHERE t1."team_id" = k.key AND (t1."shared" OR (t1."owner_id" = $2::uuid)) ORDER BY t1."id" LIMIT $3::bigint) AS first JOIN "posts" AS t0 ON t0."id" = first."id" ORDER BY t0."id"
-- get of a view
SELECT t0."id", t0."owner_id", (CASE WHEN (t0."owner_id" = $1::uuid) THEN t0."n" END), t0."price"::numeric FROM (SELECT q."id"::text COLLATE "C" AS "id", q."owner_id"::uuid AS "owner_id", q."n"::bigint AS "n", q."price"::numeric AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."id" = ($2::text COLLATE "C") AND (t0."owner_id" = $1::uuid)
-- list of a view
SELECT t0."id", t0."owner_id", t0."id" FROM (SELECT q."id"::text COLLATE "C" AS "id", q."owner_id"::uuid AS "owner_id", q."n"::bigint AS "n", q."price"::numeric AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE (t0."owner_id" = $1::uuid) AND (t0."id") > (($2::text COLLATE "C")) ORDER BY t0."id" LIMIT $3::bigint
-- to-many of a view
SELECT c0, c1, c2, c3, c4 FROM (SELECT t0."id" AS c0, t0."owner_id" AS c1, (CASE WHEN (t0."owner_id" = $2::uuid) THEN t0."n" END) AS c2, t0."id" AS c3, k.key AS c4, row_number() OVER (PARTITION BY k.key ORDER BY t0."id") AS place FROM unnest($1::text[]::uuid[]) AS k(key) CROSS JOIN (SELECT q."id"::text COLLATE "C" AS "id", q."owner_id"::uuid AS "owner_id", q."n"::bigint AS "n", q."price"::numeric AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."owner_id" = k.key AND (t0."owner_id" = $2::uuid)) AS r WHERE place <= $3::bigint ORDER BY c3
-- before an update
SELECT t0."_rev", (t0."owner_id" = $1::uuid), (t0."owner_id" = $1::uuid), t0."id", t0."title", t0."price", t0."stars", t0."owner_id", t0."team_id", t0."shared", t0."created_at", t0."updated_at" FROM "posts" AS t0 WHERE t0."id" = $2::bigint AND (t0."shared" OR (t0."owner_id" = $1::uuid)) FOR NO KEY UPDATE OF t0
-- insert
INSERT INTO "posts" ("id", "title", "price", "stars", "owner_id", "team_id", "shared", "created_at", "updated_at", "_rev") VALUES ($1::bigint, ($2::text COLLATE "C"), $3::numeric, $4::bigint, $5::uuid, $6::uuid, $7::boolean, $8::timestamptz, $9::timestamptz, $10::bigint) RETURNING ("posts"."shared" OR ("posts"."owner_id" = $11::uuid)), ("posts"."owner_id" = $11::uuid), "posts"."id", "posts"."title", "posts"."_rev"
-- insert of a row that is known

-- update
UPDATE "posts" SET "_rev" = $1::bigint, "title" = ($2::text COLLATE "C"), "price" = $3::numeric WHERE "posts"."id" = $4::bigint AND ("posts"."owner_id" IS NOT DISTINCT FROM "posts"."owner_id")
-- the revision before a change
SELECT t0."_rev" FROM "posts" AS t0 WHERE t0."id" = $1::bigint FOR NO KEY UPDATE OF t0
-- change
UPDATE "posts" SET "_rev" = $2::bigint, "title" = ($3::text COLLATE "C"), "price" = $4::numeric WHERE "posts"."id" = $5::bigint AND ("posts"."shared" OR ("posts"."owner_id" = $1::uuid)) AND ("posts"."owner_id" = $1::uuid) AND ("posts"."owner_id" IS NOT DISTINCT FROM "posts"."owner_id") RETURNING ("posts"."shared" OR ("posts"."owner_id" = $1::uuid)), TRUE, "posts"."id", "posts"."title", "posts"."price"::numeric, (CASE WHEN ("posts"."owner_id" = $1::uuid) THEN "posts"."stars" END), "posts"."_rev"
-- delete
DELETE FROM "posts" WHERE "posts"."id" = $1::bigint AND ("posts"."shared" OR ("posts"."owner_id" = $2::uuid)) AND ("posts"."owner_id" = $2::uuid) RETURNING "posts"."id"
-- a row that is not stored
SELECT (t0."owner_id" IS NOT DISTINCT FROM old."owner_id"), ((old."id" IS NOT DISTINCT FROM NULL) OR (t1."price" IS NOT DISTINCT FROM NULL) OR (t1."price" >= old."price")) FROM (SELECT $1::bigint AS "id", ($2::text COLLATE "C") AS "title", $3::numeric AS "price", $4::bigint AS "stars", $5::uuid AS "owner_id", $6::uuid AS "team_id", $7::boolean AS "shared", $8::timestamptz AS "created_at", $9::timestamptz AS "updated_at") AS t0, (SELECT $10::bigint AS "id", ($11::text COLLATE "C") AS "title", $12::numeric AS "price", $13::bigint AS "stars", $14::uuid AS "owner_id", $15::uuid AS "team_id", $16::boolean AS "shared", $17::timestamptz AS "created_at", $18::timestamptz AS "updated_at") AS t1, (SELECT $19::bigint AS "id", ($20::text COLLATE "C") AS "title", $21::numeric AS "price", $22::bigint AS "stars", $23::uuid AS "owner_id", $24::uuid AS "team_id", $25::boolean AS "shared", $26::timestamptz AS "created_at", $27::timestamptz AS "updated_at") AS old
-- insert whose rule looks at other rows
INSERT INTO "members" ("id", "team_id", "user_id", "role", "created_at", "updated_at", "_rev") SELECT $1::uuid, $2::uuid, $3::uuid, ($4::text COLLATE "C"), $5::timestamptz, $6::timestamptz, $7::bigint WHERE EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = (SELECT t1."id" FROM "teams" AS t1 WHERE t1."id" = $2::uuid) AND t2."id" <> $1::uuid AND ((t2."user_id" = $8::uuid) AND (t2."role" = ($9::text COLLATE "C")))) RETURNING TRUE, TRUE, "members"."id", "members"."team_id", "members"."_rev"
-- insert of a known row whose rule looks at other rows

-- change of team_id whose rule looks at other rows
UPDATE "members" SET "_rev" = $4::bigint, "team_id" = $5::uuid WHERE "members"."id" = $1::uuid AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = (SELECT t1."id" FROM "teams" AS t1 WHERE t1."id" = "members"."team_id") AND t2."id" <> $1::uuid AND ((t2."user_id" = $2::uuid) AND (t2."role" = ($3::text COLLATE "C")))) AND EXISTS (SELECT 1 FROM "members" AS t4 WHERE t4."team_id" = (SELECT t3."id" FROM "teams" AS t3 WHERE t3."id" = $5::uuid) AND t4."id" <> $1::uuid AND ((t4."user_id" = $2::uuid) AND (t4."role" = ($6::text COLLATE "C")))) RETURNING TRUE, TRUE, "members"."id", "members"."team_id", "members"."_rev"
-- change of role whose rule looks at other rows
UPDATE "members" SET "_rev" = $4::bigint, "role" = ($5::text COLLATE "C") WHERE "members"."id" = $1::uuid AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = (SELECT t1."id" FROM "teams" AS t1 WHERE t1."id" = "members"."team_id") AND t2."id" <> $1::uuid AND ((t2."user_id" = $2::uuid) AND (t2."role" = ($3::text COLLATE "C")))) RETURNING TRUE, TRUE, "members"."id", "members"."team_id", "members"."_rev"
-- after an update
SELECT (t0."shared" OR (t0."owner_id" = $1::uuid)), TRUE, ((old."id" IS NOT DISTINCT FROM NULL) OR (t0."price" IS NOT DISTINCT FROM NULL) OR (t0."price" >= old."price")), t0."id", t0."title", t0."_rev" FROM "posts" AS t0, (SELECT $2::bigint AS "id", ($3::text COLLATE "C") AS "title", $4::numeric AS "price", $5::bigint AS "stars", $6::uuid AS "owner_id", $7::uuid AS "team_id", $8::boolean AS "shared", $9::timestamptz AS "created_at", $10::timestamptz AS "updated_at") AS old WHERE t0."id" = $11::bigint AND t0."_rev" = $12::bigint
==== editor
-- get
SELECT t0."id", t0."title", t0."price"::numeric, (CASE WHEN (t0."owner_id" = $1::uuid) THEN t0."stars" END), t0."owner_id", t0."team_id", t0."shared", t0."created_at", t0."updated_at", t0."_rev" FROM "posts" AS t0 WHERE t0."id" = $2::bigint AND (t0."shared" OR (t0."owner_id" = $1::uuid))
-- readable
SELECT 1 FROM "teams" AS t0 WHERE t0."id" = $1::uuid AND EXISTS (SELECT 1 FROM "members" AS t1 WHERE t1."team_id" = t0."id" AND (t1."user_id" = $2::uuid))
-- list, range 0
SELECT t0."id", t0."title", t0."price"::numeric, t0."id" FROM "posts" AS t0 WHERE (t0."shared" OR (t0."owner_id" = $1::uuid)) AND (t0."title" = ($2::text COLLATE "C")) AND (t0."price" < $3::numeric) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" = $1::uuid))), ($4::text COLLATE "C")) END) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN ((CASE WHEN (t0."owner_id" = $1::uuid) THEN t0."stars" END) IS DISTINCT FROM $5::bigint) END) AND t0."price" = $6::numeric AND t0."id" < $7::bigint ORDER BY t0."id" DESC LIMIT $8::bigint
-- list, range 1
SELECT t0."id", t0."title", t0."price"::numeric, t0."id" FROM "posts" AS t0 WHERE (t0."shared" OR (t0."owner_id" = $1::uuid)) AND (t0."title" = ($2::text COLLATE "C")) AND (t0."price" < $3::numeric) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" = $1::uuid))), ($4::text COLLATE "C")) END) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN ((CASE WHEN (t0."owner_id" = $1::uuid) THEN t0."stars" END) IS DISTINCT FROM $5::bigint) END) AND t0."price" < $6::numeric ORDER BY t0."price" DESC, t0."id" DESC LIMIT $7::bigint
-- list, range 2
SELECT t0."id", t0."title", t0."price"::numeric, t0."id" FROM "posts" AS t0 WHERE (t0."shared" OR (t0."owner_id" = $1::uuid)) AND (t0."title" = ($2::text COLLATE "C")) AND (t0."price" < $3::numeric) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" = $1::uuid))), ($4::text COLLATE "C")) END) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN ((CASE WHEN (t0."owner_id" = $1::uuid) THEN t0."stars" END) IS DISTINCT FROM $5::bigint) END) AND t0."price" IS NULL ORDER BY t0."id" DESC LIMIT $6::bigint
-- count
SELECT count(*) FROM "posts" AS t0 WHERE (t0."shared" OR (t0."owner_id" = $1::uuid)) AND (t0."title" = ($2::text COLLATE "C")) AND (t0."price" < $3::numeric) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" = $1::uuid))), ($4::text COLLATE "C")) END) AND (CASE WHEN (t0."shared" OR (t0."owner_id" = $1::uuid)) THEN ((CASE WHEN (t0."owner_id" = $1::uuid) THEN t0."stars" END) IS DISTINCT FROM $5::bigint) END)
-- to-one
SELECT t0."id", t0."name", t0."id" FROM "teams" AS t0 WHERE t0."id" = ANY($1::text[]::uuid[]) AND EXISTS (SELECT 1 FROM "members" AS t1 WHERE t1."team_id" = t0."id" AND (t1."user_id" = $2::uuid))
-- to-many
SELECT t0."id", t0."title", t0."id", k.key FROM unnest($1::text[]::uuid[]) AS k(key) CROSS JOIN LATERAL (SELECT t1."id" FROM "posts" AS t1 WHERE t1."team_id" = k.key AND (t1."shared" OR (t1."owner_id" = $2::uuid)) ORDER BY t1."id" LIMIT $3::bigint) AS first JOIN "posts" AS t0 ON t0."id" = first."id" ORDER BY t0."id"
-- get of a view
SELECT t0."id", t0."owner_id", (CASE WHEN (t0."owner_id" = $1::uuid) THEN t0."n" END), t0."price"::numeric FROM (SELECT q."id"::text COLLATE "C" AS "id", q."owner_id"::uuid AS "owner_id", q."n"::bigint AS "n", q."price"::numeric AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."id" = ($2::text COLLATE "C")
-- list of a view
SELECT t0."id", t0."owner_id", t0."id" FROM (SELECT q."id"::text COLLATE "C" AS "id", q."owner_id"::uuid AS "owner_id", q."n"::bigint AS "n", q."price"::numeric AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE (t0."id") > (($1::text COLLATE "C")) ORDER BY t0."id" LIMIT $2::bigint
-- to-many of a view
SELECT c0, c1, c2, c3, c4 FROM (SELECT t0."id" AS c0, t0."owner_id" AS c1, (CASE WHEN (t0."owner_id" = $2::uuid) THEN t0."n" END) AS c2, t0."id" AS c3, k.key AS c4, row_number() OVER (PARTITION BY k.key ORDER BY t0."id") AS place FROM unnest($1::text[]::uuid[]) AS k(key) CROSS JOIN (SELECT q."id"::text COLLATE "C" AS "id", q."owner_id"::uuid AS "owner_id", q."n"::bigint AS "n", q."price"::numeric AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."owner_id" = k.key) AS r WHERE place <= $3::bigint ORDER BY c3
-- before an update
SELECT t0."_rev", (t0."owner_id" = $1::uuid), (t0."owner_id" = $1::uuid), t0."id", t0."title", t0."price", t0."stars", t0."owner_id", t0."team_id", t0."shared", t0."created_at", t0."updated_at" FROM "posts" AS t0 WHERE t0."id" = $2::bigint AND (t0."shared" OR (t0."owner_id" = $1::uuid)) FOR NO KEY UPDATE OF t0
-- insert
INSERT INTO "posts" ("id", "title", "price", "stars", "owner_id", "team_id", "shared", "created_at", "updated_at", "_rev") VALUES ($1::bigint, ($2::text COLLATE "C"), $3::numeric, $4::bigint, $5::uuid, $6::uuid, $7::boolean, $8::timestamptz, $9::timestamptz, $10::bigint) RETURNING ("posts"."shared" OR ("posts"."owner_id" = $11::uuid)), ("posts"."owner_id" = $11::uuid), "posts"."id", "posts"."title", "posts"."_rev"
-- insert of a row that is known

-- update
UPDATE "posts" SET "_rev" = $1::bigint, "title" = ($2::text COLLATE "C"), "price" = $3::numeric WHERE "posts"."id" = $4::bigint AND ("posts"."owner_id" IS NOT DISTINCT FROM "posts"."owner_id")
-- the revision before a change
SELECT t0."_rev" FROM "posts" AS t0 WHERE t0."id" = $1::bigint FOR NO KEY UPDATE OF t0
-- change
UPDATE "posts" SET "_rev" = $2::bigint, "title" = ($3::text COLLATE "C"), "price" = $4::numeric WHERE "posts"."id" = $5::bigint AND ("posts"."shared" OR ("posts"."owner_id" = $1::uuid)) AND ("posts"."owner_id" = $1::uuid) AND ("posts"."owner_id" IS NOT DISTINCT FROM "posts"."owner_id") RETURNING ("posts"."shared" OR ("posts"."owner_id" = $1::uuid)), TRUE, "posts"."id", "posts"."title", "posts"."price"::numeric, (CASE WHEN ("posts"."owner_id" = $1::uuid) THEN "posts"."stars" END), "posts"."_rev"
-- delete
DELETE FROM "posts" WHERE "posts"."id" = $1::bigint AND ("posts"."shared" OR ("posts"."owner_id" = $2::uuid)) AND ("posts"."owner_id" = $2::uuid) RETURNING "posts"."id"
-- a row that is not stored
SELECT (t0."owner_id" IS NOT DISTINCT FROM old."owner_id"), ((old."id" IS NOT DISTINCT FROM NULL) OR (t1."price" IS NOT DISTINCT FROM NULL) OR (t1."price" >= old."price")) FROM (SELECT $1::bigint AS "id", ($2::text COLLATE "C") AS "title", $3::numeric AS "price", $4::bigint AS "stars", $5::uuid AS "owner_id", $6::uuid AS "team_id", $7::boolean AS "shared", $8::timestamptz AS "created_at", $9::timestamptz AS "updated_at") AS t0, (SELECT $10::bigint AS "id", ($11::text COLLATE "C") AS "title", $12::numeric AS "price", $13::bigint AS "stars", $14::uuid AS "owner_id", $15::uuid AS "team_id", $16::boolean AS "shared", $17::timestamptz AS "created_at", $18::timestamptz AS "updated_at") AS t1, (SELECT $19::bigint AS "id", ($20::text COLLATE "C") AS "title", $21::numeric AS "price", $22::bigint AS "stars", $23::uuid AS "owner_id", $24::uuid AS "team_id", $25::boolean AS "shared", $26::timestamptz AS "created_at", $27::timestamptz AS "updated_at") AS old
-- insert whose rule looks at other rows
INSERT INTO "members" ("id", "team_id", "user_id", "role", "created_at", "updated_at", "_rev") SELECT $1::uuid, $2::uuid, $3::uuid, ($4::text COLLATE "C"), $5::timestamptz, $6::timestamptz, $7::bigint WHERE EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = (SELECT t1."id" FROM "teams" AS t1 WHERE t1."id" = $2::uuid) AND t2."id" <> $1::uuid AND ((t2."user_id" = $8::uuid) AND (t2."role" = ($9::text COLLATE "C")))) RETURNING TRUE, TRUE, "members"."id", "members"."team_id", "members"."_rev"
-- insert of a known row whose rule looks at other rows

-- change of team_id whose rule looks at other rows
UPDATE "members" SET "_rev" = $4::bigint, "team_id" = $5::uuid WHERE "members"."id" = $1::uuid AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = (SELECT t1."id" FROM "teams" AS t1 WHERE t1."id" = "members"."team_id") AND t2."id" <> $1::uuid AND ((t2."user_id" = $2::uuid) AND (t2."role" = ($3::text COLLATE "C")))) AND EXISTS (SELECT 1 FROM "members" AS t4 WHERE t4."team_id" = (SELECT t3."id" FROM "teams" AS t3 WHERE t3."id" = $5::uuid) AND t4."id" <> $1::uuid AND ((t4."user_id" = $2::uuid) AND (t4."role" = ($6::text COLLATE "C")))) RETURNING TRUE, TRUE, "members"."id", "members"."team_id", "members"."_rev"
-- change of role whose rule looks at other rows
UPDATE "members" SET "_rev" = $4::bigint, "role" = ($5::text COLLATE "C") WHERE "members"."id" = $1::uuid AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = (SELECT t1."id" FROM "teams" AS t1 WHERE t1."id" = "members"."team_id") AND t2."id" <> $1::uuid AND ((t2."user_id" = $2::uuid) AND (t2."role" = ($3::text COLLATE "C")))) RETURNING TRUE, TRUE, "members"."id", "members"."team_id", "members"."_rev"
-- after an update
SELECT (t0."shared" OR (t0."owner_id" = $1::uuid)), TRUE, ((old."id" IS NOT DISTINCT FROM NULL) OR (t0."price" IS NOT DISTINCT FROM NULL) OR (t0."price" >= old."price")), t0."id", t0."title", t0."_rev" FROM "posts" AS t0, (SELECT $2::bigint AS "id", ($3::text COLLATE "C") AS "title", $4::numeric AS "price", $5::bigint AS "stars", $6::uuid AS "owner_id", $7::uuid AS "team_id", $8::boolean AS "shared", $9::timestamptz AS "created_at", $10::timestamptz AS "updated_at") AS old WHERE t0."id" = $11::bigint AND t0."_rev" = $12::bigint
==== system
-- get
SELECT t0."id", t0."title", t0."price"::numeric, t0."stars", t0."owner_id", t0."team_id", t0."shared", t0."created_at", t0."updated_at", t0."_rev" FROM "posts" AS t0 WHERE t0."id" = $1::bigint
-- readable
SELECT 1 FROM "teams" AS t0 WHERE t0."id" = $1::uuid
-- list, range 0
SELECT t0."id", t0."title", t0."price"::numeric, t0."id" FROM "posts" AS t0 WHERE (t0."title" = ($1::text COLLATE "C")) AND (t0."price" < $2::numeric) AND starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id"), ($3::text COLLATE "C")) AND (t0."stars" IS DISTINCT FROM $4::bigint) AND t0."price" = $5::numeric AND t0."id" < $6::bigint ORDER BY t0."id" DESC LIMIT $7::bigint
-- list, range 1
SELECT t0."id", t0."title", t0."price"::numeric, t0."id" FROM "posts" AS t0 WHERE (t0."title" = ($1::text COLLATE "C")) AND (t0."price" < $2::numeric) AND starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id"), ($3::text COLLATE "C")) AND (t0."stars" IS DISTINCT FROM $4::bigint) AND t0."price" < $5::numeric ORDER BY t0."price" DESC, t0."id" DESC LIMIT $6::bigint
-- list, range 2
SELECT t0."id", t0."title", t0."price"::numeric, t0."id" FROM "posts" AS t0 WHERE (t0."title" = ($1::text COLLATE "C")) AND (t0."price" < $2::numeric) AND starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id"), ($3::text COLLATE "C")) AND (t0."stars" IS DISTINCT FROM $4::bigint) AND t0."price" IS NULL ORDER BY t0."id" DESC LIMIT $5::bigint
-- count
SELECT count(*) FROM "posts" AS t0 WHERE (t0."title" = ($1::text COLLATE "C")) AND (t0."price" < $2::numeric) AND starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id"), ($3::text COLLATE "C")) AND (t0."stars" IS DISTINCT FROM $4::bigint)
-- to-one
SELECT t0."id", t0."name", t0."id" FROM "teams" AS t0 WHERE t0."id" = ANY($1::text[]::uuid[])
-- to-many
SELECT t0."id", t0."title", t0."id", k.key FROM unnest($1::text[]::uuid[]) AS k(key) CROSS JOIN LATERAL (SELECT t1."id" FROM "posts" AS t1 WHERE t1."team_id" = k.key ORDER BY t1."id" LIMIT $2::bigint) AS first JOIN "posts" AS t0 ON t0."id" = first."id" ORDER BY t0."id"
-- get of a view
SELECT t0."id", t0."owner_id", t0."n", t0."price"::numeric FROM (SELECT q."id"::text COLLATE "C" AS "id", q."owner_id"::uuid AS "owner_id", q."n"::bigint AS "n", q."price"::numeric AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."id" = ($1::text COLLATE "C")
-- list of a view
SELECT t0."id", t0."owner_id", t0."id" FROM (SELECT q."id"::text COLLATE "C" AS "id", q."owner_id"::uuid AS "owner_id", q."n"::bigint AS "n", q."price"::numeric AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE (t0."id") > (($1::text COLLATE "C")) ORDER BY t0."id" LIMIT $2::bigint
-- to-many of a view
SELECT c0, c1, c2, c3, c4 FROM (SELECT t0."id" AS c0, t0."owner_id" AS c1, t0."n" AS c2, t0."id" AS c3, k.key AS c4, row_number() OVER (PARTITION BY k.key ORDER BY t0."id") AS place FROM unnest($1::text[]::uuid[]) AS k(key) CROSS JOIN (SELECT q."id"::text COLLATE "C" AS "id", q."owner_id"::uuid AS "owner_id", q."n"::bigint AS "n", q."price"::numeric AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."owner_id" = k.key) AS r WHERE place <= $2::bigint ORDER BY c3
-- before an update
SELECT t0."_rev", TRUE, TRUE, t0."id", t0."title", t0."price", t0."stars", t0."owner_id", t0."team_id", t0."shared", t0."created_at", t0."updated_at" FROM "posts" AS t0 WHERE t0."id" = $1::bigint FOR NO KEY UPDATE OF t0
-- insert
INSERT INTO "posts" ("id", "title", "price", "stars", "owner_id", "team_id", "shared", "created_at", "updated_at", "_rev") VALUES ($1::bigint, ($2::text COLLATE "C"), $3::numeric, $4::bigint, $5::uuid, $6::uuid, $7::boolean, $8::timestamptz, $9::timestamptz, $10::bigint) RETURNING TRUE, TRUE, "posts"."id", "posts"."title", "posts"."_rev"
-- insert of a row that is known

-- update
UPDATE "posts" SET "_rev" = $1::bigint, "title" = ($2::text COLLATE "C"), "price" = $3::numeric WHERE "posts"."id" = $4::bigint
-- the revision before a change
SELECT t0."_rev" FROM "posts" AS t0 WHERE t0."id" = $1::bigint FOR NO KEY UPDATE OF t0
-- change
UPDATE "posts" SET "_rev" = $1::bigint, "title" = ($2::text COLLATE "C"), "price" = $3::numeric WHERE "posts"."id" = $4::bigint RETURNING TRUE, TRUE, "posts"."id", "posts"."title", "posts"."price"::numeric, "posts"."stars", "posts"."_rev"
-- delete
DELETE FROM "posts" WHERE "posts"."id" = $1::bigint RETURNING "posts"."id"
-- a row that is not stored
SELECT TRUE, ((old."id" IS NOT DISTINCT FROM NULL) OR (t1."price" IS NOT DISTINCT FROM NULL) OR (t1."price" >= old."price")) FROM (SELECT $1::bigint AS "id", ($2::text COLLATE "C") AS "title", $3::numeric AS "price", $4::bigint AS "stars", $5::uuid AS "owner_id", $6::uuid AS "team_id", $7::boolean AS "shared", $8::timestamptz AS "created_at", $9::timestamptz AS "updated_at") AS t0, (SELECT $10::bigint AS "id", ($11::text COLLATE "C") AS "title", $12::numeric AS "price", $13::bigint AS "stars", $14::uuid AS "owner_id", $15::uuid AS "team_id", $16::boolean AS "shared", $17::timestamptz AS "created_at", $18::timestamptz AS "updated_at") AS t1, (SELECT $19::bigint AS "id", ($20::text COLLATE "C") AS "title", $21::numeric AS "price", $22::bigint AS "stars", $23::uuid AS "owner_id", $24::uuid AS "team_id", $25::boolean AS "shared", $26::timestamptz AS "created_at", $27::timestamptz AS "updated_at") AS old
-- insert whose rule looks at other rows
INSERT INTO "members" ("id", "team_id", "user_id", "role", "created_at", "updated_at", "_rev") VALUES ($1::uuid, $2::uuid, $3::uuid, ($4::text COLLATE "C"), $5::timestamptz, $6::timestamptz, $7::bigint) RETURNING TRUE, TRUE, "members"."id", "members"."team_id", "members"."_rev"
-- insert of a known row whose rule looks at other rows

-- change of team_id whose rule looks at other rows
UPDATE "members" SET "_rev" = $1::bigint, "team_id" = $2::uuid WHERE "members"."id" = $3::uuid RETURNING TRUE, TRUE, "members"."id", "members"."team_id", "members"."_rev"
-- change of role whose rule looks at other rows
UPDATE "members" SET "_rev" = $1::bigint, "role" = ($2::text COLLATE "C") WHERE "members"."id" = $3::uuid RETURNING TRUE, TRUE, "members"."id", "members"."team_id", "members"."_rev"
-- after an update
SELECT TRUE, TRUE, ((old."id" IS NOT DISTINCT FROM NULL) OR (t0."price" IS NOT DISTINCT FROM NULL) OR (t0."price" >= old."price")), t0."id", t0."title", t0."_rev" FROM "posts" AS t0, (SELECT $1::bigint AS "id", ($2::text COLLATE "C") AS "title", $3::numeric AS "price", $4::bigint AS "stars", $5::uuid AS "owner_id", $6::uuid AS "team_id", $7::boolean AS "shared", $8::timestamptz AS "created_at", $9::timestamptz AS "updated_at") AS old WHERE t0."id" = $10::bigint AND t0."_rev" = $11::bigint
-- a free id
WITH RECURSIVE ashlar_gallop(lo, hi, step) AS (SELECT $1::bigint, CASE WHEN $1::bigint < 9223372036854775807 THEN $1::bigint + 1 END, 1::bigint UNION ALL SELECT g.hi, g.hi + g.step + least(floor(random() * g.step)::bigint, g.step - 1), g.step * 2 FROM ashlar_gallop AS g WHERE g.step < 2305843009213693952 AND g.hi <= 9223372036854775807 - 2 * g.step AND EXISTS (SELECT 1 FROM "posts" AS t WHERE t."id" = g.hi)), ashlar_halve(lo, hi) AS (SELECT g.lo, g.hi FROM ashlar_gallop AS g WHERE NOT EXISTS (SELECT 1 FROM "posts" AS t WHERE t."id" = g.hi) UNION ALL SELECT CASE WHEN EXISTS (SELECT 1 FROM "posts" AS t WHERE t."id" = h.lo + (h.hi - h.lo) / 2) THEN h.lo + (h.hi - h.lo) / 2 ELSE h.lo END, CASE WHEN EXISTS (SELECT 1 FROM "posts" AS t WHERE t."id" = h.lo + (h.hi - h.lo) / 2) THEN h.hi ELSE h.lo + (h.hi - h.lo) / 2 END FROM ashlar_halve AS h WHERE h.hi - h.lo > 1) SELECT h.hi FROM ashlar_halve AS h WHERE h.hi - h.lo = 1
-- what a deletion reaches, counted
WITH RECURSIVE ashlar_doomed(t, id) AS (SELECT 0, ($1::bigint)::text COLLATE "C" UNION SELECT e.t, e.id FROM ashlar_doomed AS d CROSS JOIN LATERAL (SELECT 0 AS t, (c."id")::text COLLATE "C" AS id FROM "nodes" AS c WHERE c."up_id" = CASE WHEN d.t = 0 THEN d.id::bigint END UNION ALL SELECT 1 AS t, (c."id")::text COLLATE "C" AS id FROM "leaves" AS c WHERE c."node_id" = CASE WHEN d.t = 0 THEN d.id::bigint END UNION ALL SELECT -3 AS t, (c."id")::text COLLATE "C" AS id FROM "marks" AS c WHERE c."leaf_id" = CASE WHEN d.t = 1 THEN d.id::uuid END OFFSET 0) AS e) SELECT sum(CASE WHEN t = -1000000 THEN 100 ELSE 1 END) FROM (SELECT t FROM ashlar_doomed LIMIT 100) AS n
-- a look at what a deletion reaches
WITH RECURSIVE ashlar_doomed(t, id) AS MATERIALIZED (SELECT 0, ($1::bigint)::text COLLATE "C" UNION SELECT e.t, e.id FROM ashlar_doomed AS d CROSS JOIN LATERAL (SELECT 0 AS t, (c."id")::text COLLATE "C" AS id FROM "nodes" AS c WHERE c."up_id" = CASE WHEN d.t = 0 THEN d.id::bigint END UNION ALL SELECT 1 AS t, (c."id")::text COLLATE "C" AS id FROM "leaves" AS c WHERE c."node_id" = CASE WHEN d.t = 0 THEN d.id::bigint END OFFSET 0) AS e) SELECT (SELECT count(*) FROM ashlar_doomed) + (SELECT count(*) FROM ashlar_doomed AS d CROSS JOIN LATERAL (SELECT c."id" FROM "marks" AS c WHERE c."leaf_id" = CASE WHEN d.t = 1 THEN d.id::uuid END OFFSET 0) AS c WHERE d.t = 1), (EXISTS (SELECT 1 FROM ashlar_doomed AS d CROSS JOIN LATERAL (SELECT c."id" FROM "nodes" AS c WHERE c."keeps_id" = CASE WHEN d.t = 0 THEN d.id::bigint END OFFSET 0) AS c WHERE d.t = 0 AND c."id" NOT IN (SELECT id::bigint FROM ashlar_doomed WHERE t = 0)))
