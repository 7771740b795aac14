package sqlite

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// packedMark is a mark of a Stage without its name and with times as they are
// stored: less than half of a [pipeline.Mark], of which there may be a hundred
// thousand.
type packedMark struct {
	freight                         string
	verified, approved, since, left int64
	soak                            int64
}

// never stands for a time that is NULL.
const never = math.MinInt64

func (m *packedMark) unpack(stage string) pipeline.Mark {
	return pipeline.Mark{
		Stage: stage, Freight: m.freight,
		VerifiedAt: unpackTime(m.verified), ApprovedAt: unpackTime(m.approved),
		CurrentSince: unpackTime(m.since), LeftAt: unpackTime(m.left),
		LongestSoak: time.Duration(m.soak) * time.Microsecond,
	}
}

func unpackTime(micros int64) time.Time {
	if micros == never {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// unpackMarks reads the marks of a Stage as selectMarks writes them, and returns
// them by Freight. known returns the one string for an id that is shared.
func unpackMarks(text []byte, known func(id []byte) string) ([]packedMark, error) {
	if len(text) == 0 {
		return nil, nil
	}
	marks := make([]packedMark, 0, 1+bytes.Count(text, []byte{';'}))
	for part := range bytes.SplitSeq(text, []byte{';'}) {
		id, rest, _ := bytes.Cut(part, []byte{' '})
		m := packedMark{freight: known(id), verified: never, approved: never, since: never, left: never}
		for _, field := range []*int64{&m.verified, &m.approved, &m.since, &m.left, &m.soak} {
			var number []byte
			number, rest, _ = bytes.Cut(rest, []byte{' '})
			if len(number) == 0 {
				continue
			}
			var err error
			if *field, err = strconv.ParseInt(string(number), 10, 64); err != nil {
				return nil, fmt.Errorf("mark of freight %s: %w", id, err)
			}
		}
		marks = append(marks, m)
	}
	byFreight := func(a, b packedMark) int { return cmp.Compare(a.freight, b.freight) }
	if !slices.IsSortedFunc(marks, byFreight) {
		slices.SortFunc(marks, byFreight)
	}
	return marks, nil
}
