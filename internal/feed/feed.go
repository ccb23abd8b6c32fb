// Package feed tells watchers which rows of a list enter, change and leave it.
//
// Triggers on the watched tables write each change into a log, in the transaction of the write. The log has no values: a
// watcher reads the rows that changed through package record, as its own caller.
//
// The files form layers. From the top down:
//   - hub.go follows the log while there are watchers, and gives each window its changes.
//   - window.go is one list that watchers share. watcher.go is one of them, and join.go begins one, and goes on where it was cut.
//   - token.go is the text by which a watcher resumes, and digest.go finds out from it what the watcher has shown.
//   - log.go reads the log, trim.go deletes its old rows, and install.go makes it, with sql_sqlite.go and sql_postgres.go.
package feed
