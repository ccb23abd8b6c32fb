package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A user is the row of a token's bearer.
type user struct {
	rows  *record.DB
	table *model.Table
	id    value.Value
	email string // asked for; ensure replaces an empty one with the email of the row
	notes []string
}

// ensure makes a missing row. It never changes an existing one.
func (u *user) ensure(ctx context.Context) error {
	err := u.find(ctx)
	if errs.KindOf(err) != errs.NotFound {
		return err
	}
	err = u.create(ctx)
	if errs.KindOf(err) == errs.Conflict && u.find(ctx) == nil {
		return nil // another process was faster
	}
	return explainUser(err)
}

func (u *user) find(ctx context.Context) error {
	row, err := u.rows.Get(ctx, caller.System("token"), u.table, u.id, record.Selection{Fields: "email"}, nil)
	if err != nil {
		return err
	}
	var known struct {
		Email string `json:"email"`
	}
	if err := json.Unmarshal(row.JSON, &known); err != nil {
		return err
	}
	switch {
	case u.email == "", sameAddress(u.email, known.Email): // rules compare code points, so take the spelling of the row
		u.email = known.Email
	case u.email != known.Email:
		u.notes = append(u.notes, fmt.Sprintf("the row in users keeps %s; the token has %s", orNoAddress(known.Email), u.email))
	}
	return nil
}

// sameAddress reports whether two addresses are equal. It ignores the case of A to Z, like the index of users.
func sameAddress(a, b string) bool { return lowerASCII(a) == lowerASCII(b) }

func lowerASCII(text string) string {
	return strings.Map(func(char rune) rune {
		if 'A' <= char && char <= 'Z' {
			return char - 'A' + 'a'
		}
		return char
	}, text)
}

func orNoAddress(email string) string {
	if email == "" {
		return "no email"
	}
	return "the email " + email
}

func (u *user) create(ctx context.Context) error {
	members := []value.Member{{Name: "id", Raw: value.AppendValue(nil, u.id)}}
	if u.email != "" {
		members = append(members, value.Member{Name: "email", Raw: value.AppendString(nil, []byte(u.email))})
	}
	_, err := u.rows.Create(ctx, caller.System("token"), u.table, members)
	if err == nil {
		u.notes = append(u.notes, "made the users row "+u.id.Text)
	}
	return err
}

// explainUser names the fields that prevent a new row.
func explainUser(err error) error {
	failure, ok := errors.AsType[*errs.Error](err)
	if !ok || (failure.Kind != errs.Invalid && failure.Kind != errs.Conflict) {
		return err
	}
	text := "there is no such row in users, and ashlar cannot make it:"
	advice := ""
	for _, f := range failure.Faults {
		text += fmt.Sprintf("\n  %s: %s", strings.TrimPrefix(f.Pointer, "/"), f.Detail)
		if f.Code == "required" {
			advice = "\nThe model requires more than an id and an email: create the row first, through the API or the seed."
		}
	}
	if len(failure.Faults) == 0 {
		text += " " + failure.Message
	}
	return errors.New(text + advice)
}
