package watch

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// state is what a process leaves for the next one, so that the next one sees what has changed.
type state struct {
	Salt      string            `json:"salt"`
	Settings  map[string]string `json:"settings"` // marks by name
	Migration int64             `json:"migration"`
	Server    *store.Server     `json:"server,omitempty"`
	Alive     time.Time         `json:"alive"`   // when the process was seen last
	Stopped   bool              `json:"stopped"` // the process ended in order
}

// load reads the state of the last process. known is false if there is none.
func load(file string) (s state, known bool, err error) {
	defer errs.Wrap(&err, "watch.load")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, false, nil
	}
	if err != nil {
		return state{}, false, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return state{}, false, err
	}
	return s, true, nil
}

// save replaces the file. It writes under another name first, so that a crash leaves a whole file.
func (s *state) save(file string) (err error) {
	defer errs.Wrap(&err, "watch.save")
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	unfinished := file + ".new"
	if err := os.WriteFile(unfinished, text, 0o600); err != nil {
		return errors.Join(err, os.Remove(unfinished))
	}
	return os.Rename(unfinished, file)
}

// mark returns the marks of settings.
func (s *state) mark(list []Setting) map[string]string {
	if s.Salt == "" {
		s.Salt = rand.Text()
	}
	marks := make(map[string]string, len(list))
	for i := range list {
		marks[list[i].Name] = list[i].mark(s.Salt)
	}
	return marks
}
