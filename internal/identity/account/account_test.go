package account_test

import (
	"context"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
)

// source is the model of the tests. It has a row for each user that the user's deletion takes along.
const source = `
ashlar: 1
name: notes
roles: [editor, reader]
accounts:
  signup: open
  keys:
    scopes:
      reader: {notes: read}
tables:
  notes:
    fields:
      title: {type: text, max: 100}
      owner: {ref: users, default: auth.id, on_delete: cascade}
    access: {read: owner_id == auth.id, create: owner_id == auth.id}
`

// A node is the accounts of one process on a database.
type node struct{ *accounttest.Node }

// each runs a test on both engines, with a node on a database of its own.
func each(t *testing.T, test func(t *testing.T, n *node)) {
	t.Helper()
	eachWith(t, func(*model.Accounts) {}, test)
}

// eachWith is each with changes of the model's accounts.
func eachWith(t *testing.T, change func(*model.Accounts), test func(t *testing.T, n *node)) {
	t.Helper()
	accounttest.Each(t, source, accounttest.Config{Change: change}, func(t *testing.T, n *accounttest.Node) { test(t, &node{n}) })
}

// users is the table whose rows are the users.
func (n *node) users() *model.Table { return n.Model.Table("users") }

// client is a client at an address.
func client(address string) account.Client { return accounttest.Client(address) }

// home is the client of the person that a test is about.
var home = client(accounttest.Home)

const secret = accounttest.Password

// admits reports whether a read of rows that anybody may make is answered to the caller.
func (n *node) admits(t *testing.T, who caller.Caller) bool {
	t.Helper()
	_, err := n.Rows.List(context.WithoutCancel(t.Context()), who, n.Rows.Table("notes"), record.Query{Limit: 1}, nil)
	if err != nil && errs.KindOf(err) != errs.Unauthenticated {
		t.Fatal(err)
	}
	return err == nil
}
