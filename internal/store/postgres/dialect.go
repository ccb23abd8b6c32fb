package postgres

import "github.com/ashlar-dev/ashlar/internal/ddl"

// Dialect is how the tables of the database are defined.
func (db *DB) Dialect() ddl.Dialect { return ddl.Postgres }

// Dialect is that of the database.
func (*reader) Dialect() ddl.Dialect { return ddl.Postgres }

// Dialect is that of the database.
func (*tx) Dialect() ddl.Dialect { return ddl.Postgres }
