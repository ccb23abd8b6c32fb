CREATE TABLE "users" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "email" TEXT,
  "name" TEXT,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL,
  "_rev" INTEGER NOT NULL
) STRICT;
CREATE TABLE "groups" (
  "id" INTEGER PRIMARY KEY,
  "name" TEXT NOT NULL,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL,
  "_rev" INTEGER NOT NULL
) STRICT;
CREATE TABLE "items" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "words" TEXT NOT NULL,
  "n" INTEGER,
  "x" REAL NOT NULL,
  "price" INTEGER NOT NULL,
  "done" INTEGER NOT NULL CHECK ("done" IN (0, 1)),
  "at" INTEGER NOT NULL,
  "day" TEXT NOT NULL,
  "code" TEXT NOT NULL,
  "state" TEXT NOT NULL CHECK ("state" = 'it''s' OR "state" = 'open'),
  "extra" TEXT,
  "group_id" INTEGER NOT NULL REFERENCES "groups" ("id") ON DELETE CASCADE,
  "parent_id" TEXT REFERENCES "items" ("id") ON DELETE SET NULL,
  "owner_id" TEXT REFERENCES "users" ("id") ON DELETE NO ACTION,
  "created_at" INTEGER NOT NULL,
  "updated_at" INTEGER NOT NULL,
  "_rev" INTEGER NOT NULL
) STRICT;
CREATE TRIGGER "c_items__parent_id" AFTER UPDATE OF "parent_id" ON "items" WHEN OLD."parent_id" IS NOT NULL AND NEW."parent_id" IS NULL AND OLD."_rev" = NEW."_rev" BEGIN
  UPDATE "ashlar_counters" SET "value" = "value" + 1 WHERE "name" = 'revision';
  UPDATE "items" SET "_rev" = (SELECT "value" FROM "ashlar_counters" WHERE "name" = 'revision') WHERE "id" = NEW."id";
END;
CREATE UNIQUE INDEX "l_users__email" ON "users" (lower("email"));
CREATE UNIQUE INDEX "u_groups__name" ON "groups" ("name");
CREATE INDEX "i_items__words" ON "items" ("words", "id");
CREATE INDEX "i_items__group_id" ON "items" ("group_id", "id");
CREATE INDEX "i_items__parent_id" ON "items" ("parent_id", "id");
CREATE UNIQUE INDEX "u_items__owner_id" ON "items" ("owner_id");
CREATE UNIQUE INDEX "u_items__group_id__words" ON "items" ("group_id", "words");
CREATE INDEX "i_items__state__created_at" ON "items" ("state", "created_at", "id");
CREATE INDEX "i_items__at__id" ON "items" ("at", "id");
