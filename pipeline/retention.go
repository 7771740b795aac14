package pipeline

import (
	"slices"
	"time"
)

// HistoryLength is how many of the Promotions that succeeded make the history of a
// Stage, as in Kargo.
const HistoryLength = 10

const (
	// retained is how much is kept beyond the oldest thing in use.
	retained = 20
	// RetainedFor is for how long everything is kept, as in Kargo.
	RetainedFor = 336 * time.Hour
)

// Expired names the Freight and the Promotions of a Snapshot that need not be
// kept any longer, after Kargo's rule: of every Warehouse all Freight that is newer than
// the oldest in use and twenty more stay; of the rest, what is older than fourteen days
// goes. Promotions go by the same rule within their Stage, where those that have
// not ended are in use. Freight is in use while it is current in a Stage or part
// of a Promotion or Verification that has not ended, and while a Promotion that
// stays carried it. Only the Promotions that the Snapshot holds are judged; for
// the rule to reach old ones it must hold all.
func Expired(s Snapshot, now time.Time) (freight, promotions []string) {
	k := s.Facts()
	needed := map[string]bool{}
	promotions = expiredPromotions(s, now, needed)
	used := k.inUse(s)
	for _, numbers := range k.byOrigin {
		oldest := -1
		for i, n := range numbers {
			if used[n] {
				oldest = i
			}
		}
		for _, n := range numbers[min(len(numbers), oldest+1+retained):] {
			f := &k.freight[n]
			if !needed[f.ID] && now.Sub(f.DiscoveredAt) > RetainedFor {
				freight = append(freight, f.ID)
			}
		}
	}
	slices.Sort(freight)
	return freight, promotions
}

// inUse returns, by number, the Freight that a Stage or something under way
// holds.
func (f *Facts) inUse(s Snapshot) map[int]bool {
	used := map[int]bool{}
	add := func(all []Freight) {
		for i := range all {
			if n, ok := f.numbers[all[i].ID]; ok {
				used[n] = true
			}
		}
	}
	for _, st := range f.stages {
		for _, n := range st.current {
			used[n] = true
		}
		for _, p := range st.open {
			add([]Freight{p.Freight})
			add(p.Collection)
		}
	}
	for i := range s.Verifications {
		if !s.Verifications[i].Phase.Terminal() {
			add(s.Verifications[i].Collection)
		}
	}
	for i := range s.Holds {
		if n, ok := f.numbers[s.Holds[i].Freight]; ok {
			used[n] = true
		}
	}
	return used
}

// expiredPromotions notes in needed the Freight of those that stay.
func expiredPromotions(s Snapshot, now time.Time, needed map[string]bool) []string {
	stages := map[string][]*Promotion{}
	for i := range s.Promotions {
		p := &s.Promotions[i]
		stages[p.Stage.Name] = append(stages[p.Stage.Name], p)
	}
	var expired []string
	for _, all := range stages {
		slices.SortFunc(all, func(a, b *Promotion) int { return b.Seq - a.Seq })
		oldest := -1
		for i, p := range all {
			if !p.Phase.Terminal() {
				oldest = i
			}
		}
		for i, p := range all {
			if i > oldest+retained && p.Phase.Terminal() && now.Sub(p.FinishedAt) > RetainedFor {
				expired = append(expired, p.ID)
				continue
			}
			needed[p.Freight.ID] = true
			if p.Previous != nil {
				needed[p.Previous.ID] = true
			}
			for _, f := range p.Collection {
				needed[f.ID] = true
			}
		}
	}
	slices.Sort(expired)
	return expired
}
