package sqlite

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMemoryStaysBelowItsLimit(t *testing.T) {
	t.Parallel()
	const limit = 10_000
	m, err := newMemory(limit)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		key := stageKey{repo: 1, name: fmt.Sprint(i % 50)}
		record := &stageRecord{marked: int64(i), marks: make([]packedMark, i%40)}
		m.remember(key, record)
		if got, ok := m.recall(key); !ok || got != record {
			t.Fatalf("record %d is forgotten at once", i)
		}
		size := 0
		for _, r := range m.stages.Values() {
			size += r.size()
		}
		if m.size != size || size > limit {
			t.Fatalf("counts %d bytes for %d, of at most %d", m.size, size, limit)
		}
	}
	huge := stageKey{repo: 2, name: "huge"}
	m.remember(huge, &stageRecord{marks: make([]packedMark, limit)})
	if _, ok := m.recall(huge); ok || m.size != 0 {
		t.Errorf("what is larger than all of memory is kept, %d bytes", m.size)
	}
}

func TestUnpackMarksReadsWhatTheStatementWrites(t *testing.T) {
	t.Parallel()
	known := func(id []byte) string { return string(id) }
	got, err := unpackMarks([]byte("b 7;a  5   0;c 1 2 3 4 5;d "), known)
	if err != nil {
		t.Fatal(err)
	}
	want := []packedMark{
		{freight: "a", verified: never, approved: 5, since: never, left: never},
		{freight: "b", verified: 7, approved: never, since: never, left: never},
		{freight: "c", verified: 1, approved: 2, since: 3, left: 4, soak: 5},
		{freight: "d", verified: never, approved: never, since: never, left: never},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(packedMark{})); diff != "" {
		t.Errorf("marks (-want +got):\n%s", diff)
	}
	if _, err := unpackMarks([]byte("a x"), known); err == nil {
		t.Error("a time that is no number is read")
	}
}
