package backup

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Format is the number of the format that this release writes and reads.
const Format = 1

// A Manifest describes a backup. It holds no row and no key.
type Manifest struct {
	Format  int       `json:"format"`
	ID      string    `json:"id"`
	Taken   time.Time `json:"taken"` // no later than the snapshot
	App     string    `json:"app"`
	Version string    `json:"version"` // of Ashlar
	Engine  string    `json:"engine"`  // that was read
	Layout  int       `json:"layout"`  // of the system tables (store.Layout)
	Model   string    `json:"model"`   // SHA-256 of the stored model

	// The position of the snapshot. A log of changes will say which backup it follows; Follows and Log are reserved for it.
	Revision    int64            `json:"revision"`
	Generations map[string]int64 `json:"generations"`
	Follows     string           `json:"follows,omitempty"`
	Log         string           `json:"log,omitempty"`

	Lock     []string `json:"lock,omitempty"` // fingerprints of the recipients; none: not locked
	Database Content  `json:"database"`       // before compression
	Parts    []Part   `json:"parts"`
	Tables   []Table  `json:"tables"`
	Keys     []Key    `json:"keys"`
}

// Content is a number of bytes and their SHA-256.
type Content struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// A Part is one object of a backup. The parts of a kind follow each other.
type Part struct {
	Name string `json:"name"` // below the backup's ID
	What string `json:"what"` // partDatabase or partKeys
	Content
}

const (
	partDatabase = "database"
	partKeys     = "keys"
)

// A Table tells how many rows a table had, and their checksum as package move computes it.
type Table struct {
	Name     string `json:"name"`
	Rows     int64  `json:"rows"`
	Checksum string `json:"checksum"`
}

// A Key is a key of the server. A locked backup holds it, any other only its fingerprint.
type Key struct {
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
}

// Bytes returns the size of all parts.
func (m Manifest) Bytes() (n int64) {
	for _, p := range m.Parts {
		n += p.Bytes
	}
	return n
}

// Rows returns the number of rows of all tables.
func (m Manifest) Rows() (n int64) {
	for _, t := range m.Tables {
		n += t.Rows
	}
	return n
}

// parts returns the parts of a kind.
func (m Manifest) parts(what string) []Part {
	return slices.DeleteFunc(slices.Clone(m.Parts), func(p Part) bool { return p.What != what })
}

const (
	manifestName = "manifest.json"
	maxManifest  = 16 << 20
	maxPart      = 64 << 20
	idTime       = "20060102T150405Z"
)

var (
	ids       = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$`)
	partNames = regexp.MustCompile(`^[0-9]{3,6}\.part$`)
	digests   = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// newID returns the ID of a backup that is taken now. IDs sort by time.
func newID(now time.Time) string {
	random := make([]byte, 4)
	_, _ = rand.Read(random) // never fails
	return now.UTC().Format(idTime) + "-" + hex.EncodeToString(random)
}

// takenAt returns the time in an ID.
func takenAt(id string) time.Time {
	stamp, _, _ := strings.Cut(id, "-")
	at, _ := time.Parse(idTime, stamp) // the zero time is old
	return at
}

// seal begins the last member of a manifest: the SHA-256 of everything before it.
const seal = `,"sha256":"`

func (m Manifest) encode() ([]byte, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	data = data[:len(data)-1] // without the brace
	return fmt.Appendf(data, "%s%s\"}\n", seal, digest(data)), nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// decodeManifest reads the manifest of a backup. It accepts nothing that encode did not write.
func decodeManifest(id string, data []byte) (m Manifest, err error) {
	at := bytes.LastIndex(data, []byte(seal))
	if at < 0 || string(data[at:]) != seal+digest(data[:at])+"\"}\n" {
		return m, errs.New(errs.Invalid, "the manifest of the backup %s is damaged: its checksum differs. Take another backup", id)
	}
	body := append(slices.Clone(data[:at]), '}')
	if err := json.Unmarshal(body, &struct{ Format *int }{&m.Format}); err != nil {
		return m, errs.Wrapf(err, errs.Invalid, "the manifest of the backup %s cannot be read", id)
	}
	if m.Format != Format {
		return m, errs.New(errs.Invalid, "the backup %s has format %d, and this release of Ashlar reads format %d: take the release that wrote it", id, m.Format, Format)
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, errs.Wrapf(err, errs.Invalid, "the manifest of the backup %s cannot be read", id)
	}
	if problem := m.problem(id); problem != "" {
		return m, errs.New(errs.Invalid, "the manifest of the backup %s is wrong: %s", id, problem)
	}
	return m, nil
}

// problem returns what no manifest of ours has. Somebody may have written the manifest to do harm.
func (m Manifest) problem(id string) string {
	if m.ID != id {
		return fmt.Sprintf("it is for the backup %q", m.ID)
	}
	seen := map[string]bool{}
	for _, p := range m.Parts {
		switch {
		case !partNames.MatchString(p.Name) || seen[p.Name]:
			return fmt.Sprintf("a part is called %q", p.Name)
		case p.Bytes < 0 || p.Bytes > maxPart:
			return fmt.Sprintf("the part %s has %d bytes", p.Name, p.Bytes)
		case !digests.MatchString(p.SHA256):
			return fmt.Sprintf("the part %s has no checksum", p.Name)
		case p.What != partDatabase && p.What != partKeys:
			return fmt.Sprintf("the part %s is a %q", p.Name, p.What)
		case p.What == partKeys && len(m.Lock) == 0:
			return "it has keys and is not locked"
		}
		seen[p.Name] = true
	}
	for _, k := range m.Keys {
		if !keyNames.MatchString(k.Name) {
			return fmt.Sprintf("a key is called %q", k.Name)
		}
	}
	if m.Database.Bytes <= 0 || !digests.MatchString(m.Database.SHA256) || len(m.parts(partDatabase)) == 0 {
		return "it has no database"
	}
	return ""
}
