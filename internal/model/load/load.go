// Package load reads a model from the files of an app.
package load

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

const (
	tableDir  = "tables"
	maxFile   = 1 << 20 // bytes of one file
	maxFiles  = 1000
	maxFields = 500 // of one table; SQLite ends at 2,000 columns, PostgreSQL at 1,600
)

// Load reads the model of the app in dir: ashlar.yaml and tables/*.yaml beside it. It says every fault at once. With
// faults the model is as complete as can be, for further checks; it is nil where a file could not be read at all,
// since expressions would then miss what that file declares.
func Dir(dir string) (*model.Model, model.Faults) {
	files := make(map[string][]byte)
	l := newLoader()
	for _, name := range l.fileNames(dir) {
		if data, ok := l.readFile(dir, name); ok {
			files[name] = data
		}
	}
	return l.load(files)
}

// Parse is Load for files in memory, named relative to the app's folder: ashlar.yaml, tables/posts.yaml.
func Files(files map[string][]byte) (*model.Model, model.Faults) {
	l := newLoader()
	if _, ok := files[model.MainFile]; !ok {
		l.missingMain("")
	}
	return l.load(files)
}

// loader gathers the model and its faults.
type loader struct {
	m      *model.Model
	faults model.Faults
	unread bool // a file could not be read, so what it declares is missing
	decls  []*tableDecl
	views  []*tableDecl

	implied map[*model.Field]bool // whose max the model does not give
}

func newLoader() *loader {
	return &loader{implied: map[*model.Field]bool{}, m: &model.Model{Lines: make(map[string][]string)}}
}

// maxFaults is how many faults are said: nobody reads more, and a file of garbage could have a million.
const maxFaults = 1000

func (l *loader) fault(at model.Pos, format string, args ...any) {
	switch n := len(l.faults); {
	case n < maxFaults:
		l.faults = append(l.faults, l.m.Fault(at, format, args...))
	case n == maxFaults:
		l.faults = append(l.faults, l.m.Fault(at, "there are more faults: these are the first %d", maxFaults))
	}
}

// fileNames lists the files of a model, ashlar.yaml first.
func (l *loader) fileNames(dir string) []string {
	names := []string{model.MainFile}
	entries, err := os.ReadDir(filepath.Join(dir, tableDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.unreadable(tableDir, "cannot read the folder: %v", pathless(err))
	}
	for _, e := range entries {
		switch file := tableDir + "/" + e.Name(); filepath.Ext(e.Name()) {
		case ".yaml":
			names = append(names, file)
		case ".yml":
			l.unreadable(file, "this file would not be read: name it %s.yaml", strings.TrimSuffix(file, ".yml"))
		}
	}
	if len(names) > maxFiles {
		l.unreadable(tableDir, "there are %d files; %d are the most", len(names), maxFiles)
		return names[:1]
	}
	return names
}

func (l *loader) readFile(dir, name string) ([]byte, bool) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	data, err := readRegular(path)
	switch {
	case name == model.MainFile && errors.Is(err, fs.ErrNotExist):
		l.missingMain(dir)
	case err != nil:
		l.unreadable(name, "cannot read the file: %v", pathless(err))
	default:
		return data, true
	}
	return nil, false
}

// readRegular reads a file, and not a pipe or a device, which might never end.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// pathless takes the path off an error of package os: the fault names the file.
func pathless(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

func (l *loader) missingMain(dir string) {
	advice := "create it, or name the folder that holds it"
	if _, err := os.Stat(filepath.Join(dir, "ashlar.yml")); dir != "" && err == nil {
		advice = "rename ashlar.yml to ashlar.yaml"
	}
	where := ""
	if dir != "" {
		where = " in " + dir
	}
	l.unreadable(model.MainFile, "there is no model file%s: %s", where, advice)
}

func (l *loader) unreadable(file, format string, args ...any) {
	l.fault(startOf(file), format, args...)
	l.unread = true
}

// load makes the model of its files.
func (l *loader) load(files map[string][]byte) (*model.Model, model.Faults) {
	for _, file := range slices.Sorted(maps.Keys(files)) {
		l.loadFile(file, files[file])
	}
	l.build()
	if l.unread {
		return nil, l.faults.Sort()
	}
	return l.m, l.faults.Sort()
}

func (l *loader) loadFile(file string, data []byte) {
	if len(data) > maxFile {
		l.unreadable(file, "the file has more than %d bytes: move tables to files of their own in %s/", maxFile, tableDir)
		return
	}
	text := l.addFile(file, data)
	if !l.readable(file, text) {
		l.unread = true
		return
	}
	root := l.parse(file, text)
	switch {
	case root == nil:
		l.unread = true
	case file == model.MainFile:
		l.readMain(root)
	default:
		l.declareTables(l.unwrapped(root))
	}
}

// unwrapped returns the tables of a file in tables/. It reports a file that has them under a key of its own.
func (l *loader) unwrapped(root *node) *node {
	inner := root.get("tables")
	if len(root.members) != 1 || inner == nil || inner.kind != object {
		return root
	}
	for _, m := range inner.members {
		if slices.Contains(tableKeys(), m.name) {
			return root // a table of that name
		}
	}
	l.fault(root.members[0].pos, "a file in %s/ names its tables at the left margin: remove the line `tables:` and the indentation", tableDir)
	return inner
}

// readMain reads the keys of ashlar.yaml.
func (l *loader) readMain(root *node) {
	at := startOf(model.MainFile)
	if root.kind == null {
		l.fault(at, "the file is empty: begin with `ashlar: 1`, `name:` and `tables:`")
		return
	}
	if !l.isObject(root, "a model file") {
		l.unread = true
		return
	}
	for _, m := range l.known(root, "a model file", mainKeys()) {
		switch m.name {
		case "ashlar":
			if m.value.kind != refused && (m.value.kind != integer || m.value.text != "1") {
				l.fault(m.value.pos, "this server reads version 1 of the format: write `ashlar: 1`")
			}
		case "name":
			l.readName(m.value)
		case "version":
			l.readVersion(m.value)
		case "roles":
			l.readRoles(m.value)
		case "tables":
			l.declareTables(m.value)
		case "views":
			l.declareViews(m.value)
		}
	}
	if root.get("ashlar") == nil && !root.holes {
		l.fault(at, "a model file begins with the version of its format: write `ashlar: 1`")
	}
	l.require(root, at, "a model file", "name")
}

func mainKeys() []string { return []string{"ashlar", "name", "version", "roles", "tables", "views"} }

func (l *loader) readName(n *node) {
	name, ok := l.readText(n, "the name")
	if !ok {
		return
	}
	if !nameShape.MatchString(strings.ReplaceAll(name, "-", "_")) || len(name) > maxName {
		l.fault(n.pos, "the name of an app is at most %d lower-case letters, digits, - and _, as careers", maxName)
		return
	}
	l.m.Name = name
}

// versionShape is one to three numbers. Every package manager that generated clients go to takes it.
var versionShape = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){0,2}$`)

// readVersion reads the version of the API. YAML takes 1.4 for a number, which is what its author wrote all the same.
func (l *loader) readVersion(n *node) {
	if n.kind == refused {
		return
	}
	if (n.kind != text && n.kind != integer && n.kind != float) || !versionShape.MatchString(n.text) {
		l.fault(n.pos, "the version of the API is one to three numbers with points between, such as 1.4.0")
		return
	}
	l.m.Version = n.text
}

func (l *loader) readRoles(n *node) {
	for _, item := range l.readList(n, "roles") {
		role, ok := l.readText(item, "a role")
		switch {
		case !ok || !l.checkName(item.pos, "role", role):
		case slices.Contains(l.m.Roles, role):
			l.fault(item.pos, "the role %s is given twice", role)
		default:
			l.m.Roles = append(l.m.Roles, role)
		}
	}
}

// sentence joins words as in: text, int and float.
func sentence(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return fmt.Sprintf("%s and %s", strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
}
