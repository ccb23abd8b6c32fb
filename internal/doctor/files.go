package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// files looks at the permissions of the data folder and of what is in it.
func files(_ context.Context, e *examination) {
	info, err := os.Stat(e.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.add(Note, "There is no data folder yet: "+e.Data+".", "The first start of a server makes it. If one has run already, name its folder with --data.")
		return
	case err != nil:
		e.add(Error, "The data folder cannot be looked at: "+err.Error()+".", "Run this as the user who runs the server.")
		return
	case !info.IsDir():
		e.add(Error, "The data folder "+e.Data+" is a file.", "Name a folder with --data.")
		return
	case runtime.GOOS == "windows":
		return
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		e.add(Error, fmt.Sprintf("Other users may look into the data folder %s (mode %04o), which holds the keys and the rows.", e.Data, mode), "chmod 700 "+e.Data)
	}
	err = filepath.WalkDir(e.Data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			e.add(Warning, "A part of the data folder cannot be looked at: "+err.Error()+".", "Run this as the user who runs the server.")
			return fs.SkipDir
		}
		e.file(path, entry)
		return nil
	})
	if err != nil {
		e.add(Warning, "The data folder cannot be read: "+err.Error()+".", "Run this as the user who runs the server.")
	}
}

// file looks at one file. Mails of development and copies hold data of users, as the database does.
func (e *examination) file(path string, entry fs.DirEntry) {
	info, err := entry.Info()
	if err != nil || path == e.Data || filepath.Base(path) == ".gitignore" {
		return
	}
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		e.add(Warning, path+" is a symbolic link.", "Put the file itself there: SQLite's log would stand beside the target of the link.")
	case mode.Perm()&0o077 != 0 && mode.IsRegular():
		e.add(Error, fmt.Sprintf("Other users may read or write %s (mode %04o).", path, mode.Perm()), "chmod 600 "+path+e.afterwards(path))
	}
	if ahead := info.ModTime().Sub(e.Now()); ahead > time.Minute {
		e.add(Warning, fmt.Sprintf("%s was changed %v in the future: the clock of this machine goes back, or went ahead.", path, ahead.Round(time.Second)),
			"Let the clock be set by NTP. Tokens and codes expire by it.")
	}
}

// afterwards says what else to do about a key that others may have read.
func (e *examination) afterwards(path string) string {
	switch {
	case path == filepath.Join(e.Data, e.Layout.Secret):
		return "; if others have read it, end all sessions"
	case e.isSigningKey(path):
		return "; if others have read it, run `ashlar rotate` and delete it"
	}
	return ""
}

func (e *examination) isSigningKey(path string) bool {
	return path == filepath.Join(e.Data, e.Layout.Key) || filepath.Dir(path) == filepath.Join(e.Data, e.Layout.Keys)
}

// oldKey is the age from which a signing key should be renewed.
const oldKey = 400 * 24 * time.Hour

// keys looks for the keys of the server and the age of the newest signing key.
func keys(_ context.Context, e *examination) {
	signing := e.signingKeys()
	_, errSecret := os.Stat(filepath.Join(e.Data, e.Layout.Secret))
	_, errData := os.Stat(filepath.Join(e.Data, e.Layout.Database))
	switch hasRows := errData == nil; {
	case len(signing) == 0 && hasRows:
		e.add(Error, "The data folder has a database and no signing key.", "Put the keys of the server back ("+e.Layout.Key+", "+e.Layout.Secret+"). Otherwise the next start makes new ones, and all tokens end.")
	case len(signing) == 0 && e.Database != "":
		e.add(Warning, "The data folder has no keys.", "Copy the keys of the other servers of this database here. Otherwise this server makes its own, and refuses their tokens.")
	case errSecret != nil && len(signing) > 0 && (hasRows || e.Database != ""):
		e.add(Warning, "The data folder has no "+e.Layout.Secret+".", "Put it back from where you keep the keys. Without it the next start makes a new one, and refresh tokens, second factors and sealed columns are lost.")
	}
	if len(signing) == 0 {
		return
	}
	newest := slices.MaxFunc(signing, time.Time.Compare)
	if age := e.Now().Sub(newest); age > oldKey {
		e.add(Warning, fmt.Sprintf("The newest signing key is %d days old.", int(age.Hours()/24)), "ashlar rotate DIR: no token ends early.")
	}
}

// signingKeys returns when the signing keys were made. The names of later ones say so.
func (e *examination) signingKeys() (made []time.Time) {
	paths, _ := filepath.Glob(filepath.Join(e.Data, e.Layout.Keys, "*.pem")) // the pattern is well-formed
	for _, path := range append(paths, filepath.Join(e.Data, e.Layout.Key)) {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		at, err := time.Parse("20060102T150405Z", strings.TrimSuffix(filepath.Base(path), ".pem"))
		if err != nil {
			at = info.ModTime()
		}
		made = append(made, at)
	}
	return made
}
