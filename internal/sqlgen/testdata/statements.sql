==== anonymous
-- get
SELECT t0."id", t0."title", t0."price", NULL, (CASE WHEN ((t0."shared" = 1)) THEN t0."owner_id" END), t0."team_id", t0."shared", t0."created_at", t0."updated_at", t0."_rev" FROM "posts" AS t0 WHERE t0."id" = ?1 AND ((t0."shared" = 1))
-- readable
SELECT 1 FROM "teams" AS t0 WHERE t0."id" = ?1 AND 0
-- list, range 0
SELECT t0."id", t0."title", t0."price", t0."id" FROM "posts" AS t0 WHERE (t0."shared" = 1) AND (t0."title" IS ?1) AND (t0."price" < ?2) AND (CASE WHEN (t0."shared" = 1) THEN ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND 0), ?3) END) AND (CASE WHEN (t0."shared" = 1) THEN (NULL IS NOT ?4) END) AND (t0."price" IS ?5) AND t0."id" < ?6 ORDER BY t0."id" DESC LIMIT ?7
-- list, range 1
SELECT t0."id", t0."title", t0."price", t0."id" FROM "posts" AS t0 WHERE (t0."shared" = 1) AND (t0."title" IS ?1) AND (t0."price" < ?2) AND (CASE WHEN (t0."shared" = 1) THEN ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND 0), ?3) END) AND (CASE WHEN (t0."shared" = 1) THEN (NULL IS NOT ?4) END) AND t0."price" < ?5 ORDER BY t0."price" DESC, t0."id" DESC LIMIT ?6
-- list, range 2
SELECT t0."id", t0."title", t0."price", t0."id" FROM "posts" AS t0 WHERE (t0."shared" = 1) AND (t0."title" IS ?1) AND (t0."price" < ?2) AND (CASE WHEN (t0."shared" = 1) THEN ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND 0), ?3) END) AND (CASE WHEN (t0."shared" = 1) THEN (NULL IS NOT ?4) END) AND t0."price" IS NULL ORDER BY t0."id" DESC LIMIT ?5
-- count
SELECT count(*) FROM "posts" AS t0 WHERE (t0."shared" = 1) AND (t0."title" IS ?1) AND (t0."price" < ?2) AND (CASE WHEN (t0."shared" = 1) THEN ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND 0), ?3) END) AND (CASE WHEN (t0."shared" = 1) THEN (NULL IS NOT ?4) END)
-- to-one
SELECT t0."id", t0."name", t0."id" FROM "teams" AS t0 WHERE t0."id" IN (SELECT value FROM json_each(?1)) AND 0
-- to-many
SELECT t0."id", t0."title", t0."id", k.value FROM json_each(?1) AS k CROSS JOIN "posts" AS t0 WHERE t0."id" IN (SELECT t1."id" FROM "posts" AS t1 WHERE t1."team_id" = k.value AND ((t1."shared" = 1)) ORDER BY t1."id" LIMIT ?2) ORDER BY t0."id"
-- get of a view
SELECT t0."id", t0."owner_id", NULL, t0."price" FROM (SELECT q."id" COLLATE BINARY AS "id", q."owner_id" COLLATE BINARY AS "owner_id", q."n" AS "n", q."price" AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."id" = ?1 AND 0
-- list of a view
SELECT t0."id", t0."owner_id", t0."id" FROM (SELECT q."id" COLLATE BINARY AS "id", q."owner_id" COLLATE BINARY AS "owner_id", q."n" AS "n", q."price" AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE 0 AND (t0."id") > (?1) ORDER BY t0."id" LIMIT ?2
-- to-many of a view
SELECT c0, c1, c2, c3, c4 FROM (SELECT t0."id" AS c0, t0."owner_id" AS c1, NULL AS c2, t0."id" AS c3, k.value AS c4, row_number() OVER (PARTITION BY k.value ORDER BY t0."id") AS place FROM json_each(?1) AS k CROSS JOIN (SELECT q."id" COLLATE BINARY AS "id", q."owner_id" COLLATE BINARY AS "owner_id", q."n" AS "n", q."price" AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."owner_id" = k.value AND 0) AS r WHERE place <= ?2 ORDER BY c3
-- before an update
SELECT t0."_rev", 0, 0, t0."id", t0."title", t0."price", t0."stars", t0."owner_id", t0."team_id", t0."shared", t0."created_at", t0."updated_at" FROM "posts" AS t0 WHERE t0."id" = ?1 AND ((t0."shared" = 1))
-- insert
INSERT INTO "posts" ("id", "title", "price", "stars", "owner_id", "team_id", "shared", "created_at", "updated_at", "_rev") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING (("posts"."shared" = 1)), 0, "posts"."id", "posts"."title", "posts"."_rev"
-- insert of a row that is known

-- update
UPDATE "posts" SET "_rev" = ?1, "title" = ?2, "price" = ?3 WHERE "posts"."id" = ?4 AND ("posts"."owner_id" IS "posts"."owner_id")
-- the revision before a change
SELECT t0."_rev" FROM "posts" AS t0 WHERE t0."id" = ?1
-- change

-- delete

-- a row that is not stored
SELECT (t0."owner_id" IS old."owner_id"), ((old."id" IS NULL) OR (t1."price" IS NULL) OR (t1."price" >= old."price")) FROM (SELECT ?1 AS "id", ?2 AS "title", ?3 AS "price", ?4 AS "stars", ?5 AS "owner_id", ?6 AS "team_id", ?7 AS "shared", ?8 AS "created_at", ?9 AS "updated_at") AS t0, (SELECT ?10 AS "id", ?11 AS "title", ?12 AS "price", ?13 AS "stars", ?14 AS "owner_id", ?15 AS "team_id", ?16 AS "shared", ?17 AS "created_at", ?18 AS "updated_at") AS t1, (SELECT ?19 AS "id", ?20 AS "title", ?21 AS "price", ?22 AS "stars", ?23 AS "owner_id", ?24 AS "team_id", ?25 AS "shared", ?26 AS "created_at", ?27 AS "updated_at") AS old
-- insert whose rule looks at other rows
INSERT INTO "members" ("id", "team_id", "user_id", "role", "created_at", "updated_at", "_rev") SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE 0 RETURNING 1, 1, "members"."id", "members"."team_id", "members"."_rev"
-- insert of a known row whose rule looks at other rows
INSERT INTO "members" ("id", "team_id", "user_id", "role", "created_at", "updated_at", "_rev") VALUES (?1, ?2, ?3, ?4, ?5, ?6, CASE WHEN 0 THEN ?7 END)
-- change of team_id whose rule looks at other rows

-- change of role whose rule looks at other rows

-- after an update
SELECT ((t0."shared" = 1)), 1, ((old."id" IS NULL) OR (t0."price" IS NULL) OR (t0."price" >= old."price")), t0."id", t0."title", t0."_rev" FROM "posts" AS t0, (SELECT ?1 AS "id", ?2 AS "title", ?3 AS "price", ?4 AS "stars", ?5 AS "owner_id", ?6 AS "team_id", ?7 AS "shared", ?8 AS "created_at", ?9 AS "updated_at") AS old WHERE t0."id" = ?10 AND t0."_rev" = ?11
==== user
-- get
SELECT t0."id", t0."title", t0."price", (CASE WHEN (t0."owner_id" = ?1) THEN t0."stars" END), (CASE WHEN ((t0."shared" = 1)) THEN t0."owner_id" END), t0."team_id", t0."shared", t0."created_at", t0."updated_at", t0."_rev" FROM "posts" AS t0 WHERE t0."id" = ?2 AND ((t0."shared" = 1) OR (t0."owner_id" = ?1))
-- readable
SELECT 1 FROM "teams" AS t0 WHERE t0."id" = ?1 AND EXISTS (SELECT 1 FROM "members" AS t1 WHERE t1."team_id" = t0."id" AND (t1."user_id" = ?2))
-- list, range 0
SELECT t0."id", t0."title", t0."price", t0."id" FROM "posts" AS t0 WHERE ((t0."shared" = 1) OR (t0."owner_id" = ?1)) AND (t0."title" IS ?2) AND (t0."price" < ?3) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" IS ?1))), ?4) END) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ((CASE WHEN (t0."owner_id" = ?1) THEN t0."stars" END) IS NOT ?5) END) AND (t0."price" IS ?6) AND t0."id" < ?7 ORDER BY t0."id" DESC LIMIT ?8
-- list, range 1
SELECT t0."id", t0."title", t0."price", t0."id" FROM "posts" AS t0 WHERE ((t0."shared" = 1) OR (t0."owner_id" = ?1)) AND (t0."title" IS ?2) AND (t0."price" < ?3) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" IS ?1))), ?4) END) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ((CASE WHEN (t0."owner_id" = ?1) THEN t0."stars" END) IS NOT ?5) END) AND t0."price" < ?6 ORDER BY t0."price" DESC, t0."id" DESC LIMIT ?7
-- list, range 2
SELECT t0."id", t0."title", t0."price", t0."id" FROM "posts" AS t0 WHERE ((t0."shared" = 1) OR (t0."owner_id" = ?1)) AND (t0."title" IS ?2) AND (t0."price" < ?3) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" IS ?1))), ?4) END) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ((CASE WHEN (t0."owner_id" = ?1) THEN t0."stars" END) IS NOT ?5) END) AND t0."price" IS NULL ORDER BY t0."id" DESC LIMIT ?6
-- count
SELECT count(*) FROM "posts" AS t0 WHERE ((t0."shared" = 1) OR (t0."owner_id" = ?1)) AND (t0."title" IS ?2) AND (t0."price" < ?3) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" IS ?1))), ?4) END) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ((CASE WHEN (t0."owner_id" = ?1) THEN t0."stars" END) IS NOT ?5) END)
-- to-one
SELECT t0."id", t0."name", t0."id" FROM "teams" AS t0 WHERE t0."id" IN (SELECT value FROM json_each(?1)) AND EXISTS (SELECT 1 FROM "members" AS t1 WHERE t1."team_id" = t0."id" AND (t1."user_id" = ?2))
-- to-many
SELECT t0."id", t0."title", t0."id", k.value FROM json_each(?1) AS k CROSS JOIN "posts" AS t0 WHERE t0."id" IN (SELECT t1."id" FROM "posts" AS t1 WHERE t1."team_id" = k.value AND ((t1."shared" = 1) OR (t1."owner_id" = ?2)) ORDER BY t1."id" LIMIT ?3) ORDER BY t0."id"
-- get of a view
SELECT t0."id", t0."owner_id", (CASE WHEN (t0."owner_id" = ?1) THEN t0."n" END), t0."price" FROM (SELECT q."id" COLLATE BINARY AS "id", q."owner_id" COLLATE BINARY AS "owner_id", q."n" AS "n", q."price" AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."id" = ?2 AND (t0."owner_id" = ?1)
-- list of a view
SELECT t0."id", t0."owner_id", t0."id" FROM (SELECT q."id" COLLATE BINARY AS "id", q."owner_id" COLLATE BINARY AS "owner_id", q."n" AS "n", q."price" AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE (t0."owner_id" = ?1) AND (t0."id") > (?2) ORDER BY t0."id" LIMIT ?3
-- to-many of a view
SELECT c0, c1, c2, c3, c4 FROM (SELECT t0."id" AS c0, t0."owner_id" AS c1, (CASE WHEN (t0."owner_id" = ?2) THEN t0."n" END) AS c2, t0."id" AS c3, k.value AS c4, row_number() OVER (PARTITION BY k.value ORDER BY t0."id") AS place FROM json_each(?1) AS k CROSS JOIN (SELECT q."id" COLLATE BINARY AS "id", q."owner_id" COLLATE BINARY AS "owner_id", q."n" AS "n", q."price" AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."owner_id" = k.value AND (t0."owner_id" = ?2)) AS r WHERE place <= ?3 ORDER BY c3
-- before an update
SELECT t0."_rev", (t0."owner_id" = ?1), (t0."owner_id" = ?1), t0."id", t0."title", t0."price", t0."stars", t0."owner_id", t0."team_id", t0."shared", t0."created_at", t0."updated_at" FROM "posts" AS t0 WHERE t0."id" = ?2 AND ((t0."shared" = 1) OR (t0."owner_id" = ?1))
-- insert
INSERT INTO "posts" ("id", "title", "price", "stars", "owner_id", "team_id", "shared", "created_at", "updated_at", "_rev") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING (("posts"."shared" = 1) OR ("posts"."owner_id" = ?11)), ("posts"."owner_id" = ?11), "posts"."id", "posts"."title", "posts"."_rev"
-- insert of a row that is known

-- update
UPDATE "posts" SET "_rev" = ?1, "title" = ?2, "price" = ?3 WHERE "posts"."id" = ?4 AND ("posts"."owner_id" IS "posts"."owner_id")
-- the revision before a change
SELECT t0."_rev" FROM "posts" AS t0 WHERE t0."id" = ?1
-- change
UPDATE "posts" SET "_rev" = ?2, "title" = ?3, "price" = ?4 WHERE "posts"."id" = ?5 AND (("posts"."shared" = 1) OR ("posts"."owner_id" = ?1)) AND ("posts"."owner_id" = ?1) AND ("posts"."owner_id" IS "posts"."owner_id") RETURNING (("posts"."shared" = 1) OR ("posts"."owner_id" = ?1)), 1, "posts"."id", "posts"."title", "posts"."price", (CASE WHEN ("posts"."owner_id" = ?1) THEN "posts"."stars" END), "posts"."_rev"
-- delete
DELETE FROM "posts" WHERE "posts"."id" = ?1 AND (("posts"."shared" = 1) OR ("posts"."owner_id" = ?2)) AND ("posts"."owner_id" = ?2) RETURNING "posts"."id"
-- a row that is not stored
SELECT (t0."owner_id" IS old."owner_id"), ((old."id" IS NULL) OR (t1."price" IS NULL) OR (t1."price" >= old."price")) FROM (SELECT ?1 AS "id", ?2 AS "title", ?3 AS "price", ?4 AS "stars", ?5 AS "owner_id", ?6 AS "team_id", ?7 AS "shared", ?8 AS "created_at", ?9 AS "updated_at") AS t0, (SELECT ?10 AS "id", ?11 AS "title", ?12 AS "price", ?13 AS "stars", ?14 AS "owner_id", ?15 AS "team_id", ?16 AS "shared", ?17 AS "created_at", ?18 AS "updated_at") AS t1, (SELECT ?19 AS "id", ?20 AS "title", ?21 AS "price", ?22 AS "stars", ?23 AS "owner_id", ?24 AS "team_id", ?25 AS "shared", ?26 AS "created_at", ?27 AS "updated_at") AS old
-- insert whose rule looks at other rows
INSERT INTO "members" ("id", "team_id", "user_id", "role", "created_at", "updated_at", "_rev") SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = (SELECT t1."id" FROM "teams" AS t1 WHERE t1."id" = ?2) AND t2."id" <> ?1 AND ((t2."user_id" = ?8) AND (t2."role" = ?9))) RETURNING 1, 1, "members"."id", "members"."team_id", "members"."_rev"
-- insert of a known row whose rule looks at other rows
INSERT INTO "members" ("id", "team_id", "user_id", "role", "created_at", "updated_at", "_rev") VALUES (?1, ?2, ?3, ?4, ?5, ?6, CASE WHEN EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = (SELECT t1."id" FROM "teams" AS t1 WHERE t1."id" = ?2) AND t2."id" <> ?1 AND ((t2."user_id" = ?8) AND (t2."role" = ?9))) THEN ?7 END)
-- change of team_id whose rule looks at other rows
UPDATE "members" SET "_rev" = ?4, "team_id" = ?5 WHERE "members"."id" = ?1 AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = (SELECT t1."id" FROM "teams" AS t1 WHERE t1."id" = "members"."team_id") AND t2."id" <> ?1 AND ((t2."user_id" = ?2) AND (t2."role" = ?3))) AND EXISTS (SELECT 1 FROM "members" AS t4 WHERE t4."team_id" = (SELECT t3."id" FROM "teams" AS t3 WHERE t3."id" = ?5) AND t4."id" <> ?1 AND ((t4."user_id" = ?2) AND (t4."role" = ?6))) RETURNING 1, 1, "members"."id", "members"."team_id", "members"."_rev"
-- change of role whose rule looks at other rows
UPDATE "members" SET "_rev" = ?4, "role" = ?5 WHERE "members"."id" = ?1 AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = (SELECT t1."id" FROM "teams" AS t1 WHERE t1."id" = "members"."team_id") AND t2."id" <> ?1 AND ((t2."user_id" = ?2) AND (t2."role" = ?3))) RETURNING 1, 1, "members"."id", "members"."team_id", "members"."_rev"
-- after an update
SELECT ((t0."shared" = 1) OR (t0."owner_id" = ?1)), 1, ((old."id" IS NULL) OR (t0."price" IS NULL) OR (t0."price" >= old."price")), t0."id", t0."title", t0."_rev" FROM "posts" AS t0, (SELECT ?2 AS "id", ?3 AS "title", ?4 AS "price", ?5 AS "stars", ?6 AS "owner_id", ?7 AS "team_id", ?8 AS "shared", ?9 AS "created_at", ?10 AS "updated_at") AS old WHERE t0."id" = ?11 AND t0."_rev" = ?12
==== editor
-- get
SELECT t0."id", t0."title", t0."price", (CASE WHEN (t0."owner_id" = ?1) THEN t0."stars" END), t0."owner_id", t0."team_id", t0."shared", t0."created_at", t0."updated_at", t0."_rev" FROM "posts" AS t0 WHERE t0."id" = ?2 AND ((t0."shared" = 1) OR (t0."owner_id" = ?1))
-- readable
SELECT 1 FROM "teams" AS t0 WHERE t0."id" = ?1 AND EXISTS (SELECT 1 FROM "members" AS t1 WHERE t1."team_id" = t0."id" AND (t1."user_id" = ?2))
-- list, range 0
SELECT t0."id", t0."title", t0."price", t0."id" FROM "posts" AS t0 WHERE ((t0."shared" = 1) OR (t0."owner_id" = ?1)) AND (t0."title" IS ?2) AND (t0."price" < ?3) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" IS ?1))), ?4) END) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ((CASE WHEN (t0."owner_id" = ?1) THEN t0."stars" END) IS NOT ?5) END) AND (t0."price" IS ?6) AND t0."id" < ?7 ORDER BY t0."id" DESC LIMIT ?8
-- list, range 1
SELECT t0."id", t0."title", t0."price", t0."id" FROM "posts" AS t0 WHERE ((t0."shared" = 1) OR (t0."owner_id" = ?1)) AND (t0."title" IS ?2) AND (t0."price" < ?3) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" IS ?1))), ?4) END) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ((CASE WHEN (t0."owner_id" = ?1) THEN t0."stars" END) IS NOT ?5) END) AND t0."price" < ?6 ORDER BY t0."price" DESC, t0."id" DESC LIMIT ?7
-- list, range 2
SELECT t0."id", t0."title", t0."price", t0."id" FROM "posts" AS t0 WHERE ((t0."shared" = 1) OR (t0."owner_id" = ?1)) AND (t0."title" IS ?2) AND (t0."price" < ?3) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" IS ?1))), ?4) END) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ((CASE WHEN (t0."owner_id" = ?1) THEN t0."stars" END) IS NOT ?5) END) AND t0."price" IS NULL ORDER BY t0."id" DESC LIMIT ?6
-- count
SELECT count(*) FROM "posts" AS t0 WHERE ((t0."shared" = 1) OR (t0."owner_id" = ?1)) AND (t0."title" IS ?2) AND (t0."price" < ?3) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id" AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = t1."id" AND (t2."user_id" IS ?1))), ?4) END) AND (CASE WHEN ((t0."shared" = 1) OR (t0."owner_id" = ?1)) THEN ((CASE WHEN (t0."owner_id" = ?1) THEN t0."stars" END) IS NOT ?5) END)
-- to-one
SELECT t0."id", t0."name", t0."id" FROM "teams" AS t0 WHERE t0."id" IN (SELECT value FROM json_each(?1)) AND EXISTS (SELECT 1 FROM "members" AS t1 WHERE t1."team_id" = t0."id" AND (t1."user_id" = ?2))
-- to-many
SELECT t0."id", t0."title", t0."id", k.value FROM json_each(?1) AS k CROSS JOIN "posts" AS t0 WHERE t0."id" IN (SELECT t1."id" FROM "posts" AS t1 WHERE t1."team_id" = k.value AND ((t1."shared" = 1) OR (t1."owner_id" = ?2)) ORDER BY t1."id" LIMIT ?3) ORDER BY t0."id"
-- get of a view
SELECT t0."id", t0."owner_id", (CASE WHEN (t0."owner_id" = ?1) THEN t0."n" END), t0."price" FROM (SELECT q."id" COLLATE BINARY AS "id", q."owner_id" COLLATE BINARY AS "owner_id", q."n" AS "n", q."price" AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."id" = ?2
-- list of a view
SELECT t0."id", t0."owner_id", t0."id" FROM (SELECT q."id" COLLATE BINARY AS "id", q."owner_id" COLLATE BINARY AS "owner_id", q."n" AS "n", q."price" AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE (t0."id") > (?1) ORDER BY t0."id" LIMIT ?2
-- to-many of a view
SELECT c0, c1, c2, c3, c4 FROM (SELECT t0."id" AS c0, t0."owner_id" AS c1, (CASE WHEN (t0."owner_id" = ?2) THEN t0."n" END) AS c2, t0."id" AS c3, k.value AS c4, row_number() OVER (PARTITION BY k.value ORDER BY t0."id") AS place FROM json_each(?1) AS k CROSS JOIN (SELECT q."id" COLLATE BINARY AS "id", q."owner_id" COLLATE BINARY AS "owner_id", q."n" AS "n", q."price" AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."owner_id" = k.value) AS r WHERE place <= ?3 ORDER BY c3
-- before an update
SELECT t0."_rev", (t0."owner_id" = ?1), (t0."owner_id" = ?1), t0."id", t0."title", t0."price", t0."stars", t0."owner_id", t0."team_id", t0."shared", t0."created_at", t0."updated_at" FROM "posts" AS t0 WHERE t0."id" = ?2 AND ((t0."shared" = 1) OR (t0."owner_id" = ?1))
-- insert
INSERT INTO "posts" ("id", "title", "price", "stars", "owner_id", "team_id", "shared", "created_at", "updated_at", "_rev") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING (("posts"."shared" = 1) OR ("posts"."owner_id" = ?11)), ("posts"."owner_id" = ?11), "posts"."id", "posts"."title", "posts"."_rev"
-- insert of a row that is known

-- update
UPDATE "posts" SET "_rev" = ?1, "title" = ?2, "price" = ?3 WHERE "posts"."id" = ?4 AND ("posts"."owner_id" IS "posts"."owner_id")
-- the revision before a change
SELECT t0."_rev" FROM "posts" AS t0 WHERE t0."id" = ?1
-- change
UPDATE "posts" SET "_rev" = ?2, "title" = ?3, "price" = ?4 WHERE "posts"."id" = ?5 AND (("posts"."shared" = 1) OR ("posts"."owner_id" = ?1)) AND ("posts"."owner_id" = ?1) AND ("posts"."owner_id" IS "posts"."owner_id") RETURNING (("posts"."shared" = 1) OR ("posts"."owner_id" = ?1)), 1, "posts"."id", "posts"."title", "posts"."price", (CASE WHEN ("posts"."owner_id" = ?1) THEN "posts"."stars" END), "posts"."_rev"
-- delete
DELETE FROM "posts" WHERE "posts"."id" = ?1 AND (("posts"."shared" = 1) OR ("posts"."owner_id" = ?2)) AND ("posts"."owner_id" = ?2) RETURNING "posts"."id"
-- a row that is not stored
SELECT (t0."owner_id" IS old."owner_id"), ((old."id" IS NULL) OR (t1."price" IS NULL) OR (t1."price" >= old."price")) FROM (SELECT ?1 AS "id", ?2 AS "title", ?3 AS "price", ?4 AS "stars", ?5 AS "owner_id", ?6 AS "team_id", ?7 AS "shared", ?8 AS "created_at", ?9 AS "updated_at") AS t0, (SELECT ?10 AS "id", ?11 AS "title", ?12 AS "price", ?13 AS "stars", ?14 AS "owner_id", ?15 AS "team_id", ?16 AS "shared", ?17 AS "created_at", ?18 AS "updated_at") AS t1, (SELECT ?19 AS "id", ?20 AS "title", ?21 AS "price", ?22 AS "stars", ?23 AS "owner_id", ?24 AS "team_id", ?25 AS "shared", ?26 AS "created_at", ?27 AS "updated_at") AS old
-- insert whose rule looks at other rows
INSERT INTO "members" ("id", "team_id", "user_id", "role", "created_at", "updated_at", "_rev") SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = (SELECT t1."id" FROM "teams" AS t1 WHERE t1."id" = ?2) AND t2."id" <> ?1 AND ((t2."user_id" = ?8) AND (t2."role" = ?9))) RETURNING 1, 1, "members"."id", "members"."team_id", "members"."_rev"
-- insert of a known row whose rule looks at other rows
INSERT INTO "members" ("id", "team_id", "user_id", "role", "created_at", "updated_at", "_rev") VALUES (?1, ?2, ?3, ?4, ?5, ?6, CASE WHEN EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = (SELECT t1."id" FROM "teams" AS t1 WHERE t1."id" = ?2) AND t2."id" <> ?1 AND ((t2."user_id" = ?8) AND (t2."role" = ?9))) THEN ?7 END)
-- change of team_id whose rule looks at other rows
UPDATE "members" SET "_rev" = ?4, "team_id" = ?5 WHERE "members"."id" = ?1 AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = (SELECT t1."id" FROM "teams" AS t1 WHERE t1."id" = "members"."team_id") AND t2."id" <> ?1 AND ((t2."user_id" = ?2) AND (t2."role" = ?3))) AND EXISTS (SELECT 1 FROM "members" AS t4 WHERE t4."team_id" = (SELECT t3."id" FROM "teams" AS t3 WHERE t3."id" = ?5) AND t4."id" <> ?1 AND ((t4."user_id" = ?2) AND (t4."role" = ?6))) RETURNING 1, 1, "members"."id", "members"."team_id", "members"."_rev"
-- change of role whose rule looks at other rows
UPDATE "members" SET "_rev" = ?4, "role" = ?5 WHERE "members"."id" = ?1 AND EXISTS (SELECT 1 FROM "members" AS t2 WHERE t2."team_id" = (SELECT t1."id" FROM "teams" AS t1 WHERE t1."id" = "members"."team_id") AND t2."id" <> ?1 AND ((t2."user_id" = ?2) AND (t2."role" = ?3))) RETURNING 1, 1, "members"."id", "members"."team_id", "members"."_rev"
-- after an update
SELECT ((t0."shared" = 1) OR (t0."owner_id" = ?1)), 1, ((old."id" IS NULL) OR (t0."price" IS NULL) OR (t0."price" >= old."price")), t0."id", t0."title", t0."_rev" FROM "posts" AS t0, (SELECT ?2 AS "id", ?3 AS "title", ?4 AS "price", ?5 AS "stars", ?6 AS "owner_id", ?7 AS "team_id", ?8 AS "shared", ?9 AS "created_at", ?10 AS "updated_at") AS old WHERE t0."id" = ?11 AND t0."_rev" = ?12
==== system
-- get
SELECT t0."id", t0."title", t0."price", t0."stars", t0."owner_id", t0."team_id", t0."shared", t0."created_at", t0."updated_at", t0."_rev" FROM "posts" AS t0 WHERE t0."id" = ?1
-- readable
SELECT 1 FROM "teams" AS t0 WHERE t0."id" = ?1
-- list, range 0
SELECT t0."id", t0."title", t0."price", t0."id" FROM "posts" AS t0 WHERE (t0."title" = ?1) AND (t0."price" < ?2) AND ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id"), ?3) AND (t0."stars" IS NOT ?4) AND t0."price" = ?5 AND t0."id" < ?6 ORDER BY t0."id" DESC LIMIT ?7
-- list, range 1
SELECT t0."id", t0."title", t0."price", t0."id" FROM "posts" AS t0 WHERE (t0."title" = ?1) AND (t0."price" < ?2) AND ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id"), ?3) AND (t0."stars" IS NOT ?4) AND t0."price" < ?5 ORDER BY t0."price" DESC, t0."id" DESC LIMIT ?6
-- list, range 2
SELECT t0."id", t0."title", t0."price", t0."id" FROM "posts" AS t0 WHERE (t0."title" = ?1) AND (t0."price" < ?2) AND ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id"), ?3) AND (t0."stars" IS NOT ?4) AND t0."price" IS NULL ORDER BY t0."id" DESC LIMIT ?5
-- count
SELECT count(*) FROM "posts" AS t0 WHERE (t0."title" = ?1) AND (t0."price" < ?2) AND ashlar_starts_with((SELECT t1."name" FROM "teams" AS t1 WHERE t1."id" = t0."team_id"), ?3) AND (t0."stars" IS NOT ?4)
-- to-one
SELECT t0."id", t0."name", t0."id" FROM "teams" AS t0 WHERE t0."id" IN (SELECT value FROM json_each(?1))
-- to-many
SELECT t0."id", t0."title", t0."id", k.value FROM json_each(?1) AS k CROSS JOIN "posts" AS t0 WHERE t0."id" IN (SELECT t1."id" FROM "posts" AS t1 WHERE t1."team_id" = k.value ORDER BY t1."id" LIMIT ?2) ORDER BY t0."id"
-- get of a view
SELECT t0."id", t0."owner_id", t0."n", t0."price" FROM (SELECT q."id" COLLATE BINARY AS "id", q."owner_id" COLLATE BINARY AS "owner_id", q."n" AS "n", q."price" AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."id" = ?1
-- list of a view
SELECT t0."id", t0."owner_id", t0."id" FROM (SELECT q."id" COLLATE BINARY AS "id", q."owner_id" COLLATE BINARY AS "owner_id", q."n" AS "n", q."price" AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE (t0."id") > (?1) ORDER BY t0."id" LIMIT ?2
-- to-many of a view
SELECT c0, c1, c2, c3, c4 FROM (SELECT t0."id" AS c0, t0."owner_id" AS c1, t0."n" AS c2, t0."id" AS c3, k.value AS c4, row_number() OVER (PARTITION BY k.value ORDER BY t0."id") AS place FROM json_each(?1) AS k CROSS JOIN (SELECT q."id" COLLATE BINARY AS "id", q."owner_id" COLLATE BINARY AS "owner_id", q."n" AS "n", q."price" AS "price" FROM (SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- (
) AS q) AS t0 WHERE t0."owner_id" = k.value) AS r WHERE place <= ?2 ORDER BY c3
-- before an update
SELECT t0."_rev", 1, 1, t0."id", t0."title", t0."price", t0."stars", t0."owner_id", t0."team_id", t0."shared", t0."created_at", t0."updated_at" FROM "posts" AS t0 WHERE t0."id" = ?1
-- insert
INSERT INTO "posts" ("id", "title", "price", "stars", "owner_id", "team_id", "shared", "created_at", "updated_at", "_rev") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING 1, 1, "posts"."id", "posts"."title", "posts"."_rev"
-- insert of a row that is known
INSERT INTO "posts" ("id", "title", "price", "stars", "owner_id", "team_id", "shared", "created_at", "updated_at", "_rev") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
-- update
UPDATE "posts" SET "_rev" = ?1, "title" = ?2, "price" = ?3 WHERE "posts"."id" = ?4
-- the revision before a change
SELECT t0."_rev" FROM "posts" AS t0 WHERE t0."id" = ?1
-- change
UPDATE "posts" SET "_rev" = ?1, "title" = ?2, "price" = ?3 WHERE "posts"."id" = ?4 RETURNING 1, 1, "posts"."id", "posts"."title", "posts"."price", "posts"."stars", "posts"."_rev"
-- delete
DELETE FROM "posts" WHERE "posts"."id" = ?1 RETURNING "posts"."id"
-- a row that is not stored
SELECT 1, ((old."id" IS NULL) OR (t1."price" IS NULL) OR (t1."price" >= old."price")) FROM (SELECT ?1 AS "id", ?2 AS "title", ?3 AS "price", ?4 AS "stars", ?5 AS "owner_id", ?6 AS "team_id", ?7 AS "shared", ?8 AS "created_at", ?9 AS "updated_at") AS t0, (SELECT ?10 AS "id", ?11 AS "title", ?12 AS "price", ?13 AS "stars", ?14 AS "owner_id", ?15 AS "team_id", ?16 AS "shared", ?17 AS "created_at", ?18 AS "updated_at") AS t1, (SELECT ?19 AS "id", ?20 AS "title", ?21 AS "price", ?22 AS "stars", ?23 AS "owner_id", ?24 AS "team_id", ?25 AS "shared", ?26 AS "created_at", ?27 AS "updated_at") AS old
-- insert whose rule looks at other rows
INSERT INTO "members" ("id", "team_id", "user_id", "role", "created_at", "updated_at", "_rev") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING 1, 1, "members"."id", "members"."team_id", "members"."_rev"
-- insert of a known row whose rule looks at other rows
INSERT INTO "members" ("id", "team_id", "user_id", "role", "created_at", "updated_at", "_rev") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
-- change of team_id whose rule looks at other rows
UPDATE "members" SET "_rev" = ?1, "team_id" = ?2 WHERE "members"."id" = ?3 RETURNING 1, 1, "members"."id", "members"."team_id", "members"."_rev"
-- change of role whose rule looks at other rows
UPDATE "members" SET "_rev" = ?1, "role" = ?2 WHERE "members"."id" = ?3 RETURNING 1, 1, "members"."id", "members"."team_id", "members"."_rev"
-- after an update
SELECT 1, 1, ((old."id" IS NULL) OR (t0."price" IS NULL) OR (t0."price" >= old."price")), t0."id", t0."title", t0."_rev" FROM "posts" AS t0, (SELECT ?1 AS "id", ?2 AS "title", ?3 AS "price", ?4 AS "stars", ?5 AS "owner_id", ?6 AS "team_id", ?7 AS "shared", ?8 AS "created_at", ?9 AS "updated_at") AS old WHERE t0."id" = ?10 AND t0."_rev" = ?11
-- a free id
WITH RECURSIVE ashlar_gallop(lo, hi, step) AS (SELECT ?1, CASE WHEN ?1 < 9223372036854775807 THEN ?1 + 1 END, 1 UNION ALL SELECT g.hi, g.hi + g.step + abs(random() % g.step), g.step * 2 FROM ashlar_gallop AS g WHERE g.step < 2305843009213693952 AND g.hi <= 9223372036854775807 - 2 * g.step AND EXISTS (SELECT 1 FROM "posts" AS t WHERE t."id" = g.hi)), ashlar_halve(lo, hi) AS (SELECT g.lo, g.hi FROM ashlar_gallop AS g WHERE NOT EXISTS (SELECT 1 FROM "posts" AS t WHERE t."id" = g.hi) UNION ALL SELECT CASE WHEN EXISTS (SELECT 1 FROM "posts" AS t WHERE t."id" = h.lo + (h.hi - h.lo) / 2) THEN h.lo + (h.hi - h.lo) / 2 ELSE h.lo END, CASE WHEN EXISTS (SELECT 1 FROM "posts" AS t WHERE t."id" = h.lo + (h.hi - h.lo) / 2) THEN h.hi ELSE h.lo + (h.hi - h.lo) / 2 END FROM ashlar_halve AS h WHERE h.hi - h.lo > 1) SELECT h.hi FROM ashlar_halve AS h WHERE h.hi - h.lo = 1
-- what a deletion reaches, counted
WITH RECURSIVE ashlar_doomed(t, id) AS (SELECT 0, ?1 UNION SELECT -1000000, d.id FROM ashlar_doomed AS d WHERE d.t = 0 AND (SELECT 1 FROM "nodes" AS c WHERE c."up_id" = d.id LIMIT 1 OFFSET 99) IS NOT NULL UNION SELECT 0 AS t, c."id" AS id FROM ashlar_doomed AS d CROSS JOIN "nodes" AS c WHERE c."up_id" = d.id AND d.t = 0 AND (SELECT 1 FROM "nodes" AS c WHERE c."up_id" = d.id LIMIT 1 OFFSET 99) IS NULL UNION SELECT -1000000, d.id FROM ashlar_doomed AS d WHERE d.t = 0 AND (SELECT 1 FROM "leaves" AS c WHERE c."node_id" = d.id LIMIT 1 OFFSET 99) IS NOT NULL UNION SELECT 1 AS t, c."id" AS id FROM ashlar_doomed AS d CROSS JOIN "leaves" AS c WHERE c."node_id" = d.id AND d.t = 0 AND (SELECT 1 FROM "leaves" AS c WHERE c."node_id" = d.id LIMIT 1 OFFSET 99) IS NULL UNION SELECT -1000000, d.id FROM ashlar_doomed AS d WHERE d.t = 1 AND (SELECT 1 FROM "marks" AS c WHERE c."leaf_id" = d.id LIMIT 1 OFFSET 99) IS NOT NULL UNION SELECT -3 AS t, c."id" AS id FROM ashlar_doomed AS d CROSS JOIN "marks" AS c WHERE c."leaf_id" = d.id AND d.t = 1 AND (SELECT 1 FROM "marks" AS c WHERE c."leaf_id" = d.id LIMIT 1 OFFSET 99) IS NULL) SELECT sum(CASE WHEN t = -1000000 THEN 100 ELSE 1 END) FROM (SELECT t FROM ashlar_doomed LIMIT 100) AS n
-- a look at what a deletion reaches
WITH RECURSIVE ashlar_doomed(t, id) AS MATERIALIZED (SELECT 0, ?1 UNION SELECT 0 AS t, c."id" AS id FROM ashlar_doomed AS d CROSS JOIN "nodes" AS c WHERE c."up_id" = d.id AND d.t = 0 UNION SELECT 1 AS t, c."id" AS id FROM ashlar_doomed AS d CROSS JOIN "leaves" AS c WHERE c."node_id" = d.id AND d.t = 0) SELECT (SELECT count(*) FROM ashlar_doomed) + (SELECT count(*) FROM ashlar_doomed AS d CROSS JOIN "marks" AS c WHERE d.t = 1 AND c."leaf_id" = CASE WHEN d.t = 1 THEN d.id END), (EXISTS (SELECT 1 FROM ashlar_doomed AS d CROSS JOIN "nodes" AS c WHERE d.t = 0 AND c."keeps_id" = CASE WHEN d.t = 0 THEN d.id END AND c."id" NOT IN (SELECT id FROM ashlar_doomed WHERE t = 0)))
-- a sweep collects
INSERT INTO ashlar_doomed (t, id) WITH RECURSIVE ashlar_doomed(t, id) AS (SELECT 0, ?1 UNION SELECT 0 AS t, c."id" AS id FROM ashlar_doomed AS d CROSS JOIN "nodes" AS c WHERE c."up_id" = d.id AND d.t = 0 UNION SELECT 1 AS t, c."id" AS id FROM ashlar_doomed AS d CROSS JOIN "leaves" AS c WHERE c."node_id" = d.id AND d.t = 0) SELECT t, id FROM ashlar_doomed
-- a sweep asks what is in the way
SELECT 1 WHERE (EXISTS (SELECT 1 FROM ashlar_doomed AS d CROSS JOIN "nodes" AS c WHERE d.t = 0 AND c."keeps_id" = CASE WHEN d.t = 0 THEN d.id END AND c."id" NOT IN (SELECT id FROM ashlar_doomed WHERE t = 0)))
-- a sweep removes
DELETE FROM "nodes" WHERE "id" IN (SELECT id FROM ashlar_doomed WHERE t = 0)
-- a sweep removes
DELETE FROM "leaves" WHERE "id" IN (SELECT id FROM ashlar_doomed WHERE t = 1)
-- a sweep removes
UPDATE "marks" SET "leaf_id" = NULL WHERE "leaf_id" IN (SELECT id FROM ashlar_doomed WHERE t = 1)
-- a sweep removes
DELETE FROM ashlar_doomed
