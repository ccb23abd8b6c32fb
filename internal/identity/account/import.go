package account

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/password"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// An Import says how Import works.
type Import struct {
	SkipExisting bool                  // an address with an account is no fault: its line is left out
	Progress     func(done, total int) // after each batch of the last pass; may be nil
}

// An Imported says what Import did.
type Imported struct {
	Created int
	Skipped int // lines whose address has an account already
	Faults  []LineFault
}

// A LineFault is what is wrong with a line of an import.
type LineFault struct {
	Line int
	Text string
}

func (f LineFault) String() string { return fmt.Sprintf("line %d: %s", f.Line, f.Text) }

const (
	maxImportLine   = 64 << 10 // bytes
	maxImportFaults = 1000     // a file with more is of another form
	importBatch     = 200      // accounts of one transaction
)

// importMembers are the members of a line.
func importMembers() []string { return []string{"email", "name", "password_hash", "roles", "verified"} }

// importLine is one line of an import.
type importLine struct {
	number   int
	email    string
	data     pending
	verified bool
}

// Import makes users from lines of JSON with the members email, name, password_hash, roles and verified. It checks all lines
// first, and makes each account once in a transaction that it takes back. If there is any fault, it changes nothing. Then it
// writes batches, each whole or not at all.
func (s *Service) Import(ctx context.Context, r io.Reader, how Import) (done Imported, err error) {
	defer errs.Wrap(&err, "account.Import")
	lines, faults, err := s.readImport(r)
	if err != nil {
		return done, err
	}
	done.Faults = faults
	lines, err = s.dropExisting(ctx, lines, how, &done)
	if err != nil {
		return done, err
	}
	if err := s.rehearse(ctx, lines, &done); err != nil {
		return done, err
	}
	if len(done.Faults) > 0 {
		slices.SortStableFunc(done.Faults, func(a, b LineFault) int { return a.Line - b.Line })
		return done, nil
	}
	for batch := range slices.Chunk(lines, importBatch) {
		if err := s.writeBatch(ctx, batch, nil); err != nil {
			return done, err
		}
		done.Created += len(batch)
		if how.Progress != nil {
			how.Progress(done.Created, len(lines))
		}
	}
	return done, nil
}

// readImport reads and checks the lines without the database.
func (s *Service) readImport(r io.Reader) (lines []importLine, faults []LineFault, err error) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxImportLine)
	seen := map[string]int{} // line by address
	number := 0
	for scanner.Scan() && len(faults) < maxImportFaults {
		number++
		if strings.TrimSpace(scanner.Text()) == "" {
			continue
		}
		line, wrong := s.parseImport(scanner.Bytes())
		line.number = number
		if first, ok := seen[line.email]; ok && line.email != "" {
			wrong = append(wrong, fmt.Sprintf("the address is on line %d already", first))
		}
		seen[line.email] = number
		for _, text := range wrong {
			faults = append(faults, LineFault{number, text})
		}
		if len(wrong) == 0 {
			lines = append(lines, line)
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return nil, append(faults, LineFault{number + 1, fmt.Sprintf("the line has more than %d bytes", maxImportLine)}), nil
	}
	return lines, faults, scanner.Err()
}

// parseImport returns a line with what is wrong with it. The texts never hold a hash.
func (s *Service) parseImport(text []byte) (line importLine, wrong []string) {
	members, err := value.DecodeObjectOf("the line", text)
	if err != nil {
		return line, []string{messageOf(err)}
	}
	fault := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	read := func(member value.Member, dst any, want string) {
		if string(member.Raw) == "null" {
			return
		}
		if err := json.Unmarshal(member.Raw, dst); err != nil {
			fault("%s must be %s", member.Name, want)
		}
	}
	email := ""
	for _, member := range members {
		switch member.Name {
		case "email":
			read(member, &email, "a text")
		case "name":
			read(member, &line.data.Name, "a text")
		case "password_hash":
			read(member, &line.data.Password, "a text")
		case "roles":
			read(member, &line.data.Roles, "a list of texts")
		case "verified":
			read(member, &line.verified, "true or false")
		default:
			fault("there is no member %s; there are: %s", errs.Clip(member.Name, 50), strings.Join(importMembers(), ", "))
		}
	}
	return s.checkImport(line, email, fault), wrong
}

// checkImport checks the values of a line, and sets its address.
func (s *Service) checkImport(line importLine, email string, fault func(string, ...any)) importLine {
	ok := false
	if line.email, ok = canonical(email); !ok {
		fault("email: this is not an email address")
	}
	if strings.ContainsRune(line.data.Name, 0) || utf8.RuneCountInString(line.data.Name) > maxName {
		fault("name: a name has at most %d characters, and no U+0000", maxName)
	}
	if line.data.Password != "" {
		if err := password.CheckHash(line.data.Password); err != nil {
			fault("password_hash: %v", err)
		}
	}
	for _, role := range line.data.Roles {
		if !slices.Contains(s.model.Roles, role) {
			fault("roles: the model declares no role %s", errs.Clip(role, 50))
		}
	}
	return line
}

// messageOf returns what a client may see of an error.
func messageOf(err error) string {
	if failure, ok := errors.AsType[*errs.Error](err); ok {
		text := failure.Message
		for _, fault := range failure.Faults {
			text += fmt.Sprintf("; %s: %s", strings.TrimPrefix(fault.Pointer, "/"), fault.Detail)
		}
		return text
	}
	return err.Error()
}

// dropExisting returns the lines whose address has no account yet.
func (s *Service) dropExisting(ctx context.Context, lines []importLine, how Import, done *Imported) ([]importLine, error) {
	missing := lines[:0]
	for _, line := range lines {
		known, err := s.find(ctx, KindUser, line.email)
		switch {
		case err != nil:
			return nil, err
		case known.ID == "":
			missing = append(missing, line)
		case how.SkipExisting:
			done.Skipped++
		case len(done.Faults) < maxImportFaults:
			done.Faults = append(done.Faults, LineFault{line.number, "the address has an account already"})
		}
	}
	return missing, nil
}

// errRehearsed takes back the transaction of a rehearsal.
var errRehearsed = errors.New("rehearsed")

// rehearse makes all accounts in transactions that it takes back, and notes the lines that fail. A model may demand more of a
// row in users than an import has.
func (s *Service) rehearse(ctx context.Context, lines []importLine, done *Imported) error {
	for len(lines) > 0 && len(done.Faults) < maxImportFaults {
		batch := lines[:min(importBatch, len(lines))]
		at := 0
		err := s.writeBatch(ctx, batch, &at)
		switch kind := errs.KindOf(err); {
		case errors.Is(err, errRehearsed):
			lines = lines[len(batch):]
		case kind == errs.Invalid || kind == errs.Conflict || kind == errs.Forbidden:
			done.Faults = append(done.Faults, LineFault{batch[at].number, messageOf(err)})
			lines = lines[at+1:]
		default:
			return err
		}
	}
	return nil
}

// writeBatch makes the accounts of a batch in one transaction. With rehearsed it takes the transaction back, and sets
// rehearsed to the index of the line that it came to.
func (s *Service) writeBatch(ctx context.Context, batch []importLine, rehearsed *int) error {
	return s.write(ctx, func(w *work) error {
		for i, line := range batch {
			if rehearsed != nil {
				*rehearsed = i
			}
			if _, err := s.make(w, line.email, line.data, line.verified); err != nil {
				return err
			}
		}
		if rehearsed != nil {
			return errRehearsed
		}
		return s.note(w, &accountRow{Kind: KindUser}, Client{}, event{
			action: "accounts.imported", actor: caller.System("import"),
			detail: map[string]any{"accounts": len(batch), "first_line": batch[0].number, "last_line": batch[len(batch)-1].number},
		})
	})
}
