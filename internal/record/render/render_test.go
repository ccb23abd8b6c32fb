package render

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

const library = `
ashlar: 1
name: library
tables:
  authors:
    key: int
    fields:
      name: {type: text}
      pin: {type: text, secret: true}
  books:
    key: int
    fields:
      title: {type: text}
      author: {ref: authors, optional: true, reverse: books}
`

// row is a row of texts; a text is also the digits of a number. "-" is null.
type row []string

func (r row) Null(col int) bool     { return r[col] == "-" }
func (r row) Bytes(col int) []byte  { return []byte(r[col]) }
func (r row) Float(col int) float64 { return float64(r.Int(col)) }
func (r row) Int(col int) int64 {
	n, _ := strconv.ParseInt(r[col], 10, 64)
	return n
}
func (row) Fits(int, *model.Field) bool    { return true }
func (r row) Decimal(col int, _ int) int64 { return r.Int(col) }

func newOutput(t *testing.T, table, fields, expand string) *Output {
	t.Helper()
	out, err := NewOutput(modeltest.Model(t, library).Table(table), fields, expand)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNewOutputRefuses(t *testing.T) {
	books := modeltest.Model(t, library).Table("books")
	for _, tt := range []struct{ name, fields, expand, want string }{
		{"an unknown field", "titel", "", `books has no field or relation "titel"; did you mean title?`},
		{"a field twice", "title,title", "", "fields names title twice"},
		{"a relation twice", "", "author,author", "expand names author twice"},
		{"a secret field", "author.pin", "", `authors has no field or relation "pin" (in author.pin)`},
		{"an empty name", "title,", "", "fields has an empty name"},
		{"a field as a relation", "", "title", `books has no relation "title"`},
		{"too many levels", "", "author.books.author.books.author.books.author", "follows more than"},
		{"as a whole and in parts", "author,author.name", "", "fields names author as a whole and in parts"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewOutput(books, tt.fields, tt.expand)
			if errs.KindOf(err) != errs.Malformed || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("NewOutput(%q, %q) = %v, want %q", tt.fields, tt.expand, err, tt.want)
			}
		})
	}
}

func TestAppendRow(t *testing.T) {
	out := newOutput(t, "books", "title,id", "")
	if got, want := string(out.AppendRow([]byte("> "), row{"7", `a "b"`})), `> {"id":7,"title":"a \"b\""}`; got != want {
		t.Errorf("AppendRow() = %s, want %s", got, want)
	}
}

// Several books may have one author. The answer has its row in each of them.
func TestAnswerFillsTheHolesOfReferences(t *testing.T) {
	out := newOutput(t, "books", "title,author.name", "")
	books := &Block{}
	books.Reset(out)
	for _, cols := range []row{{"A", "1"}, {"B", "2"}, {"C", "-"}, {"D", "1"}, {"E", "3"}} {
		books.Add(cols, "")
	}
	keys := books.Keys(0)
	if got := strings.Join(keys.List, ","); got != "1,2,3" {
		t.Fatalf("the keys are %s, want each once", got)
	}
	expansion := out.Expansions[0]
	block := &Block{}
	block.Reset(expansion.Output)
	authors := NewExpandedRows(expansion, len(keys.List), block)
	authors.Add(0, row{"Ann"}, "")
	authors.Add(1, row{"Bob"}, "")
	answer := &Answer{Bounds: Bounds{Rows: 100, Bytes: 1000}}
	expanded := &ExpandedBlock{Block: books, Expansions: []ExpandedRows{authors}}
	for i := range books.Len() {
		if err := answer.AppendRow(expanded, i); err != nil {
			t.Fatal(err)
		}
	}
	want := `{"title":"A","author":{"name":"Ann"}}{"title":"B","author":{"name":"Bob"}}{"title":"C","author":null}{"title":"D","author":{"name":"Ann"}}{"title":"E","author":null}`
	if got := string(answer.JSON); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if answer.Rows != 8 { // five books and three authors
		t.Errorf("%d rows count, want 8", answer.Rows)
	}
}

func TestAnswerFillsTheHolesOfLists(t *testing.T) {
	out := newOutput(t, "authors", "name,books.title", "")
	authors := &Block{}
	authors.Reset(out)
	authors.Add(row{"Ann", "1"}, "")
	authors.Add(row{"Bob", "2"}, "")
	expansion := out.Expansions[0]
	block := &Block{}
	block.Reset(expansion.Output)
	books := NewExpandedRows(expansion, 2, block)
	books.Add(0, row{"A"}, "10")
	books.Add(1, row{"B"}, "11")
	if _, count := books.Add(0, row{"C"}, "12"); count != 2 || books.Count(0) != 2 || books.LastID(0) != "12" {
		t.Errorf("the first author has %d books, the last is %s", count, books.LastID(0))
	}
	books.SetNext(0, "more")
	answer := &Answer{Bounds: Bounds{Rows: 100, Bytes: 1000}}
	expanded := &ExpandedBlock{Block: authors, Expansions: []ExpandedRows{books}}
	for i := range authors.Len() {
		if err := answer.AppendRow(expanded, i); err != nil {
			t.Fatal(err)
		}
	}
	want := `{"name":"Ann","books":{"items":[{"title":"A"},{"title":"C"}],"next":"more"}}{"name":"Bob","books":{"items":[{"title":"B"}],"next":null}}`
	if got := string(answer.JSON); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A block that is cut keeps only the keys of the rows that remain.
func TestCut(t *testing.T) {
	block := &Block{}
	block.Reset(newOutput(t, "books", "title,author.name", ""))
	for _, cols := range []row{{"A", "1"}, {"B", "2"}, {"C", "1"}, {"D", "3"}} {
		block.Add(cols, "")
	}
	block.Cut(3)
	keys := block.Keys(0)
	if block.Len() != 3 || strings.Join(keys.List, ",") != "1,2" {
		t.Errorf("%d rows with the keys %v, want 3 with 1 and 2", block.Len(), keys.List)
	}
	block.Add(row{"E", "3"}, "")
	if i, known := keys.Find(block.Output.Fields[1], row{"E", "3"}, 1); !known || i != 2 {
		t.Errorf("the key of a row added later is %d, %v", i, known)
	}
}

func TestExhaustion_AnswerIsBounded(t *testing.T) {
	block := &Block{}
	block.Reset(newOutput(t, "books", "title", ""))
	for range 5 {
		block.Add(row{"A title"}, "")
	}
	for _, tt := range []struct {
		name   string
		bounds Bounds
		want   int
	}{
		{"rows", Bounds{Rows: 3, Bytes: 1000}, 3},
		{"bytes", Bounds{Rows: 100, Bytes: 50}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer, n := &Answer{Bounds: tt.bounds}, 0
			for i := range block.Len() {
				err := answer.AppendRow(&ExpandedBlock{Block: block}, i)
				if errors.Is(err, ErrFull) {
					break
				}
				n++
			}
			if n != tt.want {
				t.Errorf("%d rows fit, want %d", n, tt.want)
			}
		})
	}
}
