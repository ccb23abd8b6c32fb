package account_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// The hashes of "correct horse battery staple" as other systems keep them.
const bcryptOfSecret = "$2b$04$abcdefghijklmnopqrstuu5LlcNX5Yl6uDhwwVd.AvAKYrlzQvQhO"

func (n *node) emails(t *testing.T) []string {
	t.Helper()
	page, err := n.Accounts(t.Context(), account.Search{Kind: account.KindUser, Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	var emails []string
	for _, a := range page.Accounts {
		emails = append(emails, a.Email)
	}
	slices.Sort(emails)
	return emails
}

func TestImportMakesUsers(t *testing.T) {
	effort.SkipRaced(t)
	each(t, func(t *testing.T, n *node) {
		hash, err := accounttest.CheapHasher().Hash(t.Context(), home.Who.Client(), secret)
		if err != nil {
			t.Fatal(err)
		}
		lines := []string{
			fmt.Sprintf(`{"email": "Ada@Example.com", "name": "Ada", "password_hash": %q, "roles": ["editor"], "verified": true}`, hash),
			``,
			`{"email": "bob@example.com"}`,
			fmt.Sprintf(`{"email": "eve@example.com", "password_hash": %q, "roles": null}`, bcryptOfSecret),
		}
		for i := range 450 {
			lines = append(lines, fmt.Sprintf(`{"email": "user%d@example.com", "verified": false}`, i))
		}
		var steps []int
		file := strings.Join(lines, "\n")
		done, err := n.Import(t.Context(), strings.NewReader(file), account.Import{Progress: func(done, _ int) { steps = append(steps, done) }})
		if err != nil || done.Created != 453 || len(done.Faults) > 0 || !slices.Equal(steps, []int{200, 400, 453}) {
			t.Fatalf("Import = %+v, %v, steps %v", done, err, steps)
		}
		ada := n.find(t, account.KindUser, "ada@example.com")
		if !ada.Verified || !ada.HasPassword || ada.Name != "Ada" || !slices.Equal(ada.Roles, []string{"editor"}) || ada.User == "" {
			t.Errorf("Ada is %+v", ada)
		}
		if step, err := n.SignIn(t.Context(), "ada@example.com", secret, home); err != nil || step.Grant == nil {
			t.Errorf("SignIn of an imported user = %+v, %v", step, err)
		}
		again, err := n.Import(t.Context(), strings.NewReader(file), account.Import{})
		if err != nil || again.Created != 0 || len(again.Faults) != 453 || again.Faults[0].Line != 1 || again.Faults[1].Line != 3 {
			t.Errorf("a second Import = %d made, %d faults, %v", again.Created, len(again.Faults), err)
		}
		again, err = n.Import(t.Context(), strings.NewReader(file+"\n"+`{"email":"new@example.com"}`), account.Import{SkipExisting: true})
		if err != nil || again.Created != 1 || again.Skipped != 453 || len(again.Faults) != 0 {
			t.Errorf("a second Import that skips = %+v, %v", again, err)
		}
	})
}

// A row in users that was there first belongs to the imported account, however its address is spelled.
func TestImportFindsRowsOfTheSeed(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		made, err := n.Rows.Create(t.Context(), caller.System("test"), n.users(), []value.Member{{Name: "email", Raw: []byte(`"Ada@Example.com"`)}})
		if err != nil {
			t.Fatal(err)
		}
		done, err := n.Import(t.Context(), strings.NewReader(`{"email": "ada@example.com"}`), account.Import{})
		if err != nil || done.Created != 1 {
			t.Fatalf("Import = %+v, %v", done, err)
		}
		if a := n.find(t, account.KindUser, "ada@example.com"); a.User != made.ID.Text {
			t.Errorf("the account is of user %s, want %s", a.User, made.ID.Text)
		}
	})
}

// A file with any fault changes nothing, and the report names each line.
func TestImportIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		file := strings.Join([]string{
			`{"email": "good@example.com", "roles": ["reader"]}`,
			`{"email": "no address"}`,
			`{"email": "a@example.com", "roles": ["root"]}`,
			`{"email": "b@example.com", "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99"}`,
			`{"email": "GOOD@example.com"}`,
			`{"email": "c@example.com", "password": "x"}`,
			`{"email": "d@example.com", "verified": "yes"}`,
			`not json`,
			`{"email": "e@example.com", "email": "f@example.com"}`,
			`{"email": "g@example.com", "name": "` + strings.Repeat("x", 201) + `"}`,
			`{"name": "nobody"}`,
			`{"email": "h@example.com", "name": "a\u0000b"}`,
		}, "\n")
		done, err := n.Import(t.Context(), strings.NewReader(file), account.Import{})
		if err != nil || done.Created != 0 {
			t.Fatalf("Import = %+v, %v", done, err)
		}
		var got []int
		for _, fault := range done.Faults {
			got = append(got, fault.Line)
			if strings.Contains(fault.Text, "5f4dcc") {
				t.Errorf("a fault shows a hash: %s", fault)
			}
		}
		if want := []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; !slices.Equal(got, want) {
			t.Errorf("faults on lines %v, want %v: %v", got, want, done.Faults)
		}
		if all := n.emails(t); len(all) != 0 {
			t.Errorf("users %v", all)
		}
	})
}

// What the model demands of a row in users shows before the first batch is written.
func TestImportRehearsesTheModel(t *testing.T) {
	const users = "tables:\n  users:\n    fields:\n      plan: {type: text, max: 10}\n    access: {read: id == auth.id}\n"
	text := strings.NewReplacer("signup: open", "signup: closed", "tables:\n", users).Replace(source)
	accounttest.Each(t, text, accounttest.Config{}, func(t *testing.T, n *accounttest.Node) {
		done, err := n.Import(t.Context(), strings.NewReader("{\"email\": \"ada@example.com\"}\n{\"email\": \"bob@example.com\"}"), account.Import{})
		if err != nil || done.Created != 0 || len(done.Faults) != 2 || !strings.Contains(done.Faults[0].Text, "plan") {
			t.Errorf("Import = %+v, %v", done, err)
		}
	})
}
