CREATE TABLE "users" (
  "id" uuid NOT NULL CONSTRAINT "p_users__id" PRIMARY KEY,
  "email" text COLLATE "C",
  "name" text COLLATE "C",
  "created_at" timestamptz NOT NULL,
  "updated_at" timestamptz NOT NULL,
  "_rev" bigint NOT NULL
);
CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON "users" FOR EACH STATEMENT WHEN (current_setting('ashlar.own', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION ashlar_changed();
CREATE TABLE "groups" (
  "id" bigint NOT NULL CONSTRAINT "p_groups__id" PRIMARY KEY,
  "name" text COLLATE "C" NOT NULL,
  "created_at" timestamptz NOT NULL,
  "updated_at" timestamptz NOT NULL,
  "_rev" bigint NOT NULL
);
CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON "groups" FOR EACH STATEMENT WHEN (current_setting('ashlar.own', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION ashlar_changed();
CREATE TABLE "items" (
  "id" text COLLATE "C" NOT NULL CONSTRAINT "p_items__id" PRIMARY KEY,
  "words" text COLLATE "C" NOT NULL,
  "n" bigint,
  "x" double precision NOT NULL,
  "price" numeric(12, 2) NOT NULL,
  "done" boolean NOT NULL,
  "at" timestamptz NOT NULL,
  "day" date NOT NULL,
  "code" uuid NOT NULL,
  "state" text COLLATE "C" NOT NULL CONSTRAINT "k_items__state" CHECK ("state" IN ('it''s', 'open')),
  "extra" json,
  "group_id" bigint NOT NULL,
  "parent_id" text COLLATE "C",
  "owner_id" uuid,
  "created_at" timestamptz NOT NULL,
  "updated_at" timestamptz NOT NULL,
  "_rev" bigint NOT NULL
);
CREATE TRIGGER "c_items__parent_id" BEFORE UPDATE OF "parent_id" ON "items" FOR EACH ROW WHEN (OLD."parent_id" IS NOT NULL AND NEW."parent_id" IS NULL AND OLD."_rev" = NEW."_rev") EXECUTE FUNCTION ashlar_cleared();
CREATE TRIGGER ashlar_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON "items" FOR EACH STATEMENT WHEN (current_setting('ashlar.own', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION ashlar_changed();
ALTER TABLE "items" ADD CONSTRAINT "f_items__group_id" FOREIGN KEY ("group_id") REFERENCES "groups" ("id") ON DELETE CASCADE DEFERRABLE;
ALTER TABLE "items" ADD CONSTRAINT "f_items__parent_id" FOREIGN KEY ("parent_id") REFERENCES "items" ("id") ON DELETE SET NULL DEFERRABLE;
ALTER TABLE "items" ADD CONSTRAINT "f_items__owner_id" FOREIGN KEY ("owner_id") REFERENCES "users" ("id") ON DELETE NO ACTION DEFERRABLE;
CREATE UNIQUE INDEX "l_users__email" ON "users" (lower("email"));
CREATE UNIQUE INDEX "u_groups__name" ON "groups" ("name");
CREATE INDEX "i_items__words" ON "items" ("words", "id");
CREATE INDEX "i_items__group_id" ON "items" ("group_id", "id");
CREATE INDEX "i_items__parent_id" ON "items" ("parent_id", "id");
CREATE UNIQUE INDEX "u_items__owner_id" ON "items" ("owner_id");
CREATE UNIQUE INDEX "u_items__group_id__words" ON "items" ("group_id", "words");
CREATE INDEX "i_items__state__created_at" ON "items" ("state", "created_at", "id");
CREATE INDEX "i_items__at__id" ON "items" ("at", "id");
