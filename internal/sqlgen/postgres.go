package sqlgen

// Postgres is the dialect of PostgreSQL.
type Postgres struct{ SQLite }
