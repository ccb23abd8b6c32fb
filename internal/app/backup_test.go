package app

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// TestARestoreLeavesTheDatabaseOfAnotherProgramAlone compares all that the schema has before and after the refusal.
func TestARestoreLeavesTheDatabaseOfAnotherProgramAlone(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("no PostgreSQL")
	}
	database := pgtest.URL(t)
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `CREATE TABLE invoices (id bigserial PRIMARY KEY, total int); CREATE VIEW totals AS SELECT sum(total) FROM invoices`); err != nil {
		t.Fatal(err)
	}
	schema := func() (all string) {
		t.Helper()
		const contents = `SELECT string_agg(name, ' ' ORDER BY name) FROM (
SELECT 'relation ' || relname || ' ' || relkind::text AS name FROM pg_class WHERE relnamespace = current_schema()::regnamespace
UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger) AS all_of_it`
		if err := conn.QueryRow(t.Context(), contents).Scan(&all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := schema()
	destination := BackupDestination("shop", Config{Data: t.TempDir(), Database: database})
	err = destination.Empty(t.Context())
	if err == nil || !strings.Contains(err.Error(), "holds tables of another program") {
		t.Errorf("Empty = %v, want a refusal that names the other program", err)
	}
	if after := schema(); after != before {
		t.Errorf("the schema was %s, and is %s", before, after)
	}
}
