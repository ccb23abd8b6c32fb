package telemetry

import (
	"strconv"
	"testing"
	"time"
)

func TestRecordKeepsTheFirstStatementsAndTheSlowestOther(t *testing.T) {
	begin := time.Now()
	r := &Record{Start: begin}
	for i := range 100 {
		took := time.Duration(100 - i)
		if i == 70 {
			took = time.Second
		}
		r.Add(strconv.Itoa(i), begin.Add(time.Duration(i)), took, 2)
	}
	s := &r.Statements
	if s.Count != 100 || s.Rows != 200 || s.Took < time.Second || len(s.List) != maxStatements {
		t.Errorf("%d statements, %d rows, %v, %d kept", s.Count, s.Rows, s.Took, len(s.List))
	}
	for i, one := range s.List {
		want := i
		if i == maxStatements-1 {
			want = 70
		}
		if one.SQL != strconv.Itoa(want) || one.Start != time.Duration(want) || one.Rows != 2 {
			t.Errorf("statement %d is %v, want %d", i, one, want)
		}
	}
	var none *Record
	none.Add("SELECT 1", begin, 0, 0)
}

func TestStatementsOfAnotherGoroutineJoinTheRecord(t *testing.T) {
	begin := time.Now()
	r := &Record{Start: begin}
	r.Add("a", begin, 1, 1)
	var others Statements
	others.Begin(begin)
	others.Add("b", begin.Add(5), 2, 3)
	r.AddAll(&others)
	s := &r.Statements
	if s.Count != 2 || s.Rows != 4 || s.Took != 3 || s.List[1] != (Statement{SQL: "b", Start: 5, Took: 2, Rows: 3}) {
		t.Errorf("the statements are %v", s)
	}
}

func BenchmarkRecordAdd(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		r := Record{Start: time.Now()}
		start := time.Now()
		r.Add("SELECT 1", start, time.Since(start), 1)
	}
}
